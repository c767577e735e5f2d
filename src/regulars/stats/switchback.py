"""Switchbacks: one thing shown to everybody at a time, by a schedule drawn at random, and what that schedule can prove.

Such as pictures of products that change by the hour. Visitors of one hour share it, so the unit is the slot of an item,
never the impression: neighbouring hours are alike, and a test that counts impressions finds an effect where none is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product
from math import ceil, log2

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regulars.stats.effect import Inference

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

_CELLS = 8_000_000                           # of schedules held in memory at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a schedule is drawn: each item shows each variant `repeats` times in every block of slots.

    A block is `variants * repeats` slots that follow each other among those of one stratum; without strata, of all.
    Strata make hours of the day or days of the week comparable: slots of one label are blocked together.
    """

    items: int
    slots: int
    variants: int = 2
    repeats: int = 1
    strata: tuple[int, ...] = ()             # a label a slot; empty: all alike

    def __post_init__(self) -> None:
        if self.items < 1 or self.slots < 1 or self.variants < 2 or self.repeats < 1:
            raise ValueError("a design has at least one item, one slot, one repeat and two variants")
        if self.strata and len(self.strata) != self.slots:
            raise ValueError(f"{len(self.strata)} strata for {self.slots} slots: one label a slot")

    @property
    def blocks(self) -> list[Whole]:
        """Return the slots of each block, in the order of time; the last of a stratum may be short."""
        labels = np.asarray(self.strata or [0] * self.slots)
        length = self.variants * self.repeats
        found = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        return [slots[first : first + length] for slots in found for first in range(0, len(slots), length)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Which variant is on for an item in a slot, and in which square that was drawn: both (items, slots).

    A square is a group of items in a block. Within it the names of the variants were dealt at random, so they may be
    dealt again: that is all that the tests here rely on.
    """

    design: Design
    variant: Whole
    square: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why there is no answer."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotComparison:
    """What a schedule shows: each variant against the control, one value a variant, NaN for the control."""

    inference: Inference
    any_difference: float                    # p-value that all variants are alike
    kept: Whole                              # slots of items that count, a variant
    resolution: float                        # the smallest p-value that this schedule could give


def draw(design: Design, *, rng: np.random.Generator) -> Schedule:
    """Return a schedule: balanced for every item over time, and in every slot over items as evenly as can be.

    In each block items are dealt into groups as large as there are variants, each group a Latin square whose rows,
    columns and names are shuffled.
    Source: Missault, Masoero, Delbe, Richardson & Imbens (2025), arXiv 2506.12654 (balance over items and time);
    Fisher (1935), The Design of Experiments (shuffled Latin squares).
    """
    k, items = design.variants, design.items
    groups = ceil(items / k)
    variant = np.empty((items, design.slots), dtype=np.int64)
    square = np.empty((items, design.slots), dtype=np.int64)
    for n, slots in enumerate(design.blocks):
        place = rng.permutation(items)
        group, row = place // k, place % k
        columns = rng.permuted(np.tile(np.arange(k * design.repeats), (groups, 1)), axis=1)[:, : len(slots)]
        names = rng.permuted(np.tile(np.arange(k), (groups, 1)), axis=1)
        variant[:, slots] = names[group[:, None], (row[:, None] + columns[group]) % k]
        square[:, slots] = (n * groups + group)[:, None]
    return Schedule(design=design, variant=variant, square=square)


def refuse_unit(unit: str) -> Refusal | None:
    """Return why a rotation must not be tested by this unit; None for the slot.

    Source: Bojinov, Simchi-Levi & Zhao (2023), Design and Analysis of Switchback Experiments, Management Science 69.
    """
    if unit == "slot":
        return None
    return Refusal(reason=(
        f"a rotation over time cannot be tested by {unit}: everybody in a slot saw the same variant, and slots close "
        f"in time are alike, so many a {unit} is no more evidence than their slot; analyse slots"
    ))


def linearised(numerator: ArrayLike, denominator: ArrayLike) -> Array:
    """Return a ratio metric, such as orders per impression, as one value a slot whose mean is the ratio.

    Arrays of one shape; NaN where the denominator is. The overall ratio depends on no schedule, so tests stay exact.
    Source: Deng, Knoblich & Lu (2018), Applying the Delta Method in Metric Analytics, KDD.
    """
    top, bottom = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    ratio = np.nansum(top) / np.nansum(bottom)
    value: Array = ratio + (top - ratio * bottom) / np.nanmean(bottom)
    return value


def compare(
    outcomes: ArrayLike,
    *,
    schedule: Schedule,
    rng: np.random.Generator,
    control: int = 0,
    burn_in: int = 0,
    carryover: int = 0,
    alpha: float = 0.05,
    draws: int = 1999,
) -> SlotComparison | Refusal:
    """Return what each variant adds to the mean outcome of a slot, with exact p-values and intervals.

    outcomes: (items, slots), or (items, slots, parts of a slot) of which the first `burn_in` are left out and the rest
    averaged; NaN where nobody came. With `carryover` a slot counts only when its variant was on in that many slots
    before it too, weighed by the inverse of how likely that was.
    p-values come from dealing the names of variants again, in every square: all ways where there are at most `draws`,
    else `draws` of them. They hold whatever the season, trend or memory of the outcomes. The interval is all effects
    that this test does not reject; it takes an effect to be constant and at once.
    Raises ValueError for shapes that do not fit.
    Source: Bojinov, Simchi-Levi & Zhao (2023), Management Science 69 (inverse weights of paths, exact test); Liu &
    Zhong (2026), arXiv 2602.23257 (randomisation tests of switchbacks); Phipson & Smyth (2010) for 1 + draws.
    """
    y = _outcomes(outcomes, schedule, burn_in)
    seen = _Seen(
        values=np.nan_to_num(y), weights=_weights(y, schedule.design, carryover), schedule=schedule,
        carryover=carryover, draws=draws, rng=rng,
    )
    kept = seen.sums(schedule.variant[None], range(schedule.design.variants))[0, :, 0].astype(np.int64)
    refusal = _refusal(schedule, kept, carryover, alpha)
    if refusal is not None:
        return refusal
    others = [v for v in range(schedule.design.variants) if v != control]
    rows = np.full((4, schedule.design.variants), np.nan)
    for v in others:
        rows[:, v] = _pair(seen, control, v, alpha)
    value, low, high, p = rows
    alike = float(p[others[0]]) if len(others) == 1 else _all_alike(seen)
    return SlotComparison(
        inference=Inference(value=value, low=low, high=high, p=p), any_difference=alike, kept=kept,
        resolution=max(2.0 ** (1 - _squares(schedule)), 1 / (1 + draws)),
    )


def _outcomes(outcomes: ArrayLike, schedule: Schedule, burn_in: int) -> Array:
    y = np.asarray(outcomes, dtype=np.float64)
    if y.ndim == 3:
        if not 0 <= burn_in < y.shape[2]:
            raise ValueError(f"a burn-in of {burn_in} leaves nothing of {y.shape[2]} parts")
        parts = y[..., burn_in:]
        count = (~np.isnan(parts)).sum(axis=2)
        y = np.where(count > 0, np.nansum(parts, axis=2) / np.maximum(count, 1), np.nan)
    elif burn_in:
        raise ValueError("a burn-in needs outcomes by parts of a slot: (items, slots, parts)")
    if y.shape != schedule.variant.shape:
        raise ValueError(f"outcomes {y.shape} do not fit a schedule of {schedule.variant.shape} items and slots")
    return y


def _weights(y: Array, design: Design, carryover: int) -> Array:
    """The inverse of how likely one variant is on in a slot and those that matter before it; 0 where it cannot be."""
    block = np.empty(design.slots, dtype=np.int64)
    for n, slots in enumerate(design.blocks):
        block[slots] = n
    chance = np.zeros(design.slots)
    length = design.variants * design.repeats
    for slot in range(carryover, design.slots):
        _, together = np.unique(block[slot - carryover : slot + 1], return_counts=True)
        chance[slot] = np.prod([(design.repeats - i) / (length - i) for m in together for i in range(m)])
    with np.errstate(divide="ignore"):
        return np.where(np.isnan(y) | (chance <= 0), 0.0, np.where(chance > 0, 1 / chance, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What was measured under a schedule, and how it is to be judged."""

    values: Array
    weights: Array                           # of slots; 0 where nothing was measured
    schedule: Schedule
    carryover: int
    draws: int
    rng: np.random.Generator

    def sums(self, variant: Whole, of: range | tuple[int, ...], *values: Array) -> Array:
        """Weights of the slots that count, and values times weights: (schedules, variants, 1 + values).

        Without values the slots are counted instead.
        """
        is_settled = np.ones(variant.shape, dtype=bool)
        is_settled[..., : self.carryover] = False
        for lag in range(1, self.carryover + 1):
            is_settled[..., lag:] &= variant[..., lag:] == variant[..., :-lag]
        columns = [self.weights, *(self.weights * v for v in values)] if values else [self.weights > 0]
        flat = np.stack([column.ravel() for column in columns], axis=-1).astype(np.float64)
        each = [((variant == v) & is_settled).reshape(len(variant), -1).astype(np.float64) @ flat for v in of]
        return np.stack(each, axis=1)

    def dealt(self, names: Whole) -> Iterator[Whole]:
        """Schedules as they might have been, a few at a time: in every square one of the given ways to name variants.

        The first is the schedule as it was.
        """
        square, variant = self.schedule.square, self.schedule.variant
        squares = _squares(self.schedule)
        if squares * log2(len(names)) <= log2(1 + self.draws):
            ways = np.array(list(product(range(len(names)), repeat=squares)), dtype=np.int64)
        else:
            drawn = self.rng.integers(len(names), size=(self.draws, squares))
            ways = np.vstack([np.zeros((1, squares), dtype=np.int64), drawn])
        numbers = np.unique(square, return_inverse=True)[1].reshape(square.shape)
        size = max(1, _CELLS // variant.size)
        for first in range(0, len(ways), size):
            yield names[ways[first : first + size][:, numbers], variant[None]]


def _pair(seen: _Seen, control: int, v: int, alpha: float) -> tuple[float, float, float, float]:
    """Value, low, high and p of a variant against the control, from swapping their names in squares."""
    treated = (seen.schedule.variant == v).astype(np.float64)

    def statistic(variant: Whole) -> Array:
        sums = seen.sums(variant, (control, v), seen.values, treated)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = sums[..., 1:] / sums[..., :1]
        return means[:, 1] - means[:, 0]

    names = np.arange(seen.schedule.design.variants)
    swapped = names.copy()
    swapped[[control, v]] = v, control
    value = statistic(seen.schedule.variant[None])[0, 0]
    again = np.concatenate([statistic(dealt) for dealt in seen.dealt(np.stack([names, swapped]))])
    # A deal in which nothing can be said counts as one that says everything, which errs on the safe side.
    found, share = np.where(np.isnan(again[:, 0]), np.inf, again[:, 0]), again[:, 1]
    p = float(np.mean(np.abs(found) >= abs(value) * (1 - 1e-9)))
    low, high = _not_rejected(value, found, share, alpha)
    return float(value), low, high, p


def _not_rejected(value: float, found: Array, share: Array, alpha: float) -> tuple[float, float]:
    """The effects whose p-value is above alpha: every deal rejects outside an interval of its own.

    An effect t leaves |value - t| of the estimate and |found - t share| of a deal's; with |share| < 1 the first grows
    faster in t than the second can, so a deal is the larger one between two points, which are solved for.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.stack([(value + found) / (1 + share), (value - found) / (1 - share)])
    is_everywhere = ~(np.abs(share) < 1 - 1e-9) | np.isinf(found)
    lows = np.sort(np.where(is_everywhere, -np.inf, ends.min(axis=0)))
    highs = np.sort(np.where(is_everywhere, np.inf, ends.max(axis=0)))
    last = int(np.floor(alpha * len(found)))
    return float(lows[last]), float(highs[-1 - last])


def _all_alike(seen: _Seen) -> float:
    """The p-value that all variants are alike, by how far their means lie apart."""
    variants = range(seen.schedule.design.variants)

    def statistic(variant: Whole) -> Array:
        sums = seen.sums(variant, variants, seen.values)
        total = sums.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = sums[..., 1] / sums[..., 0] - total[..., 1] / total[..., 0]
        spread: Array = (sums[..., 0] * apart**2).sum(axis=1)
        return np.where(np.isnan(spread), np.inf, spread)

    names = np.array([*_orders(len(variants))])
    again = np.concatenate([statistic(dealt) for dealt in seen.dealt(names)])
    return float(np.mean(again >= statistic(seen.schedule.variant[None])[0] * (1 - 1e-9)))


def _orders(k: int) -> Iterator[list[int]]:
    """All ways to name up to five variants, the names turned round for more: a group either way, so tests are exact."""
    if k > 5:
        yield from ([(n + turn) % k for n in range(k)] for turn in range(k))
        return
    yield from (list(order) for order in permutations(range(k)))


def _squares(schedule: Schedule) -> int:
    return len(np.unique(schedule.square))


def _refusal(schedule: Schedule, kept: Whole, carryover: int, alpha: float) -> Refusal | None:
    squares, needed = _squares(schedule), ceil(1 - log2(alpha))
    if squares < needed:
        return Refusal(reason=(
            f"{squares} blocks are too few: whatever happens in them, no p-value could be below "
            f"{2.0 ** (1 - squares):.2g}; at least {needed} are needed for {alpha:g}"
        ))
    if np.any(kept < 2):
        v = int(np.argmin(kept))
        return Refusal(reason=(
            f"variant {v} was on {kept[v]} times for {carryover + 1} slots running; repeat variants more often in a "
            "block, or go on for longer"
        ))
    return None
