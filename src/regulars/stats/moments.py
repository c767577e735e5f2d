"""Moments: all that a comparison needs to know of the units, small enough to add up over days and machines.

A unit brings a row of columns: the outcome, then the denominator if the metric is a ratio, then covariates from before
the experiment. Kept are how many units there are, the sum of every column and of every product of two columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Sums over the units of every variant and stratum; adding two of them is looking at both crowds of units at once.

    The leading axis is the metric (there may be none, or several); a metric without strata has one stratum.
    Sums may hold NaN: what is computed from them is NaN, for that metric only.
    """

    units: Array                                       # (..., variants, strata): how many
    sums: Array                                        # (..., variants, strata, columns)
    products: Array                                    # (..., variants, strata, columns, columns), symmetric
    has_denominator: bool = False                      # the second column divides the first

    def __post_init__(self) -> None:
        shape = self.units.shape
        columns = self.sums.shape[-1] if self.sums.ndim else 0
        if self.units.ndim < 2 or self.sums.shape != (*shape, columns):
            raise ValueError(f"sums have the shape {self.sums.shape}; units {shape} ask for {(*shape, 'columns')}")
        if self.products.shape != (*shape, columns, columns):
            raise ValueError(f"products have the shape {self.products.shape} instead of {(*shape, columns, columns)}")
        if columns < 1 + self.has_denominator:
            raise ValueError(f"{columns} columns cannot hold an outcome and its denominator")
        if (self.units < 0).any():
            raise ValueError("a variant cannot have fewer than no units")

    @property
    def outcomes(self) -> int:
        """How many leading columns are of the experiment itself: 1, or 2 with a denominator; covariates follow."""
        return 1 + self.has_denominator

    def __add__(self, other: Moments) -> Moments:
        """Both crowds of units together; raises ValueError where the two do not speak of the same table."""
        if self.sums.shape != other.sums.shape or self.has_denominator != other.has_denominator:
            raise ValueError(f"moments of the shapes {self.sums.shape} and {other.sums.shape} cannot be added")
        return Moments(
            units=self.units + other.units, sums=self.sums + other.sums, products=self.products + other.products,
            has_denominator=self.has_denominator,
        )

    def combined(self, weights: Array) -> Moments:
        """Moments of new columns, weighted sums of these: weights of the shape (columns, new columns)."""
        return Moments(
            units=self.units, sums=self.sums @ weights, products=weights.T @ self.products @ weights
        )

    def over_strata(self) -> Moments:
        """The same units with all strata taken together."""
        return Moments(
            units=self.units.sum(axis=-1, keepdims=True), sums=self.sums.sum(axis=-2, keepdims=True),
            products=self.products.sum(axis=-3, keepdims=True), has_denominator=self.has_denominator,
        )

    def by_stratum(self) -> Moments:
        """Every stratum as a metric of its own: (..., strata, variants, 1 stratum)."""
        return Moments(
            units=np.moveaxis(self.units, -1, -2)[..., np.newaxis],
            sums=np.moveaxis(self.sums, -2, -3)[..., np.newaxis, :],
            products=np.moveaxis(self.products, -3, -4)[..., np.newaxis, :, :],
            has_denominator=self.has_denominator,
        )

    def with_rare_strata_together(self, *, least: int) -> Moments:
        """The same units; strata in which some variant of some metric has fewer than `least` become one, the last.

        Where that one has too few itself the next rarest join it, in the end all.
        """
        fewest = self.units.min(axis=tuple(range(self.units.ndim - 1)))
        if (fewest >= least).all():
            return self
        order = np.argsort(fewest, kind="stable")
        count = int((fewest < least).sum())
        while count < len(order) and self.units[..., order[:count]].sum(axis=-1).min() < least:
            count += 1
        rest, kept = self._of(order[:count]).over_strata(), self._of(np.sort(order[count:]))
        return Moments(
            units=np.concatenate([kept.units, rest.units], axis=-1),
            sums=np.concatenate([kept.sums, rest.sums], axis=-2),
            products=np.concatenate([kept.products, rest.products], axis=-3),
            has_denominator=self.has_denominator,
        )

    def _of(self, strata: NDArray[np.intp]) -> Moments:
        return Moments(
            units=self.units[..., strata], sums=self.sums[..., strata, :], products=self.products[..., strata, :, :],
            has_denominator=self.has_denominator,
        )


def moments_of(
    outcomes: ArrayLike, *, variant: ArrayLike, variants: int, denominators: ArrayLike | None = None,
    covariates: Sequence[ArrayLike] = (), stratum: ArrayLike | None = None, strata: int = 1,
) -> Moments:
    """Moments of metrics from columns with one value per unit.

    Args:
        outcomes: (units,) or (metrics, units); finite. A yes-or-no outcome is 1 or 0.
        variant: (units,) whole numbers from 0 to variants - 1.
        variants: How many there are, met or not.
        denominators: Like outcomes; with it the metric is the ratio of the two totals.
        covariates: Each like outcomes, known before the experiment; one of shape (units,) serves every metric.
        stratum: (units,) whole numbers from 0 to strata - 1.
        strata: How many there are, met or not.

    Returns:
        Moments of the shape (metrics, variants, strata), also for a single metric.

    Raises ValueError for a value that is not finite, with its column and place: a missing amount is not 0, and whoever
    knows what it is has to say so before it is counted.

    """
    first = np.atleast_2d(np.asarray(outcomes, dtype=np.float64))
    named = [("outcome", outcomes), *([] if denominators is None else [("denominator", denominators)])]
    named += [(f"covariate {place}", column) for place, column in enumerate(covariates)]
    columns = [_finite(name, values, shape=first.shape) for name, values in named]
    cell = codes("variant", variant, below=variants, size=first.shape[1]) * strata
    if stratum is not None:
        cell = cell + codes("stratum", stratum, below=strata, size=first.shape[1])
    cells = variants * strata
    shape = (first.shape[0], variants, strata)
    width = len(columns)
    sums = np.empty((*shape, width))
    products = np.empty((*shape, width, width))
    for left, column in enumerate(columns):
        sums[..., left] = _totals(cell, column, cells=cells).reshape(shape)
        for right in range(left, width):
            with np.errstate(over="ignore"):          # an infinite square makes its metric unknown, and no other
                both = column * columns[right]
            total = _totals(cell, both, cells=cells).reshape(shape)
            products[..., left, right] = products[..., right, left] = total
    units = np.broadcast_to(np.bincount(cell, minlength=cells).reshape(shape[1:]).astype(np.float64), shape)
    return Moments(units=units, sums=sums, products=products, has_denominator=denominators is not None)


def share_moments(successes: ArrayLike, *, trials: ArrayLike) -> Moments:
    """Moments of yes-or-no outcomes from counts of the shape (..., variants).

    Raises ValueError where more succeeded than tried, or fewer than none.
    """
    won, tried = np.broadcast_arrays(
        np.asarray(successes, dtype=np.float64)[..., np.newaxis], np.asarray(trials, dtype=np.float64)[..., np.newaxis]
    )
    if (won < 0).any() or (won > tried).any():
        raise ValueError("successes must be between 0 and the trials")
    sums = won[..., np.newaxis]
    return Moments(units=tried, sums=sums, products=sums[..., np.newaxis])


def codes(name: str, values: ArrayLike, *, below: int, size: int) -> NDArray[np.intp]:
    """Whole numbers from 0 to below - 1, one for each of `size` units; raises ValueError with the name otherwise."""
    found = np.asarray(values)
    if found.shape != (size,) or found.dtype.kind not in "iub":
        raise ValueError(f"{name} must be {size} whole numbers, one per unit; it is {found.dtype} {found.shape}")
    if size and (found.min() < 0 or found.max() >= below):
        raise ValueError(f"{name} must be from 0 to {below - 1}; it goes from {found.min()} to {found.max()}")
    return found.astype(np.intp)


def _totals(cell: NDArray[np.intp], values: Array, *, cells: int) -> Array:
    return np.stack([np.bincount(cell, weights=row, minlength=cells) for row in values])


def _finite(name: str, values: ArrayLike, *, shape: tuple[int, ...]) -> Array:
    column = np.asarray(values, dtype=np.float64)
    if column.shape[-1:] != shape[-1:]:
        raise ValueError(f"{name} has {column.shape[-1:]} units where the outcome has {shape[-1:]}")
    bad = np.argwhere(~np.isfinite(column))
    if len(bad):
        place = tuple(int(index) for index in bad[0])
        raise ValueError(
            f"{name} is {column[place]} at {place}, the first of {len(bad)} that are not finite: leave out or fill in"
        )
    return np.broadcast_to(column, shape)
