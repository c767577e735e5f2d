"""The town that people are found in again is the same for a seed, and as hard as it says."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import pytest

from regulars.testing.customers import Customers
from regulars.testing.town.paper import PAPERS, town_customers


@pytest.fixture(scope="module")
def town() -> Customers:
    return town_customers(4_000, seed=1)


def test_a_seed_makes_one_town(town: Customers) -> None:
    again, other = town_customers(4_000, seed=1), town_customers(4_000, seed=2)

    assert again.profiles.equals(town.profiles)
    assert not other.profiles.equals(town.profiles)


def test_five_sources_tell_of_people_who_live_together(town: Customers) -> None:
    assert set(town.profiles["profile_source"].to_pylist()) == {paper.source for paper in PAPERS}
    assert len(town.profiles) == pytest.approx(4_000, rel=0.1)
    assert len(np.unique(town.household)) < len(np.unique(town.person)) < len(town.profiles) / 2


@pytest.mark.parametrize("silent", [0.25, 0.6])
def test_as_many_are_without_contact_as_was_said(silent: float) -> None:
    profiles = town_customers(4_000, seed=1, silent=silent).profiles

    has_none = pc.and_(pc.is_null(profiles["email"]), pc.is_null(profiles["phone"]))
    assert pc.mean(has_none).as_py() == pytest.approx(silent, abs=0.06)
