"""Published sets with true clusters: one configuration, no labels. Figures to reach: data/README and the field's best tools."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from regulars.identity.resolve import resolve
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.testing.customers import noisy_customers
from regulars.testing.home_grade import grade_homes
from regulars.testing.identity_sets import ClusterGrade, grade_clusters, read_set

SETS = Path(__file__).parents[2].parent / "shared" / "data" / "identity"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def grade(name: str) -> ClusterGrade:
    people = read_set(SETS / f"{name}.parquet")
    return grade_clusters(resolve(people.profiles, now=NOW, salt=b"set").identity, people)


@pytest.mark.skipif(not SETS.exists(), reason="needs ../shared/data/identity")
@pytest.mark.parametrize(("name", "least"), [("fake_1000", 0.95), ("febrl1", 0.999), ("febrl2", 0.999), ("febrl3", 0.999)])
def test_people_of_a_published_set_are_found_without_labels(name: str, least: float) -> None:
    assert grade(name).f1 >= least


def test_noisy_customers_are_found_and_families_left_apart() -> None:
    people = noisy_customers(20_000, seed=3)

    found = grade_clusters(resolve(people.profiles, now=NOW, salt=b"noisy").identity, people)

    assert found.f1 >= 0.90
    assert found.households_merged <= 0.001


def test_a_shared_postal_address_finds_many_more_homes_and_puts_nobody_among_strangers() -> None:
    found = grade_homes(noisy_customers(4_000, seed=3), DuckDBEngine.open({"threads": "1"}))

    assert found["both"].precision >= 0.999
    assert found["both"].recall >= 1.5 * found["contacts"].recall
