"""One flow: its picture with how many rest at each step, what came of every step, who is in it and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from regulars.flows.flow import END, Flow
from regulars.flows.told import leading, way, who
from regulars.pipeline.flow_results import FlowResults, change_state, flow_of, results
from regulars.pipeline.named import names_of
from regulars.storage.book.audit import Changed
from regulars.storage.book.journeys import FlowState
from regulars.web.api.flows import PersonInFlow, person_in_flow
from regulars.web.api.paging import page_of, place_in
from regulars.web.api.route import Cursor, Page
from regulars.web.api.twin import csv_of
from regulars.web.flow_picture import Box, Way, picture
from regulars.web.pages.page import DashboardPage, PageForm, Visit

PATH = "/flows/{flow}"
ROWS = 50
THE_END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowWish:
    """Whose journeys."""

    step: str | None = None                  # that rest there
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """A step with its ways and what came of it."""

    step: str
    what: str
    when: str
    waiting: int
    outcomes: str
    messages: str                            # by state in the ledger; of a message alone
    stages: str                              # what receipts told
    campaign: str | None                     # that its messages are of


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowView:
    """What is known of one flow."""

    title: str
    sentence: str
    flow: str
    description: str
    who: str                                 # comes into it, in words
    results: FlowResults
    picture: Markup
    steps: tuple[StepRow, ...]
    wish: FlowWish
    rows: tuple[PersonInFlow, ...]
    next: str | None


def flow_page(visit: Visit) -> FlowView:
    """Return one flow. Raises NotFound."""
    workspace, wish = visit.workspace, visit.query
    one = flow_of(workspace.project, visit.path["flow"])
    found = results(workspace, one)
    people = workspace.book.journeys.page(
        one.name, limit=ROWS + 1, step=wish.step, is_over=False,
        before=place_in(visit.after, tuple[datetime, str, str]),
    )
    names = names_of(workspace, [each.customer_id for each in people])
    shown = page_of(
        [{"it": each} for each in people], limit=ROWS, row=lambda row: person_in_flow(row["it"], names),
        place=lambda row: (row["it"].entered_at, row["it"].customer_id, row["it"].occasion),
    )
    return FlowView(
        title=one.title, sentence=_sentence(found), flow=one.name, description=one.description, who=who(one.trigger),
        results=found, picture=_picture(one, found), steps=tuple(_steps(one, found)), wish=wish,
        rows=tuple(shown.items), next=shown.next,
    )


def _sentence(found: FlowResults) -> str:
    far = f"{found.on_the_way:,} on the way, {found.begun:,} began"
    held = f", {found.held_out:,} held out" if found.held_out else ""
    return f"It rests: {found.rests}. {far}{held}." if found.rests else f"It runs: {far}{held}."


def _picture(one: Flow, found: FlowResults) -> Markup:
    waiting = {step.step: step.waiting for step in found.steps}
    places = {step.name: place for place, step in enumerate(one.steps)} | {END: len(one.steps)}
    boxes = [
        Box(name=row["step"], words=row["what"], number=f"{waiting[row['step']]:,} rest") for row in way(one)[:-1]
    ] + [Box(name=THE_END, words="the journey is over", number=f"{sum(found.endings.values()):,} ended")]
    between: dict[tuple[int, int], list[str]] = {}
    for each in leading(one):                # two ways between the same steps are drawn as one
        between.setdefault((places[each.step] if each.step else -1, places[each.to]), []).append(each.words)
    ways = [Way(start=start, end=end, words="; ".join(words)) for (start, end), words in between.items()]
    return picture(boxes, ways, sentence=f"The steps of {one.title} from first to last; the table below says the same.")


def _steps(one: Flow, found: FlowResults) -> Iterator[StepRow]:
    campaigns = {step.name: step.campaign.name for step in one.messages}
    for row, told in zip(way(one)[:-1], found.steps, strict=True):
        yield StepRow(
            step=told.step, what=row["what"], when=row["when"], waiting=told.waiting, outcomes=_counts(told.outcomes),
            messages=_counts(told.messages), stages=_counts(told.stages), campaign=campaigns.get(told.step),
        )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items(), key=lambda one: -one[1]))


def _moved(to: FlowState) -> PageForm:
    def act(visit: Visit, said: Mapping[str, str]) -> str:
        workspace, one = visit.workspace, flow_of(visit.workspace.project, visit.path["flow"])
        now = workspace.clock.now()
        reason = None if to == "running" else said.get("reason", "").strip()[:500] or f"{visit.visitor.name} paused it"
        change_state(workspace.book, one, to, at=now, reason=reason)
        workspace.book.audit.add(Changed(
            at=now, by=visit.visitor.name, what=f"flow.{to}", subject=one.name, request_id=visit.request_id,
        ))
        return PATH.format(flow=one.name)

    verb = "pause" if to == "paused" else "resume"
    return PageForm(name=f"flow.{verb}", path=f"{PATH}/{verb}", page=PAGE, may="send", act=act)


PAGE = DashboardPage(
    name="flow", path=PATH, section="campaigns", template="flow.html", view=flow_page, query=FlowWish,
    json=lambda view: {"results": view.results, "steps": view.steps, "people": view.rows, "next": view.next},
    csv=lambda view: csv_of(view.rows, Page[PersonInFlow]),
)

FORMS = (_moved("paused"), _moved("running"))
