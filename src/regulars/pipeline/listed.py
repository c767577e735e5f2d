"""Customers a page at a time, in the order of their ids, which never changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from regulars.check import did_you_mean
from regulars.errors import NotFound
from regulars.pipeline.find import matching
from regulars.pipeline.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which customers: all that are asked for at once; None asks nothing."""

    text: str | None = None                  # as `find.matching` understands it
    segment: str | None = None               # they are in it now
    seen_since: date | None = None           # business day of their last event, or later


def customer_page(
    workspace: Workspace, wanted: Wanted, *, limit: int, after: str | None = None
) -> list[dict[str, Any]]:
    """Return customers as in the lake, those after an id when one is given.

    Raises NotFound for a segment that is not declared.
    """
    rows = workspace.table("customers") if wanted.text is None else matching(workspace, wanted.text)
    if wanted.segment is not None:
        declared = [segment.name for segment in workspace.project.segments]
        if wanted.segment not in declared:
            raise NotFound(f"there is no segment {wanted.segment!r}", hint=did_you_mean(wanted.segment, declared))
        memberships = workspace.table("memberships")
        rows = rows.semi_join(memberships.filter(memberships.segment == wanted.segment), "customer_id")
    if wanted.seen_since is not None:
        rows = rows.filter(rows.last_seen >= wanted.seen_since)
    if after is not None:
        rows = rows.filter(rows.customer_id > after)
    return workspace.rows(rows.order_by("customer_id").limit(limit))
