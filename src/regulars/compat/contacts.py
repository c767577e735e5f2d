"""Contacts of the reference text-message system: lists handed in, and who opted out by which word."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from regulars.compat.result import Result, failure, success
from regulars.errors import RegularsError
from regulars.pipeline.listed_people import people_of_list
from regulars.pipeline.workspace import Workspace

REPORT = ("Date/Time", "Contact ID", "Contact Name", "Phone Number", "Keyword Used", "Source")
"""Columns of the report of opt-outs, in order."""

REACHES = timedelta(days=365)
LARGEST = 16 * 1024 * 1024
"""Bytes of a list."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def import_contacts(workspace: Workspace, data: bytes, *, file: str, list_name: str) -> Result[dict[str, Any]]:
    """Keep a CSV file as a list of the project and say of every row what became of it; the same file twice is once.

    Who is a customer already stands in it as that customer. Strangers are written to by a campaign with `list:`.
    """
    if not re.fullmatch(r"[a-z0-9_]{1,60}", list_name):
        return failure("list_name is letters, digits and underscores: fair_2026", code="VALIDATION_ERROR")
    try:
        found = people_of_list(workspace, data, file=file, channel="sms")
    except RegularsError as error:
        return failure(error.message, code="INVALID_FILE")
    path = workspace.project.config.folder / "lists" / f"{list_name}.csv"
    is_known = path.is_file() and path.read_bytes() == data
    if path.is_file() and not is_known:
        return failure(f"There is a list {list_name!r} already", code="DUPLICATE_NAME")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    ids = found.people["customer_id"]
    strangers = ids.filter(pc.starts_with(ids, "a_")).to_pylist()
    read = found.read
    return success({
        "import_id": read.sha256[:12], "list": f"lists/{list_name}.csv", "total_rows": read.total_rows,
        "successful": 0 if is_known else read.recipients.num_rows, "failed": read.rejected_rows,
        "duplicates": read.duplicates.num_rows + (read.recipients.num_rows if is_known else 0),
        "errors": read.errors, "contacts_created": [] if is_known else strangers, "contact_ids": ids.to_pylist(),
        "column_mapping": {field: guess.column for field, guess in read.mapping.items()},
    })


def opt_outs(workspace: Workspace) -> list[dict[str, str]]:
    """Return who opted out of texts in the last year, the newest first, as REPORT; the time is that of the business."""
    zone, now = ZoneInfo(workspace.zone), workspace.clock.now()
    rows = [
        row for row in workspace.book.consent.evidence(since=now - REACHES)
        if row["action"] == "revoke" and row["channel"] == "sms"
    ]
    names = _names(workspace, {row["customer_id"] for row in rows if row["customer_id"] is not None})
    return [dict(zip(REPORT, (
        f"{row['at'].astimezone(zone):%Y-%m-%d %H:%M:%S}", row["customer_id"] or "",
        names.get(row["customer_id"], ""), row["address"] or "", row["wording"] or row["method"], row["source"],
    ), strict=True)) for row in sorted(rows, key=lambda row: (row["at"], row["seq"]), reverse=True)]


def opt_out_statistics(workspace: Workspace) -> dict[str, Any]:
    """Return how many opted out, lately too, and by which words; who opted in is not counted."""
    rows = opt_outs(workspace)
    since = (workspace.clock.now() - timedelta(days=30)).astimezone(ZoneInfo(workspace.zone))
    words = Counter(row["Keyword Used"].upper() for row in rows)
    return {
        "total_opted_out": len({row["Phone Number"] for row in rows}),
        "opt_outs_last_30_days": sum(row["Date/Time"] >= f"{since:%Y-%m-%d %H:%M:%S}" for row in rows),
        "most_common_keyword": words.most_common(1)[0][0] if words else None,
        "keyword_breakdown": dict(sorted(words.items())),
    }


def as_csv(rows: list[dict[str, str]]) -> str:
    """Return the report as CSV; no cell that somebody wrote can be taken for a formula."""
    text = io.StringIO()
    writer = csv.DictWriter(text, REPORT, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return text.getvalue()


def _harmless(value: str) -> str:
    is_number = re.fullmatch(r"\+\d+", value) is not None
    return f"'{value}" if value.startswith(_FORMULA) and not is_number else value


def _names(workspace: Workspace, customers: set[str]) -> dict[str, str]:
    if not customers or not workspace.lake.exists("customers"):
        return {}
    people = workspace.table("customers")
    rows = workspace.rows(people.filter(people.customer_id.isin(sorted(customers))).select("customer_id", "name"))
    return {row["customer_id"]: row["name"] or "" for row in rows}
