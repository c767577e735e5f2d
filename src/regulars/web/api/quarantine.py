"""The quarantine: how many records each reason holds back, and which; addresses and numbers in them are hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regulars.check import did_you_mean
from regulars.errors import NotFound
from regulars.pipeline.read import held_counts, held_page
from regulars.pipeline.workspace import Workspace
from regulars.records import quarantine
from regulars.sources.door import EVENTS
from regulars.web.api.customers import Some
from regulars.web.api.paging import aware, page_of, place_in
from regulars.web.api.route import ApiRoute, Ask, Page
from regulars.web.mask import mask_within


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Records that one reason holds back."""

    source: str
    stream: str
    reason: str
    field: str | None
    message: str
    records: int
    first_seen: datetime | None
    repair: str


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


def held(ask: Ask) -> Page[Held]:
    """Return what was set aside, most first."""
    return Page(items=held_back(ask.workspace))


def held_back(workspace: Workspace) -> list[Held]:
    """Return what was set aside, by reason, most first; nothing before the first run."""
    return [
        Held(**{name: aware(value) for name, value in row.items()}, repair=quarantine.repair(row["reason"]))
        for row in held_counts(workspace)
    ]


def records(ask: Ask) -> Page[HeldRecord]:
    """Return the records of a reason."""
    query: Some = ask.query
    return held_records(ask.workspace, ask.path["reason"], limit=query.limit, cursor=query.cursor)


def held_records(workspace: Workspace, code: str, *, limit: int, cursor: str | None) -> Page[HeldRecord]:
    """Return a page of what a reason holds back. Raises NotFound for a reason that there is none."""
    if code not in quarantine.REASONS:
        raise NotFound(f"there is no reason {code!r}", hint=did_you_mean(code, quarantine.REASONS))
    after = place_in(cursor, tuple[str, str, str, str])
    return page_of(
        held_page(workspace, code, limit=limit + 1, after=after), limit=limit, row=_record,
        place=lambda row: (row["source"], row["stream"], row["record_key"], row["field"] or ""),
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


ROUTES = (
    ApiRoute(
        name="listQuarantine", path="/quarantine", answer=held, gives=Page[Held],
        sentence="How many records each reason holds back, and what repairs them.",
    ),
    ApiRoute(
        name="listHeldRecords", path="/quarantine/{reason}", answer=records, gives=Page[HeldRecord], query=Some,
        sentence="Records that a reason holds back; what came through the door is repaired there by sending it again.",
        errors=(404,),
    ),
)
