"""Data health: what comes in and how fresh it is, how runs ended, what the checks found, what was set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regulars.check import Finding
from regulars.pipeline.inspect import last_findings
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.runs import RunRow
from regulars.storage.door.generation import RECEIVED
from regulars.web.api.quarantine import Held, held_back
from regulars.web.api.route import Page
from regulars.web.api.twin import csv_of
from regulars.web.freshness import Lag
from regulars.web.pages.page import DashboardPage, DoorCounts, Visit

SHOWN_RUNS = 10
ORDER = ("failed", "warning", "ok", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLine:
    """A stream of a source, and how fresh it is."""

    source: str
    stream: str
    how: str                                 # pulled, or pushed to us
    rows: int                                # raw items that ever came
    last_at: datetime | None
    held: int                                # records in quarantine
    state: str                               # of its checks, the gravest: ok, warning, failed, skipped
    words: str                               # what its gravest check says


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A run and its steps in sum."""

    run: RunRow
    steps: int
    failed: int
    seconds: float
    slowest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLine:
    """What came through the door from one source: `received` is the sum of the next four."""

    source: str
    received: int
    stored: int
    duplicate: int
    quarantined: int
    blocked: int
    purged: int                              # of what was stored or set aside: taken out again since


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLine:
    """What outside systems posted to one source."""

    source: str
    waiting: int
    done: int
    dead: int                                # given up until a person has it tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthView:
    """How the data is."""

    title: str
    sentence: str
    counts: tuple[tuple[str, str, int], ...]  # state, words, how many streams
    streams: tuple[StreamLine, ...]
    runs: tuple[RunLine, ...]
    checks: tuple[Finding, ...]              # the gravest first
    held: tuple[Held, ...]
    door: tuple[DoorLine, ...]
    lag: Lag | None                          # None: no door is open
    webhooks: tuple[WebhookLine, ...]


def health_page(visit: Visit) -> HealthView:
    """Return how the data is, also before the first run."""
    workspace = visit.workspace
    findings = last_findings(workspace)
    held = held_back(workspace)
    streams = tuple(_streams(workspace, findings, held))
    checks = tuple(sorted(findings, key=lambda each: ORDER.index(each.status)))
    runs = tuple(_run(workspace, run) for run in workspace.book.runs.last_runs(SHOWN_RUNS))
    words = {"failed": "broken", "warning": "want a look", "ok": "fresh", "skipped": "not known"}
    counts = tuple((state, words[state], sum(each.state == state for each in streams)) for state in ORDER)
    return HealthView(
        title="Data health", sentence=_sentence(runs, findings, held), counts=counts, streams=streams, runs=runs,
        checks=checks, held=tuple(held), door=tuple(door_lines(workspace, visit.door)), lag=visit.lag(),
        webhooks=tuple(_webhooks(workspace)),
    )


def door_lines(workspace: Workspace, door: DoorCounts) -> list[DoorLine]:
    """Return what came through the door, by source."""
    counts, purges = door(), workspace.book.purges.listed()
    lines = []
    for source in sorted({of for of, _ in counts}):
        of = {outcome: counts.get((source, outcome), 0) for outcome in RECEIVED}
        purged = sum(one.gone for one in purges if one.source == source)
        lines.append(DoorLine(source=source, received=sum(of.values()), **of, purged=purged))
    return lines


def _webhooks(workspace: Workspace) -> list[WebhookLine]:
    counts = workspace.book.webhooks.counts()
    return [
        WebhookLine(source=source, waiting=counts.get((source, "waiting"), 0), done=counts.get((source, "done"), 0),
                    dead=counts.get((source, "dead"), 0))
        for source in sorted({of for of, _ in counts})
    ]


def _streams(workspace: Workspace, findings: Sequence[Finding], held: Sequence[Held]) -> list[StreamLine]:
    landed = {(each.source, each.stream): each for each in workspace.book.pages.landed()}
    found = []
    for source in workspace.project.sources:
        for stream in source.streams:
            place = landed.get((source.name, stream.name))
            mine = [each for each in findings if each.where == stream.full_name]
            gravest: Any = min(mine, key=lambda each: ORDER.index(each.status), default=None)
            found.append(StreamLine(
                source=source.name, stream=stream.name, how="pushed" if stream.is_pushed else "pulled",
                rows=place.rows if place else 0, last_at=place.last_at if place else None,
                held=sum(each.records for each in held if (each.source, each.stream) == (source.name, stream.name)),
                state=gravest.status if gravest else "skipped",
                words=gravest.message if gravest else "no check looks at it",
            ))
    return found


def _run(workspace: Workspace, run: RunRow) -> RunLine:
    steps = workspace.book.runs.steps(run.run_id)
    slowest = max(steps, key=lambda step: step.seconds or 0.0, default=None)
    return RunLine(
        run=run, steps=len(steps), failed=sum(step.outcome == "failed" for step in steps),
        seconds=sum(step.seconds or 0.0 for step in steps), slowest=slowest.step if slowest else "",
    )


def _sentence(runs: Sequence[RunLine], findings: Sequence[Finding], held: Sequence[Held]) -> str:
    if not runs:
        return "Nothing was run yet: sources, checks and what is set aside stand here after the first run."
    last = {"done": "The last run went well", "failed": "The last run failed", None: "A run goes on"}.get(
        runs[0].run.outcome, "The last run was interrupted"
    )
    judged = [each for each in findings if each.status != "skipped"]
    good, records = sum(each.status == "ok" for each in judged), sum(each.records for each in held)
    return f"{last}; {good} of {len(judged)} checks hold; {records:,} records are set aside."


PAGE = DashboardPage(
    name="health", path="/health", section="health", template="health.html", view=health_page, needs_run=False,
    csv=lambda view: csv_of(view.streams, Page[StreamLine]),
)
