"""Where a customer stands with a segment by the ledger: in since when, out since when, and so in or out now."""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from regulars.events.measure import days_between
from regulars.events.window import AsOf
from regulars.rules.segment import Segment


def stands(transitions: ir.Table, segments: Iterable[Segment], *, as_of: AsOf) -> ir.Table:
    """Where the ledger leaves everyone it speaks of, counting transitions up to and at a moment.

    One row per customer: customer_id and, for every segment, was_<s> (in), entered_<s> and left_<s> (business days of
    the last entry and the last leaving; missing: none). Asking again about the moment changes nothing.
    """
    known = transitions.filter(transitions["at"] <= as_of.moment)
    is_entry, is_leaving = known.change == "entered", known.change == "left"
    stays = known.group_by("customer_id", "segment").aggregate(
        entered=known.business_day.max(where=is_entry), left=known.business_day.max(where=is_leaving),
        entered_at=known["at"].max(where=is_entry), left_at=known["at"].max(where=is_leaving),
    )
    last = stays.mutate(was=_is_open(stays.entered_at, stays.left_at))
    columns: dict[str, ir.Value] = {}
    for s in segments:
        own = last.segment == s.name
        columns[f"was_{s.name}"] = last.was.any(where=own).fill_null(False)
        columns[f"entered_{s.name}"] = last.entered.max(where=own)
        columns[f"left_{s.name}"] = last.left.max(where=own)
    return last.group_by("customer_id").aggregate(**columns)


def standing(wide: ir.Table, stands: ir.Table | None, segments: Iterable[Segment]) -> ir.Table:
    """Add to every customer, for every segment, the columns of `stands`: out and never in, where it has no row.

    Days that `stands` lacks are missing for everybody.
    """
    segments = list(segments)
    days = [f"{kind}_{s.name}" for s in segments for kind in ("entered", "left")]
    if stands is None:
        return wide.mutate(**{f"was_{s.name}": ibis.literal(False) for s in segments}, **dict.fromkeys(days, _NO_DAY))
    joined = wide.left_join(stands, "customer_id").drop("customer_id_right")
    was = {f"was_{s.name}": joined[f"was_{s.name}"].fill_null(False) for s in segments}
    return joined.mutate(**was, **{name: _NO_DAY for name in days if name not in joined.columns})


def is_in(table: ir.Table, segment: Segment, *, as_of: AsOf) -> ir.Value:
    """Return whether customers are in a segment, from match_, was_, entered_ and left_ of it. Never missing.

    Without holds_for: while it matches, once it was allowed to enter. With it: until the days are over, then out for at
    least the rest of that day.
    """
    matches, was = table[f"match_{segment.name}"], table[f"was_{segment.name}"]
    entered = table[f"entered_{segment.name}"]
    may_enter = ~was
    if segment.reenter_after is not None:
        may_enter = may_enter & (days_between(entered, as_of.day) >= segment.reenter_after).fill_null(True)
    if segment.holds_for is None:
        return matches & (was | may_enter)
    left_today = (table[f"left_{segment.name}"] == as_of.day).fill_null(False)
    stays = was & (days_between(entered, as_of.day) < segment.holds_for).fill_null(False)
    return stays | (matches & may_enter & ~left_today)


_NO_DAY = ibis.null("date")


def _is_open(entered_at: ir.Value, left_at: ir.Value) -> ir.Value:
    return entered_at.notnull() & (left_at.isnull() | (entered_at > left_at).fill_null(False))
