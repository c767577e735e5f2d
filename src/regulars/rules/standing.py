"""Where a customer stands with a segment by the ledger: in since when, out since when, and so in or out now."""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from regulars.events.measure import days_between
from regulars.events.window import AsOf
from regulars.rules.segment import Segment


def standing(wide: ir.Table, transitions: ir.Table | None, segments: Iterable[Segment], *, as_of: AsOf) -> ir.Table:
    """Add to every customer, for every segment: was_<s> (in by the ledger), entered_<s> and left_<s> (last days).

    Counts transitions up to and at the as-of moment, so that asking again changes nothing.
    """
    segments = list(segments)
    nothing = {
        f"{kind}_{s.name}": ibis.literal(False) if kind == "was" else ibis.null("date")
        for s in segments
        for kind in ("was", "entered", "left")
    }
    if transitions is None:
        return wide.mutate(**nothing)
    known = transitions.filter(transitions["at"] <= as_of.moment)
    entered, left = known.change == "entered", known.change == "left"
    last: dict[str, ir.Value] = {}
    for s in segments:
        own = known.segment == s.name
        last[f"entered_{s.name}"] = known.business_day.max(where=own & entered)
        last[f"left_{s.name}"] = known.business_day.max(where=own & left)
        last[f"entered_at_{s.name}"] = known["at"].max(where=own & entered)
        last[f"left_at_{s.name}"] = known["at"].max(where=own & left)
    per_customer = known.group_by("customer_id").aggregate(**last)
    joined = wide.left_join(per_customer, "customer_id").drop("customer_id_right")
    was = {f"was_{s.name}": _is_open(joined[f"entered_at_{s.name}"], joined[f"left_at_{s.name}"]) for s in segments}
    return joined.mutate(**was).drop(*(f"{end}_at_{s.name}" for s in segments for end in ("entered", "left")))


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


def _is_open(entered_at: ir.Value, left_at: ir.Value) -> ir.Value:
    return entered_at.notnull() & (left_at.isnull() | (entered_at > left_at).fill_null(False))
