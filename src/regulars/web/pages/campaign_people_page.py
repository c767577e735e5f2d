"""Who would get a campaign now and who would not, person by person, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regulars.pipeline.compose import plan_campaign
from regulars.pipeline.named import names_of
from regulars.pipeline.would_get import Chosen, people_of
from regulars.web.api.campaigns import Recipient, recipient_of
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.route import Cursor, Page
from regulars.web.api.twin import csv_of
from regulars.web.pages.page import DashboardPage, Visit

ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleWish:
    """Which people of the audience."""

    state: Chosen | None = None
    reason: str | None = None
    variant: str | None = None
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPeopleView:
    """Some of a campaign's audience."""

    title: str
    sentence: str
    campaign: str
    wish: PeopleWish
    rows: tuple[Recipient, ...]
    names: Mapping[str, str | None]
    next: str | None


def campaign_people_page(visit: Visit) -> CampaignPeopleView:
    """Return some of a campaign's audience. Raises NotFound."""
    workspace, wish = visit.workspace, visit.query
    plan = plan_campaign(workspace, visit.path["campaign"])
    found = people_of(
        plan, limit=ROWS + 1, after=place_in(visit.after, str), state=wish.state, reason=wish.reason,
        variant=wish.variant,
    )
    shown = page_of(found, limit=ROWS, row=recipient_of, place=lambda row: row["customer_id"])
    get, whole = plan.sendable, plan.rows.num_rows
    return CampaignPeopleView(
        title=plan.campaign.title, campaign=plan.campaign.name, wish=wish, rows=tuple(shown.items), next=shown.next,
        sentence=f"{get:,} of {whole:,} people would get it if it went now, {whole - get:,} would not.",
        names=names_of(workspace, [row.customer_id for row in shown.items]),
    )


PAGE = DashboardPage(
    name="campaign_people", path="/campaigns/{campaign}/people", section="campaigns", template="campaign_people.html",
    view=campaign_people_page, query=PeopleWish, csv=lambda view: csv_of(view.rows, Page[Recipient]),
)
