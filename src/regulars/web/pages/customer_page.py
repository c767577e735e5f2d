"""One customer: who they are, whether we may write, what happened, in which segments they are, what they paid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

from regulars.pipeline.consent import show_customer
from regulars.pipeline.find import customer_row, money_of, months_of, profiles_of
from regulars.pipeline.stays import memberships_of
from regulars.pipeline.timeline import Place, course
from regulars.storage.book.audit import Changed
from regulars.storage.book.experiments import Stand
from regulars.web.api.customers import Allowed, ProfileLine, Stay, allowed_lines
from regulars.web.api.paging import aware, page_of, place_in
from regulars.web.api.route import Cursor, Page
from regulars.web.api.twin import csv_of
from regulars.web.mask import mask, mask_within
from regulars.web.number import money
from regulars.web.pages.page import DashboardPage, PageForm, Told, Visit

EVENTS = 50
TOLD = 4
"""Attributes of an event that a line tells."""

_INNER = {
    "event_id", "event_type", "source", "occurred_at", "business_day", "month", "recorded_at", "stream", "record_key",
    "profile_source", "profile_id", "is_interval",
}
_OWN = {
    "customer_id", "name", "first_name", "last_name", "email", "phone", "birthday", "first_seen", "last_seen",
    "household_id", "profiles", "sources",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineWish:
    """Which part of the timeline."""

    type: str | None = None
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """Something that happened, once or several times alike."""

    event_type: str
    source: str
    occurred_at: datetime                    # of the newest of them
    business_day: date
    times: int
    told: tuple[tuple[str, str], ...]        # what the event says, addresses and numbers hidden


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A business day of the timeline."""

    day: date
    events: tuple[EventLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """A type of event and how many there are."""

    event_type: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyLine:
    """What a customer paid or got back, by kind, ever."""

    kind: str
    currency: str
    lines: int
    amount: int                              # minor units


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerView:
    """What is known of one customer."""

    title: str
    sentence: str
    customer_id: str
    email: str | None
    phone: str | None
    is_revealed: bool
    birthday: date | None
    first_seen: date | None
    last_seen: date | None
    household_id: str | None
    traits: tuple[tuple[str, str], ...]
    profiles: tuple[ProfileLine, ...]
    consent: tuple[Allowed, ...]
    segments: tuple[Stay, ...]
    experiments: tuple[Stand, ...]
    money: tuple[MoneyLine, ...]
    types: tuple[EventType, ...]
    type: str | None                         # the one that is shown; None: all
    days: tuple[Day, ...]
    next: str | None


def customer_page(visit: Visit) -> CustomerView:
    """Return one customer. Raises NotFound for an id that nobody has."""
    workspace, wish, customer_id = visit.workspace, visit.query, visit.path["customer_id"]
    row = customer_row(workspace, customer_id)
    profiles = profiles_of(workspace, customer_id)
    mine = [(each["profile_source"], each["profile_id"]) for each in profiles]
    after = place_in(visit.after, tuple[datetime, str])
    found = course(
        workspace, customer_id, mine, limit=EVENTS + 1, months=months_of(row), event_type=wish.type,
        after=None if after is None else Place(occurred_at=after[0], event_id=after[1]),
    )
    shown = page_of(
        found.events, limit=EVENTS, row=lambda event: event,
        place=lambda event: (event["occurred_at"], event["event_id"]),
    )
    stays = tuple(Stay(**each) for each in memberships_of(workspace, customer_id))
    currency = workspace.project.config.business.currency
    hide = _whole if visit.told.reveals else mask
    units = [unit for unit in (customer_id, row["household_id"]) if unit]
    names = [each.name for each in workspace.project.experiments]
    return CustomerView(
        title=row["name"] or "No name", sentence=_sentence(row, len(stays)), customer_id=customer_id,
        email=hide(row["email"]), phone=hide(row["phone"]), is_revealed=visit.told.reveals, birthday=row["birthday"],
        first_seen=row["first_seen"], last_seen=row["last_seen"], household_id=row["household_id"],
        traits=tuple(
            (name, _said(name, value, currency))
            for name, value in row.items() if name not in _OWN and value is not None
        ),
        profiles=tuple(_profile(each, hide) for each in profiles),
        consent=tuple(
            line for each in show_customer(workspace, row) for line in allowed_lines(each, hide=hide)
        ),
        segments=stays, experiments=tuple(workspace.book.experiments.stands(units, experiments=names)),
        money=tuple(MoneyLine(**each) for each in money_of(workspace, mine)),
        types=tuple(EventType(event_type=name, events=events) for name, events in found.types), type=wish.type,
        days=tuple(_days(shown.items, reveals=visit.told.reveals, currency=currency)), next=shown.next,
    )


def _whole(text: str | None) -> str | None:
    return text


def _sentence(row: Mapping[str, Any], segments: int) -> str:
    if row["first_seen"] is None:
        return "Known by name, and never seen."
    stays = "in no segment" if not segments else f"in {segments} segment{'' if segments == 1 else 's'}"
    return f"First seen {row['first_seen']:%-d %b %Y}, last {row['last_seen']:%-d %b %Y}; {stays} now."


def _profile(row: Mapping[str, Any], hide: Callable[[str | None], str | None]) -> ProfileLine:
    return ProfileLine(
        source=row["profile_source"], id=row["profile_id"], name=row["raw_name"], email=hide(row["email"]),
        phone=hide(row["phone"]), evidence=row["evidence"],
    )


def _days(events: Iterable[Mapping[str, Any]], *, reveals: bool, currency: str) -> list[Day]:
    return [
        Day(day=day, events=tuple(_folded([_line(event, reveals=reveals, currency=currency) for event in those])))
        for day, those in groupby(events, key=lambda event: event["business_day"])
    ]


def _folded(lines: Iterable[EventLine]) -> list[EventLine]:
    """Return lines with what came several times in a row as one."""
    found = []
    for _, alike in groupby(lines, key=lambda line: (line.event_type, line.source, line.told)):
        those = list(alike)
        found.append(replace(those[0], times=len(those)))
    return found


def _said(name: str, value: object, currency: str) -> str:
    """Return a value as people read it."""
    if isinstance(value, bool) or value in {"true", "false"}:
        return "yes" if str(value).lower() == "true" else "no"
    return money(value, currency) if name == "amount" and isinstance(value, int) else str(value)


def _line(event: Mapping[str, Any], *, reveals: bool, currency: str) -> EventLine:
    said = [
        (name, _said(name, value, currency)) for name, value in event.items()
        if name not in _INNER and not name.endswith("_id")
    ]
    told = said if reveals else [(name, mask_within(value)) for name, value in said]
    return EventLine(
        event_type=event["event_type"], source=event["source"], occurred_at=aware(event["occurred_at"]),
        business_day=event["business_day"], times=1, told=tuple(told[:TOLD]),
    )


def _happened(view: CustomerView) -> bytes:
    return csv_of([event for day in view.days for event in day.events], Page[EventLine])


def _reveal(visit: Visit, said: Mapping[str, str]) -> Told:  # noqa: ARG001  as all forms
    customer_row(visit.workspace, visit.path["customer_id"])     # of nobody there is nothing to reveal
    # Written down before it is shown: what could not be written is not shown.
    visit.workspace.book.audit.add(Changed(
        at=visit.workspace.clock.now(), by=visit.visitor.name, what="customer.reveal",
        subject=visit.path["customer_id"], request_id=visit.request_id,
    ))
    return Told(reveals=True)


PAGE = DashboardPage(
    name="customer", path="/customers/{customer_id}", section="customers", template="customer.html",
    view=customer_page, query=TimelineWish, csv=_happened,
)

FORMS = (PageForm(name="reveal", path=f"{PAGE.path}/reveal", page=PAGE, may="reveal", act=_reveal),)
