"""Campaigns: what is said to whom, how each stands, and how far what is sent now has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from regulars.campaigns.campaign import Campaign, State
from regulars.pipeline.account import account
from regulars.storage.book.campaigns import Occurrence
from regulars.web.api.route import Page
from regulars.web.api.twin import csv_of
from regulars.web.campaigns.campaign_words import STATES
from regulars.web.campaigns.outcome import Part, parts_of
from regulars.web.pages.page import DashboardPage, Visit

ORDER: Sequence[State | None] = ("sending", "paused", "scheduled", "draft", None, "done", "stopped")
"""In which states campaigns want to be looked at, first to last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRow:
    """A declared campaign and its latest occurrence."""

    campaign: str
    title: str
    audience: str                            # a segment, a list, or everybody
    channel: str
    state: State | None                      # None: it was never planned
    chip: tuple[str, str]                    # of the state: colour and words
    reason: str | None                       # of the state
    occurrence: str | None
    starts_at: datetime | None
    planned: int                             # people of the audience; 0: it was never planned
    sent: int
    waiting: int
    unknown: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignsView:
    """Every declared campaign, those that want somebody first."""

    title: str
    sentence: str
    rows: tuple[CampaignRow, ...]


def campaigns_page(visit: Visit) -> CampaignsView:
    """Return every declared campaign."""
    workspace = visit.workspace
    latest = {one.campaign: one for one in reversed(workspace.book.campaigns.occurrences())}
    rows = sorted(
        (_row(visit, each, latest.get(each.name)) for each in workspace.project.campaigns),
        key=lambda row: (ORDER.index(row.state), row.campaign),
    )
    return CampaignsView(title="Campaigns", sentence=_sentence(rows), rows=tuple(rows))


def _row(visit: Visit, one: Campaign, latest: Occurrence | None) -> CampaignRow:
    same = {
        "campaign": one.name, "title": one.title, "audience": one.audience or one.list_file or "everybody",
        "channel": one.channel,
    }
    if latest is None:
        return CampaignRow(
            **same, state=None, chip=STATES[None], reason=None, occurrence=None, starts_at=None, planned=0, sent=0,
            waiting=0, unknown=0, parts=(),
        )
    found = account(visit.workspace.book, latest)
    return CampaignRow(
        **same, state=latest.state, chip=STATES[latest.state], reason=latest.reason, occurrence=latest.occurrence,
        starts_at=latest.starts_at, planned=found.planned, sent=found.sent, waiting=found.waiting,
        unknown=found.unknown, parts=parts_of(found),
    )


def _sentence(rows: Sequence[CampaignRow]) -> str:
    if not rows:
        return "None is declared yet: campaigns/*.yaml says what is said to whom."
    sending, resting = (sum(row.state == state for row in rows) for state in ("sending", "paused"))
    unknown = sum(row.unknown for row in rows)
    told = [f"{len(rows)} {'campaign' if len(rows) == 1 else 'campaigns'}", f"{sending} being sent"]
    told += [f"{resting} at rest"] if resting else []
    told += [f"{unknown:,} messages of which nobody knows"] if unknown else []
    return f"{', '.join(told)}."


PAGE = DashboardPage(
    name="campaigns", path="/campaigns", section="campaigns", template="campaigns.html", view=campaigns_page,
    needs_run=False, json=lambda view: view.rows, csv=lambda view: csv_of(view.rows, Page[CampaignRow]),
)

