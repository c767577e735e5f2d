"""Privacy: everything known of one person, people who asked to be forgotten, and what was purged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from regulars.pipeline.find import find_customer
from regulars.pipeline.forget import begin
from regulars.pipeline.known import known_of
from regulars.pipeline.purge import begin as begin_purge
from regulars.pipeline.purge import begun, plan, wanted_of
from regulars.storage.book.erasures import Erasure
from regulars.storage.book.purges import Purge
from regulars.web.api.route import ApiRoute, Ask, Change, Page

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything on record of one person, nothing hidden; others of the household by their id alone."""

    customer: dict[str, Any]                 # what is concluded of all that follows
    profiles: dict[str, Any]                 # as each source knows them, and why these are one person
    records: list[dict[str, Any]]            # what each source told, unchanged: source, stream, recorded_at, item
    events: list[dict[str, Any]]
    money: list[dict[str, Any]]              # amounts in minor units
    segments: dict[str, Any]                 # stays and transitions
    experiments: dict[str, Any]              # assignments and exposures
    messages: dict[str, Any]
    consent: dict[str, Any]                  # entries with words and evidence, suppressions, replies
    household: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureLine:
    """A person who is, or is being, forgotten; no word of who it was."""

    erasure_id: str
    asked_at: datetime
    asked_by: str
    finished_at: datetime | None             # null: the next run goes on with it
    proof: dict[str, Any]                    # what was done to each store, and what was searched afterwards


@dataclass(frozen=True, slots=True, kw_only=True)
class NewErasure:
    """Who is to be forgotten."""

    customer: str                            # an id, source/id, e-mail address, phone number or full name


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeLine:
    """What is, or is being, purged of a door; no word of what it said."""

    purge_id: str
    source: str
    event: str | None                        # the name it was sent under; null: whatever it was
    property: str | None                     # dotted path of what went out of messages; null: they went whole
    since: datetime | None
    until: datetime
    asked_at: datetime
    asked_by: str
    finished_at: datetime | None             # null: the next run goes on with it
    rows: int                                # of the landing, changed or gone
    gone: int                                # of them, those that are no more
    proof: dict[str, Any]                    # what was done to each store, and what was searched afterwards


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPurge:
    """What is to be purged: at least one of the last four."""

    source: str                              # a door
    event: str | None = None
    property: str | None = None              # its name, or a dotted path such as traits.ssn
    since: _Moment | None = None
    until: _Moment | None = None             # null: now


def known(ask: Ask) -> Known:
    """Return everything known of a customer."""
    return Known(**known_of(ask.workspace, ask.path["customer_id"]))


def erasures(ask: Ask) -> Page[ErasureLine]:
    """Return everybody who was forgotten, the first first."""
    return Page(items=[_line(one) for one in ask.workspace.book.erasures.listed()])


def erasure(ask: Ask) -> Change:
    """Begin to forget somebody: at once they are kept out and not written to; the next run does the rest."""
    said: NewErasure = ask.body
    begun = begin(ask.workspace, find_customer(ask.workspace, said.customer), by=f"key:{ask.key.name}")
    return Change(what="erasure.begin", subject=begun.erasure_id, before=None, after=None, answer=_line(begun))


def purges(ask: Ask) -> Page[PurgeLine]:
    """Return everything that was purged, the first first."""
    return Page(items=[_purge_line(one) for one in ask.workspace.book.purges.listed()])


def purge(ask: Ask) -> Change:
    """Begin to purge something: it is kept out from now on, and the next run takes it out of every store."""
    said: NewPurge = ask.body
    wanted = wanted_of(
        ask.workspace, said.source, event=said.event, name=said.property, since=said.since,
        until=said.until,
    )
    if begun(ask.workspace, said.source, wanted) is None:
        plan(ask.workspace, said.source, wanted)
    made = begin_purge(ask.workspace, said.source, wanted, by=f"key:{ask.key.name}")
    return Change(what="purge.begin", subject=made.purge_id, before=None, after=None, answer=_purge_line(made))


def _purge_line(one: Purge) -> PurgeLine:
    return PurgeLine(
        purge_id=one.purge_id, source=one.source, event=one.event, property=one.path, since=one.since, until=one.until,
        asked_at=one.asked_at, asked_by=one.asked_by, finished_at=one.finished_at, rows=one.rows, gone=one.gone,
        proof=dict(one.proof),
    )


def _line(one: Erasure) -> ErasureLine:
    return ErasureLine(
        erasure_id=one.erasure_id, asked_at=one.asked_at, asked_by=one.asked_by, finished_at=one.finished_at,
        proof=dict(one.proof),
    )


ROUTES = (
    ApiRoute(
        name="exportCustomer", path="/customers/{customer_id}/export", answer=known, gives=Known, scope="admin",
        errors=(404,), sentence="Everything known of one person, to be handed to them.",
    ),
    ApiRoute(
        name="listErasures", path="/erasures", answer=erasures, gives=Page[ErasureLine], scope="admin",
        sentence="Who asked to be forgotten, by number, with the proof of each.",
    ),
    ApiRoute(
        name="addErasure", path="/erasures", answer=erasure, gives=ErasureLine, method="POST", scope="admin",
        body=NewErasure, errors=(404,),
        sentence="Forget a person: kept out and not written to at once, erased everywhere by the next run.",
    ),
    ApiRoute(
        name="listPurges", path="/purges", answer=purges, gives=Page[PurgeLine], scope="admin",
        sentence="What was purged of doors, by number, with the proof of each.",
    ),
    ApiRoute(
        name="addPurge", path="/purges", answer=purge, gives=PurgeLine, method="POST", scope="admin", body=NewPurge,
        errors=(404,),
        sentence="Purge events or a property of them: kept out at once, taken out of every store by the next run.",
    ),
)
