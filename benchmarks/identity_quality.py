"""How right people are found, without labels and with one configuration: `python benchmarks/identity_quality.py`.

`--people N` grades one noisy world of N profiles alone: `--people 1000000` takes two minutes and 4 GB.
`--world town` grades four towns of another make alone: several cultures, juniors, blended families, shared flats.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from time import perf_counter

import numpy as np
from measured import ROOT

from regulars.identity.component import components
from regulars.identity.matching import Thresholds
from regulars.identity.numbered import value_numbers
from regulars.identity.resolve import resolve
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.testing.customers import Customers, noisy_customers
from regulars.testing.home_grade import grade_homes
from regulars.testing.identity_sets import ClusterGrade, grade_clusters, grade_division, read_set
from regulars.testing.town.paper import town_customers

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETS = ROOT.parent / "shared" / "data" / "identity"


def main() -> None:
    options = ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, help="profiles of one noisy world, graded alone")
    options.add_argument("--seed", type=int, default=1, help="seed of that world")
    options.add_argument("--world", choices=["own", "town"], default="own", help="town: a world of another make, alone")
    asked = options.parse_args()
    if asked.world == "town":
        _grade(_towns(asked.people or 60_000))
    elif asked.people is None:
        _grade(_sets())
        _grade_homes()
    else:
        _grade([(f"noisy seed {asked.seed}", noisy_customers(asked.people, seed=asked.seed))])


def _grade(sets: Iterable[tuple[str, Customers]]) -> None:
    print(f"{'set':<16}{'way':<34}{'precision':>10}{'recall':>9}{'F1':>8}{'homes merged':>14}{'s':>8}")
    for name, people in sets:
        for way, grade, seconds in _graded(people):
            print(
                f"{name:<16}{way:<34}{grade.precision:>10.4f}{grade.recall:>9.4f}{grade.f1:>8.4f}"
                f"{grade.households_merged:>13.3%}{seconds:>9.1f}", flush=True,
            )


def _grade_homes() -> None:
    print(f"\n{'set':<16}{'homes found by':<34}{'precision':>10}{'recall':>9}")
    for seed in (1, 2, 3):
        for way, found in grade_homes(noisy_customers(20_000, seed=seed), DuckDBEngine.open({})).items():
            print(f"{f'noisy seed {seed}':<16}{way:<34}{found.precision:>10.4f}{found.recall:>9.4f}", flush=True)


def _sets() -> Iterator[tuple[str, Customers]]:
    for name in ("fake_1000", "febrl1", "febrl2", "febrl3"):
        if (SETS / f"{name}.parquet").exists():
            yield name, read_set(SETS / f"{name}.parquet")
    for seed in (1, 2, 3):
        yield f"noisy seed {seed}", noisy_customers(100_000, seed=seed)


def _towns(profiles: int) -> Iterator[tuple[str, Customers]]:
    for seed, silent, slips in ((1, 0.25, 0.02), (2, 0.4, 0.02), (3, 0.6, 0.02), (4, 0.3, 0.05)):
        yield f"town seed {seed}", town_customers(profiles, seed=seed, silent=silent, slips=slips)


def _graded(people: Customers) -> Iterator[tuple[str, ClusterGrade, float]]:
    began = perf_counter()
    exact = grade_division(_same_contact(people), people)
    if exact.recall:
        yield "equal e-mail or phone", exact, perf_counter() - began
    for way, thresholds in (("exact evidence, guarded", Thresholds(merge=1.0)), ("as installed", Thresholds())):
        began = perf_counter()
        found = resolve(people.profiles, now=NOW, salt=b"bench", thresholds=thresholds)
        seconds = perf_counter() - began
        grade = grade_clusters(found.identity, people)
        if grade.recall:
            yield way, grade, seconds


def _same_contact(people: Customers) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    left, right = [], []
    for contact in ("email", "phone"):
        numbers = value_numbers(people.profiles[contact])
        known = np.flatnonzero(numbers >= 0)
        _, first, back = np.unique(numbers[known], return_index=True, return_inverse=True)
        left.append(known)
        right.append(known[first][back])
    return components(np.concatenate(left), np.concatenate(right), count=len(people.profiles))[1]


if __name__ == "__main__":
    main()
