"""Campaigns: which there are, who would get one, ordering that it is sent, halting it, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from regulars.campaigns.campaign import State
from regulars.campaigns.subset import FirstTest
from regulars.check import Finding
from regulars.pipeline.account import change_state, latest
from regulars.pipeline.approve import VariantStanding, decide, standings
from regulars.pipeline.campaign import campaign_of
from regulars.pipeline.compose import Plan, plan_campaign
from regulars.pipeline.new_campaign import NewCampaign, write_campaign
from regulars.pipeline.offers import OfferResult, offers_told
from regulars.pipeline.order import order
from regulars.pipeline.results import Results, results
from regulars.pipeline.winner import choose_winner
from regulars.pipeline.would_get import Chosen as ChosenState
from regulars.pipeline.would_get import Example, cost, examples, people_of
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.winners import Winner
from regulars.web.api.paging import aware, page_of, place_in
from regulars.web.api.route import ApiRoute, Ask, Change, Cursor, Limit, Page
from regulars.web.mask import mask


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignLine:
    """A declared campaign and how it stands."""

    campaign: str
    title: str
    audience: str | None                     # a segment; null: everybody, or a list
    channel: str
    purpose: str
    destination: str
    experiment: str | None
    variants: list[str]
    occurrence: Occurrence | None            # the latest; null: it was never planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Why people get nothing, and how many."""

    reason: str
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """A cap under which some people, households, addresses or senders have no seat left now."""

    cap: str
    subjects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """Who would get a campaign now."""

    campaign: str
    occurrence: str
    starts_at: datetime
    audience: int                            # people
    sendable: int                            # people who get a message
    waits: list[Full]                        # of them, because a cap is full now
    cost: int | None                         # minor units of the business's currency; null: nobody said
    variants: dict[str, int]                 # messages
    segments: int                            # of text messages together; 0 of e-mail
    skipped: list[Skipped]
    rejected_rows: int                       # of a list
    unapproved: list[str]                    # variants whose words have to be approved first
    test: FirstTest | None
    findings: list[Finding]                  # what a careful reader would change in its words first


@dataclass(frozen=True, slots=True, kw_only=True)
class WhichPeople:
    """Which people of an audience; what is left out is not asked."""

    limit: Limit = 50
    cursor: Cursor | None = None
    state: ChosenState | None = None         # planned or skipped
    reason: str | None = None                # as the plan counts it
    variant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whether somebody would get a campaign now, and why not; the address with its middle hidden."""

    customer_id: str
    address: str | None
    variant: str
    state: ChosenState
    reason: str | None                       # of who is skipped
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Few:
    """How many messages are shown."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMessage:
    """A message as its reader would have it; the address with its middle hidden."""

    customer_id: str
    address: str | None
    variant: str
    due_at: datetime
    subject: str
    text: str
    segments: int                            # of a text message; 0 of an e-mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Why somebody halts a campaign."""

    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which variant the others get, and why."""

    variant: str
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Where the words of a campaign stand after a decision."""

    campaign: str
    words: list[VariantStanding]


def campaigns(ask: Ask) -> Page[CampaignLine]:
    """Return every declared campaign."""
    states = {one.campaign: one for one in reversed(ask.workspace.book.campaigns.occurrences())}
    return Page(items=[
        _line(ask, each.name, states.get(each.name)) for each in ask.workspace.project.campaigns
    ])


def campaign(ask: Ask) -> CampaignLine:
    """Return one campaign."""
    name = campaign_of(ask.workspace.project, ask.path["campaign"]).name
    return _line(ask, name, next(iter(ask.workspace.book.campaigns.occurrences(name)), None))


def added(ask: Ask) -> Change:
    """Declare a campaign: its file is written into the project."""
    said: NewCampaign = ask.body
    written = write_campaign(ask.workspace, said)
    return Change(what="campaign.add", subject=said.name, before=None, after=said.declaration, answer=written)


def plan(ask: Ask) -> PlanLine:
    """Return who would get a campaign, who not and why; nothing is written."""
    return plan_line(plan_campaign(ask.workspace, ask.path["campaign"]))


def plan_line(found: Plan) -> PlanLine:
    """Return a plan as it is told."""
    return PlanLine(
        campaign=found.campaign.name, occurrence=found.occurrence, starts_at=found.starts_at,
        audience=found.rows.num_rows, sendable=found.sendable, variants=found.variants, segments=found.segments,
        waits=[Full(**row) for row in found.waits.to_pylist() if row["subjects"]], cost=cost(found),
        skipped=[Skipped(reason=reason, people=people) for reason, people in found.reasons],
        rejected_rows=found.rejected, unapproved=list(found.unapproved), test=found.test,
        findings=found.remarks,
    )


def recipients(ask: Ask) -> Page[Recipient]:
    """Return who would get a campaign and who would not, person by person."""
    query: WhichPeople = ask.query
    found = people_of(
        plan_campaign(ask.workspace, ask.path["campaign"]), limit=query.limit + 1, after=place_in(query.cursor, str),
        state=query.state, reason=query.reason, variant=query.variant,
    )
    return page_of(found, limit=query.limit, row=recipient_of, place=lambda row: row["customer_id"])


def recipient_of(row: Mapping[str, Any]) -> Recipient:
    """Return one person of a plan as it is shown."""
    return Recipient(**{**row, "address": mask(row["address"]), "due_at": aware(row["due_at"])})


def preview(ask: Ask) -> Page[ReadMessage]:
    """Return some messages as their readers would have them."""
    found = plan_campaign(ask.workspace, ask.path["campaign"])
    return Page(items=[
        read_message(one) for one in examples(ask.workspace, found, limit=ask.query.limit)
    ])


def read_message(one: Example) -> ReadMessage:
    """Return a message as it is shown."""
    same = {name: getattr(one, name) for name in ReadMessage.__slots__ if name not in {"address", "due_at"}}
    return ReadMessage(address=mask(one.address), due_at=aware(one.due_at), **same)


def started(ask: Ask) -> Change:
    """Order a campaign: it is planned, and sent by whoever serves the project."""
    name = ask.path["campaign"]
    before = next(iter(ask.workspace.book.campaigns.occurrences(name)), None)
    after = order(ask.workspace, name)
    return Change(what="campaign.start", subject=f"{name}/{after.occurrence}", before=before, after=after, answer=after)


def paused(ask: Ask) -> Change:
    """Let a campaign rest."""
    return _moved(ask, "paused")


def resumed(ask: Ask) -> Change:
    """Let it go on."""
    return _moved(ask, "sending")


def stopped(ask: Ask) -> Change:
    """End it for good."""
    return _moved(ask, "stopped")


def told(ask: Ask) -> Results:
    """Return what came of the latest occurrence."""
    name = campaign_of(ask.workspace.project, ask.path["campaign"]).name
    return results(ask.workspace, latest(ask.workspace.book, name))


def offers(ask: Ask) -> Page[OfferResult]:
    """Return what each offer came to."""
    return Page(items=offers_told(ask.workspace))


def words(ask: Ask) -> Page[VariantStanding]:
    """Return where the words of a campaign stand."""
    return Page(items=standings(ask.workspace.book, campaign_of(ask.workspace.project, ask.path["campaign"])))


def approved(ask: Ask) -> Change:
    """Allow a campaign's words."""
    return _decided(ask, "approve")


def withdrawn(ask: Ask) -> Change:
    """Take that back."""
    return _decided(ask, "withdraw")


def _decided(ask: Ask, asked: str) -> Change:
    one, book = campaign_of(ask.workspace.project, ask.path["campaign"]), ask.workspace.book
    note, before = "" if ask.body is None else ask.body.reason, standings(book, one)
    after = decide(book, one, asked, by=f"key:{ask.key.name}", at=ask.workspace.clock.now(), note=note)
    return Change(
        what=f"campaign.{asked}", subject=one.name, before=before, after=after,
        answer=Decided(campaign=one.name, words=after),
    )


def crowned(ask: Ask) -> Change:
    """Choose the winner of a test."""
    name, said = campaign_of(ask.workspace.project, ask.path["campaign"]).name, ask.body
    one = latest(ask.workspace.book, name)
    winner = choose_winner(ask.workspace, one, said.variant, by=f"key:{ask.key.name}", reason=said.reason)
    subject = f"{name}/{one.occurrence}"
    return Change(what="campaign.winner", subject=subject, before=None, after=winner, answer=winner)


def _moved(ask: Ask, to: State) -> Change:
    name = campaign_of(ask.workspace.project, ask.path["campaign"]).name
    before = latest(ask.workspace.book, name)
    reason = (ask.body.reason if ask.body is not None else "") or None
    after = change_state(ask.workspace.book, before, to, at=ask.workspace.clock.now(), reason=reason)
    return Change(what=f"campaign.{to}", subject=f"{name}/{after.occurrence}", before=before, after=after, answer=after)


def _line(ask: Ask, name: str, occurrence: Occurrence | None) -> CampaignLine:
    one = campaign_of(ask.workspace.project, name)
    return CampaignLine(
        campaign=name, title=one.title, audience=one.audience, channel=one.channel, purpose=one.purpose,
        destination=one.destination, experiment=one.experiment, variants=[each for each in one.templates if each],
        occurrence=occurrence,
    )


_ONE = "/campaigns/{campaign}"
ROUTES = (
    ApiRoute(
        name="listCampaigns", path="/campaigns", answer=campaigns, gives=Page[CampaignLine],
        sentence="Every declared campaign and how it stands.",
    ),
    ApiRoute(
        name="addCampaign", path="/campaigns", answer=added, gives=NewCampaign, method="POST", scope="write",
        body=NewCampaign, errors=(409,),
        sentence="Declare a campaign, with its experiment if it has one; its files are written into the project.",
    ),
    ApiRoute(
        name="listOffers", path="/offers", answer=offers, gives=Page[OfferResult],
        sentence="Every offer of campaigns in the last year and what it came to, the one most people got first.",
    ),
    ApiRoute(
        name="getCampaign", path=_ONE, answer=campaign, gives=CampaignLine, errors=(404,), sentence="One campaign.",
    ),
    ApiRoute(
        name="planCampaign", path=f"{_ONE}/plan", answer=plan, gives=PlanLine, errors=(404,),
        sentence="Who would get a campaign now, who not and why; nothing is written.",
    ),
    ApiRoute(
        name="listRecipients", path=f"{_ONE}/recipients", answer=recipients, gives=Page[Recipient], query=WhichPeople,
        errors=(404,), sentence="Who would get a campaign now and who would not, with the reason, by customer id.",
    ),
    ApiRoute(
        name="previewCampaign", path=f"{_ONE}/preview", answer=preview, gives=Page[ReadMessage], query=Few,
        errors=(404,), sentence="A campaign as the first people of each variant would read it; nothing is written.",
    ),
    ApiRoute(
        name="startCampaign", path=f"{_ONE}/start", answer=started, gives=Occurrence, method="POST", scope="write",
        errors=(404, 409), sentence="Plan a campaign and have it sent; ordered twice it is sent once.",
    ),
    *(
        ApiRoute(
            name=f"{verb}Campaign", path=f"{_ONE}/{verb}", answer=answer, gives=Occurrence, method="POST",
            scope="write", body=Said, errors=(404, 409), sentence=sentence,
        )
        for verb, answer, sentence in (
            ("pause", paused, "Let a campaign rest from the next batch on."),
            ("resume", resumed, "Let a campaign go on where it rested."),
            ("stop", stopped, "End a campaign for good from the next batch on."),
        )
    ),
    ApiRoute(
        name="listWords", path=f"{_ONE}/words", answer=words, gives=Page[VariantStanding], errors=(404,),
        sentence="Where the words of a campaign's variants stand: their version, and who approved it when.",
    ),
    *(
        ApiRoute(
            name=f"{verb}Words", path=f"{_ONE}/{verb}", answer=answer, gives=Decided, method="POST", scope="write",
            body=Said, errors=(404, 409), sentence=sentence,
        )
        for verb, answer, sentence in (
            ("approve", approved, "Allow a campaign's words as they are now; other words need another approval."),
            ("withdraw", withdrawn, "Take the approval of a campaign's words back."),
        )
    ),
    ApiRoute(
        name="chooseWinner", path=f"{_ONE}/winner", answer=crowned, gives=Winner, method="POST", scope="write",
        body=Chosen, errors=(404, 409), sentence="Say which variant the others get after a campaign's test.",
    ),
    ApiRoute(
        name="getResults", path=f"{_ONE}/results", answer=told, gives=Results, errors=(404,),
        sentence="What came of a campaign: its account, how far people came by variant, and which is better.",
    ),
)
