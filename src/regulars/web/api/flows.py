"""Flows: which there are, their steps, who is in one and where, what the next run would do, letting one rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

import msgspec

from regulars.flows.flow import Flow
from regulars.flows.told import way, who
from regulars.pipeline.find import customer_row
from regulars.pipeline.flow_results import (
    FlowResults,
    Preview,
    change_state,
    examples,
    explain,
    flow_list,
    flow_of,
    preview,
    results,
)
from regulars.pipeline.named import names_of
from regulars.storage.book.journeys import FlowState, JourneyLine, Standing
from regulars.web.api.campaigns import Said
from regulars.web.api.paging import aware, page_of, place_in
from regulars.web.api.route import ApiRoute, Ask, Change, Cursor, Limit, Page
from regulars.web.mask import mask

PAUSED = "a program paused it"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLine:
    """A declared flow and how it stands."""

    flow: str
    title: str
    who: str                                 # comes into it, in words
    begun: int                               # journeys
    on_the_way: int
    state: str                               # runs or rests
    steps: list[StepLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """A step in words."""

    step: str
    when: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonInFlow:
    """One journey of a customer."""

    customer_id: str
    name: str | None
    occasion: str
    anchor_day: date                         # business day of the occasion
    entered_at: datetime
    is_held_out: bool
    step: str | None                         # where it rests; null: it ended, or has only its end before it
    due_at: datetime | None                  # when that step may be taken
    ended_at: datetime | None
    ending: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Whose journeys; what is left out is not asked."""

    limit: Limit = 50
    cursor: Cursor | None = None
    step: str | None = None                  # that rest there
    is_over: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Few:
    """How many messages are shown."""

    examples: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """How many have a reason."""

    reason: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """How many journeys would take a step so."""

    step: str
    outcome: str
    journeys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowMessage:
    """A message as its reader would have it; the address with its middle hidden."""

    customer_id: str
    address: str | None
    step: str
    due_at: datetime
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingInFlow:
    """Where somebody stands with a flow."""

    customer_id: str
    flow: str
    rests: str | None                        # why the flow does nothing now
    journeys: list[dict[str, Any]]           # each with its steps, and the state of their messages
    occasions: list[dict[str, Any]]          # that have no journey, each with why
    first_day: date                          # of those whose occasions may begin a journey today
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPreview:
    """What the next run would make of a flow, if it came now."""

    flow: str
    as_of: datetime
    begin: int                               # journeys
    refused: list[Number]                    # occasions that begin none
    end: list[Number]                        # journeys that would end before their last step
    steps: list[StepTaken]
    messages: int                            # that would be planned
    skipped: int                             # that would not
    examples: list[FlowMessage]


def flows(ask: Ask) -> Page[FlowLine]:
    """Return every declared flow."""
    return Page(items=[_line(ask, row) for row in flow_list(ask.workspace)])


def flow(ask: Ask) -> FlowLine:
    """Return one flow."""
    name = flow_of(ask.workspace.project, ask.path["flow"]).name
    return next(_line(ask, row) for row in flow_list(ask.workspace) if row["flow"] == name)


def told(ask: Ask) -> FlowResults:
    """Return what came of a flow so far."""
    return results(ask.workspace, flow_of(ask.workspace.project, ask.path["flow"]))


def people(ask: Ask) -> Page[PersonInFlow]:
    """Return who is or was in a flow, those who began last first."""
    workspace, query = ask.workspace, ask.query
    name = flow_of(workspace.project, ask.path["flow"]).name
    found = workspace.book.journeys.page(
        name, limit=query.limit + 1, step=query.step, is_over=query.is_over,
        before=place_in(query.cursor, tuple[datetime, str, str]),
    )
    names = names_of(workspace, [one.customer_id for one in found])
    return page_of(
        [{"it": one} for one in found], limit=query.limit, row=lambda row: person_in_flow(row["it"], names),
        place=lambda row: (row["it"].entered_at, row["it"].customer_id, row["it"].occasion),
    )


def person_in_flow(one: JourneyLine, names: Mapping[str, str | None]) -> PersonInFlow:
    """Return a journey as it is shown; `names`: of customers."""
    same = {name: getattr(one, name) for name in JourneyLine.__slots__ if name != "step"}
    step = None if one.ended_at is not None else one.step or None
    return PersonInFlow(name=names.get(one.customer_id), step=step, **same)


def explained(ask: Ask) -> StandingInFlow:
    """Return where a customer stands with a flow, and why."""
    workspace, customer_id = ask.workspace, ask.path["customer_id"]
    customer_row(workspace, customer_id)
    found = explain(workspace, flow_of(workspace.project, ask.path["flow"]), customer_id)
    first, last = found.window
    return StandingInFlow(
        customer_id=customer_id, flow=found.flow, rests=found.rests, journeys=found.journeys,
        occasions=found.occasions, first_day=first, last_day=last,
    )


def previewed(ask: Ask) -> FlowPreview:
    """Return what the next run would make of a flow; nothing is written."""
    one = flow_of(ask.workspace.project, ask.path["flow"])
    found = preview(ask.workspace, one)
    shown = examples(ask.workspace, found, limit=ask.query.examples)
    return _preview(found, [
        FlowMessage(**{**row, "address": mask(row["address"]), "due_at": aware(row["due_at"])}) for row in shown
    ])


def paused(ask: Ask) -> Change:
    """Let a flow rest."""
    return _moved(ask, "paused")


def resumed(ask: Ask) -> Change:
    """Let it go on."""
    return _moved(ask, "running")


def _moved(ask: Ask, to: FlowState) -> Change:
    book, one = ask.workspace.book, flow_of(ask.workspace.project, ask.path["flow"])
    before = book.journeys.standing(one.name)
    reason = None if to == "running" else ask.body.reason or PAUSED
    change_state(book, one, to, at=ask.workspace.clock.now(), reason=reason)
    after = book.journeys.standing(one.name)
    return Change(what=f"flow.{to}", subject=one.name, before=before, after=after, answer=after)


def _line(ask: Ask, row: dict[str, Any]) -> FlowLine:
    one: Flow = flow_of(ask.workspace.project, row["flow"])
    return FlowLine(who=who(one.trigger), steps=[StepLine(**step) for step in way(one)], **row)


def _preview(found: Preview, shown: list[FlowMessage]) -> FlowPreview:
    decided, rows = found.decided, [row for batch in found.batches for row in batch.rows["reason"].to_pylist()]
    return FlowPreview(
        flow=decided.flow.name, as_of=decided.at, begin=decided.begun.num_rows,
        refused=[Number(reason=reason, number=number) for reason, number in found.refusals],
        end=[Number(reason=reason, number=number) for reason, number in found.endings],
        steps=[StepTaken(step=step, outcome=outcome, journeys=number) for step, outcome, number in found.taken],
        messages=rows.count(None), skipped=len(rows) - rows.count(None), examples=shown,
    )


_ONE = "/flows/{flow}"
ROUTES = (
    ApiRoute(
        name="listFlows", path="/flows", answer=flows, gives=Page[FlowLine],
        sentence="Every declared flow, its steps in words, and how many are on the way.",
    ),
    ApiRoute(name="getFlow", path=_ONE, answer=flow, gives=FlowLine, errors=(404,), sentence="One flow."),
    ApiRoute(
        name="listPeopleInFlow", path=f"{_ONE}/people", answer=people, gives=Page[PersonInFlow], query=Which,
        errors=(404,), sentence="Who is or was in a flow and at which step, those who began last first.",
    ),
    ApiRoute(
        name="explainFlow", path=f"{_ONE}/people/{{customer_id}}", answer=explained, gives=StandingInFlow,
        errors=(404,),
        sentence="Where a customer stands with a flow: every journey step by step, every occasion that began none.",
    ),
    ApiRoute(
        name="previewFlow", path=f"{_ONE}/preview", answer=previewed, gives=FlowPreview, query=Few, errors=(404,),
        sentence="What the next run would make of a flow: who begins, who leaves, what is sent; nothing is written.",
    ),
    ApiRoute(
        name="getFlowResults", path=f"{_ONE}/results", answer=told, gives=FlowResults, errors=(404,),
        sentence="What came of a flow: step by step, how journeys ended, and what it is worth against its holdout.",
    ),
    ApiRoute(
        name="pauseFlow", path=f"{_ONE}/pause", answer=paused, gives=Standing, method="POST", scope="write", body=Said,
        errors=(404, 409), sentence="Let a flow rest: nobody comes into it or goes on, nothing of it is sent.",
    ),
    ApiRoute(
        name="resumeFlow", path=f"{_ONE}/resume", answer=resumed, gives=Standing, method="POST", scope="write",
        errors=(404, 409), sentence="Let a flow go on; what it missed is caught up with, unless it is too late for it.",
    ),
)
