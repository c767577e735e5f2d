"""Places of units: one by one and all at once the same, fair, and independent from salt to salt."""

from __future__ import annotations

import re
import struct
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.flags.bucket import (
    BUCKETS,
    bucket,
    bucket_ranges,
    bucketed,
    choose_variation,
    chosen_variations,
    position,
    positions,
)
from regulars.flags.keyed import keyed_hash, keyed_hashes

TEXTS = st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=40) | st.integers(0, 10**19).map(str), max_size=50)
VERSIONS = pytest.mark.parametrize("version", [1, 2, 3])


@VERSIONS
@settings(deadline=None, max_examples=50)
@given(units=TEXTS, seed=st.text(st.characters(exclude_categories=("Cs",)), max_size=10))
def test_many_units_have_the_places_they_have_one_by_one(version: int, units: list[str], seed: str) -> None:
    places = positions(units, seed=seed, version=version)  # type: ignore[arg-type]

    assert places.tolist() == [position(unit, seed=seed, version=version) for unit in units]


@VERSIONS
@settings(deadline=None, max_examples=50)
@given(units=TEXTS)
def test_however_units_are_held_their_places_are_the_same(version: int, units: list[str]) -> None:
    told = [unit for unit in units if not unit.endswith("\0")]     # numpy takes zeros at the end for filling
    first = positions(told, seed="s", version=version)  # type: ignore[arg-type]

    for held in (np.array(told, dtype=np.str_), pa.array(["x", *told], pa.string())[1:], pa.chunked_array([told, told], pa.string())):
        again = positions(held, seed="s", version=version)  # type: ignore[arg-type]
        assert again[:len(told)].tolist() == first.tolist()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 10**18 - 1), min_size=1))
def test_a_number_and_its_digits_are_one_unit(numbers: list[int]) -> None:
    hashes = keyed_hashes(np.array(numbers), salt="s").tolist()

    assert hashes == [keyed_hash(number, salt="s") for number in numbers]
    assert hashes == keyed_hashes([str(number) for number in numbers], salt="s").tolist()


def test_digits_with_a_zero_in_front_are_another_unit() -> None:
    assert len({keyed_hash(unit, salt="s") for unit in ("7", "07", "+7", "7.0", " 7")}) == 5


def test_a_text_does_not_end_with_its_last_letter_alone() -> None:
    units = ["", "\0", "\0\0", "a", "a\0", "abcdefgh", "abcdefgh\0"]

    assert len(set(keyed_hashes(units, salt="s").tolist())) == len(units)


@pytest.mark.parametrize("number", [-1, 10**18])
def test_a_number_that_is_no_unit_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="no unit's number"):
        keyed_hash(number, salt="s")
    with pytest.raises(ValueError, match="no unit's number"):
        keyed_hashes(np.array([5, number]), salt="s")


def test_a_missing_id_is_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 units have no id"):
        bucketed(pa.array(["a", None]), salt="s")


def described(unit: str, salt: str) -> int:
    """The hash as its module describes it, written down a second time: assignments must outlive every change of code."""
    whole = 2**64
    key = int.from_bytes(blake2b(salt.encode(), digest_size=8).digest(), "little")
    is_number = re.fullmatch("0|[1-9][0-9]{0,17}", unit) is not None
    padded = unit.encode() + b"\0" * (-len(unit.encode()) % 8)
    words = [int(unit)] if is_number else list(struct.unpack(f"<{len(padded) // 8}Q", padded))
    for word in words:
        key = (key ^ word) * 0x9E3779B97F4A7C15 % whole
        key ^= key // 2**32
    key ^= 2**63 if is_number else len(unit.encode())
    key = (key ^ key // 2**30) * 0xBF58476D1CE4E5B9 % whole
    key = (key ^ key // 2**27) * 0x94D049BB133111EB % whole
    return key ^ key // 2**31


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40) | st.integers(0, 10**19).map(str), st.text(st.characters(exclude_categories=("Cs",))))
def test_our_hash_is_what_is_said_of_it(unit: str, salt: str) -> None:
    assert keyed_hash(unit, salt=salt) == described(unit, salt)


def test_a_thousand_experiments_divide_the_same_units_independently() -> None:
    units = np.arange(10_000)
    sides = np.stack([
        np.where(bucketed(units, salt=f"experiment_{n}") < BUCKETS // 2, 1.0, -1.0) for n in range(1_000)
    ])

    sides -= sides.mean(axis=1, keepdims=True)
    sides /= sides.std(axis=1, keepdims=True)
    phi = sides @ sides.T / len(units)
    np.fill_diagonal(phi, 0)

    assert np.abs(phi).max() < 5 / np.sqrt(len(units))


def test_the_first_version_of_growthbooks_hash_would_fail_that() -> None:
    units = [f"user_{n}" for n in range(5_000)]
    sides = [positions(units, seed=f"experiment_{n}", version=1) < 0.5 for n in range(20)]

    assert np.abs(np.corrcoef(sides) - np.eye(20)).max() > 5 / np.sqrt(len(units))


def test_every_bucket_of_few_gets_its_part() -> None:
    counts = np.bincount(bucketed(np.arange(200_000), salt="fair", buckets=100), minlength=100)

    # Chi square of 99 degrees of freedom: above 149 once in a thousand salts.
    assert ((counts - 2_000) ** 2 / 2_000).sum() < 149


def test_two_units_or_salts_that_differ_in_a_letter_are_nothing_alike() -> None:
    hashes = [keyed_hash(unit, salt=salt) for unit in ("user_1", "user_2") for salt in ("a", "b")]

    apart = [(left ^ right).bit_count() for left in hashes for right in hashes if left != right]
    assert min(apart) > 12


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 1), st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.lists(st.floats(0, 0.9999), max_size=50))
def test_places_fall_to_the_variations_they_fall_to_one_by_one(
    coverage: float, weights: list[float], places: list[float]
) -> None:
    ranges = bucket_ranges(len(weights), coverage=coverage, weights=[weight / sum(weights) for weight in weights])

    chosen = chosen_variations(np.array(places), ranges).tolist()

    assert chosen == [choose_variation(place, ranges) for place in places]


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 0.9999), st.floats(0, 1), st.floats(0, 1))
def test_a_share_that_grows_moves_nobody(place: float, one: float, other: float) -> None:
    less, more = (bucket_ranges(3, coverage=coverage) for coverage in sorted((one, other)))

    before = choose_variation(place, less)

    assert before in {-1, choose_variation(place, more)}


def test_a_bucket_is_one_of_as_many_as_asked_for() -> None:
    assert {bucket(n, salt="s", buckets=3) for n in range(100)} == {0, 1, 2}
    assert {bucket(str(n), salt="s", buckets=1) for n in range(100)} == {0}


# Source: the hash function of sdk-js 1.7.0, run by Node 20 on these texts; its published cases are ASCII alone.
@pytest.mark.parametrize(("unit", "seed", "version", "place"), [
    ("é", "s", 1, 0.141), ("é", "s", 2, 0.8605), ("ключ", "s", 2, 0.5148), ("日本", "s", 2, 0.0984), ("😀", "s", 2, 0.2801),
    ("a😀b", "é", 2, 0.3325), ("😀", "é", 1, 0.483),
])
def test_letters_beyond_ascii_are_counted_as_javascript_counts_them(unit: str, seed: str, version: int, place: float) -> None:
    assert position(unit, seed=seed, version=version) == place
