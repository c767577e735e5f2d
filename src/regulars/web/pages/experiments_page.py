"""Experiments: what is asked, how far each is, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass

from regulars.pipeline.experiment import experiment_list
from regulars.web.api.experiments import ExperimentLine
from regulars.web.api.route import Page
from regulars.web.api.twin import csv_of
from regulars.web.pages.page import DashboardPage, Visit

STATES = {
    "draft": ("○", "draft"), "waits": ("○", "waits for its first day"), "runs": ("●", "runs"), "ended": ("✓", "ended"),
    "winner": ("✓", "has a winner"), "stopped": ("▲", "stopped"), "tripped": ("▲", "stopped by a guardrail"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRow:
    """An experiment and its state in words."""

    line: ExperimentLine
    mark: str
    words: str
    day: int | None                          # from 1, while it runs
    days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentsView:
    """Every declared experiment."""

    title: str
    sentence: str
    rows: tuple[ExperimentRow, ...]


def experiments_page(visit: Visit) -> ExperimentsView:
    """Return every declared experiment, those that run first."""
    rows = sorted(
        (_row(ExperimentLine(**each), visit) for each in experiment_list(visit.workspace)),
        key=lambda row: (row.line.state != "runs", row.line.experiment),
    )
    running = sum(row.line.state == "runs" for row in rows)
    sentence = f"{len(rows)} {'experiment' if len(rows) == 1 else 'experiments'}, {running} running now."
    return ExperimentsView(title="Experiments", sentence=sentence, rows=tuple(rows))


def _row(line: ExperimentLine, visit: Visit) -> ExperimentRow:
    mark, words = STATES.get(line.state, ("○", line.state))
    begins, ends = line.begins, line.ends
    return ExperimentRow(
        line=line, mark=mark, words=words,
        day=(visit.latest.day - begins).days + 1 if begins and line.state == "runs" else None,
        days=(ends - begins).days + 1 if begins and ends else None,
    )


PAGE = DashboardPage(
    name="experiments", path="/experiments", section="experiments", template="experiments.html",
    view=experiments_page, json=lambda view: [row.line for row in view.rows],
    csv=lambda view: csv_of([row.line for row in view.rows], Page[ExperimentLine]), needs_run=False,
)
