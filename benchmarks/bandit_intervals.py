"""How often intervals from a bandit's log hold the truth: weighed by logged chances, and raw means for comparison.

Three variants, or as many as stand there, twenty batches, Thompson sampling with a floor of 0.05. Seeded, vectorised
over runs. With --daily: how often a difference that is not there is named when one looks on every day of four weeks.
    python benchmarks/bandit_intervals.py [--runs 1000] [--seed 1] [--daily]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from regulars.stats import aipw
from regulars.stats.bandit import posterior, thompson, top_two
from regulars.stats.contextual import choose
from regulars.stats.inference import infer
from regulars.stats.sequential import confidence_sequence

BATCHES, FLOOR, AT_ONCE, DAYS = 20, 0.05, 250, 28
Log = tuple[np.ndarray, np.ndarray, np.ndarray]

WORLDS: dict[str, tuple[tuple[float, ...], int, bool, Callable]] = {
    "normal, all alike": ((0.0, 0.0, 0.0), 200, False, thompson),
    "normal, 0 / 0.1 / 0.2": ((0.0, 0.1, 0.2), 200, False, thompson),
    "normal, all alike, top two": ((0.0, 0.0, 0.0), 200, False, top_two),
    "orders, 10 % / 12 % / 15 %": ((0.1, 0.12, 0.15), 500, True, thompson),
    "orders, all 10 %": ((0.1, 0.1, 0.1), 500, True, thompson),
    "orders, two variants, 2 % / 4 %": ((0.02, 0.04), 200, True, thompson),
    "few orders, all 10 %": ((0.1, 0.1, 0.1), 200, True, thompson),
    "few orders, all 2 %": ((0.02, 0.02, 0.02), 200, True, thompson),
    "few rewards, all 30 %": ((0.3, 0.3, 0.3), 50, True, thompson),
    "few rewards, two variants, both 10 %": ((0.1, 0.1), 50, True, thompson),
    "few rewards, five variants, all 10 %": ((0.1,) * 5, 50, True, thompson),
    "hardly an order, two variants, both 2 %": ((0.02, 0.02), 50, True, thompson),
}


def log(
    rng: np.random.Generator, means: np.ndarray, *, size: int, is_order: bool, share: Callable, runs: int = AT_ONCE
) -> Log:
    """Rewards, variants and chances of many bandits at once: (runs, rewards), the last also by variant."""
    k, parts = len(means), []
    n, total, squares = (np.zeros((runs, k)) for _ in range(3))
    for _ in range(BATCHES):
        chances = np.repeat(share(posterior(n, total, squares), floor=FLOOR)[:, None, :], size, axis=1)
        shown = choose(chances, rng.random((runs, size)))
        drawn = rng.random(shown.shape) < means[shown] if is_order else means[shown] + rng.normal(size=shown.shape)
        rewards = drawn.astype(float)
        own = shown[..., None] == np.arange(k)
        n, total = n + own.sum(axis=1), total + (own * rewards[..., None]).sum(axis=1)
        squares = squares + (own * rewards[..., None] ** 2).sum(axis=1)
        parts.append((rewards, shown, chances))
    rewards, shown, chances = (np.concatenate(each, axis=1) for each in zip(*parts, strict=True))
    return rewards, shown, chances


def held(logged: Log, means: np.ndarray) -> np.ndarray:
    """Whether each run's intervals hold the truth: weighed values, weighed differences, raw means; (runs, 3)."""
    found = aipw.compare(aipw.read(*logged))
    value, lift = infer(found.levels), infer(found.effect)
    truth = means[1:] - means[0]
    rewards, shown, _ = logged
    own = shown[..., None] == np.arange(len(means))
    n = own.sum(axis=1)
    raw = (own * rewards[..., None]).sum(axis=1) / n
    spread = (own * (rewards[..., None] - raw[:, None]) ** 2).sum(axis=1) / (n - 1)
    return np.stack([
        ((value.low <= means) & (value.high >= means)).mean(axis=1),
        ((lift.low <= truth) & (lift.high >= truth)).mean(axis=1),
        (np.abs(raw - means) <= 1.96 * np.sqrt(spread / n)).mean(axis=1),
    ], axis=1)


def named(rng: np.random.Generator, rates: np.ndarray, *, size: int, runs: int) -> np.ndarray:
    """Shares of differences that were ever named although there is none: by sequences, and by z tests.

    A day brings `size` rewards; from a hundred a variant on, everything until then is looked at.
    """
    sums: list[tuple[np.ndarray, ...]] = []
    n = total = np.zeros((runs, len(rates)))
    found = np.zeros((2, runs, len(rates) - 1), dtype=bool)
    for day in range(1, DAYS + 1):
        chance = thompson(posterior(n, total, total), floor=FLOOR)
        shown = rng.multinomial(size, chance)
        orders = rng.binomial(shown, rates)
        n, total = n + shown, total + orders
        sums.append((shown, orders, orders, orders, chance))
        if day * size < 100 * len(rates):
            continue
        effect = aipw.compare(aipw.stretches(*(np.stack(each, axis=1) for each in zip(*sums, strict=True)))).effect
        pairs, planned = n[:, 1:] + n[:, :1], DAYS * size * 2 / len(rates)
        told = confidence_sequence(effect, pairs, planned=planned)
        found |= np.stack([(told.low > 0) | (told.high < 0), infer(effect).p < 0.05])
    return found.mean(axis=(1, 2))


def daily(*, runs: int, seed: int) -> None:
    """Print how often looking every day names what is not there."""
    print("| orders | a day | by sequences | by a z test each day |\n|---|--:|--:|--:|")
    for number, (rates, size) in enumerate((((0.1,) * 2, 50), ((0.1,) * 2, 300), ((0.1,) * 3, 100), ((0.3,) * 2, 50))):
        shares = named(np.random.default_rng([seed, number]), np.array(rates), size=size, runs=runs)
        print(f"| {len(rates)} variants, {rates[0]:.0%} | {size} | {shares[0]:.1%} | {shares[1]:.1%} |", flush=True)


def main() -> None:
    """Print one line a world."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--daily", action="store_true")
    options = parser.parse_args()
    if options.daily:
        daily(runs=options.runs, seed=options.seed)
        return
    began = time.perf_counter()
    print("| rewards | of them | values | differences | raw means |\n|---|--:|--:|--:|--:|")
    for number, (name, (means, size, is_order, share)) in enumerate(WORLDS.items()):
        rng = np.random.default_rng([options.seed, number])
        found = np.concatenate([
            held(log(rng, np.array(means), size=size, is_order=is_order, share=share), np.array(means))
            for _ in range(options.runs // AT_ONCE)
        ])
        shares = " | ".join(f"{share:.1%}" for share in found.mean(axis=0))
        print(f"| {name} | {BATCHES * size:,} | {shares} |", flush=True)
    print(f"\n{options.runs} runs each, seed {options.seed}, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
