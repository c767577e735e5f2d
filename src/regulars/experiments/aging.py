"""Aging: what an effect is in the first week after the exposure, in the second, and so on: does it wear off, or grow?

Only units that have been there for all the weeks are looked at, so that the later weeks are of the same units as the
first. It is for understanding, not for deciding: intervals are those of a single look, one week at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.stats.inference import infer
from regulars.stats.novelty import novelty, period_moments

MOST_WEEKS = 8
LEAST_UNITS = 100
"""In each variant, for its weeks to be told."""

Floats = NDArray[np.float64]
Course = Literal["wears off", "grows", "steady"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The difference between a variant and the control in one week after the exposure, a unit."""

    variant: str
    week: int                                # from 1
    units: int
    low: float
    value: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Aging:
    """One variant's weeks, and where they lead."""

    variant: str
    course: Course                           # steady also where nothing can be told
    p: float                                 # of a trend, by a single look
    weeks: tuple[Week, ...]


def weeks_told(exposed_days: pa.Array, last_day: date) -> int:
    """Return how many whole weeks at least half of the units have been there for, at most eight; 0 when under two."""
    if not len(exposed_days):
        return 0
    there = (np.datetime64(last_day) - exposed_days.to_numpy(zero_copy_only=False)).astype(int) + 1
    weeks = min(int(np.median(there)) // 7, MOST_WEEKS)
    return weeks if weeks >= 2 else 0


def aging(
    exposed: pa.Table, rows: pa.Table, *, variants: Sequence[str], control: str, last_day: date, alpha: float
) -> tuple[Aging, ...]:
    """Return each variant's differences by week since exposure; empty where there are too few weeks or units.

    Args:
        exposed: unit, variant, exposed_day of everybody.
        rows: unit, week (from 0), value: what units did, see `outcome.by_week`; nothing where they did nothing.
        variants: All of them, in order.
        control: One of them.
        last_day: Of what is read.
        alpha: 1 less the confidence of the intervals.

    """
    weeks = weeks_told(exposed["exposed_day"].combine_chunks(), last_day)
    if not weeks:
        return ()
    latest = np.datetime64(last_day) - np.timedelta64(7 * weeks - 1, "D")
    kept = exposed.filter(pa.array(exposed["exposed_day"].to_numpy() <= latest))
    codes = pc.index_in(kept["variant"], pa.array(list(variants))).to_numpy()
    if np.bincount(codes, minlength=len(variants)).min() < LEAST_UNITS:
        return ()
    found = period_moments(_matrix(kept, rows, weeks), variant=codes, variants=len(variants))
    base = list(variants).index(control)
    told = novelty(found, control=base)
    effects, trend = infer(told.effects, alpha=alpha), infer(told.trend, alpha=alpha)
    units, others = found.units.sum(axis=-1), [name for name in variants if name != control]
    return tuple(
        Aging(
            variant=name, p=float(np.asarray(trend.p)[k]),
            course=_course(
                np.asarray(told.effects.value)[:, k], np.asarray(trend.value)[k], np.asarray(trend.p)[k], alpha
            ),
            weeks=tuple(
                Week(
                    variant=name, week=n + 1, units=int(units[list(variants).index(name)]),
                    low=float(np.asarray(effects.low)[n, k]), value=float(np.asarray(effects.value)[n, k]),
                    high=float(np.asarray(effects.high)[n, k]),
                )
                for n in range(weeks)
            ),
        )
        for k, name in enumerate(others)
    )


def _matrix(kept: pa.Table, rows: pa.Table, weeks: int) -> Floats:
    """What each unit did in each week: (weeks, units)."""
    at = pc.index_in(rows["unit"].combine_chunks(), kept["unit"].combine_chunks())
    week = rows["week"].to_numpy()
    is_kept = pc.is_valid(at).to_numpy(zero_copy_only=False) & (week >= 0) & (week < weeks)
    place = week[is_kept] * len(kept) + at.to_numpy(zero_copy_only=False)[is_kept].astype(np.int64)
    sums = np.bincount(place.astype(np.int64), weights=rows["value"].to_numpy()[is_kept], minlength=weeks * len(kept))
    return np.asarray(sums, dtype=np.float64).reshape(weeks, len(kept))


def _course(values: Floats, trend: float, p: float, alpha: float) -> Course:
    """A trend towards no effect wears off, one away from it grows; what cannot be told from none is steady."""
    if not p <= alpha:
        return "steady"
    return "grows" if trend * float(values.mean()) > 0 else "wears off"
