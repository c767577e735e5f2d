"""Lists of consent: a CSV file becomes a plan that says what is taken and what not; the ledger becomes evidence."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from regulars.consent.channel import CHANNELS, Channel
from regulars.consent.ledger import Entry
from regulars.errors import RegularsError
from regulars.pipeline.consent import Address, read_addresses
from regulars.pipeline.workspace import Workspace

COLUMNS = ("address", "channel", "purpose", "action", "method", "at", "wording", "source", "evidence")
"""Of a list: only address is required. A moment without a zone is UTC."""

EXPORTED = (
    "seq", "at", "recorded_at", "address", "address_hash", "customer_id", "channel", "purpose", "action", "method",
    "wording", "wording_hash", "source", "evidence", "expires_at", "chain",
)
"""Columns of the evidence, a line an entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A line that cannot be taken."""

    line: int                                # in the file; the header is 1
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What a list holds."""

    entries: tuple[Entry, ...]
    addresses: Mapping[str, str]             # of each hash, the address
    rejected: tuple[Rejected, ...]
    unproven: int                            # grants without evidence: kept, and nobody is written to for them
    repeated: int                            # lines that say the same as an earlier one


def read_list(
    workspace: Workspace, file: Path, *, channel: Channel | None = None, wording: str = "", evidence: str | None = None
) -> ImportPlan:
    """Read a list of consents into a plan; nothing is written.

    Args:
        workspace: Whose list it is.
        file: CSV with a header, UTF-8 with or without a mark, comma, semicolon or tab.
        channel: Of lines that do not say; then of what the address looks like.
        wording: What people were shown, of lines that do not say.
        evidence: Of lines that do not say: where the signed sheets lie.

    Raises RegularsError for a file that is not there or has no column address.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RegularsError(f"{file} cannot be read: {error}", hint="save it as CSV in UTF-8") from error
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    rows = csv.DictReader(text.splitlines(keepends=True), delimiter=delimiter)
    if "address" not in (rows.fieldnames or ()):
        raise RegularsError(f"{file} has no column 'address'", hint=f"columns: {', '.join(COLUMNS)}")
    known = {"channel": channel, "wording": wording, "evidence": evidence, "source": f"import:{file.name}"}
    told = [
        (rows.line_num, {name: (row.get(name) or "").strip() or known.get(name) for name in COLUMNS}) for row in rows
    ]
    return _planned(workspace, told)


def write_list(workspace: Workspace, plan: ImportPlan) -> int:
    """Write a plan to the ledger, and return how many of its entries were new."""
    return workspace.book.consent.append(plan.entries, addresses=plan.addresses, at=workspace.clock.now())


def evidence_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows of `ConsentBook.evidence` as CSV; no cell of it is a formula to a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(EXPORTED)
    writer.writerows([_cell(row[name]) for name in EXPORTED] for row in rows)
    return out.getvalue()


def _planned(workspace: Workspace, told: Sequence[tuple[int, dict[str, Any]]]) -> ImportPlan:
    now = workspace.clock.now()
    good = [(line, row) for line, row in told if row["channel"] in (None, *CHANNELS)]
    rejected = [
        Rejected(line=line, reason=f"{row['channel']!r} is no channel")
        for line, row in told if row["channel"] not in (None, *CHANNELS)
    ]
    found = read_addresses(workspace, [(row["address"] or "", row["channel"]) for _, row in good])
    taken: dict[str, Entry] = {}
    addresses: dict[str, str] = {}
    for (line, row), address in zip(good, found, strict=True):
        entry = address if isinstance(address, str) else _entry(row, address, now)
        if isinstance(entry, str):
            rejected.append(Rejected(line=line, reason=entry))
            continue
        assert isinstance(address, Address)
        taken[entry.entry_id] = entry
        addresses[entry.address_hash] = address.text or ""
    return ImportPlan(
        entries=tuple(taken.values()), addresses=addresses,
        rejected=tuple(sorted(rejected, key=lambda one: one.line)),
        unproven=sum(e.action == "grant" and not e.has_evidence for e in taken.values()),
        repeated=len(told) - len(taken) - len(rejected),
    )


def _entry(row: dict[str, Any], address: Address, now: datetime) -> Entry | str:
    """Return the entry of a line, or what is wrong with it."""
    try:
        entry = Entry(
            address_hash=address.hashed or "", channel=address.channel, purpose=row["purpose"] or "marketing",
            action=row["action"] or "grant", method=row["method"] or "import", at=_moment(row["at"], now),
            source=row["source"], wording=row["wording"], evidence=row["evidence"],
        )
    except ValueError as error:
        return str(error)
    return f"{entry.at:%Y-%m-%d %H:%M} is still to come" if entry.at > now else entry


def _moment(text: str | None, now: datetime) -> datetime:
    """Return a line's moment; of an undated one that of the import: a revocation must not lose to older grants."""
    if text is None:
        return now
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    # Spreadsheets carry out a cell that begins so; a leading apostrophe makes it text. A number in E.164 is none.
    is_formula = isinstance(value, str) and value[:1] in ("=", "-", "@", "\t", "\r", "+") and not value[1:].isdigit()
    return f"'{value}" if is_formula else value
