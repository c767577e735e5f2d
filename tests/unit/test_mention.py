"""Who a text speaks of is found in any writing, and taken out without a trace of them and without breaking the rest."""

from __future__ import annotations

import json

import ibis
import pyarrow as pa
import pytest

from regulars.records import mention
from regulars.storage.engines.duckdb import DuckDBEngine

LANDED = pa.schema([
    ("seq", pa.int64()), ("file", pa.string()), ("line", pa.int64()), ("recorded_at", pa.timestamp("us")),
    ("payload", pa.string()),
])


def landed(engine: DuckDBEngine, *payloads: str) -> ibis.expr.types.Table:
    rows = [{"seq": 1, "file": None, "line": n, "recorded_at": None, "payload": text} for n, text in enumerate(payloads, 1)]
    return engine.arrow(pa.Table.from_pylist(rows, schema=LANDED))


@pytest.mark.parametrize(("text", "found"), [
    ("write to Ann.Lee+gym@Mail.example, please", {(mention.ADDRESS, "Ann.Lee+gym@Mail.example")}),
    ("call (254) 867-5301 or +44 20 7946 0958.", {
        (mention.NUMBER, "(254) 867-5301"), (mention.NUMBER, "+44 20 7946 0958"),
    }),
    ("2548675301", {(mention.NUMBER, "2548675301")}),
    ("at 2026-01-05 14:30:00, card 4242424242424242, ms 1767623400000", set()),
    ("the same as desk/106, surely", {(mention.PROFILE, "desk/106")}),
])
def test_addresses_numbers_and_profiles_are_found_in_running_text(text: str, found: set[tuple[int, str]]) -> None:
    assert mention.spoken(text) == found


def test_what_is_taken_out_leaves_json_and_everything_else() -> None:
    payload = '{"id": 7, "owner": "106.0", "note": "of m6@x.example and am6@x.example", "phone": 2548675301}'
    meant = {0: {"106"}, mention.ADDRESS: {"m6@x.example", "am6@x.example"}, mention.NUMBER: {"2548675301"}}

    left = mention.blanked(payload, ["owner"], meant=meant)

    assert json.loads(left) == {"id": 7, "owner": None, "note": "of erased and erased", "phone": 0}


@pytest.mark.parametrize(("meant", "said"), [
    ("lead-02314", "LEAD-02314"), ("ann.lee@mail.example", " Ann.Lee@MAIL.example "), ("1914002", "1914002.0"),
    ("7", "7"), ("åsa-1234", "ÅSA-1234"), ("a_b-c+d", "A_B-C+D"), ("kelvin-12", "\u212aELVIN-12"),
])
def test_a_text_is_found_however_it_is_written(meant: str, said: str) -> None:
    engine = DuckDBEngine.open()
    rows = landed(engine, json.dumps({"id": said}, ensure_ascii=False), json.dumps({"id": said}), '{"id": "1234@._+-"}')

    with engine.bench() as bench:
        found = mention.rows_of(rows, ["id"], owners={0: ()}, meant={0: {meant}}, bench=bench)

    assert found["line"].to_pylist() == [1, 2]
    engine.close()


def test_a_row_is_theirs_by_its_owners_place_and_anothers_by_any_other() -> None:
    engine = DuckDBEngine.open()
    rows = landed(
        engine, '{"id": "A7", "friend": null}', '{"id": "8", "friend": " a7 "}', '{"id": "9", "n": "a7 a7"}',
        '{"id": "\\u0041\\u0037"}', "no json with a7",
    )

    with engine.bench() as bench:
        found = mention.rows_of(rows, ["id", "friend"], owners={0: ()}, meant={0: {"a7"}, 1: {"a7"}}, bench=bench)

    assert sorted((row["line"], row["is_owned"]) for row in found.to_pylist()) == [(1, True), (2, False), (4, True)]
    engine.close()


def test_a_place_says_whose_a_row_is_only_where_nothing_stands_at_another() -> None:
    engine = DuckDBEngine.open()
    rows = landed(engine, '{"user": null, "visitor": "s1"}', '{"visitor": "s1"}', '{"user": "u", "visitor": "s1"}', '{"user": " ", "visitor": "s1"}')

    with engine.bench() as bench:
        found = mention.rows_of(rows, ["visitor", "user"], owners={0: ("user",)}, meant={0: {"s1"}}, bench=bench)

    assert sorted((row["line"], row["is_owned"]) for row in found.to_pylist()) == [(1, True), (2, True), (3, False), (4, True)]
    engine.close()


def test_everything_told_is_found_once_however_it_is_written() -> None:
    engine = DuckDBEngine.open()
    rows = landed(engine, '{"id": " 12.0 ", "note": "ann@lee.example"}', '{"id": 12}', "ann@lee.example")

    with engine.bench() as bench:
        told = mention.told(rows, ["id"], bench=bench).to_pylist()

    assert sorted((row["place"], row["value"]) for row in told) == [(mention.ADDRESS, "ann@lee.example"), (0, "12")]
    engine.close()
