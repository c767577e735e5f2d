"""Who was there together: the sweep and the join against counting by hand."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, timedelta

import ibis.expr.types as ir
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.connections import co_presence
from regulars.connections.co_presence import WINDOW, arrivals, together, together_expression

from .conftest import MONDAY, CheckIn, check_ins

DAYS = st.dates(MONDAY, MONDAY + timedelta(days=3))
ROWS = st.lists(
    st.tuples(st.sampled_from("abcde"), DAYS, st.integers(600, 690), st.sampled_from(["north", "south", None])), max_size=40
)


def by_hand(rows: Iterable[CheckIn], at_least: int = 1) -> dict[tuple[str, str, date], tuple[int, str | None]]:
    """Every pair of check-ins looked at; the least difference of a pair's day in seconds, and the place."""
    rows = [row for row in rows if row[0] is not None]
    found: dict[tuple[str, str, date], tuple[int, str, int]] = {}
    for who, day, minute, place in rows:
        for other, other_day, other_minute, other_place in rows:
            if who < other and (day, place) == (other_day, other_place) and abs(minute - other_minute) <= 30:
                told = (abs(minute - other_minute) * 60, place or "", min(minute, other_minute))
                found[who, other, day] = min(found.get((who, other, day), told), told)
    days = Counter(key[:2] for key in found)
    return {key: (told[0], told[1] or None) for key, told in found.items() if days[key[:2]] >= at_least}


def as_told(table: pa.Table) -> dict[tuple[str, str, date], tuple[int, str | None]]:
    rows = table.to_pylist()
    told = {(r["customer_id_1"], r["customer_id_2"], r["business_day"]): (r["seconds_apart"], r["location"]) for r in rows}
    assert len(told) == len(rows)
    return told


@given(ROWS, st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_the_sweep_finds_what_counting_by_hand_finds(rows: list[CheckIn], at_least: int) -> None:
    assert as_told(together(arrivals(check_ins(rows)), at_least=at_least)) == by_hand(rows, at_least)


@pytest.mark.parametrize("last", [MONDAY + timedelta(days=1), date(9999, 12, 30)])       # with and without room for both
def test_check_ins_are_sorted_by_day_place_time_and_customer_however_far_apart(last: date) -> None:
    rows: list[CheckIn] = [
        (f"{number * 7919 % 10_000:04}", (MONDAY, last)[number % 2], 600 + number % 3, f"hall {number % 200:03}")
        for number in range(10_000)
    ]

    found = arrivals(check_ins(rows))

    names, places = found.customers.to_pylist(), found.places.to_pylist()
    minutes = (found.at - found.day.astype(int) * 86_400_000) // 60_000
    told = [
        (day, places[place], minute, names[who])
        for who, day, minute, place in zip(
            found.customer.tolist(), found.day.tolist(), minutes.tolist(), found.place.tolist(), strict=True
        )
    ]
    epoch = date(1970, 1, 1)
    assert told == sorted(((day - epoch).days, place, minute, who) for who, day, minute, place in rows)


@given(ROWS, st.integers(1, 3), st.sets(st.sampled_from("abcdx")))
@settings(max_examples=100, deadline=None)
def test_asked_for_some_people_the_sweep_finds_their_pairs_and_no_others(
    rows: list[CheckIn], at_least: int, asked: set[str]
) -> None:
    found = together(arrivals(check_ins(rows)), at_least=at_least, of=pa.array(sorted(asked), pa.string()))

    assert as_told(found) == {key: told for key, told in by_hand(rows, at_least).items() if asked & {*key[:2]}}


@given(rows=ROWS, at_least=st.integers(1, 3), asked=st.none() | st.sets(st.sampled_from("abx")).map(sorted))
@settings(max_examples=15, deadline=None)
def test_the_join_finds_the_same_rows_as_the_sweep(
    arrow: Callable[[pa.Table], ir.Table], engine: object, rows: list[CheckIn], at_least: int, asked: list[str] | None
) -> None:
    table, of = check_ins(rows), None if asked is None else pa.array(asked, pa.string())
    named = None if of is None else arrow(pa.table({"customer_id": of}))

    joined = engine.fetch(together_expression(arrow(table), at_least=at_least, of=named))

    found = together(arrivals(table), at_least=at_least, of=of)
    assert sorted(map(str, joined.to_pylist())) == sorted(map(str, found.to_pylist()))


@given(ROWS, st.randoms())
@settings(max_examples=20, deadline=None)
def test_order_never_matters(rows: list[CheckIn], chance: object) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)

    assert together(arrivals(check_ins(shuffled))).equals(together(arrivals(check_ins(rows))))


def test_who_came_first_is_said_and_nobody_when_both_came_at_once() -> None:
    rows = [("b", MONDAY, 600, "hall"), ("a", MONDAY, 610, "hall"), ("c", MONDAY, 600, "hall")]

    found = together(arrivals(check_ins(rows))).to_pylist()

    assert [(r["customer_id_1"], r["customer_id_2"], r["came_first"]) for r in found] == [
        ("a", "b", "b"), ("a", "c", "c"), ("b", "c", None),
    ]


def test_half_an_hour_is_inside_and_a_moment_more_is_not() -> None:
    rows = [("a", MONDAY, 600, None), ("b", MONDAY, 630, None), ("c", MONDAY, 631, None)]

    found = together(arrivals(check_ins(rows)))

    assert [(r["customer_id_1"], r["customer_id_2"]) for r in found.to_pylist()] == [("a", "b"), ("b", "c")]


@pytest.mark.parametrize("row", [(None, MONDAY, 600, "hall"), ("z", date(1, 1, 1), 600, None)])
def test_check_ins_that_say_nothing_are_left_out(row: CheckIn) -> None:
    whole = [("a", MONDAY, 600, "hall"), ("b", MONDAY, 601, "hall")]
    table = pa.concat_tables([check_ins(whole), check_ins([row])])
    gone = pa.array([None] * 3, pa.timestamp("us"))

    assert len(together(arrivals(table))) == 1
    assert len(together(arrivals(table.set_column(1, "at", gone)), at_least=2)) == 0


def test_a_moment_far_from_its_own_business_day_is_no_check_in() -> None:
    table = check_ins([("a", MONDAY, 600, None), ("b", MONDAY, 600, None)])
    astray = table.set_column(2, "business_day", pa.array([MONDAY, date(2056, 1, 1)]))

    assert len(together(arrivals(astray))) == 0


def test_pieces_make_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(f"c{n % 17:02}", MONDAY + timedelta(days=n % 5), 600 + n % 60, None) for n in range(300)]
    whole = [together(arrivals(check_ins(rows)), at_least=least) for least in (1, 3)]

    monkeypatch.setattr(co_presence, "CHUNK", 50)

    assert [together(arrivals(check_ins(rows)), at_least=least) for least in (1, 3)] == whole


@pytest.mark.parametrize("at_least", [5, 8])
def test_more_days_may_be_asked_for_than_anybody_came(at_least: int) -> None:
    rows = [(who, MONDAY + timedelta(days=day), 600, None) for who in "ab" for day in range(at_least)]

    assert len(together(arrivals(check_ins(rows)), at_least=at_least)) == at_least
    assert len(together(arrivals(check_ins(rows[1:])), at_least=at_least)) == 0
    assert len(together(arrivals(check_ins(rows[:at_least])), at_least=at_least)) == 0


def test_three_thousand_people_in_one_hour_stay_small() -> None:
    rows = [(f"c{n:04}", MONDAY + timedelta(days=day), 600 + n % 60, "hall") for n in range(3000) for day in (0, 1)]
    regular = [(who, MONDAY + timedelta(days=2), 600, "hall") for who in ("c0000", "c0060")]
    visits = arrivals(check_ins([*rows, *regular]))
    tracemalloc.start()

    found = together(visits, at_least=3)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert visits.co_occurrences > 6_000_000
    assert {(r["customer_id_1"], r["customer_id_2"]) for r in found.to_pylist()} == {("c0000", "c0060")}
    assert peak < 400_000_000
    assert timedelta(minutes=30) == WINDOW
