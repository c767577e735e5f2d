"""How often equal variants get a winner when somebody looks 200 times, by rule and metric; and what safety costs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from regulars.stats import bayes, group_sequential, mixture, multiplicity, power, sample_ratio, sequential
from regulars.stats.effect import Effect
from regulars.stats.z_score import z_score

Floats: TypeAlias = NDArray[np.float64]

LOOKS = 200
UNITS = 50                                   # of each variant between two looks
CHUNK = 200                                  # runs at a time: 2 million units
ALPHA = 0.05


# Metrics: effects of runs x looks, every run on growing data, drawn unit by unit so that skew counts.

def proportion(rng: np.random.Generator, runs: int, looks: int, units: int) -> Effect:
    """A conversion of 5 %."""
    made = np.cumsum(rng.binomial(units, 0.05, size=(runs, 2, looks)), axis=-1)
    n = units * np.arange(1, looks + 1)
    share = made / n
    return _difference(share, share * (1 - share) / n, n=np.full(looks, np.inf))


def mean(rng: np.random.Generator, runs: int, looks: int, units: int) -> Effect:
    """Revenue: three in ten buy, for exponential amounts; skewness 3.6."""
    size = (runs, 2, looks, units)
    spent = rng.standard_exponential(size, dtype=np.float32) * (rng.random(size, dtype=np.float32) < 0.3)
    n = units * np.arange(1, looks + 1)
    first, second = _running(spent), _running(spent * spent)
    return _difference(first / n, (second - first**2 / n) / (n - 1) / n, n=n)


def ratio(rng: np.random.Generator, runs: int, looks: int, units: int) -> Effect:
    """Orders per visit of customers who differ in both, by the delta method."""
    size = (runs, 2, looks, units)
    visits = 1 + np.floor(3 * rng.standard_exponential(size, dtype=np.float32))
    orders = visits * rng.standard_exponential(size, dtype=np.float32)
    n = units * np.arange(1, looks + 1)
    above, below = _running(orders) / n, _running(visits) / n
    value = above / below
    rest = _running(orders * orders) - 2 * value * _running(orders * visits) + value**2 * _running(visits * visits)
    return _difference(value, rest / (n - 1) / n / below**2, n=n)


def cuped(rng: np.random.Generator, runs: int, looks: int, units: int) -> Effect:
    """A mean less what a covariate explains of it, with one slope for both variants, estimated at every look."""
    size = (runs, 2, looks, units)
    before = rng.standard_exponential(size, dtype=np.float32)
    after = before + rng.standard_exponential(size, dtype=np.float32)
    n = units * np.arange(1, looks + 1)
    x, y = _running(before), _running(after)
    xx, xy = _running(before * before) - x**2 / n, _running(before * after) - x * y / n
    yy = _running(after * after) - y**2 / n
    slope = (xy.sum(axis=1) / xx.sum(axis=1))[:, None]
    return _difference((y - slope * x) / n, (yy - 2 * slope * xy + slope**2 * xx) / (n - 1) / n, n=n)


METRICS = {"proportion": proportion, "mean": mean, "ratio": ratio, "CUPED": cuped}


def _running(drawn: NDArray[np.float32]) -> Floats:
    return np.cumsum(drawn.sum(axis=-1, dtype=np.float64), axis=-1)


def _difference(value: Floats, variance: Floats, *, n: Floats) -> Effect:
    """Return the difference of the two variants, with Welch's degrees of freedom."""
    both = variance[:, 0] + variance[:, 1]
    with np.errstate(invalid="ignore"):
        degrees = np.where(np.isfinite(n), both**2 * (n - 1) / (variance[:, 0] ** 2 + variance[:, 1] ** 2), np.inf)
    return Effect(value=value[:, 1] - value[:, 0], variance=both, degrees=degrees)


# Rules: which looks of which runs would have named a winner. Safe ones first, then those that people fall for.

def rules(looks: int, *, units: int, spread: float) -> dict[str, Callable[[Effect], NDArray[np.bool_]]]:
    """Return every rule by its name; `spread` is the size of effect that the mixture expects."""
    n, fractions = 2 * units * np.arange(1, looks + 1), np.arange(1, looks + 1) / looks
    is_fifth = np.isin(np.arange(1, looks + 1), np.round(np.arange(1, 6) / 5 * looks))
    five = np.full(looks, np.inf)
    five[is_fifth] = group_sequential.boundaries(np.arange(1, 6) / 5)
    many = group_sequential.boundaries(fractions)
    pocock = group_sequential.boundaries(fractions, spending="pocock")
    prior = bayes.Prior(mean=spread / 2, variance=spread**2)
    once = np.where(np.arange(1, looks + 1) == looks, -ndtri(ALPHA / 2), np.inf)
    return {
        "confidence sequence": lambda e: sequential.confidence_sequence(e, n, planned=n[-1]).p <= ALPHA,
        "confidence sequence, one side": lambda e: (
            sequential.confidence_sequence(e, n, planned=n[-1], alternative="greater").p <= ALPHA
        ),
        "mSPRT": lambda e: mixture.msprt(e, spread=spread).p <= ALPHA,
        "Bayes factor >= 20": lambda e: bayes.bayes_factor(e, prior=prior) >= 1 / ALPHA,
        "O'Brien-Fleming, every look": lambda e: np.abs(z_score(e)) >= many,
        "Pocock, every look": lambda e: np.abs(z_score(e)) >= pocock,
        "O'Brien-Fleming, five looks": lambda e: np.abs(z_score(e)) >= five,
        "fixed, one look": lambda e: np.abs(z_score(e)) >= once,
        "(fixed, every look)": lambda e: np.abs(z_score(e)) >= -ndtri(ALPHA / 2),
        "(chance to win beyond 95 or 5 %)": lambda e: np.abs(bayes.believe(e).chance_to_win - 0.5) > 0.45,
    }


def false_winners(metric: str, *, runs: int, seed: int, looks: int = LOOKS, units: int = UNITS) -> dict[str, float]:
    """Share of runs of equal variants in which a rule ever names a winner."""
    rng = np.random.default_rng([seed, list(METRICS).index(metric)])
    draw = METRICS[metric]
    pilot = draw(rng, CHUNK, looks, units)
    chosen = rules(looks, units=units, spread=3 * float(np.sqrt(np.mean(pilot.variance[:, -1]))))
    found = dict.fromkeys(chosen, 0)
    for size in _chunks(runs):
        effect = draw(rng, size, looks, units)
        for name, rule in chosen.items():
            found[name] += int(np.sum(np.any(rule(effect), axis=-1)))
    return {name: count / runs for name, count in found.items()}


def false_mismatches(weights: tuple[float, ...], *, runs: int, seed: int, looks: int = LOOKS) -> dict[str, float]:
    """Share of lives with a right split in which a test of it ever falls under .001."""
    rng = np.random.default_rng(seed)
    found = {"any time": 0, "(chi-square, every look)": 0}
    for size in _chunks(runs):
        counts = np.cumsum(rng.multinomial(2 * UNITS, weights, size=(size, looks)), axis=1)
        share = np.asarray(weights)
        found["any time"] += int(np.sum(np.any(sample_ratio.any_time(counts, share).p < 0.001, axis=-1)))
        found["(chi-square, every look)"] += int(
            np.sum(np.any(sample_ratio.single_look(counts, share).p < 0.001, axis=-1))
        )
    return {name: count / runs for name, count in found.items()}


def found_mismatches(strength: float, *, runs: int, seed: int) -> dict[str, float]:
    """Share of splits of 49 to 51 that are found in forty looks at a thousand units each, by the strength of belief."""
    rng = np.random.default_rng(seed)
    total = 1000 * np.arange(1, 41)
    first = np.cumsum(rng.binomial(1000, 0.49, size=(runs, 40)), axis=-1)
    tested = sample_ratio.any_time(np.stack([first, total - first], axis=-1), np.full(2, 0.5), strength=strength)
    return {"found": float(np.mean(np.any(tested.p < 0.001, axis=-1)))}


def false_discoveries(
    correlation: float, *, effects: int = 5, runs: int, seed: int, looks: int = LOOKS
) -> dict[str, float]:
    """Share of wrong ones among what is rejected when the first rejection of twenty metrics ends the test.

    A negative correlation sets half of the metrics against the other half, for which BH promises nothing.
    """
    rng = np.random.default_rng([seed, int(100 * abs(correlation)), correlation < 0, effects])
    drift = np.where(np.arange(20) < effects, 3.0, 0.0)
    sign = np.where(np.arange(20) % 2, np.sign(correlation), 1.0)
    n = 2 * UNITS * np.arange(1, looks + 1)
    wrong = {"e-BH": 0.0, "e-BH intervals that miss": 0.0, "(BH on fixed p)": 0.0}
    for size in _chunks(runs):
        own, shared = rng.standard_normal((size, looks, 20)), rng.standard_normal((size, looks, 1))
        steps = np.sqrt(1 - abs(correlation)) * own + np.sqrt(abs(correlation)) * sign * shared
        fraction = (np.arange(1, looks + 1) / looks)[:, None]
        value = np.cumsum(steps, axis=1) / np.sqrt(looks) / fraction + drift
        effect = Effect(value=value, variance=np.broadcast_to(1 / fraction, value.shape))
        found = multiplicity.e_bh(sequential.evidence(effect, n[:, None], planned=n[-1]))
        wrong["e-BH"] += _false_share(found.is_rejected, drift == 0)
        inference = sequential.confidence_sequence(effect, n[:, None], planned=n[-1], alpha=found.interval_alpha)
        misses = (inference.low > drift) | (inference.high < drift)
        wrong["e-BH intervals that miss"] += _false_share(found.is_rejected, misses)
        naive = multiplicity.benjamini_hochberg(2 * ndtr(-np.abs(z_score(effect))))
        wrong["(BH on fixed p)"] += _false_share(naive.is_rejected, drift == 0)
    return {name: total / runs for name, total in wrong.items()}


def _false_share(is_rejected: NDArray[np.bool_], is_false: NDArray[np.bool_]) -> float:
    """Sum over runs of the share of false ones at the first look that rejects anything, 0 where none does."""
    first = np.argmax(np.any(is_rejected, axis=-1), axis=-1)[:, None, None]
    at_stop = np.take_along_axis(is_rejected, first, axis=1)[:, 0]
    false_too = np.take_along_axis(np.broadcast_to(is_false, is_rejected.shape), first, axis=1)[:, 0]
    return float(np.sum(np.sum(at_stop & false_too, axis=-1) / np.maximum(np.sum(at_stop, axis=-1), 1)))


def costs() -> dict[str, float]:
    """Width of the interval at the planned size, in widths of that of one look."""
    clock = sequential.information_clock(1.0, planned=1.0)
    once = -ndtri(ALPHA / 2)
    fifths = np.arange(1, 6) / 5
    return {
        "confidence sequence": float(mixture.bound(clock, alpha=ALPHA) / once),
        "O'Brien-Fleming, five looks": float(group_sequential.boundaries(fifths)[-1] / once),
        "Pocock, five looks": float(group_sequential.boundaries(fifths, spending="pocock")[-1] / once),
        "O'Brien-Fleming, 200 looks": float(group_sequential.boundaries(np.arange(1, 201) / 200)[-1] / once),
    }


def speeds() -> dict[str, float]:
    """CPU seconds for 1,000 experiments of ten metrics in one call; the spending with a different history for each."""
    rng = np.random.default_rng(0)
    effect = Effect(value=rng.normal(size=(1000, 10)), variance=rng.uniform(0.5, 2, size=(1000, 10)))
    n, p = rng.integers(100, 10_000, size=(1000, 1)), rng.random((1000, 10))
    history = np.cumsum(0.15 + 0.05 * rng.random((1000, 1, 5)), axis=-1)
    baseline = power.mean(1.0, variance=rng.uniform(0.5, 2, size=(1000, 10)))
    calls = {
        "confidence sequence": lambda: sequential.confidence_sequence(effect, n, planned=10_000),
        "mSPRT": lambda: mixture.msprt(effect, spread=1.0),
        "group sequential, five looks": lambda: group_sequential.at_last_look(effect, history),
        "Bayes": lambda: bayes.believe(effect, prior=bayes.Prior(variance=1.0)),
        "sample ratio": lambda: sample_ratio.any_time(rng.integers(100, 200, size=(1000, 3)), np.full(3, 1 / 3)),
        "e-BH": lambda: multiplicity.e_bh(1 / p),
        "Holm": lambda: multiplicity.holm(p),
        "sample size": lambda: power.sample_size(baseline, 0.1, plan=power.Looks()),
    }
    return {name: _seconds(call) for name, call in calls.items()}


def _seconds(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def _chunks(runs: int) -> Iterator[int]:
    return (min(CHUNK, runs - done) for done in range(0, runs, CHUNK))


def _table(title: str, columns: dict[str, dict[str, float]], form: str) -> None:
    print(f"\n{title}\n\n| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for name in next(iter(columns.values())):
        print(f"| {name} | {' | '.join(format(column[name], form) for column in columns.values())} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["winners", "few", "split", "strengths", "discoveries", "costs", "speeds"])
    asked = parser.parse_args()
    given = {"runs": asked.runs, "seed": asked.seed}
    parts: dict[str, Callable[[], None]] = {
        "winners": lambda: _table(
            f"Equal variants with a winner, {LOOKS} looks, {asked.runs:,} runs (one standard error of 5 %:"
            f" {np.sqrt(ALPHA * (1 - ALPHA) / asked.runs):.2%}); in brackets what is not safe",
            {metric: false_winners(metric, **given) for metric in METRICS}, ".2%"),
        "few": lambda: _table(
            "The same with five units of each variant between two looks",
            {metric: false_winners(metric, **given, units=5) for metric in METRICS}, ".2%"),
        "split": lambda: _table(
            f"Right splits called wrong at .001, {LOOKS} looks",
            {str(w): false_mismatches(w, **given) for w in ((0.5, 0.5), (0.1, 0.9), (0.2, 0.4, 0.4))}, ".3%"),
        "strengths": lambda: _table(
            "Splits of 49 to 51 that are found at .001 in 40,000 units, by strength",
            {f"{s:,}": found_mismatches(s, **given) for s in (10, 100, 1000, 3000)}, ".1%"),
        "discoveries": lambda: _table(
            "False discoveries among 20 metrics, stopped at the first rejection, by effects and correlation",
            {
                f"{effects} at {correlation:+.1f}": false_discoveries(correlation, effects=effects, **given)
                for effects, correlation in ((5, 0.0), (5, 0.5), (5, 0.9), (5, -0.5), (0, 0.0), (0, 0.5))
            },
            ".2%"),
        "costs": lambda: _table("Width at the planned size, in widths of one look", {"width": costs()}, ".3f"),
        "speeds": lambda: _table("CPU seconds, 1,000 experiments x 10 metrics", {"seconds": speeds()}, ".4f"),
    }
    for name, part in parts.items():
        if asked.only in (None, name):
            part()


if __name__ == "__main__":
    main()
