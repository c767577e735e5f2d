"""What came of a flow, what its next run would do, and why somebody is in it or is not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.campaign import DOT
from regulars.campaigns.template import Message as Filled
from regulars.check import did_you_mean
from regulars.clock import Clock
from regulars.errors import GuardError, NotFound
from regulars.experiments.verdict import Answer, Verdict
from regulars.flows.enter import entry_window
from regulars.flows.flow import Flow
from regulars.pipeline.campaign import words
from regulars.pipeline.experiment import experiment_report
from regulars.pipeline.flow_messages import Batch, composed
from regulars.pipeline.journeys import Decided, decide, rests
from regulars.pipeline.merged import merged_into
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace
from regulars.project import Project
from regulars.storage.book import Book
from regulars.storage.book.audit import Changed
from regulars.storage.book.journeys import FlowState
from regulars.storage.book.message_list import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What came of one step."""

    step: str
    kind: str
    waiting: int                             # journeys that rest at it
    outcomes: dict[str, int]                 # journeys that took it
    messages: dict[str, int]                 # by state in the ledger; of a message alone
    stages: dict[str, int]                   # messages that reached what receipts told of


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowResults:
    """What came of a flow so far."""

    flow: str
    as_of: datetime
    rests: str | None                        # why it does nothing now
    begun: int                               # journeys
    held_out: int
    on_the_way: int
    endings: dict[str, int]
    steps: list[StepResult]
    experiment: str | None                   # of its holdout
    verdict: Verdict | None
    worth: list[Answer]                      # what the flow changes, by the holdout's primary metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a run would make of a flow now."""

    decided: Decided
    batches: list[Batch]

    @property
    def refusals(self) -> list[tuple[str, int]]:
        """Return why occasions begin no journey, and how many; the most first."""
        found = Counter(pc.drop_null(self.decided.considered["refusal"]).to_pylist())
        return sorted(found.items(), key=lambda one: (-one[1], one[0]))

    @property
    def endings(self) -> list[tuple[str, int]]:
        """Return why journeys would end before their last step, and how many."""
        found = Counter(self.decided.ended["reason"].to_pylist())
        return sorted(found.items(), key=lambda one: (-one[1], one[0]))

    @property
    def taken(self) -> list[tuple[str, str, int]]:
        """Return step, outcome and how many journeys would take it so."""
        rows = self.decided.advanced.taken
        found = Counter(zip(rows["step"].to_pylist(), rows["outcome"].to_pylist(), strict=True))
        order = {step.name: n for n, step in enumerate(self.decided.flow.steps)}
        return [(*key, found[key]) for key in sorted(found, key=lambda key: (order[key[0]], key[1]))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Where somebody stands with a flow."""

    customer_id: str
    flow: str
    rests: str | None
    journeys: list[dict[str, Any]]           # each with its steps, and the state of their messages
    occasions: list[dict[str, Any]]          # that have no journey, each with why
    window: tuple[date, date]                # the days whose occasions may begin one today


def flow_of(project: Project, name: str) -> Flow:
    """Return a declared flow. Raises NotFound naming the closest one."""
    for flow in project.flows:
        if flow.name == name:
            return flow
    names = [flow.name for flow in project.flows]
    raise NotFound(f"there is no flow {name!r}", hint=did_you_mean(name, names) if names else "write flows/NAME.yaml")


def flow_list(workspace: Workspace) -> list[dict[str, Any]]:
    """Return every declared flow: flow, title, on_the_way, begun, state."""
    rows = []
    for flow in workspace.project.flows:
        counts = workspace.book.journeys.counts(flow.name)
        rows.append({
            "flow": flow.name, "title": flow.title, "begun": sum(number for *_, number in counts),
            "on_the_way": sum(number for *_, ending, number in counts if ending is None),
            "state": "rests" if rests(workspace, flow) else "runs",
        })
    return rows


def preview(workspace: Workspace, flow: Flow) -> Preview:
    """Return what a run would make of a flow now; nothing is written down."""
    decided = decide(workspace, flow)
    return Preview(decided=decided, batches=composed(
        workspace, flow, decided.advanced.sends, permitted=decided.permitted, events=decided.events
    ))


def examples(workspace: Workspace, found: Preview, *, limit: int) -> list[dict[str, Any]]:
    """Return some messages as their readers would have them: customer_id, address, step, due_at, subject, text."""
    rows = []
    for batch in found.batches:
        ready = words(workspace.project, batch.campaign)
        going = batch.rows.filter(pc.equal(batch.rows["state"], "planned")).slice(0, limit)
        for row in going.to_pylist():
            filled = ready.fill(row["variant"], row["gaps"])
            said = {"subject": filled.subject, "text": filled.text} if isinstance(filled, Filled) else {
                "subject": "", "text": f"not sent: {filled.reason}"
            }
            rows.append({
                "customer_id": row["customer_id"], "address": row["address"], "step": batch.campaign.name,
                "due_at": row["due_at"], **said,
            })
    return rows[:limit]


def results(workspace: Workspace, flow: Flow) -> FlowResults:
    """Return what came of a flow so far; without its message ledger's account nothing of it is counted twice."""
    counts = workspace.book.journeys.counts(flow.name)
    outcomes = workspace.book.journeys.outcomes(flow.name)
    states, stages = workspace.book.campaigns.totals(f"{flow.name}{DOT}")
    endings: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    for step, _, ending, number in counts:
        endings.update({ending: number} if ending is not None else {})
        waiting.update({step: number} if ending is None else {})
    verdict, worth = _worth(workspace, flow)
    return FlowResults(
        flow=flow.name, as_of=workspace.clock.now(), rests=rests(workspace, flow),
        begun=sum(number for *_, number in counts), held_out=sum(number for _, held, _, number in counts if held),
        on_the_way=sum(waiting.values()), endings=dict(sorted(endings.items())),
        steps=[StepResult(
            step=step.name, kind=type(step).__name__.lower(), waiting=waiting[step.name],
            outcomes={what: number for name, what, number in outcomes if name == step.name},
            messages={state: n for name, state, n in states if name == f"{flow.name}{DOT}{step.name}"},
            stages={stage: n for name, stage, n in stages if name == f"{flow.name}{DOT}{step.name}"},
        ) for step in flow.steps],
        experiment=None if flow.holdout is None else flow.holdout.name, verdict=verdict, worth=worth,
    )


def explain(workspace: Workspace, flow: Flow, customer_id: str) -> Told:
    """Say where somebody stands with a flow: every journey with its steps, every occasion with why it began none."""
    ids = [customer_id, *merged_into(workspace, customer_id)]
    taken = workspace.book.journeys.steps_of(flow.name, ids).to_pylist()
    sent = {(one.campaign, one.occurrence): one for each in ids for one in workspace.book.message_list.page(
        Wanted(customer_id=each), limit=1000
    ) if one.campaign.startswith(f"{flow.name}{DOT}")}
    journeys = []
    for row in workspace.book.journeys.of(flow.name, ids).to_pylist():
        steps = [step for step in taken if (step["customer_id"], step["occasion"]) == (
            row["customer_id"], row["occasion"]
        )]
        for step in steps:
            message = sent.get((f"{flow.name}{DOT}{step['step']}", row["occurrence"]))
            step["message"] = None if message is None else message.state
            step["reason"] = None if message is None else message.reason
        journeys.append({**row, "steps": steps})
    considered = decide(workspace, flow).considered
    mine = considered.filter(pc.is_in(considered["customer_id"], pa.array(ids))).to_pylist()
    return Told(
        customer_id=customer_id, flow=flow.name, rests=rests(workspace, flow), journeys=journeys,
        occasions=[{**row, "refusal": row["refusal"] or "begins one with the next run"} for row in mine],
        window=entry_window(flow, as_of_now(workspace).day),
    )


def change_state(book: Book, flow: Flow, state: FlowState, *, at: datetime, reason: str | None = None) -> None:
    """Let a flow and its messages rest, or go on. Raises GuardError where it does already."""
    before = book.journeys.standing(flow.name).state
    ones = [one for name in book.campaigns.names(f"{flow.name}{DOT}") for one in book.campaigns.occurrences(name)]
    paused = [one for one in ones if one.state == "paused"]
    if before == state and not (state == "running" and paused):
        raise GuardError(f"{flow.name} is {before} already", hint="regulars flow list")
    # The flow first where it is to rest, its messages first where they go on: killed in between it still rests.
    if state == "paused":
        book.journeys.stand(flow.name, state, reason=reason, at=at)
    for one in ones:
        if state == "paused" and one.state in {"sending", "scheduled"}:
            book.campaigns.move(one.campaign_id, "paused", at=at, reason=reason)
        elif state == "running" and one.state == "paused":
            book.campaigns.move(one.campaign_id, "sending", at=at)
    if state == "running":
        book.journeys.stand(flow.name, state, reason=None, at=at)


def stand(book: Book, flow: Flow, state: FlowState, *, by: str, clock: Clock, reason: str | None = None) -> None:
    """Let a flow rest or go on, and write down who did; see `change_state`."""
    before, now = book.journeys.standing(flow.name).state, clock.now()
    change_state(book, flow, state, at=now, reason=reason)
    book.audit.add(Changed(at=now, by=by, what=f"flow.{state}", subject=flow.name, before=before, after=state))


def _worth(workspace: Workspace, flow: Flow) -> tuple[Verdict | None, list[Answer]]:
    if flow.holdout is None:
        return None, []
    try:
        found = experiment_report(workspace, flow.holdout.name)
    except NotFound:
        return None, []
    return found.verdict, [answer for answer in found.answers if answer.role == "primary"]

