"""Shares of a list are exact, whoever is on it, and nobody ever changes the variant."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.errors import DeclarationError
from regulars.experiments.assign import STORED, STRATA, allocate, quotas
from regulars.experiments.experiment import Experiment, Goal, Variant


def experiment(epoch: int = 1, name: str = "offer", **weights: Fraction | int) -> Experiment:
    variants = tuple(Variant(name=each, weight=Fraction(weight)) for each, weight in weights.items())
    return Experiment(
        name=name, variants=variants, control=variants[0].name, primary=(Goal(metric="joined"),), epoch=epoch, salt="7f"
    )


def stored(*rows: tuple[str, str, int]) -> pa.Table:
    units, variants, epochs = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table([list(units), list(variants), list(epochs)], schema=STORED)


def kept(table: pa.Table) -> pa.Table:
    """What the book would hold after an allocation."""
    fresh = [row for row in table.to_pylist() if row["is_new"]]
    return stored(*dict.fromkeys((row["unit"], row["variant"], row["epoch"]) for row in fresh))


def counts(table: pa.Table) -> dict[str, int]:
    return {each["values"]: each["counts"] for each in table["variant"].value_counts().to_pylist()}


def variants(table: pa.Table) -> list[str | None]:
    return table["variant"].to_pylist()


ids = st.lists(st.one_of(st.text(min_size=1).filter(str.strip), st.integers()), unique_by=str, max_size=60)
weights = st.lists(st.integers(0, 10), min_size=2, max_size=5).filter(any)


@given(units=ids, parts=weights)
@settings(deadline=None)
def test_every_share_is_within_one_of_its_weight_whatever_the_ids(units: list[str | int], parts: list[int]) -> None:
    found = counts(allocate(units, experiment=experiment(**{f"v{n}": Fraction(100 * w, sum(parts)) for n, w in enumerate(parts)})))

    for n, weight in enumerate(parts):
        exact = Fraction(weight, sum(parts)) * len(units)
        assert abs(found.get(f"v{n}", 0) - exact) < 1


@given(units=ids, seed=st.randoms())
@settings(deadline=None)
def test_the_order_of_the_list_does_not_matter(units: list[str | int], seed) -> None:
    one = experiment(a=33, b=33, c=34)
    other = list(units)
    seed.shuffle(other)

    first, second = allocate(units, experiment=one), allocate(other, experiment=one)

    assert dict(zip(first["unit"].to_pylist(), variants(first), strict=True)) == dict(
        zip(second["unit"].to_pylist(), variants(second), strict=True)
    )


@given(groups=st.lists(st.integers(0, 6), max_size=80), parts=st.lists(st.integers(1, 10), min_size=2, max_size=4))
@settings(deadline=None)
def test_shares_are_as_exact_within_each_stratum_and_on_the_whole(groups: list[int], parts: list[int]) -> None:
    one = experiment(**{f"v{n}": Fraction(100 * w, sum(parts)) for n, w in enumerate(parts)})
    units = [f"u{n}" for n in range(len(groups))]
    strata = pa.table([units, [f"s{group}" for group in groups]], schema=STRATA)

    found = allocate(units, experiment=one, strata=strata)

    given = list(zip(groups, variants(found), strict=True))
    for n, weight in enumerate(parts):
        share = Fraction(weight, sum(parts))
        assert abs(counts(found).get(f"v{n}", 0) - share * len(units)) < (1 if len(parts) == 2 else 2)
        for group in set(groups):
            assert abs(given.count((group, f"v{n}")) - share * groups.count(group)) < 1


def test_strata_of_one_unit_each_come_out_even_and_nobody_can_tell_who_gets_what() -> None:
    units = [f"u{n}" for n in range(200)]
    strata = pa.table([units, units], schema=STRATA)

    found = [allocate(units, experiment=experiment(name=f"e{n}", a=50, b=50), strata=strata) for n in range(40)]

    assert {counts(each)["a"] for each in found} == {100}
    first = [variants(each)[0] for each in found]
    assert 8 <= first.count("a") <= 32


def test_a_stratum_is_filled_up_where_it_was_left_uneven() -> None:
    one = experiment(a=50, b=50)
    strata = pa.table([["k1", "k2", "k3", "k4", "n1", "n2"], ["keen"] * 4 + ["new"] * 2], schema=STRATA)
    before = stored(("k1", "a", 1), ("k2", "a", 1))

    found = allocate(["k3", "k4", "n1", "n2"], experiment=one, stored=before, strata=strata)

    assert variants(found)[:2] == ["b", "b"]
    assert sorted(variants(found)[2:]) == ["a", "b"]


@given(first=ids, second=ids)
@settings(deadline=None)
def test_who_is_assigned_keeps_the_variant_and_the_whole_comes_out_even(first: list, second: list) -> None:
    one = experiment(a=70, b=30)
    before = allocate(first, experiment=one)
    held = dict(zip(before["unit"].to_pylist(), variants(before), strict=True))

    after = allocate([*first, *second], experiment=one, stored=kept(before))

    now = dict(zip(after["unit"].to_pylist(), variants(after), strict=True))
    assert {unit: now[unit] for unit in held} == held
    assert abs(list(now.values()).count("a") - Fraction(7, 10) * len(now)) < 1


@given(count=st.integers(0, 12), had=st.lists(st.integers(0, 12), min_size=2, max_size=3), parts=weights)
def test_quotas_are_as_near_to_the_weights_as_what_is_stored_allows(count: int, had: list[int], parts: list[int]) -> None:
    parts = [*parts, 1, 1][: len(had)]
    each = [Variant(name=str(n), weight=Fraction(weight)) for n, weight in enumerate(parts)]
    if not any(parts):
        return

    def distance(given: tuple[int, ...]) -> Fraction:
        total = sum(had) + count
        return sum(
            ((n + h - Fraction(w, sum(parts)) * total) ** 2 for n, h, w in zip(given, had, parts, strict=True)), Fraction(0)
        )

    found = quotas(count, each, counts={str(n): h for n, h in enumerate(had)}, key="k")

    best = min(distance(way) for way in product(range(count + 1), repeat=len(had)) if sum(way) == count)
    assert sum(found) == count
    assert distance(found) == best


def test_three_variants_share_by_largest_remainder() -> None:
    assert quotas(10, experiment(a=45, b=35, c=20).variants, counts={}, key="k") in {(5, 3, 2), (4, 4, 2)}
    assert quotas(7, experiment(a=50, b=30, c=20).variants, counts={}, key="k") == (4, 2, 1)


def test_single_arrivals_are_even_after_every_second_and_cannot_be_foretold() -> None:
    one, held, told = experiment(a=50, b=50), stored(), ""
    for n in range(40):
        fresh = allocate([n], experiment=one, stored=held)
        told += fresh["variant"][0].as_py()
        held = pa.concat_tables([held, kept(fresh)])

    assert all({told[n], told[n + 1]} == {"a", "b"} for n in range(0, 40, 2))
    assert len({told[n] for n in range(0, 40, 2)}) == 2


def test_weights_that_do_not_add_up_are_refused_with_those_that_would() -> None:
    with pytest.raises(DeclarationError, match=r"add up to 3, not 100 \(in these proportions: {a: 67, b: 33}\)"):
        allocate([1], experiment=experiment(a=2, b=1))


def test_another_experiment_or_salt_splits_otherwise() -> None:
    one, other = experiment(a=50, b=50), experiment(name="other", a=50, b=50)

    assert variants(allocate(range(100), experiment=one)) != variants(allocate(range(100), experiment=other))


def test_a_row_without_an_id_is_refused_with_its_reason_and_the_rest_goes_on() -> None:
    found = allocate(["x", None, "", 1.5, True, "y"], experiment=experiment(a=50, b=50)).to_pylist()

    assert [row["refusal"] for row in found] == [
        None, "this row has no id: nobody can be assigned", "this row has no id: nobody can be assigned",
        "1.5 is no id: ids are text or whole numbers", "True is no id: ids are text or whole numbers", None,
    ]
    assert sorted([found[0]["variant"], found[5]["variant"]]) == ["a", "b"]
    assert all(row["variant"] is None for row in found[1:5])


def test_a_column_of_a_table_is_taken_as_a_list_is() -> None:
    one = experiment(a=50, b=50)

    column = allocate(pa.chunked_array([[1, None], [3]]), experiment=one)

    assert variants(column) == variants(allocate([1, None, 3], experiment=one))
    assert variants(allocate(np.array([1, 3]), experiment=one)) == [variants(column)[0], variants(column)[2]]
    assert column["refusal"].null_count == 2


def test_one_unit_twice_in_a_list_is_one_unit() -> None:
    found = allocate([7, "7", "é", "é"], experiment=experiment(a=50, b=50))

    assert variants(found)[0] == variants(found)[1] != variants(found)[2]


def test_a_stored_variant_that_is_declared_no_more_is_kept() -> None:
    found = allocate(["x"], experiment=experiment(a=50, b=50), stored=stored(("x", "gone", 1)))

    assert found.to_pylist() == [{"unit": "x", "variant": "gone", "epoch": 1, "is_new": False, "refusal": None}]


# The conformance cases of a reference system, by number. Its hash made exact counts a matter of luck; ours are exact.


def test_case_1_nobody_is_nobody() -> None:
    assert allocate([], experiment=experiment(A=50, B=50)).num_rows == 0


@pytest.mark.parametrize("first", [1, 2, 3, 4, 21])
@pytest.mark.parametrize(("ratio", "expected"), [(50, 10), (70, 14), (60, 12)])
def test_cases_2_3_4_twenty_are_split_exactly_whatever_their_ids_and_not_only_for_lucky_ones(
    first: int, ratio: int, expected: int
) -> None:
    assert counts(allocate(range(first, first + 20), experiment=experiment(A=ratio, B=100 - ratio)))["A"] == expected


@pytest.mark.parametrize(("n", "ratio", "expected"), [(4, 50, 2), (10, 70, 7), (1000, 50, 500)])
def test_cases_5_6_7_small_and_large_lists_are_exact_and_not_only_near(n: int, ratio: int, expected: int) -> None:
    assert counts(allocate(range(1, n + 1), experiment=experiment(A=ratio, B=100 - ratio)))["A"] == expected


@pytest.mark.parametrize("ratio", [1, 10, 70, 80, 99])
def test_case_8_every_ratio_is_met(ratio: int) -> None:
    assert counts(allocate(range(1, 1001), experiment=experiment(A=ratio, B=100 - ratio)))["A"] == ratio * 10


def test_case_9_twice_is_once() -> None:
    one = experiment(A=50, B=50)
    first = allocate(range(20), experiment=one)

    again = allocate(range(20), experiment=one, stored=kept(first))

    assert variants(again) == variants(first)
    assert again["is_new"].to_pylist() == [False] * 20


def test_case_10_turned_right_a_changed_ratio_leaves_the_stored_alone_and_begins_an_epoch() -> None:
    first = allocate(range(20), experiment=experiment(A=50, B=50))

    after = allocate(range(40), experiment=experiment(epoch=2, A=70, B=30), stored=kept(first))

    assert variants(after)[:20] == variants(first)
    assert counts(after.slice(20)) == {"A": 14, "B": 6}
    assert after["epoch"].to_pylist() == [1] * 20 + [2] * 20


def test_case_11_what_is_stored_is_returned_although_the_other_would_be_due() -> None:
    held = stored(*((str(n), "A", 1) for n in range(5)))

    found = allocate(range(5), experiment=experiment(A=1, B=99), stored=held)

    assert variants(found) == ["A"] * 5
    assert not any(found["is_new"].to_pylist())


def test_case_13_turned_right_a_bad_row_is_an_answer_of_its_own_and_others_proceed() -> None:
    found = allocate([1, object(), 2], experiment=experiment(A=50, B=50)).to_pylist()

    assert "is no id" in found[1]["refusal"]
    assert {found[0]["variant"], found[2]["variant"]} == {"A", "B"}


def test_case_16_ten_thousand_take_less_than_a_second() -> None:
    began = time.perf_counter()

    found = allocate(range(10_000), experiment=experiment(A=50, B=50))

    assert time.perf_counter() - began < 1
    assert counts(found) == {"A": 5000, "B": 5000}


@pytest.mark.parametrize("name", [str(n) for n in range(1, 11)])
def test_case_18_turned_right_no_experiment_is_unlucky(name: str) -> None:
    assert counts(allocate(range(1, 21), experiment=experiment(name=name, A=50, B=50))) == {"A": 10, "B": 10}
