"""One campaign: who gets it and who not, as people read it, whether it may go, how far it is, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regulars.campaigns.campaign import Campaign, State
from regulars.errors import RegularsError
from regulars.pipeline.account import change_state, latest
from regulars.pipeline.approve import VariantStanding, decide, standings
from regulars.pipeline.campaign import campaign_of, destination_of, occurrence_at
from regulars.pipeline.compose import plan_campaign
from regulars.pipeline.order import order
from regulars.pipeline.results import Results, results
from regulars.pipeline.winner import choose_winner
from regulars.pipeline.workspace import Workspace
from regulars.pipeline.would_get import examples
from regulars.storage.book.audit import Changed
from regulars.storage.book.campaigns import Occurrence
from regulars.web.api.campaigns import PlanLine, ReadMessage, plan_line, read_message
from regulars.web.api.messages import ReplyRow, reply_row
from regulars.web.campaigns.campaign_words import STATES, pace_words
from regulars.web.campaigns.outcome import (
    FunnelRow,
    LostRow,
    MeasureRow,
    Part,
    funnel_rows,
    lost_rows,
    measure_rows,
    parts_of,
)
from regulars.web.pages.page import DashboardPage, PageForm, Visit

PATH = "/campaigns/{campaign}"
EXAMPLES = 3
"""Real people whose message is shown."""

REPLIES = 5
LIVE: frozenset[State] = frozenset({"sending", "scheduled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """Whether the page looks again by itself while something is sent."""

    follow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of the latest occurrence; numbers and pictures."""

    results: Results
    parts: tuple[Part, ...]
    funnel: tuple[FunnelRow, ...]
    lost: tuple[LostRow, ...]
    measures: tuple[MeasureRow, ...]
    replies: tuple[ReplyRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignView:
    """What is known of one campaign."""

    title: str
    sentence: str
    campaign: str
    audience: str                            # a segment, a list, or everybody
    channel: str
    purpose: str
    destination: str
    experiment: str | None
    pace: tuple[tuple[str, str], ...]
    occurrence: Occurrence | None            # the latest
    chip: tuple[str, str]                    # how it stands: colour and words
    follows: bool                            # it looks again by itself
    plan: PlanLine | None                    # of what would be sent next; None: nothing would now
    trouble: str                             # why nothing can be planned
    examples: tuple[ReadMessage, ...]
    words: tuple[VariantStanding, ...]
    needs_approval: bool
    outcome: Outcome | None                  # None: it was never planned


def campaign_page(visit: Visit) -> CampaignView:
    """Return one campaign. Raises NotFound."""
    workspace = visit.workspace
    one = campaign_of(workspace.project, visit.path["campaign"])
    now = next(iter(workspace.book.campaigns.occurrences(one.name)), None)
    plan, shown, trouble = _planned(workspace, one) if _is_next(workspace, one, now) else (None, (), "")
    outcome = None if now is None or now.state == "draft" else _outcome(workspace, now)
    return CampaignView(
        title=one.title, sentence=_sentence(now, plan, outcome, trouble), campaign=one.name,
        audience=one.audience or one.list_file or "everybody", channel=one.channel, purpose=one.purpose,
        destination=one.destination, experiment=one.experiment,
        pace=tuple(pace_words(one, destination_of(workspace.project, one), zone=workspace.zone)), occurrence=now,
        chip=STATES[None if now is None else now.state],
        follows=visit.query.follow and now is not None and now.state in LIVE, plan=plan, trouble=trouble,
        examples=shown, words=tuple(standings(workspace.book, one)),
        needs_approval=workspace.project.config.business.needs_approval, outcome=outcome,
    )


def _is_next(workspace: Workspace, one: Campaign, now: Occurrence | None) -> bool:
    """Whether something could be ordered: it never was, or another run of it is due or to come."""
    if now is None or now.state == "draft":
        return True
    following, _ = occurrence_at(one, now=workspace.clock.now(), zone=workspace.zone)
    return following != now.occurrence


def _planned(workspace: Workspace, one: Campaign) -> tuple[PlanLine | None, tuple[ReadMessage, ...], str]:
    try:
        found = plan_campaign(workspace, one.name)
        return plan_line(found), tuple(map(read_message, examples(workspace, found, limit=EXAMPLES))), ""
    except RegularsError as error:           # its experiment takes nobody, its list is not there: said on its page
        return None, (), f"{error.message[:1].upper()}{error.message[1:]}."


def _outcome(workspace: Workspace, now: Occurrence) -> Outcome:
    found = results(workspace, now)
    replies = workspace.book.replies.page(limit=REPLIES, campaign=now.campaign)
    return Outcome(
        results=found, parts=parts_of(found.account), funnel=funnel_rows(found), lost=lost_rows(found),
        measures=measure_rows(found), replies=tuple(map(reply_row, replies)),
    )


def _sentence(now: Occurrence | None, plan: PlanLine | None, outcome: Outcome | None, trouble: str) -> str:
    if outcome is not None and now is not None:
        found = outcome.results.account
        far = f"{found.sent:,} of {found.planned:,} were sent, {found.waiting:,} wait"
        return {
            "paused": f"It rests: {now.reason or 'somebody paused it'}. {far}.",
            "stopped": f"It was stopped: {far} for ever.",
            "scheduled": f"It waits for its time: {found.waiting:,} of {found.planned:,} will get it.",
            "sending": f"It is being sent: {far}.",
        }.get(now.state, f"It is done: {found.sent:,} of {found.planned:,} were sent.")
    if plan is None:
        return trouble
    return f"{plan.sendable:,} of {plan.audience:,} people would get it, {plan.audience - plan.sendable:,} would not."


def _ordered(visit: Visit, said: Mapping[str, str]) -> str:  # noqa: ARG001  as all forms
    name = campaign_of(visit.workspace.project, visit.path["campaign"]).name
    one = order(visit.workspace, name)
    return _written(visit, "campaign.start", f"{name}/{one.occurrence}", name)


def _moved(to: State, done: str) -> PageForm:
    def act(visit: Visit, said: Mapping[str, str]) -> str:
        workspace, name = visit.workspace, campaign_of(visit.workspace.project, visit.path["campaign"]).name
        one = latest(workspace.book, name)
        reason = said.get("reason", "").strip() or f"{visit.visitor.name} {done} it"
        change_state(
            workspace.book, one, to, at=workspace.clock.now(), reason=None if to == "sending" else reason[:500]
        )
        return _written(visit, f"campaign.{to}", f"{name}/{one.occurrence}", name)

    verb = {"paused": "pause", "sending": "resume", "stopped": "stop"}[to]
    return PageForm(name=f"campaign.{verb}", path=f"{PATH}/{verb}", page=PAGE, may="send", act=act)


def _decided(asked: str) -> PageForm:
    def act(visit: Visit, said: Mapping[str, str]) -> str:
        workspace, one = visit.workspace, campaign_of(visit.workspace.project, visit.path["campaign"])
        decide(
            workspace.book, one, asked, by=visit.visitor.name, at=workspace.clock.now(),
            note=said.get("reason", "").strip()[:500],
        )
        return _written(visit, f"campaign.{asked}", one.name, one.name)

    return PageForm(name=f"campaign.{asked}", path=f"{PATH}/{asked}", page=PAGE, may="send", act=act)


def _crowned(visit: Visit, said: Mapping[str, str]) -> str:
    workspace, name = visit.workspace, campaign_of(visit.workspace.project, visit.path["campaign"]).name
    one = latest(workspace.book, name)
    choose_winner(
        workspace, one, said.get("variant", ""), by=visit.visitor.name, reason=said.get("reason", "").strip()[:500]
    )
    return _written(visit, "campaign.winner", f"{name}/{one.occurrence}", name)


def _written(visit: Visit, what: str, subject: str, name: str) -> str:
    """Write down who did what, and return where the campaign is shown."""
    workspace = visit.workspace
    workspace.book.audit.add(Changed(
        at=workspace.clock.now(), by=visit.visitor.name, what=what, subject=subject, request_id=visit.request_id,
    ))
    return PATH.format(campaign=name)


PAGE = DashboardPage(
    name="campaign", path=PATH, section="campaigns", template="campaign.html", view=campaign_page, query=Follow,
    json=lambda view: {
        "campaign": view.campaign, "occurrence": view.occurrence, "plan": view.plan, "words": view.words,
        "results": None if view.outcome is None else view.outcome.results,
    },
    follows=lambda view: view.follows,
)

FORMS = (
    PageForm(name="campaign.start", path=f"{PATH}/start", page=PAGE, may="send", act=_ordered),
    _moved("paused", "paused"), _moved("sending", "resumed"), _moved("stopped", "stopped"),
    _decided("approve"), _decided("withdraw"),
    PageForm(name="campaign.winner", path=f"{PATH}/winner", page=PAGE, may="send", act=_crowned),
)
