"""What one experiment says: can it be trusted, what is the verdict, then every number."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from regulars.pipeline.experiment import decisions, experiment_named
from regulars.pipeline.read import content_of, digest
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace
from regulars.web.answers import Shown, to_csv
from regulars.web.experiment import ExperimentPage, gather, page_of
from regulars.web.pages.page import DashboardPage, Visit

MADE_OF = ("customers", "events", "money", "identity", "memberships", "household_members")
"""Tables that a report is made of."""

KEPT = 32
"""Reports that are kept while they are true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultView:
    """An experiment's page, and what it was made of."""

    title: str
    sentence: str
    page: ExperimentPage
    shown: Shown


@dataclass(slots=True)
class _Kept:
    """Views under what they are made of, the last ones asked for."""

    views: OrderedDict[str, ResultView] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)


_KEPT = _Kept()


def result_page(visit: Visit) -> ResultView:
    """Return what an experiment says; computed when something it is made of changed. Raises NotFound."""
    workspace, name = visit.workspace, visit.path["experiment"]
    made_of = _made_of(workspace, name)
    with _KEPT.lock:
        if found := _KEPT.views.get(made_of):
            _KEPT.views.move_to_end(made_of)
            return found
    shown = gather(workspace, name)
    page = page_of(workspace, shown)
    view = ResultView(title=page.title, sentence=page.about, page=page, shown=shown)
    with _KEPT.lock:
        _KEPT.views[made_of] = view
        while len(_KEPT.views) > KEPT:
            _KEPT.views.popitem(last=False)
    return view


def _made_of(workspace: Workspace, name: str) -> str:
    experiment, book = experiment_named(workspace, name), workspace.book.experiments
    return digest(
        repr(experiment), repr(workspace.project.metrics), repr(workspace.project.segments), workspace.book.tenant,
        str(as_of_now(workspace).day), [content_of(workspace, table) for table in MADE_OF], book.size(name),
        book.seen(name), repr(decisions(workspace, name)),
    )


PAGE = DashboardPage(
    name="result", path="/experiments/{experiment}", section="experiments", template="result.html", view=result_page,
    json=lambda view: view.shown.report, csv=lambda view: to_csv(view.shown).encode("utf-8"),
)
