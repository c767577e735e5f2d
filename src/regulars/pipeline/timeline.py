"""A timeline: what happened to one customer, the newest first, a page at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from regulars.pipeline.own import Own, Profile, ask_own
from regulars.storage.engines.question import given

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.pipeline.asked import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page of a timeline ended."""

    occurred_at: datetime                    # UTC, without a zone as in the lake
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """The first and the last month something happened in, both included: `2026-01`."""

    first: str
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A page of a timeline, and what the whole of it is made of."""

    events: list[dict[str, Any]]             # the newest first, without what is not said of them
    types: list[tuple[str, int]]             # of all the customer's events: type and how many, most first


def timeline(
    asked: Asked, customer_id: str, profiles: list[Profile], *, limit: int, months: Months | None = None,
    after: Place | None = None,
) -> list[dict[str, Any]]:
    """Return a customer's newest events, without what is not said of them; those no run has made yet among them.

    Args:
        asked: Whose events.
        customer_id: Of whom.
        profiles: Of this customer.
        limit: How many events.
        months: Where to look; files of other months stay shut. None: everywhere.
        after: Where the page before ended; None: at the newest.

    """
    made = _made(asked, profiles, limit=limit, months=months, after=after)
    fresh = [] if asked.fresh is None else asked.fresh.newest(customer_id, limit=limit, after=after)
    return _merged(made, fresh, limit=limit)


def course(
    asked: Asked, customer_id: str, profiles: list[Profile], *, limit: int, months: Months | None = None,
    after: Place | None = None, event_type: str | None = None,
) -> Course:
    """Return the same as `timeline` with the types of everything that happened.

    `event_type`: only events of this type; the types are those of all the same. Fresh events are counted as far as a
    page shows them.
    """
    counted = Counter({
        row["event_type"]: row["events"]
        for row in ask_own(asked, _counted, profiles=profiles, **_span(months)).to_pylist()
    })
    made = _made(asked, profiles, limit=limit, months=months, after=after, event_type=event_type)
    fresh = [] if asked.fresh is None else asked.fresh.newest(customer_id, limit=limit, after=after)
    counted += Counter(str(row["event_type"]) for row in fresh)
    return Course(
        events=_merged(made, [row for row in fresh if event_type in (None, row["event_type"])], limit=limit),
        types=sorted(counted.items(), key=lambda found: (-found[1], found[0])),
    )


def _merged(made: list[dict[str, Any]], fresh: list[dict[str, Any]], *, limit: int) -> list[dict[str, Any]]:
    """Return events of runs and fresh ones, the newest first; one that is both counts once."""
    known = {row["event_id"] for row in made}
    whole = [*made, *(row for row in fresh if row["event_id"] not in known)]
    whole.sort(key=lambda row: str(row["event_id"]))
    whole.sort(key=lambda row: row["occurred_at"], reverse=True)
    return whole[:limit]


def _made(
    asked: Asked, profiles: list[Profile], *, limit: int, months: Months | None, after: Place | None,
    event_type: str | None = None,
) -> list[dict[str, Any]]:
    """Return the newest events of a few profiles that runs made, all or those of a type."""
    values = {} if after is None else {"occurred_at": after.occurred_at, "event_id": after.event_id}
    if event_type is not None:
        values["event_type"] = event_type
    newest = ask_own(
        asked, _newest, limit, frozenset(values), profiles=profiles, **_span(months), **values
    )
    return [{name: value for name, value in row.items() if value is not None} for row in newest.to_pylist()]


def _newest(own: Own, limit: int, asks: frozenset[str]) -> ir.Table:
    """Return the newest events first, columns as in the lake."""
    happened = _within(own)
    if "event_type" in asks:
        happened = happened.filter(happened.event_type == given("event_type"))
    if "event_id" in asks:
        at, event_id = given("occurred_at", "timestamp"), given("event_id")
        is_behind = (happened.occurred_at == at) & (happened.event_id > event_id)
        happened = happened.filter((happened.occurred_at < at) | is_behind)
    return happened.order_by(happened.occurred_at.desc(), happened.event_id).limit(limit)


def _counted(own: Own) -> ir.Table:
    """Return how many events of each type there are: event_type, events."""
    happened = _within(own)
    return happened.group_by("event_type").agg(events=happened.count())


def _within(own: Own) -> ir.Table:
    happened = own.rows("events")
    return happened.filter(happened.month.between(given("first"), given("last")))


def _span(months: Months | None) -> dict[str, str]:
    """Return the months to look in as values; without any, every month lies between these two."""
    return {"first": "", "last": "~"} if months is None else {"first": months.first, "last": months.last}
