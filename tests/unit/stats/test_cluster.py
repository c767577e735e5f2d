"""Clusters: members of a household are not counted as if each had been drawn alone."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.stats.cluster import cluster_totals, compare_clusters, likeness
from regulars.stats.compare import compare
from regulars.stats.inference import infer
from regulars.stats.moments import moments_of
from regulars.testing.trials import community_trials, household_trials

RNG = np.random.default_rng(13)
SIZES = np.array([1, 2, 5, 3, 4, 1, 2, 8, 3, 3, 2, 6])
HOUSE = np.repeat(np.arange(12), SIZES)
VARIANT = (HOUSE % 2).astype(int)
OUTCOME = RNG.normal(size=len(HOUSE)) + RNG.normal(size=12)[HOUSE]


def test_the_variance_is_cr2_and_its_degrees_satterthwaites_as_by_matrices() -> None:
    found = compare_clusters(cluster_totals(OUTCOME, cluster=HOUSE, variant=VARIANT, variants=2)).levels

    for variant in (0, 1):
        mine = variant == VARIANT
        houses, outcome = HOUSE[mine], OUTCOME[mine]
        members = len(outcome)
        project = np.eye(members) - 1 / members
        rows = []
        for house in np.unique(houses):
            inside = houses == house
            value, vectors = np.linalg.eigh(project[np.ix_(inside, inside)])
            root = vectors @ np.diag(value**-0.5) @ vectors.T
            rows.append(np.ones(inside.sum()) / members @ root @ project[inside])
        weights = np.array(rows)
        gram = weights @ weights.T
        assert found.variance[0, variant] == pytest.approx(((weights @ outcome) ** 2).sum())
        assert found.degrees[0, variant] == pytest.approx(np.trace(gram) ** 2 / (gram**2).sum())


def test_clusters_of_one_are_units() -> None:
    found = compare_clusters(cluster_totals(OUTCOME, cluster=np.arange(len(OUTCOME)), variant=VARIANT, variants=2)).effect

    units = compare(moments_of(OUTCOME, variant=VARIANT, variants=2)).effect
    assert found.value == pytest.approx(units.value)
    assert found.variance == pytest.approx(units.variance)
    assert found.degrees == pytest.approx(units.degrees)


def test_names_and_order_of_clusters_do_not_matter() -> None:
    names = np.array([f"house {house}" for house in HOUSE])
    order = RNG.permutation(len(HOUSE))

    found = compare_clusters(cluster_totals(OUTCOME, cluster=HOUSE, variant=VARIANT, variants=2)).effect
    mixed = compare_clusters(
        cluster_totals(OUTCOME[order], cluster=names[order], variant=VARIANT[order], variants=2)
    ).effect

    assert mixed.variance == pytest.approx(found.variance)


def test_a_household_in_two_variants_is_refused_by_name() -> None:
    torn = VARIANT.copy()
    torn[1] = 0

    with pytest.raises(ValueError, match=r"1 clusters .* first is .*1"):
        cluster_totals(OUTCOME, cluster=HOUSE, variant=torn, variants=2)


def test_a_variant_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        cluster_totals(OUTCOME, cluster=HOUSE, variant=2 * VARIANT, variants=2)


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        cluster_totals(np.where(HOUSE == 3, np.nan, OUTCOME), cluster=HOUSE, variant=VARIANT, variants=2)


def test_a_variant_of_one_household_has_no_variance() -> None:
    variant = (HOUSE == 2).astype(int)

    found = infer(compare_clusters(cluster_totals(OUTCOME, cluster=HOUSE, variant=variant, variants=2)).effect)

    assert np.isnan(found.p).all()


def test_a_variant_without_households_has_no_level() -> None:
    found = compare_clusters(cluster_totals(OUTCOME, cluster=HOUSE, variant=VARIANT, variants=3))

    assert np.isnan(found.levels.value[0]).tolist() == [False, False, True]


def test_moments_of_clusters_agree_where_clusters_are_many() -> None:
    totals = household_trials(likeness=0.2, households=4_000, runs=3, rng=np.random.default_rng(1))

    assert compare(totals.moments()).effect.variance == pytest.approx(compare_clusters(totals).effect.variance, rel=0.01)


@pytest.mark.parametrize("alike", [0.1, 0.3])
def test_the_likeness_of_a_household_is_found(alike: float) -> None:
    totals = household_trials(likeness=alike, households=2_000, runs=50, rng=np.random.default_rng(1))

    assert likeness(totals).mean() == pytest.approx(alike, abs=0.01)


def test_members_that_are_all_the_same_are_alike_to_one() -> None:
    totals = cluster_totals(RNG.normal(size=12)[HOUSE], cluster=HOUSE, variant=VARIANT, variants=2)

    assert likeness(totals) == pytest.approx([1])


@pytest.mark.parametrize("alike", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("households", [24, 100])
def test_no_effect_is_found_in_one_of_twenty_however_alike_a_household_is(alike: float, households: int) -> None:
    totals = household_trials(likeness=alike, households=households, runs=20_000, rng=np.random.default_rng(4))

    alarms = infer(compare_clusters(totals).effect).p < 0.05

    assert alarms.mean() <= 0.055


@pytest.mark.parametrize("unlike", [0.5, 1.0])
def test_circles_of_very_unlike_sizes_do_not_cry_wolf_either(unlike: float) -> None:
    totals = community_trials(likeness=0.2, communities=30, unlike=unlike, runs=10_000, rng=np.random.default_rng(4))

    alarms = infer(compare_clusters(totals).effect).p < 0.05

    assert alarms.mean() <= 0.055
