"""The border: what a landing row becomes, and what is held back with its reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest

from regulars.errors import DeclarationError
from regulars.records import intake, versions
from regulars.records.intake import Taken, typed_schema
from regulars.records.reading import Border
from regulars.records.record import WHOLE, Stream, declare_stream
from regulars.records.versions import LANDING
from regulars.storage.engines.duckdb import Bench, DuckDBEngine

WACO = Border(zone="America/Chicago")


class Desk:
    """A border engine with landing rows."""

    def __init__(self) -> None:
        self.engine = DuckDBEngine.open()
        self.bench = Bench(self.engine)

    def landing(self, *deliveries: tuple[int, object], file: str | None = None) -> ibis.Table:
        """Make landing rows of (seq, payload): a mapping, or text as it is. A seq is a set."""
        rows = [
            {"seq": seq, "set_id": f"set{seq}", "recorded_at": datetime(2026, 1, seq, tzinfo=UTC), "file": file, "line": line,
             "payload": payload if isinstance(payload, str) else json.dumps(payload)}
            for line, (seq, payload) in enumerate(deliveries, start=1)
        ]
        return ibis.memtable(pa.Table.from_pylist(rows, schema=LANDING.to_pyarrow()))

    def rows(self, table: ibis.Table) -> list[dict[str, object]]:
        return list(self.engine.fetch(table).to_pylist())

    def take(self, landing: ibis.Table, stream: Stream, *, parent: Stream | None = None, border: Border = WACO,
             known: ibis.Table | None = None) -> Taken:
        keyed = versions.keyed(landing, parent or stream, bench=self.bench)
        return intake.take(keyed, stream, border=border, bench=self.bench, parent=parent, known=known)

    def gone(self, landing: ibis.Table, stream: Stream, current: ibis.Table) -> ibis.Table:
        return versions.gone(versions.keyed(landing, stream, bench=self.bench), current, bench=self.bench)


def _stream(fields: Mapping[str, object], **more: object) -> Stream:
    return declare_stream("desk", "sales", {"fields": {"id": "id", **fields}, "key": "id", **more})


def _read(kind: object, *values: object, border: Border = WACO) -> list[object]:
    """Read values as one field: the typed value, or the reason's code where it is held back."""
    desk = Desk()
    taken = desk.take(
        desk.landing(*((1, {"id": n, "x": value}) for n, value in enumerate(values))), _stream({"x": kind}), border=border
    )
    found = {row["record_key"]: row["x"] for row in desk.rows(taken.good)}
    found |= {row["record_key"]: row["reason"] for row in desk.rows(taken.bad)}
    return [found[str(n)] for n in range(len(values))]


def _good(desk: Desk, taken: Taken) -> list[dict[str, object]]:
    return sorted(desk.rows(taken.good), key=lambda row: (str(row["record_key"]), row["record_n"]))


def test_ids_are_text_however_they_were_written() -> None:
    assert _read("id", "123.0", 123, 123.0, " 17 ", "1e5", "", None, "007", "a.0b", "12.50") == [
        "123", "123", "123", "17", "1e5", None, None, "007", "a.0b", "12.50",
    ]


def test_whole_numbers_are_read_strictly() -> None:
    assert _read("integer", "1,234", "-5", 7.0, "1.5", "1e3", "abc", "12345678901234567890", "") == [
        1234, -5, 7, "not_integer", "not_integer", "not_integer", "not_integer", None,
    ]


def test_money_is_minor_units_with_a_half_rounded_away_from_zero() -> None:
    assert _read("money", "1,234.50", "-3.001", "-3.005", "0.005", "$12", 12.1, "12.3.4", ".", "1,23.00") == [
        123450, -300, -301, 1, 1200, 1210, "not_money", "not_money", "not_money",
    ]


def test_money_is_the_same_however_many_digits_it_is_written_with() -> None:
    assert _read("money", "7", "7.0", "7.00", "7.000", "-0.05", "-0.050", "+7.00", "007.10", "123456789012.34", "1234567890123") == [
        700, 700, 700, 700, -5, -5, 700, 710, 12345678901234, 123456789012300,
    ]


def test_money_in_minor_units_stays_what_it_is() -> None:
    assert _read({"type": "money", "minor": True}, 1099, "-250") == [1099, -250]


def test_money_follows_the_digits_of_the_business_currency() -> None:
    assert _read("money", "1,500", border=Border(zone="Asia/Tokyo", minor_digits=0)) == [1500]


def test_decimals_keep_six_places() -> None:
    assert _read("decimal", "2.55", 1e-5, "1,000.5", "x") == [
        Decimal("2.550000"), Decimal("0.000010"), Decimal("1000.500000"), "not_decimal",
    ]


def test_booleans_are_the_usual_words() -> None:
    assert _read("boolean", True, "no", "Y", 0, "maybe", None) == [True, False, True, False, "not_boolean", None]


def test_json_is_kept_as_json_text() -> None:
    assert _read("json", {"a": [1, 2]}, [1], None) == ['{"a":[1,2]}', "[1]", None]


def test_times_in_every_iso_shape_are_one_moment_in_utc() -> None:
    moment = datetime(2025, 1, 15, 16, 30)  # noqa: DTZ001 - columns are naive UTC

    assert _read(
        "timestamp", "2025-01-15T10:30:00-06:00", "2025-01-15 10:30:00", "2025-01-15T16:30Z", "2025-01-15T10:30:00.000-0600",
        "2025-01-15T10:30:00 -06", "2025-01-15T22:00:00+05:30", 1736958600, 1736958600.0,
    ) == [moment] * 8


def test_mixed_formats_read_when_declared_and_are_held_back_when_not() -> None:
    declared = {"type": "timestamp", "formats": ["%m/%d/%Y %H:%M", "%d.%m.%Y", "%Y-%m-%dT%H:%M:%S %z"]}

    found = _read(declared, "01/15/2025 10:30", "15.01.2025", "2025-01-15T10:30:00 -0600", "15/01/2025 10:30", "2025-02-30",
                  "1736958600", "tomorrow")

    assert found == [
        datetime(2025, 1, 15, 16, 30),  # noqa: DTZ001 - columns are naive UTC
        datetime(2025, 1, 15, 6),  # noqa: DTZ001
        datetime(2025, 1, 15, 16, 30),  # noqa: DTZ001
        "not_timestamp", "not_timestamp", "not_timestamp", "not_timestamp",
    ]


def test_unix_times_may_be_broken_and_lie_before_1970_but_not_beyond_1900_and_2200() -> None:
    assert _read("timestamp", 1.5, -86400, -86400.25, 7258118399, 7258118400, -2208988801) == [
        datetime(1970, 1, 1, 0, 0, 1, 500000), datetime(1969, 12, 31), datetime(1969, 12, 30, 23, 59, 59, 750000),  # noqa: DTZ001 - columns are naive UTC
        datetime(2199, 12, 31, 23, 59, 59), "not_timestamp", "not_timestamp",  # noqa: DTZ001
    ]


def test_unix_times_in_text_are_read_when_declared() -> None:
    assert _read({"type": "timestamp", "formats": ["unix_ms"]}, "1736958600123") == [
        datetime(2025, 1, 15, 16, 30, 0, 123000),  # noqa: DTZ001
    ]


def test_a_local_time_that_the_clock_skips_is_held_back_and_one_that_comes_twice_is_the_later() -> None:
    assert _read("timestamp", "2025-03-09 02:30:00", "2025-11-02 01:30:00", "2025-03-09T02:30:00Z") == [
        "no_such_time", datetime(2025, 11, 2, 7, 30), datetime(2025, 3, 9, 2, 30),  # noqa: DTZ001
    ]


def test_impossible_times_are_held_back() -> None:
    assert _read("timestamp", "1815-06-18 11:00", "9999-12-31", 1736958600123) == [
        "impossible_time", "impossible_time", "not_timestamp",
    ]
    assert _read("date", "0000-00-00", "1815-06-18", "1990-02-29", "1990-01-01T00:00:00Z") == [
        "not_date", "impossible_time", "not_date", date(1990, 1, 1),
    ]


def test_a_sale_at_half_past_eleven_on_the_31st_is_of_the_31st() -> None:
    desk = Desk()
    stream = _stream({"at": "timestamp"})
    landing = desk.landing((1, {"id": "utc", "at": "2025-02-01T05:30:00Z"}), (1, {"id": "local", "at": "2025-01-31 23:30"}))

    found = {row["record_key"]: (row["at"], row["at_day"]) for row in desk.rows(desk.take(landing, stream, border=WACO).good)}

    assert found["utc"] == found["local"] == (datetime(2025, 2, 1, 5, 30), date(2025, 1, 31))  # noqa: DTZ001


def test_a_field_may_be_written_in_another_zone_than_the_business() -> None:
    desk = Desk()
    stream = _stream({"at": {"type": "timestamp", "zone": "Europe/Berlin"}})

    row = desk.rows(desk.take(desk.landing((1, {"id": 1, "at": "2025-02-01 05:30"})), stream, border=WACO).good)[0]

    assert (row["at"], row["at_day"]) == (datetime(2025, 2, 1, 4, 30), date(2025, 1, 31))  # noqa: DTZ001


def test_paths_reach_into_objects_lists_and_names_with_dots() -> None:
    desk = Desk()
    stream = _stream({
        "brand": {"from": "card.brand", "type": "text"}, "card": "json", "first": {"from": "lines.0.sku", "type": "id"},
        "usd": {"from": '"Amount.USD"', "type": "money"}, "other": {"from": "ID", "type": "text"},
    })
    payload = {"id": 1, "card": {"brand": "visa"}, "lines": [{"sku": "A1"}], "Amount.USD": "3.10", "ID": "other"}

    row = desk.rows(desk.take(desk.landing((1, payload)), stream, border=WACO).good)[0]

    assert (row["brand"], row["card"], row["first"], row["usd"], row["other"]) == ("visa", '{"brand":"visa"}', "A1", 310, "other")


def test_each_reason_of_a_row_is_said_once_with_its_value() -> None:
    desk = Desk()
    stream = _stream({"n": "integer", "at": {"type": "timestamp", "required": True}})
    landing = desk.landing((1, {"id": 1, "n": "many"}), (1, {"n": "1", "at": "2025-01-01"}), (1, "<html>"), (1, "[1, 2]"))

    bad = desk.rows(desk.take(landing, stream, border=WACO).bad)

    assert sorted((row["field"], row["reason"], row["value"]) for row in bad) == [
        ("", "unreadable", "<html>"), ("", "unreadable", "[1, 2]"), ("at", "missing", None), ("id", "missing", None),
        ("n", "not_integer", "many"),
    ]
    assert all(row["message"] and row["payload"] for row in bad)


def test_the_latest_version_of_a_record_counts_and_a_repeat_is_the_same_record() -> None:
    desk = Desk()
    old, new = {"id": 1, "x": "a"}, {"id": "1.0", "x": "b"}

    good = _good(desk, desk.take(desk.landing((1, old), (2, new), (3, new)), _stream({"x": "text"}), border=WACO))

    assert [(row["record_key"], row["x"], row["seq"]) for row in good] == [("1", "b", 2)]


def test_a_newest_version_that_does_not_read_leaves_the_older_one_standing() -> None:
    desk = Desk()
    landing = desk.landing((1, {"id": 1, "x": "5"}), (2, {"id": 1, "x": "five"}))

    taken = desk.take(landing, _stream({"x": "integer"}), border=WACO)

    assert [row["x"] for row in desk.rows(taken.good)] == [5]
    assert [(row["record_key"], row["reason"]) for row in desk.rows(taken.bad)] == [("1", "not_integer")]


def test_a_record_sent_again_rightly_leaves_the_quarantine() -> None:
    desk = Desk()
    landing = desk.landing((1, {"id": 1, "x": "five"}), (2, {"id": 1, "x": "5"}))

    taken = desk.take(landing, _stream({"x": "integer"}), border=WACO)

    assert desk.rows(taken.bad) == []
    assert [row["x"] for row in desk.rows(taken.good)] == [5]


def test_what_is_known_already_is_not_taken_again() -> None:
    desk = Desk()
    stream = _stream({"x": "text"})
    first = desk.engine.fetch(desk.take(desk.landing((1, {"id": 1, "x": "a"}), (1, {"id": 2, "x": "a"})), stream, border=WACO).good)
    known = versions.known(ibis.memtable(first), bench=desk.bench)

    second = desk.landing((2, {"id": 1, "x": "a"}), (2, {"id": 2, "x": "b"}), (2, {"id": 3, "x": "c"}))
    taken = desk.take(second, stream, border=WACO, known=known)

    assert [row["record_key"] for row in _good(desk, taken)] == ["2", "3"]


def test_a_value_that_changes_and_changes_back_within_one_delivery_ends_as_it_was() -> None:
    desk = Desk()
    stream = _stream({"x": "text"})
    a, b = {"id": 1, "x": "a"}, {"id": 1, "x": "b"}
    known = versions.known(ibis.memtable(desk.engine.fetch(desk.take(desk.landing((1, a)), stream, border=WACO).good)), bench=desk.bench)

    taken = desk.take(desk.landing((2, a), (3, b), (4, a)), stream, border=WACO, known=known)

    assert [row["x"] for row in desk.rows(taken.good)] == ["a"]


def test_a_snapshot_keeps_only_what_its_newest_set_has() -> None:
    desk = Desk()
    stream = _stream({"x": "text"}, mode="snapshot")
    landing = desk.landing((1, {"id": 1}), (1, {"id": 2}), (2, {"id": 2}))

    current = desk.engine.fetch(desk.take(desk.landing((1, {"id": 1}), (1, {"id": 2})), stream, border=WACO).good)

    assert [(row["record_key"], row["seq"]) for row in _good(desk, desk.take(landing, stream, border=WACO))] == [("2", 1)]
    assert desk.rows(desk.gone(desk.landing((2, {"id": 2})), stream, ibis.memtable(current))) == [{"record_key": "1"}]


def test_of_each_who_was_asked_what_the_newest_answer_lacks_is_gone_and_of_the_others_nothing() -> None:
    desk = Desk()
    stream = _stream({"of": "id"}, mode="snapshot_each", key=["of", "id"])
    known = [(1, {"of": of, "id": n}) for of in (1, 2, 3) for n in (7, 8)]
    asked = [(2, {"of": 1, "id": 7}), (2, {"of": 1, WHOLE: True}), (2, {"of": 2, WHOLE: True}), (2, {"of": 3, "id": 7})]
    current = ibis.memtable(desk.engine.fetch(desk.take(desk.landing(*known), stream).good))

    taken = desk.take(desk.landing(*known, *asked), stream)

    assert [row["record_key"] for row in _good(desk, taken)] == ["1|7", "3|7", "3|8"]
    assert desk.rows(taken.bad) == []
    gone = desk.rows(desk.gone(desk.landing(*asked), stream, current))
    assert sorted(row["record_key"] for row in gone) == ["1|8", "2|7", "2|8"]


def test_a_record_that_came_back_after_an_absence_is_new_again() -> None:
    desk = Desk()
    stream = _stream({"x": "text"}, mode="snapshot")
    landing = desk.landing((1, {"id": 1}), (1, {"id": 2}), (2, {"id": 2}), (3, {"id": 1}), (3, {"id": 2}))

    found = _good(desk, desk.take(landing, stream, border=WACO))

    assert [(row["record_key"], row["seq"]) for row in found] == [("1", 3), ("2", 1)]


def test_a_file_dropped_again_shorter_loses_the_lines_it_no_longer_has() -> None:
    desk = Desk()
    stream = declare_stream("desk", "lines", {"fields": {"x": "text"}})
    old = desk.landing((1, {"x": "a"}), (1, {"x": "b"}), file="day.csv")
    new = desk.landing((2, {"x": "a"}), file="day.csv")
    current = ibis.memtable(desk.engine.fetch(desk.take(old, stream, border=WACO).good))

    both = desk.take(old.union(new), stream, border=WACO)

    assert [row["record_key"] for row in desk.rows(both.good)] == ["day.csv|1"]
    assert desk.rows(desk.gone(new, stream, current)) == [{"record_key": "day.csv|2"}]


def test_list_elements_are_records_of_their_own_that_may_read_their_parent() -> None:
    desk = Desk()
    orders = declare_stream("till", "orders", {"fields": {"id": "id"}, "key": "id"})
    lines = declare_stream("till", "lines", {
        "parent": "orders", "each": "order.lines",
        "fields": {"sku": {"type": "id", "required": True}, "quantity": "integer", "order": {"from": "^id", "type": "id"}},
    })
    landing = desk.landing(
        (1, {"id": 9, "order": {"lines": [{"sku": "old"}]}}),
        (2, {"id": 9, "order": {"lines": [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": "two"}, 7]}}),
        (2, {"id": 8, "order": {"lines": []}}),
        (2, {"id": 7}),
    )

    taken = desk.take(landing, lines, border=WACO, parent=orders)

    good = [(row["record_key"], row["record_n"], row["sku"], row["quantity"], row["order"]) for row in _good(desk, taken)]
    assert good == [("9", 0, "A", 2, "9")]
    assert sorted((row["field"], row["reason"]) for row in desk.rows(taken.bad)) == [
        ("order.lines[1].quantity", "not_integer"), ("order.lines[2].", "unreadable"),
    ]
    assert sorted(str(row["record_key"]) for row in desk.rows(taken.replaced)) == ["7", "8", "9"]


def test_a_child_stream_without_its_parent_is_refused() -> None:
    desk = Desk()
    lines = declare_stream("till", "lines", {"parent": "orders", "each": "lines", "fields": {"sku": "id"}})

    with pytest.raises(DeclarationError, match="needs its parent"):
        desk.take(desk.landing((1, {})), lines, border=WACO)


def test_the_typed_columns_are_known_without_data() -> None:
    desk = Desk()
    stream = _stream({"at": "timestamp", "amount": "money", "price": "decimal", "on": "date"})

    taken = desk.take(desk.landing((1, {"id": 1})), stream, border=WACO)

    assert taken.good.schema() == typed_schema(stream)
    assert "at_day" in typed_schema(stream).names


def test_one_pass_through_a_kept_table_gives_the_same_as_two() -> None:
    desk = Desk()
    landing = desk.landing((1, {"id": 1, "x": "1"}), (1, {"id": 2, "x": "?"}))
    stream = _stream({"x": "integer"})

    lazy = desk.take(landing, stream, border=WACO)
    kept = desk.take(desk.bench.keep(landing), stream, border=WACO)

    assert desk.rows(lazy.good) == desk.rows(kept.good)
    assert desk.rows(lazy.bad) == desk.rows(kept.bad)


def test_what_says_the_same_as_a_record_has_its_key_unless_the_key_is_where_it_came() -> None:
    desk, stream = Desk(), _stream({"n": "integer"})
    by_place = declare_stream("desk", "sales", {"fields": {"n": "integer"}, "key": ["file", "line"]})
    landing = desk.landing((1, {"id": "a", "n": 1}), (1, {"id": "b", "n": 1}), file="sales.csv")
    said = hashlib.md5(json.dumps({"id": "a", "n": 1}).encode(), usedforsecurity=False).hexdigest()
    current = ibis.memtable(pa.table({"record_key": ["known"], "fingerprint": [said]}))

    keys = [
        [row["record_key"] for row in desk.rows(versions.keyed(landing, one, bench=desk.bench, current=current).table)]
        for one in (stream, by_place)
    ]

    assert sorted(map(str, keys[0])) == ["b", "known"]
    assert sorted(map(str, keys[1])) == ["sales.csv|1", "sales.csv|2"]
