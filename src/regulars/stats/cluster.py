"""Clusters: whole households or circles of friends were given a variant, and their members are alike.

Members counted as if each had been drawn on its own make every difference look surer than it is; what is compared are
the totals of clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regulars.stats.compare import Comparison, apart
from regulars.stats.effect import Effect
from regulars.stats.moments import Array, Moments, codes, moments_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the members of every cluster came to together."""

    outcomes: Array                                    # (metrics, clusters)
    sizes: Array                                       # (metrics, clusters): members, or what divides the outcome
    squares: Array                                     # (metrics,): sum of the squares of the members' outcomes
    variant: NDArray[np.intp]                          # (clusters,)
    variants: int

    def moments(self) -> Moments:
        """Moments with the cluster as the unit: a ratio that adds up over days and takes covariates and strata.

        Compared by the delta method over clusters (Deng et al. 2018): for hundreds of clusters of like sizes; where
        they are few or very unlike, it cries wolf in up to 14 of 100 experiments and `compare_clusters` in 6.
        """
        return moments_of(
            self.outcomes, denominators=self.sizes, variant=self.variant, variants=self.variants
        )


def cluster_totals(
    outcomes: ArrayLike, *, cluster: ArrayLike, variant: ArrayLike, variants: int, sizes: ArrayLike | None = None
) -> Totals:
    """Totals by cluster of columns with one value per member.

    Args:
        outcomes: (members,) or (metrics, members), finite.
        cluster: (members,) of any kind that can be told apart.
        variant: (members,) whole numbers from 0 to variants - 1.
        variants: How many there are.
        sizes: Like outcomes: what divides the outcome, by default 1 for each member.

    Raises ValueError where a cluster has members in two variants: then it was not clusters that were assigned.

    """
    rows = np.atleast_2d(np.asarray(outcomes, dtype=np.float64))
    weights = np.ones_like(rows) if sizes is None else np.broadcast_to(np.asarray(sizes, dtype=np.float64), rows.shape)
    if not (np.isfinite(rows).all() and np.isfinite(weights).all()):
        raise ValueError("outcomes and sizes must be finite: leave out or fill in")
    place, of_cluster = in_one_variant(cluster, variant=codes("variant", variant, below=variants, size=rows.shape[1]))

    def summed(columns: Array) -> Array:
        return np.stack([np.bincount(place, weights=column, minlength=len(of_cluster)) for column in columns])

    return Totals(
        outcomes=summed(rows), sizes=summed(weights), squares=(rows**2).sum(axis=1), variant=of_cluster,
        variants=variants,
    )


def in_one_variant(
    cluster: ArrayLike, *, variant: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Clusters numbered from 0, (members,), and the variant of each, (clusters,).

    Raises ValueError where a cluster has members in two variants, with the first such.
    """
    names, first, place = np.unique(np.asarray(cluster), return_index=True, return_inverse=True)
    of_cluster = variant[first]
    torn = np.unique(place[variant != of_cluster[place]])
    if len(torn):
        raise ValueError(f"{len(torn)} clusters have members in several variants, the first is {names[torn[0]]!r}")
    return place, of_cluster


def compare_clusters(totals: Totals, *, control: int = 0) -> Comparison:
    """Members' mean in every variant against the control, with clusters as what varies.

    Variance: CR2 (Bell & McCaffrey 2002), unbiased if members were independent, for a mean in closed form: the square
    of what a cluster is off its variant's mean, over 1 less the cluster's share of the members. Degrees of freedom:
    Satterthwaite's for that estimate (Pustejovsky & Tipton 2018), fewer the more unlike the clusters' sizes are.
    A variant of one cluster has a level but no variance: NaN.
    """
    shape = (len(totals.outcomes), totals.variants)
    value, variance, degrees = (np.full(shape, np.nan) for _ in range(3))
    for variant in range(totals.variants):
        mine = totals.variant == variant
        value[:, variant], variance[:, variant], degrees[:, variant] = _level(
            totals.outcomes[:, mine], sizes=totals.sizes[:, mine]
        )
    return apart(Effect(value=value, variance=variance, degrees=degrees), control=control)


def likeness(totals: Totals) -> Array:
    """Intraclass correlation of the members of a cluster, by metric: 0 for no likeness, 1 for the same outcome.

    The design effect, by how much the clustering widens a variance, is about 1 + (mean size - 1) times this.
    Sizes must be numbers of members. Source: Donner (1986), analysis-of-variance estimator for unequal sizes.
    """
    squares = totals.squares.copy()
    within_variant = np.zeros_like(totals.outcomes)
    for variant in range(totals.variants):
        mine = totals.variant == variant
        level = totals.outcomes[:, mine].sum(axis=1) / totals.sizes[:, mine].sum(axis=1)
        squares -= level * totals.outcomes[:, mine].sum(axis=1)
        within_variant[:, mine] = totals.outcomes[:, mine] - level[:, np.newaxis] * totals.sizes[:, mine]
    between = (within_variant**2 / totals.sizes).sum(axis=1)
    members, clusters = totals.sizes.sum(axis=1), totals.sizes.shape[1]
    usual = (members - (totals.sizes**2).sum(axis=1) / members) / (clusters - totals.variants)
    among = between / (clusters - totals.variants)
    inside = (squares - between) / (members - clusters)
    correlation: Array = (among - inside) / (among + (usual - 1) * inside)
    return correlation


def _level(outcomes: Array, *, sizes: Array) -> tuple[Array, Array, Array]:
    """Mean, CR2 variance and degrees of freedom of one variant, by metric."""
    total = sizes.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = outcomes.sum(axis=1) / np.where(total == 0, np.nan, total)
        part = sizes / total[:, np.newaxis]
        rest = outcomes - mean[:, np.newaxis] * sizes
        variance = (rest**2 / (1 - part)).sum(axis=1) / total**2
        pairs = (part**2 / (1 - part)).sum(axis=1) ** 2 - (part**4 / (1 - part) ** 2).sum(axis=1)
        degrees = 1 / ((part**2).sum(axis=1) + pairs)
    many = (part < 1).all(axis=1) & (sizes.shape[1] > 1)
    return mean, np.where(many, variance, np.nan), np.where(many, degrees, np.nan)
