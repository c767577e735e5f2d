"""What one reason holds back: the records with what is wrong in each, and how they come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regulars.check import did_you_mean
from regulars.errors import NotFound
from regulars.pipeline.read import held_page as held_rows
from regulars.records import quarantine
from regulars.sources.door import EVENTS
from regulars.web.api.paging import aware, page_of, place_in
from regulars.web.api.route import Cursor, Page
from regulars.web.api.twin import csv_of
from regulars.web.mask import mask_within
from regulars.web.pages.page import DashboardPage, Visit

ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldWish:
    """From where on."""

    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRecord:
    """A record that was set aside; addresses and numbers in it are hidden."""

    source: str
    stream: str
    record_key: str
    field: str | None
    value: str | None
    payload: str
    recorded_at: datetime
    is_posted: bool                          # it came through the door, and is sent again there


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldView:
    """Records of one reason."""

    title: str
    sentence: str
    reason: str
    repair: str
    rows: tuple[HeldRecord, ...]
    next: str | None


def held_page(visit: Visit) -> HeldView:
    """Return the records of a reason. Raises NotFound for a reason that there is none."""
    code = visit.path["reason"]
    if code not in quarantine.REASONS:
        raise NotFound(f"there is no reason {code!r}", hint=did_you_mean(code, quarantine.REASONS))
    reason = quarantine.REASONS[code]
    after = place_in(visit.query.cursor, tuple[str, str, str, str])
    found = held_rows(visit.workspace, code, limit=ROWS + 1, after=after)
    shown = page_of(
        found, limit=ROWS, row=lambda row: row,
        place=lambda row: (row["source"], row["stream"], row["record_key"], row["field"] or ""),
    )
    rows = tuple(_record(row) for row in shown.items)
    return HeldView(
        title=f"Set aside: {reason.sentence}", sentence=f"To repair: {reason.repair}.", reason=code,
        repair=reason.repair, rows=rows, next=shown.next,
    )


def _record(row: Mapping[str, Any]) -> HeldRecord:
    is_posted = row["stream"] == EVENTS
    return HeldRecord(
        source=row["source"], stream=row["stream"], field=row["field"],
        # The door's own keys say nothing of anybody, and are needed whole to answer.
        record_key=row["record_key"] if is_posted else mask_within(row["record_key"]),
        value=row["value"] and mask_within(row["value"]), payload=mask_within(row["payload"] or ""),
        recorded_at=aware(row["recorded_at"]), is_posted=is_posted,
    )


PAGE = DashboardPage(
    name="held", path="/health/quarantine/{reason}", section="health", template="held.html", view=held_page,
    query=HeldWish, csv=lambda view: csv_of(view.rows, Page[HeldRecord]),
)
