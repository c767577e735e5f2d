"""Who is in a campaign's test and which variant it names: exact, whatever the order, and never by chance alone."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.campaigns.choice import Choice, Tally, choose
from regulars.campaigns.subset import REST, dealt


@given(people=st.integers(2, 300), percent=st.integers(1, 99), variants=st.integers(2, 5), seed=st.integers(0, 99))
def test_shares_are_exact_and_the_order_of_the_list_does_not_matter(
    people: int, percent: int, variants: int, seed: int
) -> None:
    ids, names = [f"c{n}" for n in range(people)], [f"v{n}" for n in range(variants)]
    mixed = Random(seed).sample(ids, people)

    found = dict(zip(ids, dealt(ids, names, share=Fraction(percent, 100), key="k").to_pylist(), strict=True))
    other = dict(zip(mixed, dealt(mixed, names, share=Fraction(percent, 100), key="k").to_pylist(), strict=True))

    sizes = Counter(found.values())
    tested = min(max(int(Fraction(people * percent, 100) + Fraction(1, 2)), variants), people)
    assert found == other
    assert people - sizes[REST] == tested
    assert max(sizes[name] for name in names) - min(sizes[name] for name in names) <= 1


def told(variant: str, did: int, *, people: int = 1000, left: int = 0, value: float | None = None, squares: float = 0.0) -> Tally:
    return Tally(variant=variant, people=people, did=did, left=left, value=value, squares=squares)


@pytest.mark.parametrize(("tested", "expected"), [
    ([told("a", 50), told("b", 90)], ("b", True)), ([told("a", 50), told("b", 55)], ("b", False)),
    ([told("a", 50), told("b", 50)], (None, False)), ([told("a", 0), told("b", 0)], (None, False)),
    ([told("a", 50), told("b", 9, people=0)], (None, False)), ([told("a", 50)], (None, False)),
    ([told("a", 50, left=2), told("b", 90, left=60)], (None, False)),
    ([told("a", 50), told("b", 90), told("c", 85)], ("b", False)),
])
def test_what_does_best_wins_unless_it_may_be_chance_or_drives_people_away(
    tested: list[Tally], expected: tuple[str | None, bool]
) -> None:
    found = choose(tested)

    assert (found.leading, found.is_clear) == expected


def test_money_decides_by_what_a_person_spends_and_not_by_how_many_do() -> None:
    many = told("many", 100, value=100 * 1000.0, squares=100 * 1000.0**2)
    rich = told("rich", 60, value=60 * 5000.0, squares=60 * 5000.0**2)

    assert choose([many, rich]) == Choice(leading="rich", is_clear=True, reason="rich does best")
