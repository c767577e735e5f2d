"""Shares of traffic are chances to be the best, computed and not drawn; what a bandit's log says has honest intervals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.stats import aipw, contextual
from regulars.stats.bandit import Posterior, Prior, best_probabilities, floored, posterior, thompson, top_two
from regulars.stats.compare import Comparison
from regulars.stats.inference import infer

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "experiments" / "gbstats_expected.json"
RECORDED = json.loads(DATA.read_text())["extra"]["bandits"] if DATA.is_file() else []


@pytest.mark.skipif(not RECORDED, reason="the recorded cases of another engine are not here")
@pytest.mark.parametrize("n", range(8))
def test_shares_agree_with_another_engine_up_to_its_ten_thousand_draws(n: int) -> None:
    case = RECORDED[n]
    beliefs = posterior(*np.array(case["stats"], dtype=float).T, prior=Prior(variance=1e4))

    shares = (top_two if case["top_two"] else thompson)(beliefs, floor=case["floor"])

    assert shares == pytest.approx(case["weights"], abs=0.015)
    assert best_probabilities(beliefs) == pytest.approx(case["best_arm"], abs=0.015)


@given(
    means=st.lists(st.floats(-3, 3), min_size=2, max_size=6), scale=st.floats(-6, 3), floor=st.floats(0, 0.4),
)
@settings(deadline=None)
def test_shares_add_up_to_one_and_none_is_under_the_floor(means: list[float], scale: float, floor: float) -> None:
    variance = np.logspace(0, scale, len(means))
    beliefs = Posterior(mean=np.array(means), variance=variance)

    for shares in (thompson(beliefs, floor=floor), top_two(beliefs, floor=floor)):
        assert shares.sum() == pytest.approx(1.0, abs=1e-9)
        assert np.all(shares >= min(floor, 1 / len(means)) - 1e-12)


def test_of_two_variants_the_chance_has_a_closed_form() -> None:
    beliefs = Posterior(mean=np.array([0.0, 1.0]), variance=np.array([1e-8, 4.0]))

    assert best_probabilities(beliefs)[1] == pytest.approx(0.6914624612740131, abs=1e-9)   # Phi(1 / 2)


def test_while_a_variant_is_unknown_all_are_shown_equally() -> None:
    assert thompson(posterior([100, 1], [10, 1], [10, 1])) == pytest.approx([0.5, 0.5])


def test_a_prior_pulls_towards_its_mean() -> None:
    found = posterior(100, 50, 50, prior=Prior(mean=0.0, variance=0.0025252525))

    assert found.mean == pytest.approx(0.25, abs=1e-6)


def test_a_floor_that_is_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        floored([0.5, 0.5], floor=-0.1)


def bandit_log(rng: np.random.Generator, runs: int, means: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rewards, variants and propensities of many bandits at once: ten batches of a hundred each."""
    k, rewards, variants, chances = len(means), [], [], []
    n, total, squares = (np.zeros((runs, k)) for _ in range(3))
    for _ in range(10):
        shares = thompson(posterior(n, total, squares), floor=0.05)
        shown = contextual.choose(np.repeat(shares[:, None, :], 100, axis=1), rng.random((runs, 100)))
        y = means[shown] + rng.normal(size=shown.shape)
        own = shown[..., None] == np.arange(k)
        n, total = n + own.sum(axis=1), total + (own * y[..., None]).sum(axis=1)
        squares = squares + (own * y[..., None] ** 2).sum(axis=1)
        rewards.append(y), variants.append(shown), chances.append(np.repeat(shares[:, None, :], 100, axis=1))
    return np.concatenate(rewards, axis=1), np.concatenate(variants, axis=1), np.concatenate(chances, axis=1)


def test_intervals_of_a_bandits_log_hold_the_truth_as_often_as_they_say() -> None:
    means, runs = np.zeros(2), 1000
    log = bandit_log(np.random.default_rng(11), runs, means)

    found = aipw.compare(aipw.read(*log))
    value, lift = infer(found.levels), infer(found.effect)

    allowed = 2.6 * np.sqrt(0.05 * 0.95 / runs)
    assert np.mean((value.low <= 0) & (value.high >= 0), axis=0) == pytest.approx([0.95, 0.95], abs=allowed + 0.01)
    assert np.mean(lift.p[:, 0] <= 0.05) == pytest.approx(0.05, abs=allowed + 0.01)


def bandit_days(rng: np.random.Generator, runs: int, rates: np.ndarray, *, days: int, size: int) -> aipw.Log:
    """Orders of many bandits at once that learn once a day, as the sums of their days."""
    shown, orders, chances = [], [], []
    n = total = np.zeros((runs, len(rates)))
    for _ in range(days):
        chances.append(thompson(posterior(n, total, total), floor=0.05))
        shown.append(rng.multinomial(size, chances[-1]))
        orders.append(rng.binomial(shown[-1], rates))
        n, total = n + shown[-1], total + orders[-1]
    y = np.stack(orders, axis=1)
    return aipw.stretches(np.stack(shown, axis=1), y, y, y, np.stack(chances, axis=1))


@pytest.fixture(scope="module")
def few_orders() -> Comparison:
    """Two variants that sell alike, a hundred orders between them, two thousand times."""
    return aipw.compare(bandit_days(np.random.default_rng(21), 2000, np.array([0.1, 0.1]), days=10, size=100))


def test_few_orders_make_no_interval_too_narrow(few_orders: Comparison) -> None:
    value, lift = infer(few_orders.levels), infer(few_orders.effect)

    assert np.mean((value.low <= 0.1) & (value.high >= 0.1)) == pytest.approx(0.95, abs=0.015)
    assert np.mean((lift.low <= 0) & (lift.high >= 0)) == pytest.approx(0.95, abs=0.015)
    assert np.mean(lift.p <= 0.05) == pytest.approx(1 - np.mean((lift.low <= 0) & (lift.high >= 0)), abs=1e-9)


def test_an_interval_that_does_not_heed_skewness_is_too_narrow(few_orders: Comparison) -> None:
    blind = infer(replace(few_orders.effect, skew=0.0))

    assert np.mean((blind.low <= 0) & (blind.high >= 0)) < 0.935


def test_days_say_what_their_single_rewards_say() -> None:
    rewards, variants, chances = bandit_log(np.random.default_rng(13), 20, np.array([0.0, 0.3]))
    own = (variants[..., None] == np.arange(2)).reshape(20, 10, 100, 2)
    sums = [(own * rewards.reshape(20, 10, 100, 1) ** power).sum(axis=2) for power in range(4)]

    singly = aipw.compare(aipw.read(rewards, variants, chances))
    daily = aipw.compare(aipw.stretches(*sums, chances[:, ::100]))

    assert daily.levels.value == pytest.approx(np.asarray(singly.levels.value), abs=0.02)
    assert daily.effect.variance == pytest.approx(np.asarray(singly.effect.variance), rel=0.1)


def test_a_score_is_right_on_average_although_raw_means_of_a_bandit_are_not() -> None:
    rewards, variants, chances = bandit_log(np.random.default_rng(12), 2000, np.zeros(2))

    score = aipw.scores(aipw.read(rewards, variants, chances)).mean(axis=(0, 1))
    first = variants == 0
    raw = ((rewards * first).sum(axis=1) / first.sum(axis=1)).mean()

    assert score == pytest.approx([0, 0], abs=0.01)
    assert raw < -0.01


def test_a_log_without_chances_is_refused_with_what_is_needed() -> None:
    with pytest.raises(ValueError, match="give the bandit a floor"):
        aipw.read([1.0], [0], [[1.0, 0.0]])


def test_a_contextual_bandit_learns_whom_a_variant_suits() -> None:
    rng = np.random.default_rng(5)
    x = np.column_stack([np.ones(4000), rng.integers(0, 2, 4000)])
    shown = rng.integers(0, 2, 4000)
    rewards = np.where(shown == x[:, 1], 1.0, 0.0) + rng.normal(size=4000)

    shares = contextual.propensities(contextual.learn(x, shown, rewards, of=2), [[1, 0], [1, 1]], floor=0.05)

    assert shares == pytest.approx(np.array([[0.95, 0.05], [0.05, 0.95]]), abs=1e-6)


def test_two_logs_joined_teach_what_one_long_log_does() -> None:
    rng = np.random.default_rng(6)
    x, shown, rewards = rng.normal(size=(60, 3)), rng.integers(0, 3, 60), rng.normal(size=60)

    whole = contextual.learn(x, shown, rewards, of=3)
    parts = contextual.joined(
        contextual.learn(x[:20], shown[:20], rewards[:20], of=3), contextual.learn(x[20:], shown[20:], rewards[20:], of=3)
    )

    assert contextual.beliefs(parts, x).mean == pytest.approx(contextual.beliefs(whole, x).mean)


def test_a_contextual_bandit_without_a_floor_is_refused() -> None:
    models = contextual.learn([[1.0]], [0], [1.0], of=2)

    with pytest.raises(ValueError, match="needs a floor"):
        contextual.propensities(models, [[1.0]], floor=0.0)


def test_a_place_picks_the_variant_whose_share_it_lies_in() -> None:
    assert list(contextual.choose([[0.2, 0.3, 0.5]] * 4, [0.0, 0.2, 0.49, 0.99])) == [0, 1, 1, 2]
