"""Why a customer is in a segment or not: every line of the rule, whether it holds, and the number that decides."""

from __future__ import annotations

from dataclasses import dataclass

from regulars.pipeline.find import customer_row
from regulars.pipeline.segment import explain_customer
from regulars.rules.explain import ExplainedLine, Explanation
from regulars.web.api.route import Page
from regulars.web.api.twin import csv_of
from regulars.web.pages.page import DashboardPage, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyView:
    """An explanation, and which others can be asked for."""

    title: str
    sentence: str
    customer_id: str
    explanation: Explanation
    segments: tuple[tuple[str, str], ...]    # name and title of each


def why_page(visit: Visit) -> WhyView:
    """Return why somebody is in a segment or not. Raises NotFound for either."""
    workspace, customer_id, segment = visit.workspace, visit.path["customer_id"], visit.path["segment"]
    name = customer_row(workspace, customer_id)["name"] or "No name"
    found = explain_customer(workspace, customer_id, segment)
    return WhyView(
        title=f"{name}: {found.title or segment}", sentence=f"{found.why[:1].upper()}{found.why[1:]}.",
        customer_id=customer_id, explanation=found,
        segments=tuple((each.name, each.title or each.name) for each in workspace.project.segments),
    )


PAGE = DashboardPage(
    name="why", path="/customers/{customer_id}/why/{segment}", section="customers", template="why.html",
    view=why_page, csv=lambda view: csv_of(view.explanation.lines, Page[ExplainedLine]),
)
