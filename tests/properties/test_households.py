"""What holds of household ids whatever families do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.identity.household import Settled, settle
from regulars.testing.families import HouseholdBook, customer_register

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SALT = b"property"
PERSONS = "abcdefghijkl"

TIES = st.lists(st.tuples(st.sampled_from(PERSONS), st.sampled_from(PERSONS), st.sampled_from(["high", "medium", "low"])), max_size=10)
MERGED = st.sampled_from([{}, {}, {"b": "a"}, {"l": "c"}, {"b": "a", "l": "b"}])


def tie_table(ties: list[tuple[str, str, str]]) -> pa.Table:
    names = ("left", "right", "confidence")
    return pa.table({name: pa.array([f"c_{v}" if n < 2 else v for v in column], pa.string())
                     for n, (name, column) in enumerate(zip(names, list(zip(*ties, strict=True)) or [(), (), ()], strict=True))})


def settled(book: HouseholdBook, ties: list[tuple[str, str, str]], *, day: int = 0, merged: dict[str, str] | None = None) -> Settled:
    found = settle(
        customer_register(PERSONS, merged), tie_table(ties), now=NOW + timedelta(days=day), salt=SALT,
        homes=book.homes, register=book.register,
    )
    book.keep(found)
    return found


def members(found: Settled) -> dict[str, frozenset[str]]:
    homes: dict[str, set[str]] = {}
    for row in found.homes.to_pylist():
        homes.setdefault(row["household_id"], set()).add(row["customer_id"])
    return {household: frozenset(people) for household, people in homes.items()}


def family_life(seed: int, days: int) -> list[tuple[list[tuple[str, str, str]], dict[str, str]]]:
    """Days on which families form, part, form again otherwise, and now and then two customers turn out to be one."""
    rng, ties, merged, lives = Random(seed), set[tuple[str, str, str]](), dict[str, str](), []
    for day in range(days):
        for _ in range(rng.randrange(3)):
            ties.add((*sorted(rng.sample(PERSONS, 2)), rng.choice(["high", "medium", "low"])))
        for tie in rng.sample(sorted(ties), min(len(ties), rng.randrange(3))):
            ties.discard(tie)
        if day in {20, 40}:
            merged = {**merged, **({"l": "c"} if day == 20 else {"c": "a"})}
        lives.append((sorted(ties), merged))
    return lives


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_over_sixty_days_no_id_changes_hands_and_a_retired_one_comes_back_only_with_its_founder(seed: int) -> None:
    book, before, retired = HouseholdBook(), dict[str, frozenset[str]](), set[str]()
    for day, (ties, merged) in enumerate(family_life(seed, 60)):
        homes = members(settled(book, ties, day=day, merged=merged))

        founder = {row["household_id"]: row["founder_customer_id"] for row in book.register.to_pylist()}
        assert all(founder[household] in homes[household] for household in retired & homes.keys())
        assert all(homes[household] & people for household, people in before.items() if household in homes)
        assert all(homes.get(household) == people for household, people in before.items() if people in homes.values())
        register = {row["household_id"]: row["merged_into"] for row in book.register.to_pylist()}
        retired = {household for household, into in register.items() if into is not None}
        assert register.keys() - retired == homes.keys()
        assert all(_end(register, household) in homes for household in retired)
        before = homes


@settings(max_examples=100, deadline=None)
@given(yesterday=TIES, today=TIES, merged=MERGED, seed=st.integers(0, 99))
def test_the_order_of_ties_and_customers_never_matters(
    yesterday: list[tuple[str, str, str]], today: list[tuple[str, str, str]], merged: dict[str, str], seed: int
) -> None:
    book = HouseholdBook()
    settled(book, yesterday)
    shuffled = Random(seed).sample(today, len(today))
    backwards = [(right, left, confidence) for left, right, confidence in shuffled]
    homes, register, customers = book.homes, book.register, customer_register(PERSONS, merged)

    one = settle(customers, tie_table(today), now=NOW, salt=SALT, homes=homes, register=register)
    other = settle(
        customers.take(pa.array(Random(seed).sample(range(len(customers)), len(customers)))), tie_table(backwards), now=NOW, salt=SALT,
        homes=homes.take(pa.array(range(len(homes))[::-1])), register=register.take(pa.array(range(len(register))[::-1])),
    )

    assert one.homes.equals(other.homes)
    assert one.merged.equals(other.merged)
    assert one.minted.equals(other.minted)


@settings(max_examples=100, deadline=None)
@given(yesterday=TIES, today=TIES)
def test_the_larger_part_keeps_the_id(yesterday: list[tuple[str, str, str]], today: list[tuple[str, str, str]]) -> None:
    book = HouseholdBook()
    before = members(settled(book, yesterday))
    after = members(settled(book, today, day=1))

    for household, people in before.items():
        heirs = [home for home in after.values() if home & people]
        if all(home <= people for home in heirs):            # it only split: nobody came from elsewhere
            largest = max(len(home) for home in heirs)
            assert len(after[household]) == largest


def _end(register: dict[str, str | None], household: str) -> str:
    while (into := register[household]) is not None:
        household = into
    return household


@settings(max_examples=50, deadline=None)
@given(ties=TIES, merged=MERGED)
def test_the_same_day_again_changes_nothing(ties: list[tuple[str, str, str]], merged: dict[str, str]) -> None:
    book = HouseholdBook()
    first = settled(book, ties, merged=merged)

    again = settled(book, ties, day=1, merged=merged)

    assert again.homes.equals(first.homes)
    assert len(again.changes) == len(again.minted) == len(again.merged) == 0
