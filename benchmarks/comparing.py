"""Simulations of comparisons at one look: how often intervals hold the truth and tests cry wolf."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from regulars.stats.cluster import compare_clusters, likeness
from regulars.stats.compare import compare, compare_by_ratio
from regulars.stats.effect import Effect
from regulars.stats.inference import infer
from regulars.stats.lift import delta, fieller, log_ratio
from regulars.stats.moments import Moments
from regulars.stats.quantile import compare_quantiles
from regulars.testing.trials import community_trials, household_trials, share_trials, sum_trials, visit_trials

Line = tuple[str, float, float, float]                 # what, found, least and most that is promised
AT_ONCE = 500                                          # runs of units in memory


def lift(runs: int, rng: np.random.Generator) -> Iterator[Line]:
    """Coverage of the lift's interval, its tails, and whether relative and absolute agree; 1,000 a variant at 2 %."""
    for truth in (0.0, 0.5):
        found = compare(share_trials(shares=(0.02, 0.02 * (1 + truth)), units=1_000, runs=runs, rng=rng))
        lifts = fieller(found, floor=-1)
        absolute = infer(found.effect)
        first_order = infer(delta(found))
        logs = log_ratio(found)
        name = f"lift {truth:+.0%}"
        yield f"{name}: held by Fieller's", _share(lifts.holds(truth)), 0.945, 0.955
        yield f"{name}: Fieller's above it", _share(np.asarray(lifts.inference.low) > truth), 0.015, 0.035
        yield f"{name}: Fieller's below it", _share(np.asarray(lifts.inference.high) < truth), 0.015, 0.035
        agree = (np.asarray(absolute.p) < 0.05) == ~lifts.holds(0)
        yield f"{name}: Fieller's agrees with absolute", _share(agree), 1.0, 1.0
        yield f"{name}: log ratio's above it", _share(np.asarray(logs.low) > truth), 0.015, 0.035
        yield f"{name}: log ratio's below it", _share(np.asarray(logs.high) < truth), 0.015, 0.035
        yield f"{name}: first order's above it", _share(np.asarray(first_order.low) > truth), 0.0, 1.0
        yield f"{name}: first order's below it", _share(np.asarray(first_order.high) < truth), 0.0, 1.0
        agree = (np.asarray(absolute.p) < 0.05) == (np.asarray(first_order.p) < 0.05)
        yield f"{name}: first order agrees with absolute", _share(agree), 0.0, 1.0


def false_alarms(runs: int, rng: np.random.Generator) -> Iterator[Line]:
    """How often p < 0.05 where nothing differs, by kind of metric; 500 units a variant, at one look."""
    error = 3 * np.sqrt(0.05 * 0.95 / runs)
    sums: dict[str, Callable[[Moments], Effect]] = {
        "sum": lambda m: compare(_bare(m)).effect,
        "sum, one slope": lambda m: compare(m).effect,
        "sum, own slopes": lambda m: compare(m, slope="own").effect,
    }
    visits: dict[str, Callable[[Moments], Effect]] = {
        "ratio": lambda m: compare(_bare(m.over_strata())).effect,
        "ratio, stratified": lambda m: compare(_bare(m)).effect,
        "ratio, adjusted": lambda m: compare(m.over_strata()).effect,
        "ratio, adjusted and stratified": lambda m: compare(m).effect,
        "ratio, slopes by stratum": lambda m: compare(m, slope="stratum").effect,
        "ratio, ratio before as covariate": lambda m: compare_by_ratio(m).effect,
    }
    for trials, ways in ((sum_trials, sums), (visit_trials, visits)):
        alarms: dict[str, list[np.ndarray]] = {name: [] for name in ways}
        for start in range(0, runs, AT_ONCE):
            moments = trials(units=500, runs=min(AT_ONCE, runs - start), rng=rng)
            for name, effect in ways.items():
                alarms[name].append(np.asarray(infer(effect(moments)).p) < 0.05)
        for name, found in alarms.items():
            most = 0.06 if "own" in name else 0.05       # slopes of each variant are for larger samples
            yield f"{name}: false alarms", _share(np.concatenate(found)), 0.0, most + error


def clusters(runs: int, rng: np.random.Generator) -> Iterator[Line]:
    """How often p < 0.05 where households are alike in their outcomes and nothing differs."""
    for households in (24, 60, 400):
        for alike in (0.1, 0.2, 0.3):
            totals = household_trials(likeness=alike, households=households, runs=runs, rng=rng)
            name = f"{households} households alike to {alike}"
            yield f"{name}: likeness found", float(np.nanmean(likeness(totals))), 0.0, 1.0
            yield f"{name}: false alarms", _alarms(compare_clusters(totals).effect), 0.0, 0.055
            yield f"{name}: by moments", _alarms(compare(totals.moments()).effect), 0.0, 1.0
            yield f"{name}: members as if alone", _alarms(_members(totals.moments())), 0.0, 1.0


def communities(runs: int, rng: np.random.Generator) -> Iterator[Line]:
    """The same where clusters are of very unlike sizes, as circles of friends are."""
    for count in (20, 200):
        for unlike in (0.5, 1.0, 1.5):
            totals = community_trials(likeness=0.2, communities=count, unlike=unlike, runs=runs, rng=rng)
            name = f"{count} communities, sizes unlike by {unlike}"
            most = 0.055 if unlike <= 1 else 0.065       # where one circle is half of a variant
            yield f"{name}: false alarms", _alarms(compare_clusters(totals).effect), 0.0, most
            yield f"{name}: by moments", _alarms(compare(totals.moments()).effect), 0.0, 1.0


def adjusted_lift(runs: int, rng: np.random.Generator) -> Iterator[Line]:
    """Coverage of the lift of skewed sums, plain and adjusted; 1,000 units a variant, a true lift of 20 %."""
    held: dict[str, list[np.ndarray]] = {"plain": [], "adjusted": []}
    agree: list[np.ndarray] = []
    narrower: list[np.ndarray] = []
    for start in range(0, runs, AT_ONCE):
        moments = sum_trials(units=1_000, runs=min(AT_ONCE, runs - start), rng=rng, effect=0.2)
        plain, better = compare(_bare(moments)), compare(moments)
        for name, found in (("plain", plain), ("adjusted", better)):
            lifts = fieller(found, floor=-1)
            held[name].append(lifts.holds(0.2))
            agree.append((np.asarray(infer(found.effect).p) < 0.05) == ~lifts.holds(0))
        narrower.append(np.asarray(better.effect.variance) / np.asarray(plain.effect.variance))
    for name, claims in held.items():
        yield f"skewed sums, {name}: held", _share(np.concatenate(claims)), 0.94, 0.96
    yield "skewed sums: relative agrees with absolute", _share(np.concatenate(agree)), 1.0, 1.0
    yield "skewed sums: variance left by adjustment", _share(np.concatenate(narrower)), 0.0, 1.0


def quantiles(runs: int, rng: np.random.Generator) -> Iterator[Line]:
    """How often a quantile differs at p < 0.05 where it does not, five values of a unit, 400 units a variant."""
    owner, variant = np.repeat(np.arange(800), 5), np.repeat(np.arange(800) % 2, 5)
    at = (0.5, 0.9)
    alarms = {"by unit": np.zeros(len(at)), "values as if alone": np.zeros(len(at))}
    for _ in range(runs):
        values = np.exp(rng.normal(size=800)[owner] + rng.normal(size=4_000))
        for name, unit in (("by unit", owner), ("values as if alone", None)):
            found = compare_quantiles(values, at=at, variant=variant, variants=2, unit=unit)
            alarms[name] += np.asarray(infer(found.effect).p)[:, 0] < 0.05
    for name, found in alarms.items():
        for level, count in zip(at, found, strict=True):
            most = 0.06 if name == "by unit" else 1.0
            yield f"quantile {level}, {name}: false alarms", float(count / runs), 0.0, most


def _alarms(effect: Effect) -> float:
    return _share(np.asarray(infer(effect).p) < 0.05)


def _members(moments: Moments) -> Effect:
    """What a test that knows nothing of households makes of yes-or-no outcomes."""
    yes, members = moments.sums[..., 0, 0], moments.sums[..., 0, 1]
    share = yes / members
    variance = (share * (1 - share) / members).sum(axis=-1, keepdims=True)
    return Effect(value=share[..., 1:] - share[..., :1], variance=variance)


def _bare(moments: Moments) -> Moments:
    kept = moments.outcomes
    return Moments(
        units=moments.units, sums=moments.sums[..., :kept], products=moments.products[..., :kept, :kept],
        has_denominator=moments.has_denominator,
    )


def _share(claims: np.ndarray) -> float:
    return float(np.mean(claims))


SIMULATIONS = {
    "lift": lift, "adjusted_lift": adjusted_lift, "false_alarms": false_alarms, "clusters": clusters,
    "communities": communities, "quantiles": quantiles,
}
