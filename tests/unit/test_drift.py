"""Drift: a field that is gone, renamed or of another type is said aloud and never silently null."""

from __future__ import annotations

import json

import ibis
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.errors import SourceChanged
from regulars.records.drift import MANY, Drift, Shape, compare, looked_over, merged, refuse, shape, structures
from regulars.records.record import declare_stream
from regulars.records.versions import LANDING, keyed
from regulars.storage.engines.duckdb import DuckDBEngine

STREAM = declare_stream("capitan", "customers", {
    "key": "id", "fields": {"id": "id", "email": "text", "phone": {"from": "telephone", "type": "text"},
                            "born": {"from": "birthday", "type": "date", "required": True}, "street": {"from": "home.street", "type": "text"}},
})
ROW = {"id": 1, "email": "a@x.example", "telephone": "1", "birthday": "2000-01-01", "home": {"street": "Elm"}, "extra": 5}


def _shape(*payloads: object) -> dict[str, dict[str, int]]:
    return _seen([p if isinstance(p, str) else json.dumps(p) for p in payloads])


def _seen(payloads: list[str], *, each: str | None = None, share: float = 1.0) -> dict[str, dict[str, int]]:
    blank = dict.fromkeys(LANDING.names)
    landing = pa.Table.from_pylist([blank | {"payload": payload} for payload in payloads], schema=LANDING.to_pyarrow())
    with DuckDBEngine.open().bench() as bench:
        rows = keyed(ibis.memtable(landing), STREAM, bench=bench).table
        found = bench.fetch(structures(rows, bench=bench, each=each, share=share)).to_pylist()
    return shape((row["structure"], row["rows"]) for row in found)


def _without(name: str, **more: object) -> dict[str, object]:
    return {key: value for key, value in ROW.items() if key != name} | more


def _said(seen: Shape, *, rows: int = 100, used: tuple[str, ...] = ("phone",), **more: object) -> list[tuple[str, str, str, str]]:
    found = compare(STREAM, known=_shape(*[ROW] * 3), seen=seen, rows=rows, used=used, **more)  # type: ignore[arg-type]  # samples
    return [(drift.severity, drift.kind, drift.path, drift.now) for drift in found]


def test_a_shape_counts_types_by_path() -> None:
    assert _shape(ROW, {"id": "x", "home": {"street": None}, "list": [1]}, "<html>", "[1]") == {
        "id": {"number": 1, "text": 1}, "email": {"text": 1}, "telephone": {"text": 1}, "birthday": {"text": 1},
        "home": {"object": 2}, "home.street": {"text": 1, "null": 1}, "extra": {"number": 1}, "list": {"list": 1},
    }


def test_the_elements_of_a_list_have_a_shape_of_their_own() -> None:
    found = _seen(['{"lines": [{"sku": "a"}, {"sku": "b", "n": 1}]}', '{"lines": []}'], each="lines")

    assert found == {"sku": {"text": 2}, "n": {"number": 1}}


def test_a_share_of_rows_is_the_same_whatever_their_order() -> None:
    payloads = [json.dumps({"n": n, f"only_{n}": 1}) for n in range(40)]

    some = _seen(payloads, share=0.5)

    assert 5 < len(some) < 35
    assert some == _seen(payloads[::-1], share=0.5)


WHOLE = '{"id":"UBIGINT","email":"VARCHAR","telephone":"VARCHAR","birthday":"VARCHAR"}'


def _looked(part: list[tuple[str, int]], everything: list[tuple[str, int]]) -> tuple[list[tuple[str, str]], list[float]]:
    asked: list[float] = []

    def look(share: float) -> list[tuple[str, int]]:
        asked.append(share)
        return part if share < 1 else everything

    drifts, _, _ = looked_over(STREAM, look, known=shape([(WHOLE, 5)]), rows=4 * MANY, used=("phone",))
    return [(drift.severity, drift.path) for drift in drifts], asked


def test_of_many_rows_a_part_is_enough_when_it_lacks_nothing() -> None:
    assert _looked([(WHOLE, MANY)], []) == ([], [0.25])


def test_a_field_that_many_rows_lack_is_gone_only_when_all_rows_lack_it() -> None:
    lacking = WHOLE.replace(',"birthday":"VARCHAR"', "")

    assert _looked([(lacking, MANY)], [(lacking, 4 * MANY)]) == ([("refuse", "birthday")], [0.25, 1.0])
    assert _looked([(lacking, MANY)], [(lacking, 4 * MANY - 1), (WHOLE, 1)]) == ([], [0.25, 1.0])


def test_a_part_that_shows_little_is_not_relied_on() -> None:
    assert _looked([(WHOLE, 3)], [(WHOLE, 4 * MANY)]) == ([], [0.25, 1.0])


def test_nothing_is_said_when_nothing_changed() -> None:
    assert _said(_shape(ROW)) == []
    assert _said({}, rows=0) == []


def test_a_required_field_that_is_gone_refuses_the_set() -> None:
    assert _said(_shape(_without("birthday"))) == [("refuse", "gone", "birthday", "")]


def test_a_required_field_refuses_the_very_first_set_too() -> None:
    found = compare(STREAM, known={}, seen=_shape(_without("birthday")), rows=3)

    assert [(drift.severity, drift.path) for drift in found] == [("refuse", "birthday")]


def test_a_required_field_far_inside_is_watched_as_far_as_shapes_go() -> None:
    deep = declare_stream("crm", "events", {"key": "id", "fields": {"id": "id", "kind": {"from": "a.b.c.id", "type": "id", "required": True}}})

    there = compare(deep, known={}, seen=_shape({"id": 1, "a": {"b": {"c": {"id": 5}}}}), rows=1)
    gone = compare(deep, known={}, seen=_shape({"id": 1, "a": {"b": {}}}), rows=1)

    assert there == []
    assert [(drift.severity, drift.path) for drift in gone] == [("refuse", "a.b.c")]


def test_a_used_field_gone_from_many_rows_refuses_and_from_few_warns() -> None:
    assert _said(_shape(_without("telephone")), rows=100) == [("refuse", "gone", "telephone", "")]
    assert _said(_shape(_without("telephone")), rows=5) == [("warning", "gone", "telephone", "")]
    assert _said(_shape(_without("email")), rows=100) == [("warning", "gone", "email", "")]
    assert _said(_shape(_without("extra")), rows=100) == [("info", "gone", "extra", "")]


def test_a_renamed_field_is_known_by_its_name() -> None:
    assert _said(_shape(_without("telephone", telephone_number="1"))) == [("refuse", "renamed", "telephone", "telephone_number")]


def test_a_renamed_field_is_known_by_its_values() -> None:
    samples = {"telephone": frozenset("12345"), "mobile": frozenset("12349")}

    assert _said(_shape(_without("telephone", mobile="1")), samples=samples) == [("refuse", "renamed", "telephone", "mobile")]


def test_a_new_field_is_only_told() -> None:
    assert _said(_shape({**ROW, "nickname": "A"})) == [("info", "new", "nickname", "text")]


def test_a_field_of_another_type_is_told_and_refuses_when_a_value_became_an_object() -> None:
    assert _said(_shape({**ROW, "email": 5})) == [("warning", "retyped", "email", "number")]
    assert ("refuse", "retyped", "telephone", "object") in _said(_shape({**ROW, "telephone": {"mobile": "1"}}))


def test_refusing_says_what_changed_and_what_to_write() -> None:
    drifts: list[Drift] = compare(STREAM, known={}, seen=_shape(_without("birthday", birth_day="2000-01-01")), rows=3)

    refuse([])
    with pytest.raises(SourceChanged, match="'birthday' is gone from all 3 rows"):
        refuse(drifts)


shapes = st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from(["text", "number"]), st.integers(1, 9)))


@given(a=shapes, b=shapes, c=shapes)
def test_what_is_known_does_not_depend_on_the_order_of_sets(a: Shape, b: Shape, c: Shape) -> None:
    assert merged(merged(a, b), c) == merged(merged(c, a), b)
