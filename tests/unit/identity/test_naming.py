"""Given names and surnames that go together say less of who somebody is than each by itself."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from regulars.identity.naming import UNTOLD, Naming, learn_naming
from regulars.identity.portrait import portraits
from regulars.testing.profiles import profile, profile_table

CUSTOMS = ((("minh", "linh"), ("nguyen", "tran")), (("john", "mary"), ("smith", "jones")))


def learned(names: Iterable[tuple[str, str]]) -> Naming:
    people = portraits(profile_table(*(
        profile(f"desk/{number}", f"{first} {last}", first_name=first, last_name=last)
        for number, (first, last) in enumerate(names)
    )))
    return learn_naming(people, np.arange(people.count))


@pytest.fixture(scope="module")
def naming() -> Naming:
    return learned((first, last) for firsts, lasts in CUSTOMS for first in firsts for last in lasts for _ in range(100))


def bits(naming: Naming, first: str, last: str) -> float:
    return float(naming.together(np.array([first]), np.array([last]))[0])


def test_names_of_one_custom_are_commoner_together_and_of_two_rarer(naming: Naming) -> None:
    assert bits(naming, "minh", "nguyen") == pytest.approx(1, abs=0.2)      # two customs of equal size: twice as common
    assert bits(naming, "minh", "smith") < -2


def test_of_a_name_that_few_have_nothing_is_said(naming: Naming) -> None:
    assert bits(naming, "zebedee", "nguyen") == pytest.approx(0, abs=1e-6)
    assert bits(UNTOLD, "minh", "nguyen") == 0


def test_the_order_of_people_does_not_matter(naming: Naming) -> None:
    names = [(first, last) for firsts, lasts in CUSTOMS for first in firsts for last in lasts for _ in range(100)]

    assert learned(reversed(names)) == naming
