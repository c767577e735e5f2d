"""Comparisons recorded from the statistics engine of GrowthBook (gbstats, MIT): the same statistics, the same answer.

Where ours differs it is by choice, and the choice has a name:
- relative effects are read by Fieller's theorem (`lift.fieller`); `lift.delta` is theirs,
- a lift is relative to the adjusted control, theirs to the observed one (`against`),
- degrees of freedom of a stratified effect are those of its own cells; theirs are those of the effect without strata,
- adjusted and stratified ratios keep a spread for each variant; `slope="ancova"` is theirs,
- the variance of a quantile is theirs times n / (n - 1), n the number of values,
- sums that no units can have are refused; `is_strict=False` is theirs,
- where the data cannot answer it is NaN; theirs is 0 with p = 1, which is why those cases are a test of their own.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regulars.stats.adjust import adjusted
from regulars.stats.cells import cells_of
from regulars.stats.compare import Comparison, apart, compare, compare_by_ratio, differences
from regulars.stats.effect import Effect, Inference
from regulars.stats.inference import infer
from regulars.stats.levels import level_ratios, levels_of
from regulars.stats.lift import delta
from regulars.stats.moments import Moments
from regulars.stats.quantile import level_from_interval

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "experiments" / "gbstats_expected.json"
pytestmark = pytest.mark.skipif(not RECORDED.exists(), reason="needs ../shared/data/experiments")

ALTERNATIVES = {
    "TwoSidedTTest": "two-sided", "OneSidedTreatmentGreaterTTest": "greater", "OneSidedTreatmentLesserTTest": "less",
}
Case = dict[str, Any]


def recorded() -> list[Case]:
    return json.loads(RECORDED.read_text(encoding="utf-8"))["cases"] if RECORDED.exists() else []


def one_look(*, is_answered: bool) -> list[Any]:
    return [
        pytest.param(case, id=f"{place}-{case['stats_pairs'][0][0]['_type']}")
        for place, case in enumerate(recorded())
        if case["class"] in ALTERNATIVES and (case["result"]["errorMessage"] is None) == is_answered
    ]


def quantiles_under_a_flat_prior() -> list[Any]:
    return [
        pytest.param(case, id=str(place)) for place, case in enumerate(recorded())
        if case["stats_pairs"][0][0]["_type"] == "QuantileStatistic"
        and (case["config"]["prior_effect"]["variance"] > 1e5 or not case["config"]["prior_effect"]["proper"])
    ]


def columns(statistic: dict[str, Any]) -> tuple[list[float], list[list[float]]]:
    """Sums and products of the columns: outcome, denominator, covariates."""
    def square(of: dict[str, Any]) -> float:
        return float(of.get("sum_squares", of["sum"]))

    match statistic:
        case {"m_statistic_post": m, "d_statistic_post": d, "m_statistic_pre": x, "d_statistic_pre": y}:
            md, mx, my, dx, dy, xy = (
                statistic[f"{pair}_sum_of_products"] for pair in (
                    "m_post_d_post", "m_post_m_pre", "m_post_d_pre", "m_pre_d_post", "d_post_d_pre", "m_pre_d_pre"
                )
            )
            products = [[square(m), md, mx, my], [md, square(d), dx, dy], [mx, dx, square(x), xy], [my, dy, xy, square(y)]]
            return [m["sum"], d["sum"], x["sum"], y["sum"]], products
        case {"m_statistic": m, "d_statistic": d, "m_d_sum_of_products": both}:
            return [m["sum"], d["sum"]], [[square(m), both], [both, square(d)]]
        case {"post_statistic": m, "pre_statistic": x, "post_pre_sum_of_products": both}:
            return [m["sum"], x["sum"]], [[square(m), both], [both, square(x)]]
        case _:
            return [statistic["sum"]], [[square(statistic)]]


def moments(case: Case) -> Moments:
    pairs = case["stats_pairs"]
    table = [[columns(pair[variant]) for pair in pairs] for variant in (0, 1)]
    found = Moments(
        units=np.array([[pair[variant]["n"] for pair in pairs] for variant in (0, 1)], dtype=float),
        sums=np.array([[sums for sums, _ in row] for row in table], dtype=float),
        products=np.array([[products for _, products in row] for row in table], dtype=float),
        has_denominator="Ratio" in pairs[0][0]["_type"],
    )
    return found if case["config"]["post_stratify"] else found.over_strata()


def without_covariates(of: Moments) -> Moments:
    kept = of.outcomes
    return replace(of, sums=of.sums[..., :kept], products=of.products[..., :kept, :kept])


def compared(case: Case) -> Comparison:
    of = moments(case)
    kind = json.dumps(case["stats_pairs"][0][0])
    is_adjusted_ratio = "RegressionAdjustedRatio" in kind
    if is_adjusted_ratio and case["config"]["post_stratify"]:
        return compare(of, slope="ancova")
    if is_adjusted_ratio:
        return compare_by_ratio(of)
    divisor = "n" if "Proportion" in kind else "n-1"
    cells = cells_of(of, divisor=divisor, is_strict=False)
    after = adjusted(cells, outcomes=of.outcomes, divisor=divisor, keep_observed=True)
    levels = levels_of(after)
    return differences(level_ratios(levels) if of.has_denominator else levels, control=0)


def inference(case: Case) -> tuple[Effect, Inference]:
    of, found = moments(case), compared(case)
    effect = found.effect
    if case["config"]["difference_type"] == "relative":
        plain = compare(without_covariates(of))
        is_mean = "RegressionAdjustedStatistic" in json.dumps(case["stats_pairs"][0][0])
        effect = delta(found, at=plain.effect.value / plain.control.value if is_mean else None)
    if case["config"]["post_stratify"]:
        effect = replace(effect, degrees=compare(of.over_strata()).effect.degrees)
    return effect, infer(effect, alpha=case["config"]["alpha"], alternative=ALTERNATIVES[case["class"]])


@pytest.mark.parametrize("case", one_look(is_answered=True))
def test_a_comparison_at_one_look_is_as_recorded(case: Case) -> None:
    expected = case["result"]

    effect, found = inference(case)

    assert float(found.value[0]) == pytest.approx(expected["expected"], rel=1e-6)
    assert float(np.sqrt(effect.variance[0])) == pytest.approx(expected["uplift"]["stddev"], rel=1e-6)
    assert [float(found.low[0]), float(found.high[0])] == pytest.approx([float(end) for end in expected["ci"]], rel=1e-6)
    assert float(found.p[0]) == pytest.approx(expected["pValue"], abs=1e-6)


@pytest.mark.parametrize("case", one_look(is_answered=False))
def test_what_was_recorded_as_no_effect_for_want_of_an_answer_is_nan(case: Case) -> None:
    _, found = inference(case)

    assert case["result"]["errorMessage"] == "ZERO_NEGATIVE_VARIANCE"
    assert np.isnan([found.value, found.low, found.high, found.p]).all()


@pytest.mark.parametrize("case", quantiles_under_a_flat_prior())
def test_a_quantile_is_as_recorded_where_the_prior_says_nothing(case: Case) -> None:
    [pair] = case["stats_pairs"]
    parts = [level_from_interval(s["quantile_hat"], low=s["quantile_lower"], high=s["quantile_upper"]) for s in pair]
    fewer = [(s["n"] - 1) / s["n"] for s in pair]
    levels = Effect(
        value=np.array([part.value for part in parts]),
        variance=np.array([part.variance * less for part, less in zip(parts, fewer, strict=True)]),
    )

    found = apart(levels)
    effect = delta(found) if case["config"]["difference_type"] == "relative" else found.effect

    assert float(effect.value[0]) == pytest.approx(case["result"]["expected"], rel=1e-6)
    assert float(np.sqrt(effect.variance[0])) == pytest.approx(case["result"]["uplift"]["stddev"], rel=1e-6)


@pytest.mark.skipif(not RECORDED.exists(), reason="needs ../shared/data/experiments")
def test_every_recorded_comparison_at_one_look_is_tried() -> None:
    assert len(one_look(is_answered=True)) + len(one_look(is_answered=False)) == 31
