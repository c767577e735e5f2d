"""The border: order never matters, twice equals once, day by day equals all at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import ibis
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from regulars.records import intake, quarantine, versions
from regulars.records.intake import Taken, typed_schema
from regulars.records.reading import Border
from regulars.records.record import WHOLE, declare_stream
from regulars.records.versions import LANDING
from regulars.storage.engines.duckdb import Bench, DuckDBEngine

STREAM = declare_stream("desk", "sales", {"fields": {"id": "id", "n": "integer"}, "key": "id"})
BORDER = Border(zone="America/Chicago")
ENGINE = DuckDBEngine.open()
BENCH = Bench(ENGINE)

deliveries = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from(["1", "2", "x"])), min_size=1, max_size=7,
)


def _rows(found: list[tuple[int, str]]) -> list[dict[str, object]]:
    return [
        {"seq": seq, "set_id": f"s{seq}", "recorded_at": datetime(2026, 1, 1, tzinfo=UTC), "file": None, "line": 1,
         "payload": json.dumps({"id": key, "n": value})}
        for seq, (key, value) in enumerate(found, start=1)
    ]


def _table(rows: list[dict[str, object]]) -> ibis.Table:
    return ibis.memtable(pa.Table.from_pylist(rows, schema=LANDING.to_pyarrow()))


def _take(rows: list[dict[str, object]], *, known: ibis.Table | None = None) -> Taken:
    keyed = versions.keyed(_table(rows), STREAM, bench=BENCH)
    return intake.take(keyed, STREAM, border=BORDER, bench=BENCH, known=known)


def _fetch(table: ibis.Table) -> set[tuple[object, ...]]:
    return {tuple(row.values()) for row in ENGINE.fetch(table).to_pylist()}


def _day_by_day(rows: list[dict[str, object]]) -> tuple[pa.Table, pa.Table]:
    """Take one row after the other, as daily runs do, each merged into what stands."""
    good = pa.Table.from_pylist([], schema=typed_schema(STREAM).to_pyarrow())
    bad = pa.Table.from_pylist([], schema=quarantine.SCHEMA.to_pyarrow())
    for row in rows:
        current, held = ibis.memtable(good), ibis.memtable(bad)
        taken = _take([row], known=versions.known(current, held, bench=BENCH))
        merged = quarantine.merged(held, taken.bad, touched=taken.touched, source="desk", stream="sales")
        good, bad = (
            ENGINE.fetch(current.anti_join(taken.replaced, "record_key").cast(typed_schema(STREAM)).union(taken.good)),
            ENGINE.fetch(merged),
        )
    return good, bad


@settings(max_examples=6, deadline=None)
@given(found=deliveries)
def test_day_by_day_ends_as_all_at_once(found: list[tuple[int, str]]) -> None:
    rows = _rows(found)

    taken = _take(rows)
    good, bad = _day_by_day(rows)

    assert _fetch(taken.good) == {tuple(row.values()) for row in good.to_pylist()}
    assert _fetch(taken.bad) == {tuple(row.values()) for row in bad.to_pylist()}


ASKED = declare_stream(
    "desk", "kin", {"fields": {"of": "id", "to": "id", "n": "integer"}, "key": ["of", "to"], "mode": "snapshot_each"}
)
Day = tuple[bool, dict[str, dict[str, int]]]
answers = st.lists(
    st.tuples(st.booleans(), st.dictionaries(st.sampled_from("ab"), st.dictionaries(st.sampled_from("xy"), st.integers(1, 2)))),
    min_size=2, max_size=6,
)
"""What was told on each day, as the whole or not: whose -> to whom -> a value."""


def _answered(days: list[Day]) -> list[list[dict[str, object]]]:
    return [
        [
            {"seq": seq, "set_id": f"s{seq}", "recorded_at": datetime(2026, 1, seq, tzinfo=UTC), "file": None, "line": line,
             "payload": json.dumps({"of": of, **told})}
            for line, (of, told) in enumerate(
                (of, told) for of, others in day.items()
                for told in [*({"to": to, "n": n} for to, n in others.items()), *([{WHOLE: True}] if is_whole else [])]
            )
        ]
        for seq, (is_whole, day) in enumerate(days, start=1)
    ]


@settings(max_examples=8, deadline=None)
@given(days=answers, some=st.integers(1, 3))
@example(days=[(True, {"a": {"x": 1}}), (True, {"a": {}})], some=2)
@example(days=[(True, {"a": {"x": 1}}), (False, {"a": {"y": 1}})], some=2)
@example(days=[(True, {"a": {"x": 1}}), (True, {"b": {}}), (True, {"a": {}}), (True, {"a": {"x": 1}})], some=2)
def test_what_holds_of_each_is_its_last_whole_answer_and_what_came_after_however_many_days_are_read_at_once(
    days: list[Day], some: int
) -> None:
    landed = _answered(days)
    good = pa.Table.from_pylist([], schema=typed_schema(ASKED).to_pyarrow())
    for first in range(0, len(landed), some):
        rows = [row for rows in landed[first : first + some] for row in rows]
        current = ibis.memtable(good)
        keyed = versions.keyed(_table(rows), ASKED, bench=BENCH)
        taken = intake.take(keyed, ASKED, border=BORDER, bench=BENCH, known=versions.known(current, bench=BENCH))
        gone = versions.gone(keyed, current, bench=BENCH).union(taken.replaced)
        good = ENGINE.fetch(current.anti_join(gone, "record_key").cast(typed_schema(ASKED)).union(taken.good))

    every = versions.keyed(_table([row for rows in landed for row in rows]), ASKED, bench=BENCH)
    at_once = _fetch(intake.take(every, ASKED, border=BORDER, bench=BENCH).good)

    last: dict[str, dict[str, int]] = {}
    for is_whole, day in days:
        last |= {of: others if is_whole else last.get(of, {}) | others for of, others in day.items()}
    assert {(row["of"], row["to"], row["n"]) for row in good.to_pylist()} == {(of, to, n) for of, others in last.items() for to, n in others.items()}
    assert at_once == {tuple(row.values()) for row in good.to_pylist()}


@settings(max_examples=6, deadline=None)
@given(
    payloads=st.lists(st.sampled_from(['{"id": "1"}', '{"id": "2"}', '{"id": " 4"}', "[1]", "{", '{"n": 1}'])),
    key=st.sampled_from([["id"], ["file", "id"], ["id", "line"]]),
)
@example(payloads=['{"id": "1"}', "{", '{"id": " 4"}', '{"id": "2"}'], key=["id"])
@example(payloads=["[1]", '{"id": "1"}'], key=["file", "id"])
@example(payloads=["[1]", '{"id": "1"}'], key=["id", "line"])
def test_a_row_that_says_what_a_record_says_has_the_key_it_would_have_alone(
    payloads: list[str], key: list[str]
) -> None:
    stream = declare_stream("desk", "people", {"fields": {"id": "id"}, "key": key, "mode": "snapshot"})
    old, new = (
        _table([
            {"seq": seq, "set_id": f"s{seq}", "recorded_at": datetime(2026, 1, seq, tzinfo=UTC), "file": f"f{seq}",
             "line": line, "payload": payload}
            for line, payload in enumerate(said, start=1)
        ])
        for seq, said in ((1, ['{"id": "1"}', '{"id": " 4"}']), (2, payloads))
    )
    current = versions.keyed(old, stream, bench=BENCH).table.select("record_key", "fingerprint")

    known = versions.keyed(new, stream, bench=BENCH, current=current)

    assert _fetch(known.table) == _fetch(versions.keyed(new, stream, bench=BENCH).table)


@settings(max_examples=8, deadline=None)
@given(found=deliveries, chance=st.randoms(use_true_random=False))
def test_the_order_in_which_landing_rows_are_read_never_matters(found: list[tuple[int, str]], chance: object) -> None:
    rows = _rows(found)
    shuffled = sorted(rows, key=lambda _: chance.random())  # type: ignore[attr-defined]  # hypothesis gives a Random

    assert _fetch(_take(rows).good) == _fetch(_take(shuffled).good)


@settings(max_examples=8, deadline=None)
@given(found=deliveries)
def test_everything_landed_twice_in_a_row_equals_once(found: list[tuple[int, str]]) -> None:
    once = _rows(found)
    twice = [row | {"seq": int(str(row["seq"])) * 2 + again} for row in once for again in (0, 1)]

    def without_seq(rows: list[dict[str, object]]) -> set[tuple[object, ...]]:
        return _fetch(_take(rows).good.drop("seq"))

    assert without_seq(once) == without_seq(twice)
