"""Quarantine: every reason is explained, counted, and leaves when it is answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import ibis
import pyarrow as pa

from regulars.records import quarantine
from regulars.records.record import declare_stream
from regulars.records.versions import LANDING
from regulars.storage.engines.duckdb import Bench, DuckDBEngine

STREAM = declare_stream("till", "lines", {"fields": {"sku": "id"}})
ENGINE = DuckDBEngine.open()


def _held(*rows: dict[str, object]) -> ibis.Table:
    plain = {"source": "till", "stream": "lines", "seq": 1, "reason": "missing", "field": "sku", "message": "m",
             "recorded_at": datetime(2025, 1, 1, tzinfo=UTC)}
    full = [dict.fromkeys(quarantine.SCHEMA.names) | plain | row for row in rows]
    return ibis.memtable(pa.Table.from_pylist(full, schema=quarantine.SCHEMA.to_pyarrow()))


def _rows(table: ibis.Table) -> list[dict[str, object]]:
    return list(ENGINE.fetch(table).to_pylist())


def test_every_reason_says_what_is_wrong_and_what_repairs_it() -> None:
    assert [code for code, reason in quarantine.REASONS.items() if not (reason.sentence and reason.repair)] == []
    assert quarantine.repair("missing").startswith("fill it in")
    assert quarantine.repair("of a later version") == ""


def test_reasons_are_counted_by_record_whatever_their_place_in_a_list() -> None:
    held = _held({"record_key": "1", "field": "lines[0].sku"}, {"record_key": "1", "field": "lines[3].sku"},
                 {"record_key": "2", "field": "lines[1].sku"}, {"record_key": "2", "reason": "unreadable", "field": ""})

    found = [(row["reason"], row["field"], row["records"]) for row in _rows(quarantine.counts(held))]

    assert found == [("missing", "lines.sku", 2), ("unreadable", "", 1)]


def test_a_touched_record_is_answered_and_merging_twice_equals_once() -> None:
    held = _held({"record_key": "1"}, {"record_key": "2"}, {"record_key": "1", "stream": "others"})
    refused, touched = _held({"record_key": "3"}), ibis.memtable(pa.table({"record_key": ["1", "3"]}))

    once = quarantine.merged(held, refused, touched=touched, source="till", stream="lines")
    twice = quarantine.merged(once, refused, touched=touched, source="till", stream="lines")

    found = sorted((str(row["stream"]), str(row["record_key"])) for row in _rows(once))
    assert found == [("lines", "2"), ("lines", "3"), ("others", "1")]
    assert found == sorted((str(row["stream"]), str(row["record_key"])) for row in _rows(twice))


def test_a_stage_replaces_only_what_it_refused_itself() -> None:
    held = _held({"record_key": "1"}, {"record_key": "2", "reason": "unknown_currency"})

    assert [row["record_key"] for row in _rows(quarantine.of_stage(held, "money"))] == ["2"]


def test_what_a_reader_could_not_make_a_record_of_stands_for_the_newest_version_of_its_file() -> None:
    def told(seq: int, line: int, reason: str, file: str = "day.csv") -> dict[str, object]:
        payload = {"file": file, "line": line, "reason": reason, "message": "m", "raw": "a,b"}
        return {"seq": seq, "set_id": f"s{seq}.rejects", "recorded_at": datetime(2025, 1, seq, tzinfo=UTC), "line": 1,
                "file": None, "payload": json.dumps(payload)}

    rows = ibis.memtable(pa.Table.from_pylist(
        [told(1, 3, "ragged-row"), told(1, 4, "ragged-row"), told(2, 3, "invalid-utf8"), told(3, 9, "bad-json", "old.csv")],
        schema=LANDING.to_pyarrow()
    ))

    good = [{"seq": seq, "set_id": f"s{set_}", "recorded_at": datetime(2025, 1, 9, tzinfo=UTC), "line": 1, "file": file,
             "payload": "{}"} for seq, set_, file in ((4, 2, "day.csv"), (5, 4, "old.csv"))]
    delivered = ibis.memtable(pa.Table.from_pylist(good, schema=LANDING.to_pyarrow()))

    found = _rows(quarantine.rejected(rows, STREAM, delivered=delivered, bench=Bench(ENGINE)))

    assert [(row["record_key"], row["reason"], row["payload"]) for row in found] == [("day.csv|3", "invalid-utf8", "a,b")]
