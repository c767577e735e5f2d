"""Which pairs are compared: a day looks at fewer of them, and at none that the whole would not."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.identity.blocking import Blocks
from regulars.identity.portrait import Portraits, portraits
from regulars.testing.customers import noisy_customers


@pytest.fixture(scope="module")
def people() -> Portraits:
    return portraits(noisy_customers(2_000, seed=3).profiles)


def test_a_day_compares_exactly_the_pairs_that_have_one_of_its_profiles(people: Portraits) -> None:
    blocks, alone = Blocks.of(people), np.arange(people.count)
    is_new = np.random.default_rng(0).random(people.count) < 0.05

    left, right = blocks.pairs(person=alone, among=is_new)

    every = np.column_stack(blocks.pairs(person=alone))
    assert 0 < len(left) < len(every)
    assert np.array_equal(np.column_stack([left, right]), every[is_new[every].any(axis=1)])


def test_every_pair_that_is_compared_is_held_by_a_block(people: Portraits) -> None:
    blocks = Blocks.of(people)

    left, right = blocks.pairs(person=np.arange(people.count))

    assert blocks.hold(left, right).all()


def test_a_pair_of_a_block_that_is_too_large_is_held_no_more(people: Portraits) -> None:
    left, right = Blocks.of(people).pairs(person=np.arange(people.count))

    narrow = Blocks.of(people, limits=[1] * len(Blocks.of(people).limits))

    assert not narrow.hold(left, right).any()


def test_nobody_of_one_person_is_compared_with_themselves(people: Portraits) -> None:
    one_person = np.zeros(people.count, dtype=np.int64)

    left, _ = Blocks.of(people).pairs(person=one_person)

    assert not len(left)
