"""From profiles to customers: exact evidence, shared contacts, people's rulings, and ids that last.

Evidence in order: a person's ruling; a system that names another system's id (`same_as`); an equal e-mail address or
phone number that only one person uses; an equal address or number that several people use, with an equal full name; and
likeness in so many fields that it is hardly chance (`matching`).
Two profiles of one exclusive source never become one customer, except by a ruling.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.component import Conflict, Links, components, untangled
from regulars.identity.contact import contact_links
from regulars.identity.customer_id import Kept, keep_ids, mint, revived
from regulars.identity.evidence import (
    EMAIL,
    EMAIL_AND_NAME,
    PHONE,
    PHONE_AND_NAME,
    RULED,
    SAME_AS,
    conflict_table,
    evidence_texts,
)
from regulars.identity.matching import (
    Former,
    Thresholds,
    compared_table,
    likely_links,
    match_table,
    probability_of,
    score,
)
from regulars.identity.model import Model
from regulars.identity.name import first_word, last_word, stripped
from regulars.identity.portrait import text_hashes
from regulars.identity.separation import Ints, Separation, Strictness, Traces

MOMENT = pa.timestamp("us")

IDENTITY = pa.schema([(name, pa.string()) for name in ("profile_source", "profile_id", "customer_id", "evidence")])
"""Who each profile is that was ever seen: one row a profile."""

MAP = IDENTITY.append(pa.field("since", MOMENT))
"""The identity map of the book: IDENTITY and since when. Rows of profiles that are gone stay: they may return."""

REGISTER = pa.schema([
    *((name, pa.string()) for name in ("customer_id", "founder_source", "founder_id")),
    ("minted_at", MOMENT), ("merged_into", pa.string()),
])
"""Every customer id ever given: for which profile, when, and, once it is retired, the customer who goes on."""

RULINGS = pa.schema([
    *((name, pa.string()) for name in ("left_source", "left_id", "right_source", "right_id", "verdict")),
    ("ruled_at", MOMENT),
])
"""What people decided of two profiles: verdict `same` or `different`; the newest of a pair counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Who is who, and what that changes in the book."""

    identity: pa.Table                       # IDENTITY of all profiles, those that are gone too
    changes: pa.Table                        # MAP plus former_id: only rows that differ from what the book holds
    minted: pa.Table                         # REGISTER: customers who are new, or themselves again
    merged: pa.Table                         # REGISTER: customers who are now part of another
    conflicts: pa.Table                      # evidence.CONFLICTS: all there are now
    matches: pa.Table                        # matching.MATCHES: pairs that are likely or possibly one person
    compared: pa.Table                       # matching.COMPARED_PROFILES: for the next run
    model: Model                             # by which the matches were weighed
    scored: int                              # pairs that had to be weighed


def resolve(
    profiles: pa.Table,
    *,
    now: datetime,
    salt: bytes,
    rulings: pa.Table | None = None,
    identity: pa.Table | None = None,
    register: pa.Table | None = None,
    thresholds: Thresholds | None = None,
    former: Former | None = None,
) -> Resolution:
    """Decide which profiles are one customer and which id each customer has.

    Args:
        profiles: One row a (profile_source, profile_id), normalised (see `profile.normalised`).
        now: When ids made or merged now were made or merged.
        salt: The project's key for new ids.
        rulings: RULINGS.
        identity: MAP as the book has it.
        register: REGISTER as the book has it; knows every id of `identity`.
        thresholds: From which probability on pairs are merged and shown.
        former: What the last run knew of likeness; with it only what changed is weighed.

    """
    identity = MAP.empty_table() if identity is None else identity
    register = REGISTER.empty_table() if register is None else register
    people = _by_age(profiles)
    keys = _keys(people["profile_source"], people["profile_id"])
    thresholds = thresholds or Thresholds()
    rulings = RULINGS.empty_table() if rulings is None else rulings
    exact, conflicts, traces = _linked(people, keys, rulings)
    persons = _persons(exact, len(people), traces, "ids")
    scored = score(
        people, persons=persons, marks=_marks(rulings, keys), keys=keys, thresholds=thresholds, former=former
    )
    found = likely_links(scored, merge=thresholds.merge, persons=persons, conflicts=conflicts)
    likely, more = untangled(found, persons=persons)
    links, conflicts = Links.joined([exact, likely]), conflicts + more
    count, component = components(links.left, links.right, count=len(people))
    before = pc.index_in(keys, _keys(identity["profile_source"], identity["profile_id"]))
    register = register.sort_by([("minted_at", "ascending"), ("customer_id", "ascending")])
    until_now = _former(before, identity["customer_id"], register)
    at = pa.scalar(now.astimezone(UTC).replace(tzinfo=None), MOMENT)
    ids, minted, merged = _called(people, keys, component, until_now, register, components=count, salt=salt, at=at)
    result = people.select(["profile_source", "profile_id"])
    result = result.append_column("customer_id", ids.take(pa.array(component)))
    names = pc.binary_join_element_wise(people["profile_source"], people["profile_id"], "/")
    probability = probability_of(scored, links, count=len(people))
    told = evidence_texts(component, links, names.combine_chunks(), probability=probability)
    result = result.append_column("evidence", told)
    return Resolution(
        identity=pa.concat_tables([result.cast(IDENTITY), _gone(identity, keys, register, merged)]),
        changes=_changes(result, before, identity, at),
        minted=minted,
        merged=merged,
        conflicts=conflict_table(conflicts, people, result["customer_id"]),
        matches=match_table(scored, people, merge=thresholds.merge),
        compared=compared_table(scored, people), model=scored.model, scored=scored.scored,
    )


def _called(
    people: pa.Table, keys: pa.Array, component: Ints, until_now: Ints, register: pa.Table, *, components: int,
    salt: bytes, at: pa.Scalar,
) -> tuple[pa.Array, pa.Table, pa.Table]:
    """The id of each component; REGISTER of those who are new or themselves again, and of those who merged."""
    founder = _ints(pc.index_in(_keys(register["founder_source"], register["founder_id"]), keys).fill_null(-1))
    kept = keep_ids(
        component, until_now, is_strong=people["is_exclusive"].fill_null(False).to_numpy(), components=components,
        formers=len(register), founder=np.append(component, -1)[founder],
    )
    is_retired = np.asarray(register["merged_into"].is_valid())
    back = revived(component, founder, is_new=kept.former < 0, is_retired=is_retired)
    goes_on = np.where(kept.former < 0, back, kept.former)
    oldest = np.unique(component, return_index=True)[1]
    founders = people.select(["profile_source", "profile_id"]).take(pa.array(oldest))
    is_new = pa.array(goes_on < 0)
    fresh = mint(founders.filter(is_new), taken=register["customer_id"], salt=salt)
    ids = register["customer_id"].take(pa.array(goes_on, mask=goes_on < 0)).combine_chunks()
    minted = pa.concat_tables([_minted(founders.filter(is_new), fresh, at), _revived(register, back)])
    return pc.replace_with_mask(ids, is_new, fresh), minted, _merged(register, kept)


def _by_age(profiles: pa.Table) -> pa.Table:
    """Profiles from the oldest on: from here a profile is its row number, whatever order it came in."""
    order = [(name, "ascending") for name in ("created_at", "profile_source", "profile_id")]
    return profiles.take(pc.sort_indices(profiles, order)).combine_chunks()


def _linked(people: pa.Table, keys: pa.Array, rulings: pa.Table) -> tuple[Links, list[Conflict], Traces]:
    """All exact evidence that stands, strongest first: weaker evidence is heard about what stronger evidence made."""
    same, apart = _ruled(rulings, keys)
    traces, full_name = _traces(people, apart)
    count = len(people)
    held, conflicts = untangled(same, persons=_persons(Links.none(), count, traces, "rulings"))
    persons = _persons(held, count, traces, "ids")
    named, more = untangled(_same_as(people, keys), persons=persons)
    held, conflicts = Links.joined([held, named]), conflicts + more
    persons = _persons(held, count, traces, "people")
    by_contact = Links.joined([
        contact_links(_numbers(people["email"]), full_name, persons=persons, kind=EMAIL, named_kind=EMAIL_AND_NAME),
        contact_links(_numbers(people["phone"]), full_name, persons=persons, kind=PHONE, named_kind=PHONE_AND_NAME),
    ])
    met, more = untangled(by_contact, persons=persons)
    return Links.joined([held, met]), conflicts + more, traces


def _persons(links: Links, count: int, traces: Traces, strictness: Strictness) -> Separation:
    found, person = components(links.left, links.right, count=count)
    return Separation(traces=traces, person=person, count=found, strictness=strictness)


def _ruled(rulings: pa.Table, keys: pa.Array) -> tuple[Links, Ints]:
    """The newest ruling of each pair of present profiles: links of those ruled the same, pairs ruled different."""
    one = pc.index_in(_keys(rulings["left_source"], rulings["left_id"]), keys)
    other = pc.index_in(_keys(rulings["right_source"], rulings["right_id"]), keys)
    is_present = pc.and_(pc.is_valid(one), pc.is_valid(other))
    left, right = _ints(one.filter(is_present)), _ints(other.filter(is_present))
    at = rulings["ruled_at"].filter(is_present).cast(pa.int64()).to_numpy()
    is_same = pc.equal(rulings["verdict"].filter(is_present), "same").to_numpy()
    pair = np.minimum(left, right) * len(keys) + np.maximum(left, right)
    order = np.lexsort((is_same, -at, pair))             # of two rulings of one moment the careful one counts
    newest = order[np.unique(pair[order], return_index=True)[1]]
    same, different = newest[is_same[newest]], newest[~is_same[newest]]
    apart = np.column_stack([left[different], right[different]])
    number = np.arange(len(same))
    kind = np.full(len(same), RULED, dtype=np.int64)
    return Links(left=left[same], right=right[same], kind=kind, group=number), apart


def _marks(rulings: pa.Table, keys: pa.Array) -> Ints:
    """A number for each profile that changes with the rulings about it."""
    marks = np.zeros(len(keys), dtype=np.uint64)
    if not len(rulings):
        return marks.view(np.int64)
    texts = [rulings[name] for name in RULINGS.names[:5]] + [rulings["ruled_at"].cast(pa.string())]
    told = pc.binary_join_element_wise(*texts, "\0").to_pylist()
    hashes = text_hashes(np.array(told, dtype=str))
    for side in ("left", "right"):
        at = _ints(pc.index_in(_keys(rulings[f"{side}_source"], rulings[f"{side}_id"]), keys).fill_null(-1))
        np.add.at(marks, at[at >= 0], hashes[at >= 0])
    return marks.view(np.int64)


def _same_as(people: pa.Table, keys: pa.Array) -> Links:
    """Links to the profiles that other systems name; a name of nobody present links nobody."""
    names = people.select(["same_as_source", "same_as_id"]).append_column("row", pa.array(np.arange(len(people))))
    names = names.filter(pc.is_valid(names["same_as_id"]))
    sources = pc.split_pattern(names["same_as_source"].combine_chunks(), "\n")
    row = names["row"].combine_chunks().take(pc.list_parent_indices(sources))
    ids = pc.list_flatten(pc.split_pattern(names["same_as_id"].combine_chunks(), "\n"))
    to = pc.index_in(_keys(pc.list_flatten(sources), ids), keys)
    left, right = _ints(row.filter(pc.is_valid(to))), _ints(to.drop_null())
    kind = np.full(len(left), SAME_AS, dtype=np.int64)
    return Links(left=left, right=right, kind=kind, group=np.arange(len(left)))


def _traces(people: pa.Table, apart: Ints) -> tuple[Traces, Ints]:
    """What tells people apart, and the number of each full name (-1: less than two words)."""
    name = stripped(people["name"].combine_chunks())
    first = first_word(pc.coalesce(stripped(people["first_name"].combine_chunks()), name))
    last = last_word(name)
    words = pa.concat_arrays([first, last]).dictionary_encode()
    numbers = _ints(words.indices.fill_null(-1))
    is_exclusive = people["is_exclusive"].fill_null(False).to_numpy(zero_copy_only=False)
    full = pc.if_else(pc.is_valid(last), name, pa.scalar(None, pa.string()))
    traces = Traces(
        exclusive=np.where(is_exclusive, _numbers(people["profile_source"]), -1),
        first=numbers[: len(people)],
        last=numbers[len(people) :],
        birthday=people["birthday"].to_numpy(zero_copy_only=False).astype("datetime64[D]"),
        words=np.array(words.dictionary.to_pylist(), dtype=str),
        apart=apart,
    )
    return traces, _numbers(full)


def _former(before: pa.Array, customer: pa.ChunkedArray, register: pa.Table) -> Ints:
    """The number in the register of each profile's customer until now, -1 for none; retired ids lead to their heirs."""
    into = register["merged_into"]
    heir = _ints(pc.index_in(into, register["customer_id"]).fill_null(-1))
    heir = np.where(heir < 0, np.arange(len(heir)), heir)
    while not np.array_equal(heir, heir[heir]):
        heir = heir[heir]
    number = pc.index_in(customer, register["customer_id"])
    if number.null_count:
        raise ValueError(f"{number.null_count} rows of the identity map name customers that the register does not know")
    former = _ints(pc.take(number, before).fill_null(-1))
    known = former >= 0
    former[known] = heir[former[known]]
    return former


def _gone(identity: pa.Table, present: pa.Array, register: pa.Table, merged: pa.Table) -> pa.Table:
    """Rows of profiles that their source no longer lists: what they did stays with their customer, or its heir."""
    is_gone = pc.invert(pc.is_in(_keys(identity["profile_source"], identity["profile_id"]), present))
    gone = identity.select(IDENTITY.names).filter(is_gone)
    heirs = pa.concat_tables([register.select(REGISTER.names).cast(REGISTER), merged])
    heirs = heirs.filter(pc.is_valid(heirs["merged_into"]))
    customer = gone["customer_id"].combine_chunks()
    while (to := pc.index_in(customer, heirs["customer_id"])).null_count < len(to):
        customer = pc.coalesce(heirs["merged_into"].combine_chunks().take(to), customer)
    gone = gone.set_column(IDENTITY.get_field_index("customer_id"), "customer_id", customer)
    told = pc.binary_join_element_wise("no longer in", gone["profile_source"], " ")
    return gone.set_column(IDENTITY.get_field_index("evidence"), "evidence", told).cast(IDENTITY)


def _changes(result: pa.Table, before: pa.Array, identity: pa.Table, at: pa.Scalar) -> pa.Table:
    """The rows of the map that are new or differ from what the book holds."""
    former = identity["customer_id"].take(before)
    is_same = pc.equal(result["customer_id"], former).fill_null(False)
    since = pc.if_else(is_same, identity["since"].take(before), at)
    is_kept = pc.and_(is_same, pc.equal(result["evidence"], identity["evidence"].take(before)).fill_null(False))
    return result.append_column("since", since).append_column("former_id", former).filter(pc.invert(is_kept))


def _minted(founders: pa.Table, ids: pa.Array, at: pa.Scalar) -> pa.Table:
    return pa.table({
        "customer_id": ids, "founder_source": founders["profile_source"], "founder_id": founders["profile_id"],
        "minted_at": pa.repeat(at, len(ids)), "merged_into": pa.nulls(len(ids), pa.string()),
    }).cast(REGISTER)


def _revived(register: pa.Table, back: Ints) -> pa.Table:
    """Customers who were part of another and are themselves again, with the id they had."""
    again = register.select(REGISTER.names).take(pa.array(back[back >= 0]))
    return again.set_column(
        REGISTER.get_field_index("merged_into"), "merged_into", pa.nulls(len(again), pa.string())
    ).cast(REGISTER)


def _merged(register: pa.Table, kept: Kept) -> pa.Table:
    retired = register.select(REGISTER.names).take(pa.array(kept.retired))
    into = register["customer_id"].take(pa.array(kept.into))
    return retired.set_column(REGISTER.get_field_index("merged_into"), "merged_into", into).cast(REGISTER)


def _keys(source: pa.Array | pa.ChunkedArray, profile: pa.Array | pa.ChunkedArray) -> pa.Array:
    joined = pc.binary_join_element_wise(source.cast(pa.string()), profile.cast(pa.string()), "\0")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _numbers(column: pa.Array | pa.ChunkedArray) -> Ints:
    """Each value's number in the order of first sight, -1 for null."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return _ints(array.dictionary_encode().indices.fill_null(-1))


def _ints(array: pa.Array | pa.ChunkedArray) -> Ints:
    return np.array(array.to_numpy(zero_copy_only=False), dtype=np.int64)
