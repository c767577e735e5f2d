"""Companions are told from people of one habit; communities hold together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from regulars.connections.co_presence import arrivals, together
from regulars.connections.community import communities
from regulars.connections.companion import (
    COMPANION,
    CROWDED,
    HALF_LIFE,
    MANY,
    TIE,
    companions,
    least_days,
    tallies,
    ties,
)
from regulars.connections.interaction import INTERACTION, same_day_checkins
from regulars.storage.engines.duckdb import DuckDBEngine

from .conftest import MONDAY, CheckIn, check_ins


def measured(engine: DuckDBEngine, rows: Iterable[CheckIn]) -> dict[tuple[str, str], dict[str, object]]:
    rows = list(rows)
    visits = arrivals(check_ins(rows))
    met = same_day_checkins(engine.arrow(together(visits)))
    found = ties(tallies(met), newest=max(row[1] for row in rows))
    table = companions(engine.fetch(found), visits)
    assert table.schema == COMPANION.to_pyarrow()
    return {(row["customer_id_1"], row["customer_id_2"]): row for row in table.to_pylist()}


def evening(weeks: int, who: str, minute: int = 1080, *, weekday: int = 0) -> list[CheckIn]:
    return [(who, MONDAY + timedelta(days=7 * week + weekday), minute, "hall") for week in range(weeks)]


def crowd(days: int, people: int) -> list[CheckIn]:
    """Others, each on his own day and minute, spread over the evening."""
    return [(f"x{n:03}", MONDAY + timedelta(days=n * 7 % days), 1000 + n * 13 % 180, "hall") for n in range(people)]


def test_those_who_come_together_every_week_are_companions(engine: DuckDBEngine) -> None:
    rows = [*evening(20, "ann"), *evening(20, "bob", 1085), *crowd(140, 700)]

    pair = measured(engine, rows)["ann", "bob"]

    assert pair["is_companion"]
    assert (pair["days_together"], pair["jaccard"], pair["led_by_1"], pair["led_by_2"]) == (20, 1.0, 20, 0)
    assert pair["p_value"] == pytest.approx(stats.poisson.sf(19, pair["expected_days"]), rel=1e-9)
    assert pair["lift"] == pytest.approx(20 / pair["expected_days"])


def test_those_who_fill_every_evening_meet_by_chance(engine: DuckDBEngine) -> None:
    rows = [(f"m{n}", MONDAY + timedelta(days=day), 1080 + (n * 7 + day * 11) % 25, "hall") for n in range(6) for day in range(30)]

    found = measured(engine, rows)

    assert found["m0", "m1"]["days_together"] == 30
    assert not any(pair["is_companion"] for pair in found.values())


def test_an_old_day_together_weighs_half_after_the_half_life(engine: DuckDBEngine) -> None:
    schema, day = INTERACTION.to_pyarrow(), date(2025, 1, 1)
    row = dict.fromkeys(INTERACTION.names) | {
        "interaction_type": "shared_pass", "business_day": day, "customer_id_1": "a", "customer_id_2": "b", "leader_id": "b",
    }
    table = engine.arrow(pa.Table.from_pylist([row], schema=schema))

    now, later = (
        engine.fetch(ties(tallies(table), newest=day + timedelta(days=days))).to_pylist()[0] for days in (0, HALF_LIFE)
    )

    assert later["recent_weight"] == pytest.approx(now["recent_weight"] / 2)
    assert (now["passes_from_1"], now["passes_from_2"]) == (0, 1)


def test_people_without_a_check_in_have_ties_too() -> None:
    row = dict.fromkeys(TIE.names, 0) | {
        "customer_id_1": "a", "customer_id_2": "b", "is_family": True, "last_day": MONDAY, "recent_weight": 8.0,
    }

    (pair,) = companions(pa.Table.from_pylist([row], schema=TIE.to_pyarrow()), arrivals(check_ins([]))).to_pylist()

    assert (pair["tie"], pair["p_value"], pair["is_companion"]) == (8.0, None, False)


def graph(*edges: tuple[str, str, float]) -> pa.Table:
    rows = [
        dict.fromkeys(COMPANION.names) | {"customer_id_1": one, "customer_id_2": other, "tie": tie, "is_companion": True,
                                          "is_family": False}
        for one, other, tie in edges
    ]
    return pa.Table.from_pylist(rows, schema=COMPANION.to_pyarrow())


def groups(table: pa.Table) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for row in communities(table).to_pylist():
        found.setdefault(row["community"], set()).add(row["customer_id"])
    return found


def test_a_thin_tie_does_not_make_two_circles_one() -> None:
    left = [("a", "b", 5.0), ("a", "c", 5.0), ("b", "c", 5.0), ("a", "d", 5.0), ("b", "d", 5.0), ("c", "d", 5.0)]
    right = [("p", "q", 5.0), ("p", "r", 5.0), ("q", "r", 5.0)]

    assert groups(graph(*left, *right, ("c", "p", 0.5))) == {1: {"a", "b", "c", "d"}, 2: {"p", "q", "r"}}


def test_nobody_is_a_community_of_nobody() -> None:
    assert len(communities(graph())) == 0


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.floats(0.1, 9)), max_size=20), st.randoms())
@settings(max_examples=30, deadline=None)
def test_everybody_tied_is_in_one_community_that_holds_together(edges: list[tuple[int, int, float]], chance: object) -> None:
    pairs = {(min(a, b), max(a, b)): tie for a, b, tie in edges if a != b}
    told = [(str(a), str(b), tie) for (a, b), tie in pairs.items()]
    shuffled = list(told)
    chance.shuffle(shuffled)

    found = groups(graph(*told))

    members = [who for group in found.values() for who in group]
    assert len(members) == len(set(members))
    assert found == groups(graph(*shuffled))
    for group in found.values():
        reached = {min(group)}
        for _ in group:
            reached |= {b for a, b, _ in told if a in reached and b in group} | {a for a, b, _ in told if b in reached and a in group}
        assert reached == group


def test_the_more_meet_the_more_days_are_asked_of_a_pair_before_it_is_written_down() -> None:
    met = [MANY, MANY + 1, CROWDED, CROWDED + 1, 2 * CROWDED, 4 * CROWDED]

    assert [least_days(each) for each in met] == [1, 3, 3, 4, 4, 5]
