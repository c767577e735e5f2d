"""What a rotation did to a product, slot by slot, and what its schedule can prove of it.

Everybody in a slot saw the same, so the slot is what is compared, never the impression (`stats.switchback`). A slot in
which the test was stopped counts for nothing, and one that is not over neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from regulars.shops.pixel_events import ADDED, BOUGHT, VIEWED
from regulars.shops.rotation import Rotated, dealt
from regulars.stats.switchback import Design, Refusal, Schedule, compare, linearised

SLOTS = pa.schema([
    ("slot", pa.int64()), ("utc_day", pa.date32()), ("begins", pa.timestamp("us")), ("ends", pa.timestamp("us")),
])
"""One row per slot and day of UTC that it lies in: from a moment up to another (naive UTC)."""

SLOT_COUNTS = ("impressions", "add_to_carts", "orders", "revenue")

METRICS: Mapping[str, tuple[str, str]] = {
    "carts_per_impression": ("add_to_carts", "impressions"),
    "orders_per_impression": ("orders", "impressions"),
    "revenue_per_impression": ("revenue", "impressions"),
}
"""What is compared: a count of each slot over another."""

BLOCK = 2
"""Slots within which either variant is shown once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A slot that is over."""

    number: int                              # from 0
    variant: str
    begins: datetime
    ends: datetime
    is_whole: bool                           # the test was not stopped in it


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotAnswer:
    """What the variant did to one metric; null is not known."""

    metric: str
    control_level: float | None
    level: float | None
    value: float | None                      # the variant's level less the control's
    low: float | None
    high: float | None
    p: float | None
    lift: float | None                       # value over the control's level


def slots_of(rotated: Rotated, *, until: datetime) -> list[Slot]:
    """Return the slots of a rotation that were over at a moment, in their order."""
    span, length = rotated.span, rotated.rotation.slot
    if span is None:
        return []
    begins, last = span[0], until if span[1] is None else min(until, span[1])
    return [
        Slot(
            number=n, variant=dealt(rotated, n), begins=begins + n * length, ends=begins + (n + 1) * length,
            is_whole=not any(
                since < begins + (n + 1) * length and (to is None or to > begins + n * length)
                for since, to in rotated.stops
            ),
        )
        for n in range(max((last - begins) // length, 0))
    ]


def slots_table(slots: Sequence[Slot]) -> pa.Table:
    """Return slots as SLOTS."""
    rows: list[dict[str, Any]] = []
    for one in slots:
        day, last = one.begins.date(), (one.ends - timedelta(microseconds=1)).date()
        span = {"begins": one.begins.replace(tzinfo=None), "ends": one.ends.replace(tzinfo=None)}
        while day <= last:
            rows.append({"slot": one.number, "utc_day": day, **span})
            day += timedelta(days=1)
    return pa.Table.from_pylist(rows, schema=SLOTS)


def slot_counts(lines: ir.Table, slots: ir.Table, *, currency: str) -> ir.Table:
    """Return what was counted in each slot in which anything came: slot and SLOT_COUNTS, revenue in minor units.

    Args:
        lines: `statistics.product_lines` of one product of a shop.
        slots: SLOTS.
        currency: The shop's; what is in another is in no sum.

    """
    met = lines.inner_join(slots, "utc_day")
    met = met.filter(met.occurred_at >= met.begins, met.occurred_at < met.ends)
    is_bought = met.event_type == BOUGHT
    is_known = met.revenue.notnull() & (met.currency == currency)
    # What came back has the moment of its order.
    amount = ibis.ifelse(met.event_type.isin([VIEWED, ADDED]), 0, ibis.ifelse(is_bought, met.revenue, -met.revenue))
    return met.group_by("slot").agg(
        impressions=(met.event_type == VIEWED).sum().cast("int64"),
        add_to_carts=(met.event_type == ADDED).sum().cast("int64"),
        orders=met.order.fill_null(met.event_id).nunique(where=is_bought).cast("int64"),
        revenue=amount.sum(where=is_known).fill_null(0).cast("int64"),
    )


def judged(
    slots: Sequence[Slot], counts: Mapping[str, np.ndarray], *, control: str, alpha: float, seed: int
) -> list[SlotAnswer] | Refusal:
    """Return what the variant did to each of METRICS, or why the schedule cannot tell.

    Args:
        slots: All that are over.
        counts: SLOT_COUNTS by name, a number a slot.
        control: The variant that the other is compared with.
        alpha: Of the intervals.
        seed: Of the deals that the test draws: the same answer each time.

    """
    variant = np.array([[int(one.variant != control) for one in slots]])
    numbers = np.array([[one.number // BLOCK for one in slots]])
    schedule = Schedule(design=Design(items=1, slots=max(len(slots), 1)), variant=variant, square=numbers)
    counted = np.array([one.is_whole for one in slots]) & (counts["impressions"] > 0)
    answers: list[SlotAnswer] = []
    for name, (top, bottom) in METRICS.items():
        over = np.where(counted, counts[top], np.nan)[None], np.where(counted, counts[bottom], np.nan)[None]
        found = Refusal(reason="nobody came yet") if not counted.any() else compare(
            linearised(*over), schedule=schedule, rng=np.random.default_rng(seed), alpha=alpha
        )
        if isinstance(found, Refusal):
            return found
        levels = [float(np.nansum(over[0][variant == v]) / np.nansum(over[1][variant == v])) for v in (0, 1)]
        value, low, high, p = (
            _known(float(np.asarray(part)[1])) for part in (
                found.inference.value, found.inference.low, found.inference.high, found.inference.p
            )
        )
        answers.append(SlotAnswer(
            metric=name, control_level=levels[0], level=levels[1], value=value, low=low, high=high, p=p,
            lift=None if value is None or not levels[0] else value / levels[0],
        ))
    return answers


def _known(number: float) -> float | None:
    return number if np.isfinite(number) else None
