"""What the landing promises over every kind of files and book."""

from __future__ import annotations

import base64
import dataclasses
import json
from datetime import UTC, date, datetime, timedelta

import ibis
import pyarrow as pa
import pytest

from regulars.clock import FixedClock
from regulars.errors import StoreError
from regulars.storage.book import Book
from regulars.storage.book.pages import Segment
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.files import FileStore
from regulars.storage.landing import CHANGED, ITEMS, ROWS, Landing
from regulars.storage.segment_name import LINES

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


@pytest.fixture
def landing(files: FileStore, book: Book, duck: DuckDBEngine) -> Landing:
    return Landing(files=files, book=book, border=duck, clock=FixedClock(NOW))


def _stage(landing: Landing, set_id: str, items: list[bytes] | pa.Table, *, page: int = 1) -> None:
    landing.stage(set_id, source="capitan", stream="check_ins", page=page, items=items, resume={"next": page + 1})


def _land(landing: Landing, set_id: str, *items: bytes, at: datetime = NOW) -> None:
    _stage(landing, set_id, list(items))
    landing.commit(set_id, is_complete=False, recorded_at=at)


def _rows(landing: Landing, **bounds: int) -> list[dict[str, object]]:
    found = landing.border.fetch(landing.rows("capitan", "check_ins", **bounds))
    return list(found.sort_by([("seq", "ascending"), ("file", "ascending"), ("line", "ascending")]).to_pylist())


def _payloads(landing: Landing) -> list[object]:
    return [row["payload"] for row in _rows(landing)]


def test_a_stream_nobody_pulled_has_no_rows_but_all_columns(landing: Landing) -> None:
    rows = landing.rows("capitan", "check_ins")

    assert rows.schema() == ROWS
    assert landing.border.fetch(rows).num_rows == 0


def test_items_come_back_as_they_came_with_where_and_when(landing: Landing) -> None:
    _stage(landing, "a", [b'{"id": 1 ,  "name":"Zo\xc3\xab"}', b'{"id":2,"note":"\\u0000 \\" \'"}'])
    _stage(landing, "a", [b'{"id":3}'], page=2)
    landing.commit("a", is_complete=True, run_id="run")

    at = NOW.replace(tzinfo=None)
    assert landing.rows("capitan", "check_ins").schema() == ROWS
    assert _rows(landing) == [
        {"seq": 1, "set_id": "a", "recorded_at": at, "file": None, "line": 1, "payload": '{"id": 1 ,  "name":"Zoë"}'},
        {"seq": 1, "set_id": "a", "recorded_at": at, "file": None, "line": 2, "payload": '{"id":2,"note":"\\u0000 \\" \'"}'},
        {"seq": 2, "set_id": "a", "recorded_at": at, "file": None, "line": 1, "payload": '{"id":3}'},
    ]


def test_rows_of_files_keep_their_file_and_line(landing: Landing) -> None:
    items = pa.table({"file": ["jan.csv", "jan.csv"], "line": [2, 9], "payload": ['{"a":"1"}', '{"a":"2"}']}, schema=ITEMS)

    _stage(landing, "a", items)
    landing.commit("a", is_complete=False)

    assert [(row["file"], row["line"], row["payload"]) for row in _rows(landing)] == [
        ("jan.csv", 2, '{"a":"1"}'), ("jan.csv", 9, '{"a":"2"}')
    ]


def test_a_partial_set_is_not_visible(landing: Landing) -> None:
    _stage(landing, "a", [b"{}"])

    assert _rows(landing) == []
    staged = landing.staged("capitan", "check_ins")
    assert staged is not None
    assert (staged.set_id, staged.next_page, staged.resume) == ("a", 2, {"next": 2})


def test_a_discarded_set_leaves_no_files(landing: Landing) -> None:
    _stage(landing, "a", [b"{}"])

    landing.discard("a")

    assert landing.files.list() == []


@pytest.mark.parametrize("item", [
    b"not json", b'{"half": ', b"[1, 2]", b'"text"', b"null", b"  spaces around  ", b'"', b'a,b;c\t"d', b"x" * 3_000_000,
])
def test_what_is_not_an_object_is_a_row_like_any_other(landing: Landing, item: bytes) -> None:
    _land(landing, "a", b'{"id":1}', item, b'{"id":3}')

    assert _payloads(landing) == ['{"id":1}', item.decode(), '{"id":3}']


@pytest.mark.parametrize("item", [b'{"name":"\xff\xfe"}', b"", b"a\x01b"])
def test_what_is_not_text_is_kept_byte_for_byte(landing: Landing, item: bytes) -> None:
    _land(landing, "a", b'{"id":1}', item, b'{"id":3}')

    first, second, third = (json.loads(str(payload)) for payload in _payloads(landing))
    assert (first, third) == ({"id": 1}, {"id": 3})
    assert base64.b64decode(second["unreadable_base64"]) == item


def test_an_item_over_several_lines_is_one_row_of_the_same_json(landing: Landing) -> None:
    item = b'{\r\n  "id": 1,\n  "note": "a\\nb"\n}'

    _land(landing, "a", item, b"{}")

    assert len(_payloads(landing)) == 2
    assert json.loads(str(_payloads(landing)[0])) == json.loads(item)


def test_a_page_without_items_is_a_page(landing: Landing) -> None:
    _land(landing, "a")

    assert _rows(landing) == []
    assert len(landing.book.pages.sets("capitan", "check_ins")) == 1


def test_only_what_came_after_a_seq_is_read(landing: Landing) -> None:
    for n in range(4):
        _land(landing, f"set-{n}", f"{n}".encode())

    assert [row["payload"] for row in _rows(landing, after_seq=2)] == ["2", "3"]
    assert [row["payload"] for row in _rows(landing, after_seq=1, until_seq=3)] == ["1", "2"]


def _many(landing: Landing) -> None:
    """Ten days' worth: lines, pages out of files, and a day that comes later."""
    for n in range(12):
        if n % 3:
            _land(landing, f"set-{n}", f'{{"n":{n}}}'.encode(), b"not json")
        else:
            _stage(landing, f"set-{n}", pa.table({"file": [f"{n}.csv"], "line": [7], "payload": ["{}"]}, schema=ITEMS))
            landing.commit(f"set-{n}", is_complete=False)
    _land(landing, "later", b"{}", at=NOW + timedelta(days=1))


def test_compaction_changes_no_row(landing: Landing) -> None:
    _many(landing)
    before = _rows(landing)

    assert landing.compact("capitan", "check_ins", before=date(2026, 1, 6)) == 11

    assert _rows(landing) == before
    assert len(landing.files.list()) == 2
    for bounds in ({"after_seq": 5}, {"until_seq": 5}, {"after_seq": 3, "until_seq": 13}):
        low, high = bounds.get("after_seq", 0), bounds.get("until_seq", 99)
        assert _rows(landing, **bounds) == [row for row in before if low < int(str(row["seq"])) <= high]


def test_items_can_be_gone_through_a_few_at_a_time_whatever_form_their_segments_have(landing: Landing) -> None:
    for n in range(10):
        _land(landing, f"old{n}", *(b'{"id": "%d-%d"}' % (n, m) for m in range(3)), at=NOW - timedelta(days=1))
    landing.compact("capitan", "check_ins", before=NOW.date())
    _stage(landing, "file", pa.table({"file": ["a"], "line": [7], "payload": ['{"name": "Zo\u00eb"}']}, schema=ITEMS))
    landing.commit("file", is_complete=False)
    _land(landing, "lines", b'{"id": 1}', b'{"id": 2}', b'{"id": 3}')

    found = list(landing.payloads("capitan", "check_ins", at_once=2))

    assert [item.decode() for items in found for item in items] == _payloads(landing)
    assert max(map(len, found)) == 2


def test_compaction_leaves_the_open_day_and_few_segments_alone(landing: Landing) -> None:
    _many(landing)

    assert landing.compact("capitan", "check_ins", before=date(2026, 1, 5)) == 0
    landing.compact("capitan", "check_ins", before=date(2026, 2, 1))
    assert landing.compact("capitan", "check_ins", before=date(2026, 2, 1)) == 0


def test_compaction_leaves_no_lines_of_a_past_day_however_few(landing: Landing) -> None:
    _land(landing, "one", b'{"n":1}')
    _stage(landing, "pages", pa.table({"file": ["a"], "line": [7], "payload": ["{}"]}, schema=ITEMS))
    landing.commit("pages", is_complete=False, recorded_at=NOW - timedelta(days=1))
    before, files = _rows(landing), landing.files.list()

    landing.compact("capitan", "check_ins", before=date(2026, 2, 1))

    assert _rows(landing) == before
    assert not [name for name in landing.files.list() if name.endswith(LINES)]
    assert len(set(files) & set(landing.files.list())) == 1, "what is small already stays as it is"


def test_tidying_removes_what_nobody_knows_and_nothing_else(landing: Landing) -> None:
    _land(landing, "a", b'{"id":1}')
    _stage(landing, "b", [b'{"id":2}'])
    orphan = landing.files.scratch() / "part"
    orphan.write_bytes(b"half")
    landing.files.publish(orphan, "default/capitan/check_ins/2026-01-05/orphan.ndjson")

    assert landing.tidy() == ["default/capitan/check_ins/2026-01-05/orphan.ndjson"]

    landing.commit("b", is_complete=False)
    assert _payloads(landing) == ['{"id":1}', '{"id":2}']


def test_a_segment_that_is_lost_is_an_error_and_never_an_empty_stream(landing: Landing) -> None:
    _land(landing, "a", b"{}")
    landing.files.delete(landing.files.list()[0])

    with pytest.raises(StoreError, match="is not in"):
        landing.border.fetch(landing.rows("capitan", "check_ins"))


def test_segments_lie_by_tenant_source_stream_and_day(landing: Landing, book_url: str) -> None:
    _land(landing, "a", b"{}")
    other = dataclasses.replace(landing, book=Book.open(book_url, tenant="other", environment={}))
    _land(other, "a", b"{}")
    other.tidy()

    assert [name.rsplit("/", 1)[0] for name in landing.files.list()] == [
        "default/capitan/check_ins/2026-01-05", "other/capitan/check_ins/2026-01-05"
    ]
    other.book.close()


def test_many_lines_keep_their_numbers(landing: Landing) -> None:
    for page in range(3):
        _stage(landing, "a", [f'{{"n":{n}}}'.encode() for n in range(20_000)], page=page)
    landing.commit("a", is_complete=False)
    rows = landing.rows("capitan", "check_ins")

    wrong = rows.filter(rows.payload != ibis.literal('{"n":') + (rows.line - 1).cast("string") + "}")

    assert landing.border.fetch(rows.agg(n=rows.count()))["n"].to_pylist() == [60_000]
    assert landing.border.fetch(wrong).num_rows == 0


def _withdraw(landing: Landing, segment: Segment, *rows: dict[str, object]) -> None:
    landing.withdraw(segment, landing.border.arrow(pa.Table.from_pylist(list(rows), schema=CHANGED)))


def test_what_is_withdrawn_is_gone_from_the_files_and_other_rows_stay_as_they_were(landing: Landing) -> None:
    _land(landing, "one", b'{"n": 1}', b'{"n": 2}', b'{"n": 3}')
    segment, = landing.book.pages.segments("capitan", "check_ins")
    place = {"seq": segment.seq, "file": None}

    _withdraw(landing, segment, {**place, "line": 2}, {**place, "line": 3, "payload": "{}"})

    rows = landing.border.fetch(landing.rows("capitan", "check_ins")).to_pylist()
    assert [(row["line"], row["payload"], row["set_id"]) for row in rows] == [(1, '{"n": 1}', "one"), (3, "{}", "one")]
    assert segment.name not in landing.files.list()
    assert landing.tidy() == []


def test_a_segment_of_which_everything_is_withdrawn_is_no_more(landing: Landing) -> None:
    _land(landing, "one", b'{"n": 1}')
    _land(landing, "two", b'{"n": 2}')
    segment = landing.book.pages.segments("capitan", "check_ins")[0]

    _withdraw(landing, segment, {"seq": segment.seq, "file": None, "line": 1})

    assert [row["payload"] for row in landing.border.fetch(landing.rows("capitan", "check_ins")).to_pylist()] == ['{"n": 2}']
