"""A timeline: what happened to one customer, the newest first, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from regulars.pipeline.workspace import Workspace

Profile = tuple[str, str]                    # source, id


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


def timeline(
    workspace: Workspace, profiles: list[Profile], *, limit: int, months: Months | None = None,
    after: Place | None = None, event_type: str | None = None,
) -> list[dict[str, Any]]:
    """Return the newest events of a few profiles, without what is not said of them.

    First which they are, then what they say: an event has many columns, and most events of a month are others'.

    Args:
        workspace: Whose events.
        profiles: Of one customer.
        limit: How many events.
        months: Where to look; files of other months stay shut. None: everywhere.
        after: Where the page before ended; None: at the newest.
        event_type: Only events of this type; None: of all.

    """
    happened = workspace.table("events")
    if months is not None:
        happened = happened.filter(happened.month.between(months.first, months.last))
    if event_type is not None:
        happened = happened.filter(happened.event_type == event_type)
    dated = of_profiles(happened, profiles).select("event_id", "month", "occurred_at")
    if after is not None:
        at, event_id = ibis.literal(after.occurred_at).cast(dated.occurred_at.type()), after.event_id
        dated = dated.filter((dated.occurred_at < at) | ((dated.occurred_at == at) & (dated.event_id > event_id)))
    newest = workspace.rows(dated.order_by(dated.occurred_at.desc(), dated.event_id).limit(limit))
    if not newest:
        return []
    own_months = workspace.lake.table("events", partitions={row["month"] for row in newest})
    whole = of_profiles(own_months, profiles)
    chosen = whole.filter(whole.event_id.isin([row["event_id"] for row in newest]))
    rows = workspace.rows(chosen.order_by(chosen.occurred_at.desc(), chosen.event_id))
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def types_of(workspace: Workspace, profiles: list[Profile], *, months: Months | None) -> list[dict[str, Any]]:
    """Return how many events of each type a few profiles have, most first: event_type, events."""
    happened = workspace.table("events")
    if months is not None:
        happened = happened.filter(happened.month.between(months.first, months.last))
    mine = of_profiles(happened, profiles)
    counted = mine.group_by("event_type").agg(events=mine.count())
    return workspace.rows(counted.order_by(counted.events.desc(), "event_type"))


def of_profiles(table: ir.Table, profiles: list[Profile]) -> ir.Table:
    """Return the rows of a few profiles; files are sorted by profile, so lists of ids keep most from being read."""
    if not profiles:
        return table.limit(0)
    sources, ids = (sorted(set(column)) for column in zip(*profiles, strict=True))
    is_one = ibis.literal(False)
    for source, profile in profiles:
        is_one = is_one | ((table.profile_id == profile) & (table.profile_source == source))
    return table.filter(table.profile_source.isin(sources), table.profile_id.isin(ids), is_one)
