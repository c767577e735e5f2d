"""Sequential, Bayesian, sample-ratio and power results as another engine recorded them from its own suite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from regulars.stats import bayes, multiplicity, remaining, sample_ratio, sequential
from regulars.stats.effect import Effect
from regulars.stats.inference import Alternative
from regulars.stats.power import OneLook

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "experiments" / "gbstats_expected.json"
pytestmark = pytest.mark.skipif(not RECORDED.exists(), reason="needs ../shared/data/experiments")

# The recordings leave out what each sequence was tuned to; there is one round number for each that fits all its figures.
TUNED_TO = {("SampleMeanStatistic", 6461, "SequentialTwoSidedTTest"): 1_000, ("SampleMeanStatistic", 220, "SequentialTwoSidedTTest"): 600,
            ("SampleMeanStatistic", 420, "SequentialTwoSidedTTest"): 600}
P_IS_CAPPED = 0.4999                         # theirs where the effect points the wrong way; ours says 1


def recorded(kind: str) -> list[Any]:
    cases = json.loads(RECORDED.read_text(encoding="utf-8"))["cases"] if RECORDED.exists() else []
    return [pytest.param(case, id=f"{number}") for number, case in enumerate(cases) if kind in case["class"]]


def extra(name: str) -> Any:
    return json.loads(RECORDED.read_text(encoding="utf-8"))["extra"][name] if RECORDED.exists() else []


def mean_and_variance(cell: dict[str, Any]) -> tuple[float, float]:
    """Return the mean of a variant and the variance of that mean."""
    n = cell["n"]
    if n == 0:
        return 0.0, 0.0
    match cell["_type"]:
        case "ProportionStatistic":
            share = cell["sum"] / n
            return share, share * (1 - share) / n
        case "QuantileStatistic":
            half = (cell["quantile_upper"] - cell["quantile_lower"]) / 2
            return cell["quantile_hat"], (half / stats.norm.isf(0.025)) ** 2 * (n - 1) / n
        case "RatioStatistic":
            above, below = cell["m_statistic"], cell["d_statistic"]
            value, size = above["sum"] / below["sum"], below["sum"] / n
            spread = [of["sum_squares"] - of["sum"] ** 2 / n for of in (above, below)]
            together = cell["m_d_sum_of_products"] - above["sum"] * below["sum"] / n
            return value, (spread[0] - 2 * value * together + value**2 * spread[1]) / (n - 1) / n / size**2
    spread = cell["sum_squares"] - cell["sum"] ** 2 / n
    return cell["sum"] / n, spread / (n - 1) / n if n > 1 else 0.0


def effect_of(case: dict[str, Any]) -> Effect:
    """Return the difference, or the lift by the delta method, without degrees of freedom, as they count it."""
    [[control, variant]] = case["stats_pairs"]
    if control["_type"] == "RegressionAdjustedRatioStatistic":
        uplift = case["result"]["uplift"]
        return Effect(value=uplift["mean"], variance=uplift["stddev"] ** 2)
    (before, noise), (after, other) = mean_and_variance(control), mean_and_variance(variant)
    if case["config"]["difference_type"] == "absolute":
        return Effect(value=after - before, variance=noise + other)
    if before == 0 or noise <= 0 or other <= 0:
        return Effect(value=np.nan, variance=np.nan)
    return Effect(value=after / before - 1, variance=other / before**2 + noise * after**2 / before**4)


@pytest.mark.parametrize("case", recorded("Sequential"))
def test_sequences_are_the_recorded_ones(case: dict[str, Any]) -> None:
    effect, [[control, variant]], result = effect_of(case), case["stats_pairs"], case["result"]
    alternative: Alternative = "less" if "Lesser" in case["class"] else "two-sided"
    n = control["n"] + variant["n"]

    inference = sequential.confidence_sequence(
        effect, n, planned=TUNED_TO.get((control["_type"], n, case["class"]), 5_000), alternative=alternative
    )

    assert float(inference.value) == pytest.approx(result["expected"], rel=1e-6)
    assert [float(inference.low), float(inference.high)] == pytest.approx([float(end) for end in result["ci"]], rel=1e-6)
    capped = float(inference.p) if alternative == "two-sided" else min(float(inference.p), P_IS_CAPPED)
    assert capped == pytest.approx(result["pValue"], rel=1e-6)


@pytest.mark.parametrize("case", recorded("Bayesian"))
def test_beliefs_are_the_recorded_ones(case: dict[str, Any]) -> None:
    config, result = case["config"], case["result"]
    given = config["prior_effect"]
    prior = bayes.Prior(mean=given["mean"], variance=given["variance"]) if given["proper"] else bayes.Prior()
    if config["difference_type"] == "absolute" and config["prior_type"] == "relative":
        prior = prior.scaled(mean_and_variance(case["stats_pairs"][0][0])[0])

    belief = bayes.believe(effect_of(case), prior=prior, higher_is_better=not config["inverse"])

    numbers = [belief.value, belief.low, belief.high, belief.chance_to_win, belief.loss_if_kept, belief.loss_if_chosen]
    if result["errorMessage"]:
        # Theirs says 0 and a chance of one half where there is no data; ours says that there is none.
        assert np.all(np.isnan(numbers))
        return
    theirs = [result["expected"], *result["ci"], result["chanceToWin"], *result["risk"]]
    assert [float(number) for number in numbers] == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("case", extra("srm"))
def test_sample_ratios_are_the_recorded_ones(case: dict[str, Any]) -> None:
    result = sample_ratio.single_look(np.array(case["users"]), np.array(case["weights"]))

    assert float(result.p) == pytest.approx(case["p"], rel=1e-9)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("freq", OneLook()),
        ("seq_tuning_5000", remaining.Sequence(planned=5_000)),
        ("bayes_prior_mean0.05_var0.001", remaining.Credible(prior=bayes.Prior(mean=0.05, variance=0.001))),
    ],
)
def test_units_still_needed_are_the_recorded_ones(name: str, rule: remaining.Rule) -> None:
    case = extra("power_scaling_factor")
    cells = [{"_type": "SampleMeanStatistic", **case[side]} for side in ("stat_a", "stat_b")]
    effect = effect_of({"stats_pairs": [cells], "config": {"difference_type": "relative"}})
    n, difference = case["stat_a"]["n"] + case["stat_b"]["n"], case["target_mde"]

    growth = float(remaining.growth_needed(effect, n, difference, rule=rule, power=case["target_power"]))

    # They stop halving as soon as the power is right to 1e-5; so does this, with our power, and ends on their very number.
    assert halved(lambda at: float(remaining.chance_to_find(effect, n, difference, rule=rule, growth=at))) == case[name]
    assert growth == pytest.approx(case[name], rel=1e-4)


def halved(power: Any) -> float:
    high = next(2.0**step for step in range(27) if power(2.0**step) >= 0.8)
    low, at = 0.0, high
    while True:
        low, high = (low, at) if power(at) > 0.8 else (at, high)
        at = (low + high) / 2
        if abs(power(at) - 0.8) < 1e-5:
            return at


def test_corrections_are_the_recorded_ones() -> None:
    holm = multiplicity.holm(np.array([0.01, 0.04, 0.03, 0.005, 0.55, 0.6]))
    hochberg = multiplicity.benjamini_hochberg(np.array([0.898, 0.138, 0.007, 0.964, 0.538, 0.006, 0.138]))

    assert np.sort(holm.p) == pytest.approx([0.03, 0.05, 0.12, 0.12, 1, 1])
    assert np.sort(hochberg.p)[::-1] == pytest.approx([0.964, 0.964, 0.7532, 0.2415, 0.2415, 0.0245, 0.0245])
