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
    if workspace.fresh is None:
        return made
    known = {row["event_id"] for row in made}
    fresh = workspace.fresh.newest(customer_id, limit=limit, after=after)
    whole = [*made, *(row for row in fresh if row["event_id"] not in known)]
    whole.sort(key=lambda row: str(row["event_id"]))
    whole.sort(key=lambda row: row["occurred_at"], reverse=True)
    return whole[:limit]


def of_profiles(table: ir.Table, profiles: list[Profile]) -> ir.Table:
    """Return the rows of a few profiles; files are sorted by profile, so lists of ids keep most from being read."""
    if not profiles:
        return table.limit(0)
    sources, ids = (sorted(set(column)) for column in zip(*profiles, strict=True))
    is_one = ibis.literal(False)
    for source, profile in profiles:
        is_one = is_one | ((table.profile_id == profile) & (table.profile_source == source))
    return table.filter(table.profile_source.isin(sources), table.profile_id.isin(ids), is_one)


def _made(
    workspace: Workspace, profiles: list[Profile], *, limit: int, months: Months | None, after: Place | None
) -> list[dict[str, Any]]:
    """Return the newest events of a few profiles that runs made.

    First which they are, then what they say: an event has many columns, and most events of a month are others'.
    """
    happened = workspace.table("events")
    if months is not None:
        happened = happened.filter(happened.month.between(months.first, months.last))
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
