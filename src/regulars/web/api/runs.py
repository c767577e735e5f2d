"""Runs: how the last ones ended, and what each step of one did."""

from __future__ import annotations

from dataclasses import dataclass

from regulars.storage.book.runs import RunRow, StepRow
from regulars.web.api.customers import Some
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.route import ApiRoute, Ask, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSteps:
    """A run with its steps in their order."""

    run: RunRow
    steps: list[StepRow]


def runs(ask: Ask) -> Page[RunRow]:
    """Return the newest runs first."""
    query: Some = ask.query
    found = ask.workspace.book.runs.last_runs(query.limit + 1, before=place_in(query.cursor, str))
    by_id = {each.run_id: each for each in found}
    return page_of(
        [{"run_id": each.run_id} for each in found], limit=query.limit, row=lambda row: by_id[row["run_id"]],
        place=lambda row: row["run_id"],
    )


def run(ask: Ask) -> RunSteps:
    """Return one run."""
    book = ask.workspace.book.runs
    return RunSteps(run=book.run(ask.path["run_id"]), steps=book.steps(ask.path["run_id"]))


ROUTES = (
    ApiRoute(
        name="listRuns", path="/runs", answer=runs, gives=Page[RunRow], query=Some,
        sentence="Runs, the newest first.",
    ),
    ApiRoute(
        name="getRun", path="/runs/{run_id}", answer=run, gives=RunSteps, sentence="One run with its steps.",
        errors=(404,),
    ),
)
