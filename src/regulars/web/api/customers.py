"""Customers: a list, one of them, their timeline, who they come with, and whether they may be written to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from regulars.pipeline.connected import has_connections, strongest
from regulars.pipeline.consent import Shown, show
from regulars.pipeline.find import customer_row, months_of, profiles_of
from regulars.pipeline.listed import Wanted, customer_page
from regulars.pipeline.own import profile_keys
from regulars.pipeline.stays import memberships_of
from regulars.pipeline.timeline import Place, timeline
from regulars.web.api.paging import aware, page_of, place_in
from regulars.web.api.problem import ScopeMissing
from regulars.web.api.route import ApiRoute, Ask, Cursor, Limit, Page
from regulars.web.mask import mask

_OWN = ("customer_id", "name", "email", "phone", "birthday", "first_seen", "last_seen", "household_id")
_EVENT = ("event_id", "event_type", "source", "occurred_at", "business_day")
_INNER = {"month", "recorded_at", "stream", "record_key", "profile_source", "profile_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One person; e-mail address and number with their middle hidden, unless an admin's key asks to reveal them."""

    customer_id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    birthday: date | None = None
    first_seen: date | None = None           # business day of the first event
    last_seen: date | None = None
    household_id: str | None = None
    traits: dict[str, Any] = field(default_factory=dict)   # as declared; what is not known is not there


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileLine:
    """What one source knows the customer as, and why it is this customer."""

    source: str
    id: str
    name: str | None
    email: str | None
    phone: str | None
    evidence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A segment the customer is in now."""

    segment: str
    entered_day: date | None
    until_day: date | None                   # first day out again


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One customer with profiles and segments."""

    customer: Customer
    profiles: list[ProfileLine]
    segments: list[Stay]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """Something that happened to the customer."""

    event_id: str
    event_type: str
    source: str
    occurred_at: datetime
    business_day: date
    attributes: dict[str, Any]               # what the event says; what it does not say is not there


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """Somebody the customer comes with, seen from the customer."""

    other_id: str
    other_name: str | None
    tie: float | None                        # orders ties, the strongest first
    days_together: int | None
    expected_days: float | None              # by chance
    p_value: float | None
    is_companion: bool | None
    is_family: bool | None
    led: int | None                          # days on which the customer came first
    followed: int | None
    passes_given: int | None
    passes_got: int | None
    last_day: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """Whether a message may go to the customer now, for one channel and purpose."""

    channel: str
    purpose: str
    address: str | None                      # hidden as a customer's; null: nothing reaches them
    allowed: bool
    reason: str
    until: datetime | None                   # from when on it may, where that is known


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerList:
    """Which customers."""

    limit: Limit = 50
    cursor: Cursor | None = None
    q: str | None = None                     # id, source/id, e-mail address, phone number or full name
    segment: str | None = None
    seen_since: date | None = None
    reveal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reveal:
    """Whether addresses and numbers are shown whole; for keys of scope admin."""

    reveal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    """How many, and from where on."""

    limit: Limit = 50
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Most:
    """How many."""

    limit: Limit = 50


def customers(ask: Ask) -> Page[Customer]:
    """Return customers in the order of their ids."""
    query: CustomerList = ask.query
    reveal = _may_reveal(ask)
    wanted = Wanted(text=query.q, segment=query.segment, seen_since=query.seen_since)
    found = customer_page(ask.workspace, wanted, limit=query.limit + 1, after=place_in(query.cursor, str))
    return page_of(
        found, limit=query.limit, row=lambda row: _customer(row, reveal=reveal), place=lambda row: row["customer_id"]
    )


def customer(ask: Ask) -> Person:
    """Return one customer."""
    customer_id, reveal = ask.path["customer_id"], _may_reveal(ask)
    row = customer_row(ask.workspace, customer_id)
    return Person(
        customer=_customer(row, reveal=reveal),
        profiles=[
            ProfileLine(
                source=each["profile_source"], id=each["profile_id"], name=each["raw_name"],
                email=each["email"] if reveal else mask(each["email"]),
                phone=each["phone"] if reveal else mask(each["phone"]), evidence=each["evidence"],
            )
            for each in profiles_of(ask.workspace, customer_id)
        ],
        segments=[Stay(**each) for each in memberships_of(ask.workspace, customer_id)],
    )


def events(ask: Ask) -> Page[EventLine]:
    """Return what happened to a customer, the newest first."""
    query: Some = ask.query
    customer_id = ask.path["customer_id"]
    row, profiles = customer_row(ask.workspace, customer_id), profile_keys(ask.workspace, customer_id)
    after = place_in(query.cursor, tuple[datetime, str])
    found = timeline(
        ask.workspace, customer_id, profiles, limit=query.limit + 1, months=months_of(row),
        after=None if after is None else Place(occurred_at=after[0], event_id=after[1]),
    )
    return page_of(found, limit=query.limit, row=_event, place=lambda row: (row["occurred_at"], row["event_id"]))


def connections(ask: Ask) -> Page[Tie]:
    """Return who a customer comes with, the strongest ties first; nobody where nobody's connections are known."""
    customer_id = str(customer_row(ask.workspace, ask.path["customer_id"])["customer_id"])
    rows = strongest(ask.workspace, customer_id, limit=ask.query.limit) if has_connections(ask.workspace) else []
    return Page(items=[Tie(**{name: row[name] for name in Tie.__dataclass_fields__}) for row in rows])


def consent(ask: Ask) -> Page[Allowed]:
    """Return whether a customer may be written to now."""
    customer_id = str(customer_row(ask.workspace, ask.path["customer_id"])["customer_id"])
    return Page(items=[line for each in show(ask.workspace, customer_id) for line in allowed_lines(each)])


def allowed_lines(shown: Shown, *, hide: Callable[[str | None], str | None] = mask) -> list[Allowed]:
    """Return what is allowed at one address, for each purpose; `hide` says how the address is shown."""
    address = shown.address
    return [
        Allowed(
            channel=address.channel, purpose=purpose, address=hide(address.text), allowed=said.allowed,
            reason=said.reason, until=said.until,
        )
        for purpose, said in shown.permissions.items()
    ]


def _may_reveal(ask: Ask) -> bool:
    if ask.query.reveal and ask.key.scope != "admin":
        raise ScopeMissing("only a key of scope admin reveals addresses and numbers", hint="leave `reveal` out")
    return bool(ask.query.reveal)


def _customer(row: Mapping[str, Any], *, reveal: bool) -> Customer:
    own: dict[str, Any] = {name: row.get(name) for name in _OWN}
    if not reveal:
        own |= {name: mask(own[name]) for name in ("email", "phone")}
    traits = {name: aware(value) for name, value in row.items() if name not in _OWN and value is not None}
    return Customer(**own, traits=traits)


def _event(row: Mapping[str, Any]) -> EventLine:
    told = {name: aware(value) for name, value in row.items() if name not in _INNER and name not in _EVENT}
    return EventLine(**{name: aware(row[name]) for name in _EVENT}, attributes=told)


ROUTES = (
    ApiRoute(
        name="listCustomers", path="/customers", answer=customers, gives=Page[Customer], query=CustomerList,
        sentence="Customers in the order of their ids, all or those asked for.", errors=(404,),
    ),
    ApiRoute(
        name="getCustomer", path="/customers/{customer_id}", answer=customer, gives=Person, query=Reveal,
        sentence="One customer with profiles and segments.", errors=(404,),
    ),
    ApiRoute(
        name="listEvents", path="/customers/{customer_id}/timeline", answer=events, gives=Page[EventLine], query=Some,
        sentence="What happened to a customer, the newest first.", errors=(404,),
    ),
    ApiRoute(
        name="listConnections", path="/customers/{customer_id}/connections", answer=connections, gives=Page[Tie],
        query=Most, sentence="Who a customer comes with, the strongest ties first.", errors=(404,),
    ),
    ApiRoute(
        name="listConsent", path="/customers/{customer_id}/consent", answer=consent, gives=Page[Allowed],
        sentence="Whether a customer may be written to now, by channel and purpose, and why not.", errors=(404,),
    ),
)
