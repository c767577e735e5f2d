"""What one experiment says: can it be trusted, what is the verdict, then every number."""

from __future__ import annotations

from dataclasses import dataclass

from regulars.pipeline.experiment import decisions, experiment_named
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.tables import HOUSEHOLD_MEMBERS
from regulars.pipeline.workspace import Workspace
from regulars.web.answers import Shown, to_csv
from regulars.web.experiment import ExperimentPage, gather, page_of
from regulars.web.pages.kept import Kept, made_of
from regulars.web.pages.page import DashboardPage, Visit

MADE_OF = ("customers", "events", "money", "identity", "memberships", HOUSEHOLD_MEMBERS)
"""Tables that a report is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultView:
    """An experiment's page, and what it was made of."""

    title: str
    sentence: str
    page: ExperimentPage
    shown: Shown


_KEPT: Kept[ResultView] = Kept(most=32)


def result_page(visit: Visit) -> ResultView:
    """Return what an experiment says; computed when something it is made of changed. Raises NotFound."""
    name = visit.path["experiment"]
    return _KEPT.get(_fingerprint(visit.workspace, name), lambda: _result(visit.workspace, name))


def _result(workspace: Workspace, name: str) -> ResultView:
    shown = gather(workspace, name)
    page = page_of(workspace, shown)
    return ResultView(title=page.title, sentence=page.about, page=page, shown=shown)


def _fingerprint(workspace: Workspace, name: str) -> str:
    book, project = workspace.book.experiments, workspace.project
    return made_of(
        workspace, MADE_OF, experiment_named(workspace, name), project.metrics, project.segments,
        as_of_now(workspace).day, book.size(name), book.seen(name), decisions(workspace, name),
    )


PAGE = DashboardPage(
    name="result", path="/experiments/{experiment}", section="experiments", template="result.html", view=result_page,
    json=lambda view: view.shown.report, csv=lambda view: to_csv(view.shown).encode("utf-8"),
)
