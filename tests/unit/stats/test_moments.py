"""Moments: sums of units, and what is refused before it is summed."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.stats.moments import Moments, moments_of, share_moments

VARIANT = np.array([0, 1, 0, 1, 1])
AMOUNT = np.array([1.0, 2.0, 3.0, 4.0, 6.0])


def test_moments_are_counts_sums_and_products_by_variant() -> None:
    found = moments_of(AMOUNT, denominators=[1, 1, 2, 2, 2], variant=VARIANT, variants=2)

    assert found.units.tolist() == [[[2], [3]]]
    assert found.sums[0, 1, 0].tolist() == [12, 5]
    assert found.products[0, 1, 0].tolist() == [[56, 22], [22, 9]]


def test_a_covariate_can_serve_every_metric() -> None:
    found = moments_of(np.stack([AMOUNT, 2 * AMOUNT]), covariates=[AMOUNT], variant=VARIANT, variants=2)

    assert found.sums[:, 0, 0, :].tolist() == [[4, 4], [8, 4]]


def test_strata_are_apart_until_they_are_taken_together() -> None:
    found = moments_of(AMOUNT, variant=VARIANT, variants=2, stratum=np.array([0, 0, 1, 1, 1]), strata=3)

    assert found.units[0].tolist() == [[1, 1, 0], [1, 2, 0]]
    assert found.over_strata().sums[0, :, 0, 0].tolist() == [4, 12]
    assert found.by_stratum().sums[0, 1, :, 0, 0].tolist() == [3, 10]


def test_rare_strata_become_one() -> None:
    found = moments_of(
        np.ones(10), variant=np.arange(10) % 2, variants=2, stratum=np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, 2]), strata=3
    )

    assert found.with_rare_strata_together(least=2).units[0].tolist() == [[3, 2], [3, 2]]
    assert found.with_rare_strata_together(least=1) is found


def test_rare_strata_too_few_for_one_are_joined_by_the_next() -> None:
    stratum = np.repeat([0, 1, 2], [6, 8, 2])

    found = moments_of(np.ones(16), variant=np.arange(16) % 2, variants=2, stratum=stratum, strata=3)

    assert found.with_rare_strata_together(least=2).units[0].tolist() == [[4, 4], [4, 4]]
    assert found.with_rare_strata_together(least=99).units[0].tolist() == [[8], [8]]


def test_a_variant_without_units_is_a_variant_of_none() -> None:
    assert moments_of(AMOUNT, variant=VARIANT, variants=3).units[0, 2].tolist() == [0]


def test_no_units_at_all_are_moments_too() -> None:
    assert moments_of([], variant=np.array([], dtype=int), variants=2).units.sum() == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["outcome", "denominator", "covariate 0"])
def test_what_is_not_finite_is_refused_with_its_place(bad: float, column: str) -> None:
    broken = AMOUNT.copy()
    broken[3] = bad
    columns = {name: broken if name == column else AMOUNT for name in ("outcome", "denominator", "covariate 0")}

    with pytest.raises(ValueError, match=rf"{column} is .*3,?\), the first of 1"):
        moments_of(
            columns["outcome"], denominators=columns["denominator"], covariates=[columns["covariate 0"]],
            variant=VARIANT, variants=2,
        )


@pytest.mark.parametrize("variant", [np.array([0, 1, 2, 0, 0]), np.array([0, -1, 0, 0, 0]), np.array([0.0, 1, 0, 1, 1]), np.array([0, 1])])
def test_a_variant_that_there_is_not_is_refused(variant: np.ndarray) -> None:
    with pytest.raises(ValueError, match="variant must be"):
        moments_of(AMOUNT, variant=variant, variants=2)


def test_columns_of_unlike_length_are_refused() -> None:
    with pytest.raises(ValueError, match="covariate 0 has"):
        moments_of(AMOUNT, covariates=[[1.0, 2.0]], variant=VARIANT, variants=2)


def test_shares_need_no_units_to_be_listed() -> None:
    listed = moments_of([1, 0, 1, 1, 0], variant=VARIANT, variants=2)

    counted = share_moments([[2, 1]], trials=[[2, 3]])

    assert counted.sums.tolist() == listed.sums.tolist()
    assert counted.products.tolist() == listed.products.tolist()


@pytest.mark.parametrize("successes", [[5, 11], [-1, 2]])
def test_more_successes_than_trials_are_refused(successes: list[int]) -> None:
    with pytest.raises(ValueError, match="between 0 and the trials"):
        share_moments(successes, trials=10)


def test_moments_of_unlike_tables_are_not_added() -> None:
    with pytest.raises(ValueError, match="cannot be added"):
        _ = moments_of(AMOUNT, variant=VARIANT, variants=2) + moments_of(AMOUNT, variant=VARIANT, variants=3)


def test_sums_without_their_products_are_refused() -> None:
    with pytest.raises(ValueError, match="products have the shape"):
        Moments(units=np.ones((2, 1)), sums=np.ones((2, 1, 2)), products=np.ones((2, 1, 2)))


def test_a_ratio_needs_a_denominator() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        Moments(units=np.ones((2, 1)), sums=np.ones((2, 1, 1)), products=np.ones((2, 1, 1, 1)), has_denominator=True)
