"""How often four ways to judge a rotation of pictures find an effect that is not there, and what ours finds when it is.

336 slots of an hour with a memory of 0.8 from hour to hour and a season of a day, 1,000 impressions each. Seeded.
    python benchmarks/rotation.py [--runs 1000] [--seed 1]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy import signal, special, stats

from regulars.stats.switchback import Design, Schedule, SlotComparison, compare, draw

SLOTS, IMPRESSIONS, RATE, LIFT = 336, 1000, 0.1, 0.05
DAILY = np.arange(SLOTS) // 24 % 2


def rates(rng: np.random.Generator, items: int) -> np.ndarray:
    """The chance of an order by hour, before any picture has its effect: (items, slots)."""
    steps = rng.normal(size=(items, SLOTS + 100)) * np.sqrt(1 - 0.8**2)
    memory = signal.lfilter([1], [1, -0.8], steps, axis=1)[:, 100:]
    season = np.sin(2 * np.pi * np.arange(SLOTS) / 24)
    return RATE * np.exp(0.25 * memory + 0.25 * season)


def by_impression(orders: np.ndarray, variant: np.ndarray) -> float:
    """A z-test of two shares over all impressions."""
    n = np.array([(variant == v).sum() * IMPRESSIONS for v in (0, 1)])
    share = np.array([orders[variant == v].sum() for v in (0, 1)]) / n
    pooled = (share * n).sum() / n.sum()
    return float(2 * special.ndtr(-abs(share[1] - share[0]) / np.sqrt(pooled * (1 - pooled) * (1 / n).sum())))


def by_slot(orders: np.ndarray, variant: np.ndarray) -> float:
    """Welch's test of slots."""
    return float(stats.ttest_ind(orders[variant == 1], orders[variant == 0], equal_var=False).pvalue)


def ours(orders: np.ndarray, schedule: Schedule, rng: np.random.Generator, carryover: int = 0) -> SlotComparison:
    """The randomisation test."""
    found = compare(orders / IMPRESSIONS, schedule=schedule, rng=rng, draws=499, carryover=carryover)
    assert isinstance(found, SlotComparison)
    return found


def simulate(runs: int, seed: int) -> dict[str, list[bool]]:
    """Every way over as many worlds: whether it found something."""
    told: dict[str, list[bool]] = {}
    designs = {
        "ours, 1 item": (Design(items=1, slots=SLOTS), 0),
        "ours, 1 item, carryover 1": (Design(items=1, slots=SLOTS, repeats=2), 1),
        "ours, 3 items, 3 variants": (Design(items=3, slots=SLOTS, variants=3), 0),
    }
    for n in range(runs):
        rng = np.random.default_rng([seed, n])
        one = rates(rng, 1)
        orders = rng.binomial(IMPRESSIONS, np.minimum(one, 1))
        simple = draw(Design(items=1, slots=SLOTS), rng=rng)
        p = by_impression(orders, simple.variant)
        told.setdefault("no effect: impressions, random blocks", []).append(p <= 0.05)
        told.setdefault("no effect: slots, daily swap", []).append(by_slot(orders, DAILY[None]) <= 0.05)
        told.setdefault("no effect: slots (Welch), random blocks", []).append(by_slot(orders, simple.variant) <= 0.05)
        for name, (design, carryover) in designs.items():
            schedule = draw(design, rng=rng)
            chance = rates(rng, design.items)
            found = ours(rng.binomial(IMPRESSIONS, np.minimum(chance, 1)), schedule, rng, carryover)
            told.setdefault(f"no effect: {name}", []).append(found.any_difference <= 0.05)
        lifted = rng.binomial(IMPRESSIONS, np.minimum(one + LIFT * RATE * (simple.variant == 1), 1))
        found = ours(lifted, simple, rng)
        told.setdefault("effect of half a point found: ours, 1 item", []).append(float(found.inference.p[1]) <= 0.05)
        holds = found.inference.low[1] <= LIFT * RATE <= found.inference.high[1]
        told.setdefault("effect of half a point in the interval: ours, 1 item", []).append(bool(holds))
    return told


def main() -> None:
    """Print one line a way: the share of runs, and its Monte Carlo error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.perf_counter()
    told = simulate(options.runs, options.seed)
    print("| | share of runs | ± (1.96 se) |\n|---|--:|--:|")
    for name, found in told.items():
        share = float(np.mean(found))
        print(f"| {name} | {share:.1%} | {1.96 * np.sqrt(share * (1 - share) / len(found)):.1%} |")
    print(f"\n{options.runs} runs, seed {options.seed}, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
