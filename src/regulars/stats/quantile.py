"""Quantiles: how a variant moves the median or the slowest tenth, when a unit brings several values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from regulars.stats.cluster import in_one_variant
from regulars.stats.compare import Comparison, apart
from regulars.stats.effect import Effect, Numbers
from regulars.stats.moments import Array, codes

REACH = float(special.ndtri(0.975))                    # how many deviations of its rank a quantile is looked at from


def compare_quantiles(
    values: ArrayLike, *, at: Sequence[float], variant: ArrayLike, variants: int, unit: ArrayLike | None = None,
    control: int = 0,
) -> Comparison:
    """Quantiles of values against those of the control, one metric for each of `at`.

    Args:
        values: (values,), finite; several may be of one unit (requests of a visitor).
        at: Quantiles, each in (0, 1).
        variant: (values,) whole numbers from 0 to variants - 1, the same for all values of a unit.
        variants: How many there are.
        unit: (values,) of any kind: which unit was assigned; without it every value is its own. ValueError if torn.
        control: Which variant is the control.

    Returns:
        Effects (quantiles, variants - 1). Variance: the delta method gives that of the share of values up to the
        quantile, over units; the values at the ends of its 95 % interval give that of the quantile.
        NaN where too few values lie beyond an end, or both ends are the same value.

    Source: Deng, Knoblich & Lu (2018), Applying the delta method in metric analytics, section 4.

    """
    column = np.asarray(values, dtype=np.float64)
    code = codes("variant", variant, below=variants, size=len(column))
    owner = np.arange(len(column)) if unit is None else in_one_variant(unit, variant=code)[0]
    if not np.isfinite(column).all():
        raise ValueError(f"{int((~np.isfinite(column)).sum())} values are not finite: leave out or fill in")
    if not all(0 < level < 1 for level in at):
        raise ValueError(f"quantiles must be between 0 and 1, not {list(at)}")
    found = [_of_variant(column[code == place], owner[code == place], at=at) for place in range(variants)]
    value, variance, degrees = (np.stack(parts, axis=-1) for parts in zip(*found, strict=True))
    return apart(Effect(value=value, variance=variance, degrees=degrees), control=control)


def level_from_interval(value: Numbers, *, low: Numbers, high: Numbers, confidence: float = 0.95) -> Effect:
    """A quantile known by an interval of values at the ends of its rank's interval, as a database can tell it."""
    width = np.asarray(high, dtype=np.float64) - np.asarray(low, dtype=np.float64)
    return Effect(value=value, variance=(width / (2 * float(special.ndtri(0.5 + confidence / 2)))) ** 2)


def _of_variant(values: Array, owner: NDArray[np.intp], *, at: Sequence[float]) -> tuple[Array, Array, Array]:
    """Value, variance and degrees of freedom of the quantiles of one variant."""
    unknown = np.full(len(at), np.nan)
    units, place = np.unique(owner, return_inverse=True)
    if len(units) < 2:
        return unknown, unknown, unknown
    ordered = np.sort(values)
    level = np.asarray(at, dtype=np.float64)
    found = _at(ordered, level)
    per_unit = np.bincount(place).astype(np.float64)
    deviation = np.empty(len(at))
    for index, value in enumerate(found):
        below = np.bincount(place, weights=values <= value)
        rest = below - below.sum() / len(values) * per_unit
        deviation[index] = np.sqrt((rest**2).sum() * len(units) / (len(units) - 1)) / len(values)
    low, high = level - REACH * deviation, level + REACH * deviation
    width = _at(ordered, high) - _at(ordered, low)
    variance = np.where((low > 0) & (high < 1) & (width > 0), (width / (2 * REACH)) ** 2, np.nan)
    return found, variance, np.full(len(at), len(units) - 1.0)


def _at(ordered: Array, level: Array) -> Array:
    """The least value that a share `level` of the values does not exceed."""
    rank = np.clip(np.ceil(level * len(ordered)).astype(np.intp) - 1, 0, len(ordered) - 1)
    return ordered[rank]
