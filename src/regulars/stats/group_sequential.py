"""A few looks planned ahead: error is spent look by look, and the interval stays nearly as short as that of one look.

The looks need not be known beforehand, only how fast error may be spent with information: the bound of a look follows
from the looks so far. Five looks cost 4 % of width with spending after O'Brien and Fleming.
Sources: Lan and DeMets (1983), Biometrika 70; Armitage, McPherson and Rowe (1969), JRSS A 132, for the recursion;
Jennison and Turnbull (1989), JRSS B 51, for the repeated interval and its p-value; checked against ldbounds and
SeqBounds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from regulars.stats.effect import Effect, Inference
from regulars.stats.moments import Array
from regulars.stats.z_score import check_alpha, within, z_score

Spending: TypeAlias = Literal["obrien-fleming", "pocock"]

SMALLEST_P = 1e-12                           # p-values below are not told apart
_NEXT_TO_NOTHING = 1e-17                     # error too small to follow: its bound is taken on the safe side
_FARTHEST = 8.5                              # z-score beyond which the walk is not followed: a chance of 2e-17
_TOO_SMALL_A_STEP = 1 / 1000                 # a look that adds less information than this share cannot stop the test
_RUNGS = 12                                  # levels at which bounds are solved to read a p-value off
_SLAB = 2_000_000                            # numbers held at once in the widest step of the recursion


def spent(fractions: Array, *, alpha: float | Array = 0.05, spending: Spending = "obrien-fleming") -> Array:
    """Error that may have been spent, both sides together, when a fraction of the planned information is there.

    Nothing at 0, all of `alpha` from 1 on. Raises ValueError for an unknown kind of spending.
    """
    rate = np.asarray(alpha, dtype=np.float64)
    share = np.clip(np.asarray(fractions, dtype=np.float64), 0.0, 1.0)
    if spending == "pocock":
        return np.asarray(rate * np.log1p((np.e - 1) * share))
    if spending != "obrien-fleming":
        raise ValueError(f"spending is {spending!r}; error is spent by 'obrien-fleming' or 'pocock'")
    with np.errstate(divide="ignore"):
        return np.asarray(4 * ndtr(ndtri(rate / 4) / np.sqrt(share)))


def boundaries(
    fractions: Array,
    *,
    alpha: float = 0.05,
    spending: Spending = "obrien-fleming",
    is_final: bool = False,
) -> Array:
    """Z-scores beyond which each look ends the test; looks are the last axis, oldest first.

    `fractions` are shares of the planned information (units so far over units planned), not decreasing; zeros in
    front say that there was no look. Infinite where nothing can be spent: before the first look, past the plan, or
    where a look adds next to nothing. `is_final` spends at the last look all that is left, for a test that ends
    before its plan.
    Raises ValueError for fractions that decrease or are negative or missing.
    """
    rows = _rows(fractions)
    budget = _budget(rows, alpha=alpha, spending=spending, is_final=is_final)
    bounds = np.empty_like(rows)
    for slab in _slabs(rows, budget):
        steps = _walk(rows[slab], budget[slab])
        bounds[slab] = np.stack([step.bound for step in steps], axis=-1)
    return bounds.reshape(np.shape(fractions))


def at_last_look(
    effect: Effect,
    fractions: Array,
    *,
    alpha: float = 0.05,
    spending: Spending = "obrien-fleming",
    is_final: bool = False,
) -> Inference:
    """Repeated interval and p-value of an effect at the last of the looks; both may be read at every look.

    `fractions` has looks on its last axis, and its other axes broadcast with the effect: for experiments x metrics give
    experiments x 1 x looks. The interval excludes zero exactly when p <= alpha, when the look ends the test.
    """
    bounds = boundaries(fractions, alpha=alpha, spending=spending, is_final=is_final)[..., -1]
    # Denser towards p = 1, where the level bends with its bound.
    quantiles = -ndtri(SMALLEST_P / 2) * np.linspace(0.12, 1.0, _RUNGS) ** 2
    levels = np.unique(np.append(2 * ndtr(-quantiles), alpha))[::-1]
    ladder = np.stack(
        [boundaries(fractions, alpha=float(a), spending=spending, is_final=is_final)[..., -1] for a in levels], axis=-1
    )
    return within(effect, bound=bounds, p=_read_off(np.abs(z_score(effect)), ladder, levels))


def crossing(
    fractions: Array,
    drift: float | Array,
    *,
    alpha: float = 0.05,
    spending: Spending = "obrien-fleming",
    is_upward: bool = False,
) -> Array:
    """Chance to have crossed a bound at or before each look, when z at full information has mean `drift`.

    `is_upward` counts the crossings of the upper bound alone, those that see a positive effect for what it is.
    Shape: that of `drift` and the leading axes of `fractions` broadcast, with looks last. With drift 0 it is the
    error spent.
    """
    drifts = np.asarray(drift, dtype=np.float64)
    shape = np.broadcast_shapes(drifts.shape, np.shape(fractions)[:-1])
    rows = _rows(np.broadcast_to(fractions, (*shape, np.shape(fractions)[-1])))
    pull = np.broadcast_to(drifts, shape).reshape(-1, 1)
    budget = _budget(rows, alpha=alpha, spending=spending, is_final=False)
    stopped = np.empty_like(rows)
    for slab in _slabs(rows, budget):
        steps = _walk(rows[slab], budget[slab])
        stopped[slab] = np.stack([step.crossed(pull[slab], is_upward=is_upward) for step in steps], axis=-1)
    return np.asarray(np.cumsum(stopped, axis=-1).reshape(*shape, rows.shape[-1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """The way to one look: where the tests still going on stood before it, and the bound they meet.

    `place` and `mass` are nodes and weights of |B| just after the look before, B being z times the root of the
    fraction.
    """

    place: Array
    mass: Array
    fraction: Array
    width: Array                            # standard deviation of the way since the last look; 0: no look
    bound: Array

    def crossed(self, drift: Array, *, is_upward: bool) -> Array:
        """Return the chance to cross here and not before; a drift reweighs the undrifted walk (Girsanov)."""
        edge = (self.bound * np.sqrt(self.fraction))[:, None]
        width = self.width[:, None]
        safe = np.where(width > 0, width, 1.0)
        before = self.fraction[:, None] - width**2
        chance = np.zeros(self.place.shape)
        with np.errstate(invalid="ignore"):
            for side in (1.0, -1.0):
                start = side * self.place
                ahead = (edge - start - drift * width**2) / safe
                behind = (edge + start + drift * width**2) / safe
                weight = 0.5 * np.exp(drift * start - 0.5 * drift**2 * before)
                chance += weight * (ndtr(-ahead) + (0.0 if is_upward else ndtr(-behind)))
        return np.where(self.width > 0, np.sum(self.mass * chance, axis=-1), 0.0)


def _budget(rows: Array, *, alpha: float, spending: Spending, is_final: bool) -> Array:
    spendable = rows.copy()
    if is_final:
        spendable[:, -1] = 1.0
    return np.diff(spent(spendable, alpha=check_alpha(alpha), spending=spending), axis=-1, prepend=0.0)


def _walk(rows: Array, budget: Array) -> Iterator[_Step]:
    """Carry the distribution of tests that still go on from look to look, one row an experiment."""
    points, weights = leggauss(int(np.max(_nodes(rows, budget))))
    points, weights = (points + 1) / 2, weights / 2
    place, mass = np.zeros((len(rows), 1)), np.ones((len(rows), 1))
    reached, bound = np.zeros(len(rows)), np.full(len(rows), np.inf)
    saved = np.zeros(len(rows))              # what a look too small to stop leaves for the next
    for look, fraction in enumerate(rows.T):
        is_new = fraction - reached > _TOO_SMALL_A_STEP * fraction
        saved = saved + budget[:, look]
        width = np.where(is_new, np.sqrt(np.maximum(fraction - reached, 0.0)), 0.0)
        solved = _solve(place, mass, np.sqrt(fraction), width, saved)
        # The same data looked at again is the same look; new data too scarce to compute with has to wait.
        bound = np.where(is_new, solved, np.where(fraction == reached, bound, np.inf))
        yield _Step(place=place, mass=mass, fraction=fraction, width=width, bound=bound)
        saved = np.where(is_new, 0.0, saved)
        reached = np.where(is_new, fraction, reached)
        if look + 1 < rows.shape[-1]:
            edge = np.minimum(bound, _FARTHEST) * np.sqrt(fraction)
            place, mass = _carry(place, mass, width, target=edge[:, None] * points, weights=edge[:, None] * weights)


def _solve(place: Array, mass: Array, root: Array, width: Array, budget: Array) -> Array:
    """Return the bound that spends the budget, by Newton's method on the logarithm of the chance to cross.

    What is left of the walk is log-concave, so is its tail, and the start is beyond the root: the steps come down to it
    and cannot overshoot.
    """
    is_open = (width > 0) & (budget > 0)
    # A chance to cross without having crossed before is at most that of crossing: this bound is far enough in any case.
    start = np.where(is_open, -ndtri(np.where(is_open, np.minimum(budget, 1.0), 1.0) / 2), np.inf)
    is_open &= budget > _NEXT_TO_NOTHING
    bound = np.where(is_open, start, 0.0)
    scale = np.where(is_open, width, 1.0)[:, None]
    for _ in range(60):
        ahead = ((bound * root)[:, None] - place) / scale
        behind = ((bound * root)[:, None] + place) / scale
        chance = np.sum(mass * (ndtr(-ahead) + ndtr(-behind)), axis=-1)
        density = np.sum(mass * (_normal(ahead) + _normal(behind)), axis=-1) * root / scale[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(is_open, chance / density * np.log(chance / budget), 0.0)
        bound = np.maximum(bound + np.nan_to_num(step), 0.0)
        if np.all(np.abs(step) < 1e-9):
            break
    return np.where(is_open, bound, start)


def _carry(
    place: Array, mass: Array, width: Array, *, target: Array, weights: Array
) -> tuple[Array, Array]:
    """Move the tests that go on to their places just after a look; rows without a look stay where they are."""
    is_open = width > 0
    scale = np.where(is_open, width, 1.0)[:, None]
    to, start = (target / scale)[:, :, None], (place / scale)[:, None, :]
    kernel = np.exp(-0.5 * (to - start) ** 2)
    kernel += np.exp(-0.5 * (to + start) ** 2)
    moved = (kernel @ mass[:, :, None])[:, :, 0] * weights / (scale * np.sqrt(2 * np.pi))
    unmoved = ((0, 0), (0, target.shape[1] - place.shape[1]))
    return (
        np.where(is_open[:, None], target, np.pad(place, unmoved)),
        np.where(is_open[:, None], moved, np.pad(mass, unmoved)),
    )


def _normal(x: Array) -> Array:
    return np.asarray(np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi))


def _nodes(rows: Array, budget: Array) -> NDArray[np.intp]:
    """Return for each row how many nodes resolve what a look makes of the look before: 1.2 to its narrowest width.

    All in z-scores: the range is that between the bounds, the width that of a bump both before and after the look.
    """
    steps = np.diff(rows, axis=-1)
    is_new = steps > _TOO_SMALL_A_STEP * rows[:, 1:]
    narrowness = np.sqrt(1 + np.where(is_new, rows[:, :-1] / np.where(is_new, steps, 1.0), 0.0))
    farthest = np.minimum(_FARTHEST, -ndtri(np.maximum(budget[:, :-1], _NEXT_TO_NOTHING) / 2))
    ratio = np.max(farthest * narrowness, axis=-1, initial=0.0)
    return np.asarray(9 + np.ceil(1.2 * ratio), dtype=np.intp)


def _slabs(rows: Array, budget: Array) -> Iterator[NDArray[np.intp]]:
    """Cut rows into slabs that fit into memory, those that need as many nodes together."""
    nodes = _nodes(rows, budget)
    order = np.argsort(nodes, kind="stable")
    while len(order):
        size = max(1, _SLAB // int(nodes[order[-1]]) ** 2)
        yield order[-size:]
        order = order[:-size]


def _rows(fractions: Array) -> Array:
    if np.size(fractions) == 0:
        raise ValueError("there is no look; give the share of the planned information at each, as 0.2, 0.4")
    rows = np.atleast_2d(np.asarray(fractions, dtype=np.float64))
    rows = rows.reshape(-1, rows.shape[-1])
    if not np.all(rows >= 0) or np.any(np.diff(rows, axis=-1) < 0):
        raise ValueError(
            f"fractions are {np.array2string(rows, threshold=10)}; shares of the planned information grow from look to"
            " look, as 0.2, 0.4, 1.0"
        )
    return rows


def _read_off(z: Array, ladder: Array, levels: Array) -> Array:
    """Return the level whose bound is z, to three digits, by a monotone cubic in the normal quantile of the level.

    Source: Fritsch and Butland (1984), SIAM Journal on Scientific and Statistical Computing 5: exact at the rungs and
    never turning between them, so that p <= alpha exactly beyond the bound of alpha.
    """
    # Levels so small that no z stops the look: their rungs stand beyond every z that a float can tell.
    height = np.where(np.isfinite(ladder), ladder, 100.0 + np.arange(len(levels)))
    height = np.maximum.accumulate(height, axis=-1)
    run, rise = np.maximum(np.diff(height, axis=-1), 1e-12), np.diff(-ndtri(levels / 2))
    steep = rise / run
    slopes = np.concatenate([_at_end(steep, run), _harmonic(steep, run), steep[..., -1:]], axis=-1)
    shape = np.broadcast_shapes(z.shape, height.shape[:-1])
    at = np.clip(np.sum(height <= z[..., None], axis=-1) - 1, 0, len(levels) - 2)
    at = np.broadcast_to(at, shape)[..., None]

    def here(values: Array) -> Array:
        return np.take_along_axis(np.broadcast_to(values, (*shape, values.shape[-1])), at, axis=-1)[..., 0]

    width = here(run)
    part = np.clip((z - here(height)) / width, 0.0, 1.0)
    start, climb = here(-ndtri(levels / 2)), here(rise)
    first, last = here(slopes[..., :-1]) * width, here(slopes[..., 1:]) * width
    quantile = start + part * (first + part * (3 * climb - 2 * first - last + part * (first + last - 2 * climb)))
    p = np.where(z < height[..., 0], 1.0, np.where(z >= height[..., -1], SMALLEST_P, 2 * ndtr(-quantile)))
    return np.where(np.isnan(z), np.nan, p)


def _harmonic(steep: Array, run: Array) -> Array:
    """Return slopes at the inner rungs: weighted harmonic means of those beside them."""
    left, right = 2 * run[..., 1:] + run[..., :-1], run[..., 1:] + 2 * run[..., :-1]
    return np.asarray((left + right) / (left / steep[..., :-1] + right / steep[..., 1:]))


def _at_end(steep: Array, run: Array) -> Array:
    """Return the slope at the first rung by the parabola of the first three, within what keeps the cubic monotone."""
    near, beyond = run[..., :1], run[..., 1:2]
    parabola = ((2 * near + beyond) * steep[..., :1] - near * steep[..., 1:2]) / (near + beyond)
    return np.clip(parabola, 0.0, 3 * steep[..., :1])
