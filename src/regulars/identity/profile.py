"""Profiles: one outside system's idea of a person, read from records by formula and made comparable.

Three steps: `profile_rows` reads one of the `telling` streams, `gathered` lets many streams feed one table (the newest
wins, field by field), `normalised` makes the identifiers comparable. The first two are expressions, the last works on
Arrow columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.errors import DeclarationError
from regulars.identity.identifier import IdentifierRules, normalise_emails, normalise_phones
from regulars.identity.name import first_word, last_word, normalise_names
from regulars.records.formula import Formula
from regulars.records.record import ProfileMapping, Stream

KEY = ("profile_source", "profile_id")
RAW = ("raw_email", "raw_phone", "raw_name", "raw_first_name", "raw_last_name")

PROFILES = pa.schema([
    *((name, pa.string()) for name in (*KEY, "email", "phone", "name", "first_name", "last_name", *RAW)),
    ("birthday", pa.date32()),
    ("created_at", pa.timestamp("us")),
    ("recorded_at", pa.timestamp("us")),
    ("is_exclusive", pa.bool_()),
    *((name, pa.string()) for name in ("same_as_source", "same_as_id", "email_refused", "phone_refused")),
])
"""One row a (profile_source, profile_id); declared traits follow as string columns.

email lower case, phone E.164, names case-folded; raw_… as the source wrote them (first and last from the full name
where only that came, and the other way round). A profile that names several systems lists them in same_as_source and
same_as_id, one a line. email_refused and phone_refused say why a raw value is no identifier. Times are UTC.
"""


def telling(streams: Iterable[Stream]) -> list[Stream]:
    """Return the streams that tell of profiles; what one says of its source's ids, that they are exclusive, all say."""
    told = [(stream, stream.profile) for stream in streams if stream.profile is not None]
    exclusive = {stream.source for stream, profile in told if profile.is_exclusive}
    return [
        replace(stream, profile=replace(profile, is_exclusive=stream.source in exclusive)) for stream, profile in told
    ]


def profile_rows(records: ir.Table, *, stream: Stream) -> ir.Table:
    """One row a record that tells of a profile: key, raw columns, traits, and what says which row is newest.

    `records` is the stream's typed records. Raises DeclarationError when a formula does not fit them.
    """
    mapping, text = _mapping(stream), partial(_text, records)
    same_as = {source: text(formula, "same_as", source) for source, formula in sorted((mapping.same_as or {}).items())}
    rows = records.select(
        profile_source=ibis.literal(stream.source),
        profile_id=text(mapping.id, "id"),
        raw_email=text(mapping.email, "email"),
        raw_phone=text(mapping.phone, "phone"),
        raw_name=text(mapping.name, "name"),
        raw_first_name=text(mapping.first_name, "first_name"),
        raw_last_name=text(mapping.last_name, "last_name"),
        birthday=_moment(records, mapping.birthday, "birthday", "date"),
        created_at=_moment(records, mapping.created_at, "created_at", "timestamp"),
        is_exclusive=ibis.literal(mapping.is_exclusive),
        same_as_source=_lines([value.notnull().ifelse(source, None) for source, value in same_as.items()]),
        same_as_id=_lines(list(same_as.values())),
        **{trait: text(formula, "traits", trait) for trait, formula in (mapping.traits or {}).items()},
        recorded_at=records.recorded_at,
        seq=records.seq,
        record=ibis.literal(f"{stream.name}|") + records.record_key,
    )
    return rows.filter(rows.profile_id.notnull())


def profile_keys_of(records: ir.Table, *, stream: Stream) -> ir.Table:
    """Return the KEY of the profiles that a stream's typed records tell of, one row a record. Raises as above."""
    keys = records.select(profile_source=ibis.literal(stream.source), profile_id=_id(records, stream))
    return keys.filter(keys.profile_id.notnull())


def telling_of(records: ir.Table, keys: ir.Table, *, stream: Stream) -> ir.Table:
    """Return those of a stream's typed records that tell of profiles with one of these keys (KEY). Raises as above."""
    theirs = keys.filter(keys.profile_source == stream.source)
    return records.semi_join(theirs, [_id(records, stream) == theirs.profile_id])


def gathered(rows: Iterable[ir.Table], *, traits: Iterable[str] = ()) -> ir.Table:
    """One row a profile, from the rows of all streams: each column's newest value that is not missing.

    Newest is what was recorded last; within one load, what the source created last. created_at is the earliest.
    """
    names = [*KEY, *RAW, "birthday", "created_at", "is_exclusive", "same_as_source", "same_as_id", *traits]
    tables = [_with_missing(table, traits).select(*names, "recorded_at", "seq", "record") for table in rows]
    everything = ibis.union(*tables) if len(tables) > 1 else tables[0]
    newest = [ibis.desc(name, nulls_first=False) for name in ("recorded_at", "created_at", "seq", "record")]
    ranked = everything.mutate(age=ibis.row_number().over(group_by=list(KEY), order_by=newest))
    best = {
        name: ranked[name].argmin(ranked.age, where=ranked[name].notnull())
        for name in names
        if name not in {*KEY, "created_at", "is_exclusive"}
    }
    return ranked.group_by(*KEY).aggregate(
        **best,
        created_at=ranked.created_at.min(),
        recorded_at=ranked.recorded_at.max(),
        is_exclusive=ranked.is_exclusive.any(),
    )


def normalised(profiles: pa.Table, *, rules: IdentifierRules) -> pa.Table:
    """Return PROFILES and the traits from gathered profiles.

    A birthday before 1901 or after its record is no birthday: it is what a form had to be given.
    """
    raw = {name: profiles[name].combine_chunks() for name in RAW}
    parts = [raw[name].fill_null("") for name in ("raw_first_name", "raw_last_name")]
    shown = pc.coalesce(raw["raw_name"], pc.binary_join_element_wise(*parts, pa.scalar(" ")))
    shown = _turned(shown)
    shown = pc.if_else(pc.equal(shown, ""), pa.scalar(None, pa.string()), shown)
    # Where one part of a name came alone, the other is not known: it is not the same word again.
    whole = _turned(raw["raw_name"])
    first = pc.coalesce(raw["raw_first_name"], first_word(whole))
    last = pc.coalesce(raw["raw_last_name"], last_word(whole))
    email = normalise_emails(raw["raw_email"], rules=rules)
    phone = normalise_phones(raw["raw_phone"], rules=rules)
    columns = {
        **{name: profiles[name] for name in profiles.column_names},
        "email": email.values, "email_refused": email.reasons,
        "phone": phone.values, "phone_refused": phone.reasons,
        "name": normalise_names(shown), "first_name": normalise_names(first), "last_name": normalise_names(last),
        "raw_name": shown, "raw_first_name": first, "raw_last_name": last,
        "birthday": _plausible(profiles["birthday"], profiles["recorded_at"]),
    }
    traits = [name for name in profiles.column_names if name not in PROFILES.names]
    schema = pa.schema([*PROFILES, *((name, pa.string()) for name in traits)])
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def _mapping(stream: Stream) -> ProfileMapping:
    if stream.profile is None:
        raise DeclarationError(f"{stream.full_name} has no profile", hint="add `profile:` with an id")
    return stream.profile


def _id(records: ir.Table, stream: Stream) -> ir.Value:
    return _text(records, _mapping(stream).id, "id")


def _text(records: ir.Table, formula: str | None, *path: str) -> ir.Value:
    if formula is None:
        return ibis.null("string")
    return Formula.parse(formula, path=("profile", *path)).column(records).cast("string").strip().nullif("")


def _moment(records: ir.Table, formula: str | None, name: str, kind: str) -> ir.Value:
    if formula is None:
        return ibis.null(kind)
    column = Formula.parse(formula, path=("profile", name)).column(records)
    return column.try_cast(kind) if column.type().is_string() else column.cast(kind)


def _lines(values: list[ir.Value]) -> ir.Value:
    """Join the values that are there, one a line; missing when none is."""
    joined = ibis.null("string")
    for value in values:
        both = joined.notnull() & value.notnull()
        joined = both.ifelse(joined + "\n" + value, ibis.coalesce(joined, value))
    return joined


def _with_missing(table: ir.Table, traits: Iterable[str]) -> ir.Table:
    return table.mutate(**{name: ibis.null("string") for name in traits if name not in table.columns})


def _turned(names: pa.Array) -> pa.Array:
    """`Lee, Ann` as `Ann Lee`, without needless blanks."""
    names = pc.replace_substring_regex(names, r"^\s*([^,]+),\s*([^,]+)$", r"\2 \1")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(names, r"\s+", " "))


def _plausible(birthday: pa.ChunkedArray, recorded_at: pa.ChunkedArray) -> pa.ChunkedArray:
    day = birthday.cast(pa.date32())
    is_plausible = pc.and_(
        pc.greater_equal(day, pa.scalar(np.datetime64("1901-01-01", "D").astype(object), pa.date32())),
        pc.less_equal(day, recorded_at.cast(pa.date32(), safe=False)),
    )
    return pc.if_else(is_plausible, day, pa.scalar(None, pa.date32()))
