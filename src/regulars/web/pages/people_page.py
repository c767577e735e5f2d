"""Who a customer lives with and comes with: the household, guardians, and a picture of the strongest ties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from regulars.pipeline.connected import Circle, circle, has_connections
from regulars.pipeline.find import customer_row, family_of
from regulars.web.api.route import Page
from regulars.web.api.twin import csv_of
from regulars.web.chart import Chart
from regulars.web.connections import HOW
from regulars.web.network import kind_of, network
from regulars.web.pages.page import DashboardPage, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """Somebody of the household or the family."""

    customer_id: str
    name: str | None
    role: str                                # in the household, or guardian or child of the customer
    evidence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TieLine:
    """Two people who come together; the customer is one of them, or both are tied to the customer."""

    one_id: str
    one: str
    other_id: str
    other: str
    kind: str
    days_together: int | None
    expected_days: float | None              # by chance
    tie: float                               # orders ties


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleView:
    """Who belongs to a customer."""

    title: str
    sentence: str
    customer_id: str
    household: tuple[Relative, ...]
    family: tuple[Relative, ...]
    ties: tuple[TieLine, ...]
    chart: Chart | None


def people_page(visit: Visit) -> PeopleView:
    """Return who belongs to a customer. Raises NotFound for an id that nobody has."""
    workspace, customer_id = visit.workspace, visit.path["customer_id"]
    row, family = customer_row(workspace, customer_id), family_of(workspace, customer_id)
    name = row["name"] or "No name"
    around = circle(workspace, customer_id) if has_connections(workspace) else Circle(people=[], ties=[])
    home = tuple(_relative(each, each["role"]) for each in family.members)
    kin = [*((each, "guardian") for each in family.guardians), *((each, "child") for each in family.children)]
    return PeopleView(
        title=f"{name}: people", sentence=_sentence(home, around), customer_id=customer_id, household=home,
        family=tuple(_relative(each, role) for each, role in kin), ties=tuple(_ties(around)),
        chart=_picture(_frozen(around), name, customer_id) if around.ties else None,
    )


def _sentence(home: tuple[Relative, ...], around: Circle) -> str:
    lives = "Lives alone, as far as is known" if len(home) < 2 else f"Lives in a household of {len(home)}"
    ties = len(around.ties)
    along = f"{ties} {'tie' if ties == 1 else 'ties'} among those who come along" if ties else "nobody comes along"
    return f"{lives}; {along}."



def _relative(row: Mapping[str, Any], role: str) -> Relative:
    return Relative(customer_id=row["customer_id"], name=row["name"], role=role, evidence=row["evidence"])


def _ties(around: Circle) -> list[TieLine]:
    names = {person["customer_id"]: person["name"] or "No name" for person in around.people}
    return [
        TieLine(
            one_id=tie["customer_id_1"], one=names[tie["customer_id_1"]], other_id=tie["customer_id_2"],
            other=names[tie["customer_id_2"]], kind=kind_of(tie), days_together=tie["days_together"],
            expected_days=tie["expected_days"], tie=tie["tie"],
        )
        for tie in around.ties
    ]


Frozen = tuple[tuple[tuple[tuple[str, Any], ...], ...], tuple[tuple[tuple[str, Any], ...], ...]]


def _frozen(around: Circle) -> Frozen:
    """Return people and ties as a value that a drawing can be kept under."""
    return tuple(tuple(each.items()) for each in around.people), tuple(tuple(each.items()) for each in around.ties)


@lru_cache(maxsize=64)
def _picture(around: Frozen, name: str, customer_id: str) -> Chart:
    people, ties = ([dict(each) for each in part] for part in around)
    return network(
        Circle(people=people, ties=ties), title=f"{name} and who they come with",
        sentence=f"{len(people)} people, {len(ties)} ties. {HOW}", about=customer_id,
    )


PAGE = DashboardPage(
    name="people", path="/customers/{customer_id}/people", section="customers", template="people.html",
    view=people_page, json=lambda view: replace(view, chart=None), csv=lambda view: csv_of(view.ties, Page[TieLine]),
)
