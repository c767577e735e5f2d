"""One run: its steps in order, how long each took, what went in and came out, and the error of one that failed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from regulars.storage.book.runs import RunRow, StepRow
from regulars.web.api.route import Page
from regulars.web.api.twin import csv_of
from regulars.web.mask import mask_within
from regulars.web.number import seconds
from regulars.web.pages.page import DashboardPage, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """A step of a run."""

    step: StepRow                            # addresses and numbers in its error are hidden
    share: float                             # of the slowest step's time, of 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run with its steps."""

    title: str
    sentence: str
    run: RunRow
    steps: tuple[RunStep, ...]


def run_page(visit: Visit) -> RunView:
    """Return one run. Raises NotFound."""
    book = visit.workspace.book.runs
    run, steps = book.run(visit.path["run_id"]), book.steps(visit.path["run_id"])
    longest = max((step.seconds or 0.0 for step in steps), default=0.0) or 1.0
    told = tuple(
        RunStep(
            step=replace(step, error=step.error and mask_within(step.error)),
            share=round(100 * (step.seconds or 0.0) / longest, 1),
        )
        for step in steps
    )
    failed = [step.step for step in steps if step.outcome == "failed"]
    total = sum(step.seconds or 0.0 for step in steps)
    how = f"failed at {', '.join(failed)}" if failed else f"is {run.outcome}" if run.outcome else "goes on"
    return RunView(
        title=f"Run {run.run_id}", sentence=f"The run {how}: {len(steps)} steps in {seconds(total)}.", run=run,
        steps=told,
    )


PAGE = DashboardPage(
    name="run", path="/health/runs/{run_id}", section="health", template="run.html", view=run_page, needs_run=False,
    json=lambda view: {"run": view.run, "steps": [each.step for each in view.steps]},
    csv=lambda view: csv_of([each.step for each in view.steps], Page[StepRow]),
)
