"""A list of people out of a file: each with an address that can be written to, or rejected with the reason."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.list_columns import FIELDS, Guess, guessed, with_second_people
from regulars.campaigns.list_people import same_people, without_numbers
from regulars.campaigns.number_list import SILENT, Numbers, read_numbers
from regulars.errors import SourceChanged
from regulars.identity.identifier import IdentifierRules, normalise_emails
from regulars.sources.json_text import rows_as_json
from regulars.sources.tabular import Columns, Dialect, csv_columns

RECIPIENT = pa.schema([
    ("row", pa.int64()), *((field, pa.string()) for field in FIELDS), ("line_type", pa.string()),
    ("shares_with", pa.int64()), ("rows", pa.int64()), ("rest", pa.string()),
])
"""One row a person. `row` is the first line that tells of them (the header is 1), `rows` how many do; `phone` and
`phone2` are E.164, `email` is lower case; `shares_with` is the row of another person who has the same phone, or e-mail
where there is no phone: one message reaches both. `line_type` is mobile, landline, voip, toll_free or unknown. `rest`
is a JSON object of every column that is no field.
"""

REPORT = pa.schema([("row", pa.int64()), ("field", pa.string()), ("value", pa.string()), ("reason", pa.string()),
                    ("is_rejected", pa.bool_())])
"""What was wrong with a row. Where `is_rejected` is false the row was taken without that value."""

DUPLICATE = pa.schema([("row", pa.int64()), ("of", pa.int64())])
"""Rows that tell of a person again, and the row that told first."""

_NONE = pa.scalar(None, pa.string())


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRules:
    """What a business takes for an address."""

    identifiers: IdentifierRules = field(default_factory=IdentifierRules)
    needs: tuple[str, ...] = ("phone",)      # a row without any of these is rejected: phone, email
    silent: tuple[str, ...] = SILENT         # kinds of line that count as no phone, because they get no texts
    is_plan_kept: bool = False               # whether a number that no numbering plan gives out is rejected
    line_types: Mapping[str, str] = field(default_factory=dict)   # of numbers that a provider was asked about


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a list came to: every row of the file is in exactly one of the three tables' rows."""

    recipients: pa.Table                     # RECIPIENT
    report: pa.Table                         # REPORT, by row
    duplicates: pa.Table                     # DUPLICATE, by row
    mapping: Mapping[str, Guess]             # by field
    total_rows: int
    sha256: str                              # of the file: the same list twice is told by it

    @property
    def rejected_rows(self) -> int:
        """Return how many rows were rejected."""
        return int(pc.count_distinct(self.report.filter(self.report["is_rejected"])["row"]).as_py())

    @property
    def errors(self) -> list[str]:
        """Return the first ten rejections in words."""
        rejected = self.report.filter(self.report["is_rejected"]).slice(0, 10).to_pylist()
        return [f"Row {row['row']}: {row['reason']}" for row in rejected]


def read_list(data: bytes, *, file: str, said: Mapping[str, str] = MappingProxyType({}),
              rules: ImportRules | None = None) -> Imported:
    """Read people out of a CSV file, whatever its marks and encoding.

    Args:
        data: The file. UTF-8 with or without byte order mark, UTF-16, or else Windows-1252.
        file: Its name.
        said: Column of each field as a person mapped it; the rest is guessed.
        rules: What counts as an address.

    Raises SourceChanged for a file without rows or that is no table, DeclarationError for a wrong mapping.

    """
    rules = rules or ImportRules()
    columns, total = _columns(data, file=file)
    mapping = guessed(columns.table, file=file, said=said)
    fields, doubts = _fields(columns, mapping, rules)
    taken = pc.is_null(doubts["rejected"])
    people = fields.filter(taken)
    leader, shares = same_people(people)
    return Imported(
        recipients=_recipients(people, leader, shares, rest=_rest(columns.table, mapping).filter(taken)),
        report=_report(columns, doubts), mapping=mapping, total_rows=total,
        duplicates=_duplicates(people, leader), sha256=hashlib.sha256(data).hexdigest(),
    )


def numbers_in_list(data: bytes, *, file: str, said: Mapping[str, str] = MappingProxyType({}),
                    rules: ImportRules | None = None) -> list[str]:
    """Return the numbers of a list in E.164, each once, sorted: those that a provider can be asked about.

    Takes and raises what `read_list` does; also numbers of rows that it rejects are returned.
    """
    rules = rules or ImportRules()
    columns, _ = _columns(data, file=file)
    mapping = guessed(columns.table, file=file, said=said)
    found = [
        read_numbers(
            _text(columns.table[mapping[name].column]), rules=rules.identifiers, asked={},
            is_plan_kept=rules.is_plan_kept,
        ).values.to_pylist()
        for name in ("phone", "phone2") if name in mapping
    ]
    return sorted({number for numbers in found for number in numbers if number is not None})


def report_csv(report: pa.Table) -> bytes:
    """Return a report as CSV that a spreadsheet opens without carrying anything out."""
    guarded = []
    for name in report.column_names:
        text = pc.fill_null(report[name].cast(pa.string()), "")
        # A cell that begins like a formula is one; an apostrophe makes it text.
        is_formula = pc.match_substring_regex(text, "^[=+@\t\r-]")
        text = pc.if_else(is_formula, pc.binary_join_element_wise("'", text, ""), text)
        guarded.append(pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', ""))
    lines = pc.binary_join_element_wise(*guarded, ",") if report.num_rows else pa.array([], pa.string())
    return "".join(f"{line}\r\n" for line in [",".join(report.column_names), *lines.to_pylist()]).encode()


def _columns(data: bytes, *, file: str) -> tuple[Columns, int]:
    """Return a row for each person that a file tells of, and how many rows the file has."""
    columns = csv_columns(data, file=file, dialect=_dialect(data))
    if not columns.table.num_rows and not columns.rejects:
        raise SourceChanged(f"{file} has no rows", hint="a list begins with a line of column names")
    table, lines = with_second_people(columns.table, columns.lines)
    total = len(columns.lines) + len(columns.rejects)
    return Columns(table=table, lines=lines, rejects=columns.rejects), total


def _dialect(data: bytes) -> Dialect:
    encoding = None
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            data.decode()
        except UnicodeDecodeError:
            encoding = "cp1252"              # what spreadsheets write where they do not write UTF-8
    header = data[:65_536].split(b"\n", 1)[0].replace(b"\x00", b"")
    bare = re.sub(rb'"[^"]*"', b"", header)
    return Dialect(delimiter=max(",;\t|", key=lambda mark: bare.count(mark.encode())), encoding=encoding)


def _fields(columns: Columns, mapping: Mapping[str, Guess], rules: ImportRules) -> tuple[pa.Table, pa.Table]:
    """Return the fields of each row, comparable; and what was wrong: rejected, phone, email, and what was written."""
    rows = columns.table.num_rows
    raw = {name: _text(columns.table[mapping[name].column]) if name in mapping else pa.nulls(rows, pa.string())
           for name in FIELDS}
    one, two = (
        read_numbers(raw[name], rules=rules.identifiers, asked=rules.line_types, is_plan_kept=rules.is_plan_kept)
        for name in ("phone", "phone2")
    )
    emails = normalise_emails(raw["email"], rules=rules.identifiers)
    first, second = _usable(one, rules), _usable(two, rules)
    # The second number stands in for one that is missing or cannot be written to.
    phone = pc.coalesce(first, second)
    fields = pa.table(raw | {
        "phone": phone, "phone2": pc.if_else(pc.equal(phone, second), _NONE, second), "email": emails.values,
        "first_name": without_numbers(raw["first_name"]), "last_name": without_numbers(raw["last_name"]),
        "row": columns.lines, "line_type": pc.if_else(pc.is_valid(first), one.kinds, two.kinds),
    })
    wrong = {
        "phone": pc.coalesce(
            _says(one.refused, "Invalid phone number format: {}"), one.doubts,
            pc.if_else(pc.is_null(first), _says(one.kinds, "a {} number gets no texts"), _NONE),
        ),
        "email": _says(emails.reasons, "Invalid e-mail: {}"),
    }
    at = {"phone": phone, "email": emails.values}
    missing = "Missing phone number" if rules.needs == ("phone",) else f"Missing {' and '.join(rules.needs)}"
    reason = pc.coalesce(*(wrong[name] for name in rules.needs), pa.scalar(missing))
    has_address = pc.is_valid(pc.coalesce(*(at[name] for name in rules.needs)))
    return fields, pa.table({
        "rejected": pc.if_else(has_address, _NONE, reason), "phone": wrong["phone"], "email": wrong["email"],
        "raw_phone": raw["phone"], "raw_email": raw["email"],
    })


def _usable(numbers: Numbers, rules: ImportRules) -> pa.Array:
    return pc.if_else(pc.is_in(numbers.kinds, pa.array(rules.silent, pa.string())), _NONE, numbers.values)


def _says(values: pa.Array, sentence: str) -> pa.Array:
    before, after = sentence.split("{}")
    return pc.binary_join_element_wise(before, values, after, "")


def _text(column: pa.ChunkedArray) -> pa.Array:
    """Return what is written, trimmed; null where nothing is."""
    text = pc.utf8_trim_whitespace(column.combine_chunks())
    return pc.if_else(pc.equal(text, ""), _NONE, text)


def _recipients(people: pa.Table, leader: np.ndarray, shares: np.ndarray, *, rest: pa.ChunkedArray) -> pa.Table:
    """Gather each person's rows: the first value of every field that says one, in the order of the file."""
    skip = pc.ScalarAggregateOptions(skip_nulls=True, min_count=0)
    kept = ("phone2", *(name for name in FIELDS if name not in {"phone", "phone2"}))
    told = people.append_column("leader", pa.array(leader)).append_column("rest", rest)
    gathered = told.group_by("leader", use_threads=False).aggregate(
        [("row", "first"), ("row", "count"), ("phone", "first", skip), ("line_type", "first", skip), ("rest", "first")]
        + [(name, "first", skip) for name in kept]
    ).sort_by("leader")
    chiefs = gathered["leader"].to_numpy()
    sharing = shares[chiefs]
    rows = people["row"].to_numpy()
    of = pa.array(rows[sharing] if len(rows) else rows, pa.int64(), mask=sharing == chiefs)
    columns = {name: gathered[f"{name}_first"] for name in RECIPIENT.names if f"{name}_first" in gathered.column_names}
    whole = pa.table(columns | {"rows": gathered["row_count"], "shares_with": of})
    return whole.select(RECIPIENT.names).cast(RECIPIENT)


def _duplicates(people: pa.Table, leader: np.ndarray) -> pa.Table:
    rows = people["row"].to_numpy()
    again = leader != np.arange(len(leader))
    return pa.table({"row": rows[again], "of": rows[leader[again]]}, schema=DUPLICATE)


def _rest(table: pa.Table, mapping: Mapping[str, Guess]) -> pa.ChunkedArray:
    used = {guess.column for guess in mapping.values()}
    return rows_as_json(table.select([name for name in table.column_names if name not in used]))


def _report(columns: Columns, doubts: pa.Table) -> pa.Table:
    """Say what was wrong: rows that could not be read, rows without an address, values that are none."""
    unread = pa.table({
        "row": [reject.line or 0 for reject in columns.rejects], "field": [None] * len(columns.rejects),
        "value": [reject.raw for reject in columns.rejects], "reason": [reject.message for reject in columns.rejects],
        "is_rejected": [True] * len(columns.rejects),
    }, schema=REPORT)
    lines = pa.array(columns.lines)
    parts = [unread]
    for name in ("phone", "email"):
        is_cause = pc.equal(doubts["rejected"], doubts[name]).fill_null(False)
        if name == "phone":                  # what is missing altogether is told where the phone would be
            is_cause = pc.or_(is_cause, pc.starts_with(doubts["rejected"], "Missing").fill_null(False))
        parts.append(_wrong(lines, doubts, name, where=is_cause, is_rejected=True))
        also = pc.and_(pc.is_valid(doubts[name]), pc.invert(is_cause))
        parts.append(_wrong(lines, doubts, name, where=also, is_rejected=False))
    return pa.concat_tables(parts).sort_by([("row", "ascending"), ("field", "ascending")])


def _wrong(lines: pa.Array, doubts: pa.Table, name: str, *, where: pa.ChunkedArray, is_rejected: bool) -> pa.Table:
    count = pc.sum(where).as_py() or 0
    return pa.table({
        "row": lines.filter(where), "field": pa.repeat(name, count), "value": doubts[f"raw_{name}"].filter(where),
        "reason": doubts["rejected" if is_rejected else name].filter(where),
        "is_rejected": pa.repeat(pa.scalar(is_rejected), count),
    }).cast(REPORT)
