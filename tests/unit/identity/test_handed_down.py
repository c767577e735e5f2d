"""A name that father and son bear is not enough to say which of them a profile is."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from regulars.identity.handed_down import are_handed_down, handed_down
from regulars.identity.naming import UNTOLD
from regulars.identity.portrait import Portraits, portraits
from regulars.testing.profiles import profile, profile_table


def town(*birthdays: date, name: str = "Robert Quillfeather") -> Portraits:
    """People of one name with these birthdays, one of whom nothing else is known, and 500 strangers."""
    namesakes = [profile(f"desk/{number}", name, birthday=day) for number, day in enumerate(birthdays)]
    strangers = [profile(f"mail/{number}", f"Ann Lee{number}", birthday=date(1990, 5, 1)) for number in range(500)]
    return portraits(profile_table(*namesakes, profile("web/1", "Robert Quillfeather"), *strangers))


def is_doubtful(people: Portraits, profiles: int) -> bool:
    known = handed_down(people, np.arange(people.count), UNTOLD)
    return bool(are_handed_down(known, people, np.array([profiles]))[0])


@pytest.mark.parametrize(("birthdays", "expected"), [
    ((date(1950, 3, 1), date(1981, 9, 12)), True),
    ((date(1950, 3, 1), date(1950, 3, 11)), False),                         # a slip of the pen
    ((date(1950, 3, 1),), False),
    ((date(1950, 1, 1), date(1981, 9, 12)), False),                         # a first of January is no birthday
])
def test_two_birthdays_a_generation_apart_make_a_name_doubtful(birthdays: tuple[date, ...], *, expected: bool) -> None:
    assert is_doubtful(town(*birthdays), len(birthdays)) is expected


def test_a_junior_makes_the_name_of_both_doubtful_and_no_other() -> None:
    people = town(date(1950, 3, 1), name="Robert Quillfeather Jr.")

    assert is_doubtful(people, 0)
    assert is_doubtful(people, 1)
    assert not is_doubtful(people, 2)


def test_who_has_no_name_is_no_namesake() -> None:
    people = portraits(profile_table(profile("desk/1", email="a@x.example")))

    assert handed_down(people, np.arange(1), UNTOLD) == []
    assert not are_handed_down([], people, np.arange(1)).any()
