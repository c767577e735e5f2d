"""Flows: what is said to whoever comes into one, and how many are on the way."""

from __future__ import annotations

from dataclasses import dataclass

from regulars.flows.told import who
from regulars.pipeline.flow_results import flow_list
from regulars.pipeline.journeys import rests
from regulars.web.api.route import Page
from regulars.web.api.twin import csv_of
from regulars.web.pages.page import DashboardPage, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRow:
    """A declared flow and how it stands."""

    flow: str
    title: str
    who: str                                 # comes into it, in words
    steps: int
    begun: int                               # journeys
    on_the_way: int
    rests: str | None                        # why it does nothing now; None: it runs


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowsView:
    """Every declared flow."""

    title: str
    sentence: str
    rows: tuple[FlowRow, ...]


def flows_page(visit: Visit) -> FlowsView:
    """Return every declared flow."""
    workspace = visit.workspace
    counts = {row["flow"]: row for row in flow_list(workspace)}
    rows = tuple(
        FlowRow(
            flow=each.name, title=each.title, who=who(each.trigger), steps=len(each.steps),
            begun=counts[each.name]["begun"], on_the_way=counts[each.name]["on_the_way"],
            rests=rests(workspace, each),
        )
        for each in workspace.project.flows
    )
    return FlowsView(title="Flows", sentence=_sentence(rows), rows=rows)


def _sentence(rows: tuple[FlowRow, ...]) -> str:
    if not rows:
        return "None is declared yet: flows/*.yaml says what is said to whoever comes into one."
    resting, going = sum(row.rests is not None for row in rows), sum(row.on_the_way for row in rows)
    told = f"{len(rows)} {'flow' if len(rows) == 1 else 'flows'}, {going:,} on the way"
    return f"{told}; {resting} {'rests' if resting == 1 else 'rest'}." if resting else f"{told}."


PAGE = DashboardPage(
    name="flows", path="/flows", section="campaigns", template="flows.html", view=flows_page, needs_run=False,
    json=lambda view: view.rows, csv=lambda view: csv_of(view.rows, Page[FlowRow]),
)
