"""A timeline: what happened to one customer, the newest first, a page at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from regulars.pipeline.own import Own, Profile, ask_own
from regulars.pipeline.workspace import Workspace
from regulars.storage.engines.question import given


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
    workspace: Workspace, customer_id: str, profiles: list[Profile], *, limit: int, months: Months | None = None,
    after: Place | None = None,
) -> list[dict[str, Any]]:
    """Return a customer's newest events, without what is not said of them; those no run has made yet among them.

    Args:
        workspace: Whose events.
        customer_id: Of whom.
        profiles: Of this customer.
        limit: How many events.
        months: Where to look; files of other months stay shut. None: everywhere.
        after: Where the page before ended; None: at the newest.

    """
    made = _made(workspace, profiles, limit=limit, months=months, after=after)
    fresh = [] if workspace.fresh is None else workspace.fresh.newest(customer_id, limit=limit, after=after)
    return _merged(made, fresh, limit=limit)


def course(
    workspace: Workspace, customer_id: str, profiles: list[Profile], *, limit: int, months: Months | None = None,
    after: Place | None = None, event_type: str | None = None,
) -> Course:
    """Return the same as `timeline` with the types of everything that happened, by one reading of both.

    `event_type`: only events of this type; the types are those of all the same. Fresh events are counted as far as a
    page shows them.
    """
    every = ask_own(workspace, _dated, profiles=profiles, **_span(months))
    fresh = [] if workspace.fresh is None else workspace.fresh.newest(customer_id, limit=limit, after=after)
    counted = Counter(every["event_type"].to_pylist()) + Counter(str(row["event_type"]) for row in fresh)
    rows = every if event_type is None else every.filter(pc.equal(every["event_type"], event_type))
    if after is not None:
        at, moment = rows["occurred_at"], pa.scalar(after.occurred_at.replace(tzinfo=None), rows["occurred_at"].type)
        is_level = pc.and_(pc.equal(at, moment), pc.greater(rows["event_id"], after.event_id))
        rows = rows.filter(pc.or_(pc.less(at, moment), is_level))
    newest = rows.sort_by([("occurred_at", "descending"), ("event_id", "ascending")]).slice(0, limit)
    return Course(
        events=_merged(
            _told(workspace, profiles, newest),
            [row for row in fresh if event_type in (None, row["event_type"])], limit=limit,
        ),
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
    workspace: Workspace, profiles: list[Profile], *, limit: int, months: Months | None, after: Place | None
) -> list[dict[str, Any]]:
    """Return the newest events of a few profiles that runs made.

    First which they are, then what they say: an event has many columns, and most events of a month are others'.
    """
    behind = {} if after is None else {"occurred_at": after.occurred_at, "event_id": after.event_id}
    newest = ask_own(
        workspace, _newest, limit, after is not None, profiles=profiles, **_span(months), **behind
    )
    return _told(workspace, profiles, newest)


def _newest(own: Own, limit: int, is_behind: bool) -> ir.Table:  # noqa: FBT001  a shape
    dated = _dated(own)
    if is_behind:
        at, event_id = given("occurred_at", "timestamp"), given("event_id")
        dated = dated.filter((dated.occurred_at < at) | ((dated.occurred_at == at) & (dated.event_id > event_id)))
    return dated.order_by(dated.occurred_at.desc(), dated.event_id).limit(limit)


def _dated(own: Own) -> ir.Table:
    """Which events a few profiles have. One row per event: event_id, month, occurred_at, event_type."""
    happened = own.rows("events")
    happened = happened.filter(happened.month.between(given("first"), given("last")))
    return happened.select("event_id", "month", "occurred_at", "event_type")


def _span(months: Months | None) -> dict[str, str]:
    """Return the months to look in as values; without any, every month lies between these two."""
    return {"first": "", "last": "~"} if months is None else {"first": months.first, "last": months.last}


def _told(workspace: Workspace, profiles: list[Profile], newest: pa.Table) -> list[dict[str, Any]]:
    """Return what some events say, the newest first."""
    if not len(newest):
        return []
    ids, months, at = (newest[name] for name in ("event_id", "month", "occurred_at"))
    first, last, low, high = (end.as_py() for each in (months, at) for end in pc.min_max(each).values())
    found = ask_own(
        workspace, _between, _said_by(workspace, set(newest["event_type"].to_pylist())), profiles=profiles,
        first=first, last=last, low=low, high=high,
    )
    chosen = found.filter(pc.is_in(found["event_id"], ids.combine_chunks()))
    rows = chosen.sort_by([("occurred_at", "descending"), ("event_id", "ascending")]).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _between(own: Own, columns: tuple[str, ...]) -> ir.Table:
    """Return what happened to a few profiles between two moments, both included; its order says nothing."""
    happened = own.rows("events")
    happened = happened.filter(happened.month.between(given("first"), given("last"))).select(*columns)
    low, high = given("low", "timestamp"), given("high", "timestamp")
    return happened.filter(happened.occurred_at.between(low, high))


def _said_by(workspace: Workspace, types: set[str]) -> tuple[str, ...]:
    """Return the columns in which events of some types can say anything: every column costs a reading of its file."""
    said = {name for each in workspace.project.events if each.event in types for name in each.what}
    others = {name for each in workspace.project.events for name in each.what} - said
    return tuple(name for name in workspace.lake.schema("events").names if name not in others)
