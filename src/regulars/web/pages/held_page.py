"""What one reason holds back: the records with what is wrong in each, and how they come back."""

from __future__ import annotations

from dataclasses import dataclass

from regulars.records import quarantine
from regulars.web.api.quarantine import HeldRecord, held_records
from regulars.web.api.route import Cursor, Page
from regulars.web.api.twin import csv_of
from regulars.web.pages.page import DashboardPage, Visit

ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldWish:
    """From where on."""

    cursor: Cursor | None = None


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
    shown = held_records(visit.workspace, code, limit=ROWS, cursor=visit.after)
    reason = quarantine.REASONS[code]
    return HeldView(
        title=f"Set aside: {reason.sentence}", sentence=f"To repair: {reason.repair}.", reason=code,
        repair=reason.repair, rows=tuple(shown.items), next=shown.next,
    )


PAGE = DashboardPage(
    name="held", path="/health/quarantine/{reason}", section="health", template="held.html", view=held_page,
    query=HeldWish, csv=lambda view: csv_of(view.rows, Page[HeldRecord]),
)
