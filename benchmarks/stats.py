"""What an analysis costs, in this process and without its imports: `python benchmarks/stats.py`, a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from regulars.stats.compare import Comparison, compare
from regulars.stats.inference import infer
from regulars.stats.lift import fieller
from regulars.stats.moments import Moments, moments_of
from regulars.stats.tables import Shares, compare_shares

UNITS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Something to do over and over, and what it may take; what it works on is made before the clock starts."""

    name: str
    budget_ms: float
    prepare: Callable[[np.random.Generator], Callable[[], object]]
    repeats: int = 20


def _whole(moments: Moments) -> Comparison:
    found = compare(moments)
    infer(found.effect)
    fieller(found)
    return found


def _moments(
    rng: np.random.Generator, *, metrics: int, variants: int = 2, columns: int = 1, has_denominator: bool = False
) -> Moments:
    units = rng.lognormal(size=(metrics, variants, 1, 50, columns)) + 1
    return Moments(
        units=np.full((metrics, variants, 1), 50.0), sums=units.sum(axis=-2),
        products=np.swapaxes(units, -1, -2) @ units, has_denominator=has_denominator,
    )


def _compared(
    *, metrics: int, columns: int = 1, has_denominator: bool = False
) -> Callable[[np.random.Generator], Callable[[], object]]:
    def prepare(rng: np.random.Generator) -> Callable[[], object]:
        moments = _moments(rng, metrics=metrics, columns=columns, has_denominator=has_denominator)
        return lambda: _whole(moments)

    return prepare


def _columns(rng: np.random.Generator) -> Callable[[], object]:
    amounts, before, variant = rng.lognormal(size=UNITS), rng.lognormal(size=UNITS), rng.integers(0, 2, UNITS)
    return lambda: moments_of(amounts, covariates=[before], variant=variant, variants=2)


def _exact(rng: np.random.Generator) -> Callable[[], object]:
    del rng
    shares = Shares(
        control_successes=np.array([1.0]), control_trials=np.array([100.0]), variant_successes=np.array([6.0]),
        variant_trials=np.array([100.0]),
    )
    return lambda: compare_shares(shares)


# Each with interval, p-value and lift
SCENARIOS = [
    Scenario(name="one metric, two variants", budget_ms=1.0, prepare=_compared(metrics=1)),
    Scenario(name="20 metrics, two variants", budget_ms=5.0, prepare=_compared(metrics=20)),
    Scenario(
        name="20 ratios, two covariates", budget_ms=5.0, prepare=_compared(metrics=20, columns=4, has_denominator=True)
    ),
    Scenario(name="1,000 experiments of 10 metrics", budget_ms=1_000, prepare=_compared(metrics=10_000), repeats=5),
    Scenario(
        name="1,000 experiments of 10 adjusted", budget_ms=1_000, prepare=_compared(metrics=10_000, columns=3),
        repeats=5,
    ),
    Scenario(name="moments of a million units", budget_ms=1_000, prepare=_columns, repeats=3),
    Scenario(name="exact test, 100 against 100", budget_ms=50, prepare=_exact),
]


def main() -> None:
    print(f"{'scenario':<40}{'ms':>10}{'budget':>10}")
    for scenario in SCENARIOS:
        act = scenario.prepare(np.random.default_rng(1))
        act()
        best = min(_milliseconds(act) for _ in range(scenario.repeats))
        over = "" if best <= scenario.budget_ms else "  over"
        print(f"{scenario.name:<40}{best:>10.2f}{scenario.budget_ms:>10.1f}{over}", flush=True)


def _milliseconds(act: Callable[[], object]) -> float:
    start = perf_counter()
    act()
    return (perf_counter() - start) * 1_000


if __name__ == "__main__":
    main()
