"""Files: every row comes once, and whatever is wrong with a file is told and never silent."""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.clock import SystemClock
from regulars.errors import DeclarationError, GuardError, SourceChanged, SourceIncomplete, SourceUnavailable
from regulars.plugins import declare_source
from regulars.sources import file_pages
from regulars.sources.json_text import rows_as_json
from regulars.sources.source import Page, Source, Surroundings
from regulars.testing.archive import unpack

HEADER = b"id,name\n"


def files(folder: Path, pattern: str = "*", **words: object) -> Source:
    stream = {"files": pattern, "fields": {"id": "id"}} | words
    return declare_source("drops", {"kind": "files", "streams": {"rows": stream}}, at=Surroundings(folder=folder))


def pull(source: Source, *, cursor=None, resume=None, window=None) -> list[Page]:
    return list(source.pull(source.streams[0], cursor=cursor, resume=resume, clock=SystemClock(), window=window))


def payloads(pages: list[Page]) -> list[object]:
    return [json.loads(text) for page in pages for text in page.items["payload"].to_pylist()]


def places(pages: list[Page]) -> list[tuple[str, int]]:
    return [(row["file"], row["line"]) for page in pages for row in page.items.select(["file", "line"]).to_pylist()]


def reasons(pages: list[Page]) -> list[tuple[str | None, int | None, str]]:
    return [(reject.file, reject.line, reject.reason) for page in pages for reject in page.rejects]


def test_values_come_as_they_are_written_and_an_empty_one_stays_empty(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + b'007,"Lee, ""Ann"""\n1.50,\n')

    pages = pull(files(tmp_path))

    assert payloads(pages) == [{"id": "007", "name": 'Lee, "Ann"'}, {"id": "1.50", "name": ""}]
    assert places(pages) == [("a.csv", 2), ("a.csv", 3)]


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=20))
def test_any_text_survives_the_way_into_json(rows) -> None:
    rows = [tuple(value.encode("utf-8", "ignore").decode() for value in row) for row in rows]
    table = pa.table({"a": [row[0] for row in rows], 'b"\\': [row[1] for row in rows]}, schema=pa.schema(
        [("a", pa.string()), ('b"\\', pa.string())]))

    made = [json.loads(text) for text in rows_as_json(table).to_pylist()]

    assert made == [{"a": a, 'b"\\': b} for a, b in rows]


@pytest.mark.parametrize(("name", "data"), [
    ("a.csv", b"\xef\xbb\xbf" + HEADER + b"1,x\n"),
    ("a.csv", (HEADER + b"1,x\n").decode().encode("utf-16")),
    ("a.csv.gz", gzip.compress(HEADER + b"1,x\n", mtime=0)),
    ("a.csv", gzip.compress(HEADER + b"1,x\n", mtime=0)),
    ("a.csv", HEADER.replace(b"\n", b"\r\n") + b"1,x\r\n"),
    ("a.csv", HEADER + b"\n1,x\n\n"),
    ("a.csv", HEADER + b"1,x"),
    ("a.tsv", b"id\tname\n1\tx\n"),
    ("a.ndjson", b'\xef\xbb\xbf{"id":"1","name":"x"}\n'),
    ("a.jsonl.gz", gzip.compress(b'{"id":"1","name":"x"}', mtime=0)),
    ("a.ndjson", b'{"id":"1","name":"x"}\r\n\r\n'),
])
def test_one_row_is_one_row_however_the_file_is_written(tmp_path, name, data) -> None:
    (tmp_path / name).write_bytes(data)

    pages = pull(files(tmp_path))

    assert payloads(pages) == [{"id": "1", "name": "x"}]
    assert reasons(pages) == []


def test_a_declared_encoding_delimiter_and_header_are_used(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes("1;José\n".encode("windows-1252"))

    pages = pull(files(tmp_path, encoding="windows-1252", delimiter=";", header=["id", "name"]))

    assert payloads(pages) == [{"id": "1", "name": "José"}]
    assert places(pages) == [("a.csv", 1)]


def test_a_row_with_invalid_utf8_is_rejected_alone(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + b"1,ok\n2,Jos\xe9\n3,\xc3\xa9\n")

    pages = pull(files(tmp_path))

    assert payloads(pages) == [{"id": "1", "name": "ok"}, {"id": "3", "name": "é"}]
    assert places(pages) == [("a.csv", 2), ("a.csv", 4)]
    assert reasons(pages) == [("a.csv", 3, "invalid-utf8")]
    assert pages[0].rejects[0].raw == "2,Jos\ufffd"


def test_rows_with_too_few_or_too_many_values_are_rejected_with_their_line(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + b"1,a\n2\n3,b,c\n\n4,d\n")

    pages = pull(files(tmp_path))

    assert places(pages) == [("a.csv", 2), ("a.csv", 6)]
    assert reasons(pages) == [("a.csv", 3, "ragged-row"), ("a.csv", 4, "ragged-row")]
    assert pages[0].rejects[1].message == "3 values where the header has 2"


def test_a_header_that_names_a_column_twice_is_an_error_that_names_it(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,email,email\n1,a,b\n")

    with pytest.raises(SourceChanged, match=r"a\.csv: the header names 'email' more than once"):
        pull(files(tmp_path))


def test_a_renamed_header_comes_through_for_drift_to_tell(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + b"1,x\n")
    (tmp_path / "b.csv").write_bytes(b"id,full_name\n2,y\n")

    assert payloads(pull(files(tmp_path))) == [{"id": "1", "name": "x"}, {"id": "2", "full_name": "y"}]


@pytest.mark.parametrize("cut", [10, 30, -1, -8])
def test_a_truncated_gzip_file_gives_nothing(tmp_path, cut) -> None:
    rows = b"".join(b"%d,name\n" % n for n in range(1000))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(HEADER + rows)[:cut])

    with pytest.raises(SourceIncomplete, match="cut off or damaged"):
        pull(files(tmp_path))


def test_a_file_named_gz_that_is_not_is_damaged(tmp_path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(HEADER + b"1,x\n")

    with pytest.raises(SourceIncomplete, match="not gzip"):
        pull(files(tmp_path))


def test_a_file_that_ends_inside_quotes_was_cut_off(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + b'1,"x\n2,y\n')

    with pytest.raises(SourceIncomplete, match="inside a quoted value"):
        pull(files(tmp_path))


@pytest.mark.parametrize(("name", "data"), [("a.csv", b""), ("a.csv", HEADER), ("a.csv", b"id,name"), ("a.ndjson", b""), ("a.parquet", b"")])
def test_an_empty_file_is_told(tmp_path, name, data) -> None:
    (tmp_path / name).write_bytes(data)

    pages = pull(files(tmp_path))

    assert reasons(pages) == [(name, None, "empty-file")]
    assert pages[-1].cursor[name]["rows"] == 0


def test_a_file_that_shrank_by_sixty_percent_stops_the_pull(tmp_path) -> None:
    rows = [b"%d,x\n" % n for n in range(100)]
    (tmp_path / "a.csv").write_bytes(HEADER + b"".join(rows))
    cursor = pull(files(tmp_path))[-1].cursor
    (tmp_path / "a.csv").write_bytes(HEADER + b"".join(rows[:40]))

    with pytest.raises(GuardError, match="had 100 rows and now has 40, 60% fewer"):
        pull(files(tmp_path), cursor=cursor)


def test_a_file_that_became_empty_stops_the_pull(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + b"1,x\n")
    cursor = pull(files(tmp_path))[-1].cursor
    (tmp_path / "a.csv").write_bytes(b"")

    with pytest.raises(GuardError, match="100% fewer"):
        pull(files(tmp_path), cursor=cursor)


def test_a_file_may_shrink_as_far_as_its_stream_allows(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + b"1,x\n2,y\n")
    cursor = pull(files(tmp_path))[-1].cursor
    (tmp_path / "a.csv").write_bytes(HEADER + b"1,x\n")

    pages = pull(files(tmp_path, shrink_guard=0.5), cursor=cursor)

    assert payloads(pages) == [{"id": "1", "name": "x"}]


@pytest.mark.parametrize("bad", [b"{broken", b"[1]", b'"text"', b'{"a":1} {"b":2}', b"{'a': 1}", b'{"a":1'])
def test_a_bad_line_of_ndjson_is_rejected_alone(tmp_path, bad) -> None:
    (tmp_path / "a.ndjson").write_bytes(b'{"n": 1.10}\n' + bad + b'\n{"n":   3}\n')

    pages = pull(files(tmp_path))

    assert pages[0].items["payload"].to_pylist() == ['{"n": 1.10}', '{"n":   3}']
    assert places(pages) == [("a.ndjson", 1), ("a.ndjson", 3)]
    assert reasons(pages) == [("a.ndjson", 2, "bad-json")]


def test_ndjson_with_invalid_utf8_rejects_that_line(tmp_path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b'{"n":1}\n{"n":"\xe9"}\n')

    assert reasons(pull(files(tmp_path))) == [("a.ndjson", 2, "invalid-utf8")]


def test_parquet_keeps_numbers_nulls_times_and_nested_values(tmp_path) -> None:
    rows = [{"id": 7, "price": 2.5, "at": None, "tags": ["a"], "ok": True}, {"id": 8, "price": None, "at": "x\ny", "tags": [], "ok": None}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")

    pages = pull(files(tmp_path))

    assert payloads(pages) == rows
    assert places(pages) == [("a.parquet", 1), ("a.parquet", 2)]


def test_a_cut_parquet_file_gives_nothing(tmp_path) -> None:
    pq.write_table(pa.table({"id": [1, 2]}), tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])

    with pytest.raises(SourceIncomplete, match="cut off or damaged"):
        pull(files(tmp_path))


def test_only_new_and_changed_files_are_read(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + b"1,x\n")
    (tmp_path / "b.csv").write_bytes(HEADER + b"2,x\n")
    cursor = pull(files(tmp_path))[-1].cursor
    assert pull(files(tmp_path), cursor=cursor) == []
    (tmp_path / "b.csv").write_bytes(HEADER + b"2,y\n")
    (tmp_path / "c.csv").write_bytes(HEADER + b"3,x\n")

    pages = pull(files(tmp_path), cursor=cursor)

    assert [row["id"] for row in payloads(pages)] == ["2", "3"]
    assert set(pages[-1].cursor) == {"a.csv", "b.csv", "c.csv"}


def test_a_renamed_file_is_not_read_again(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + b"1,x\n")
    cursor = pull(files(tmp_path))[-1].cursor
    (tmp_path / "a.csv").rename(tmp_path / "z.csv")

    assert pull(files(tmp_path), cursor=cursor) == []


def test_a_snapshot_is_read_whole_when_anything_of_it_changed(tmp_path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_bytes(HEADER + f"{name},x\n".encode())
    source = files(tmp_path, mode="snapshot", key="id")
    cursor = pull(source)[-1].cursor
    assert pull(source, cursor=cursor) == []
    (tmp_path / "b.csv").write_bytes(HEADER + b"b,y\n")

    assert [row["id"] for row in payloads(pull(source, cursor=cursor))] == ["a", "b"]


def test_the_newest_dated_drop_of_a_snapshot_replaces_the_ones_before(tmp_path) -> None:
    source = files(tmp_path, mode="snapshot", key="id")
    (tmp_path / "2025-02-28.csv").write_bytes(HEADER + b"gone,x\nstays,x\n")
    cursor = pull(source)[-1].cursor
    (tmp_path / "2025-03-01.csv").write_bytes(HEADER + b"stays,x\n")

    second = pull(source, cursor=cursor)

    assert [row["id"] for row in payloads(second)] == ["stays"]
    assert pull(source, cursor=second[-1].cursor) == []


def test_a_window_reads_all_files_and_keeps_no_cursor(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + b"1,x\n")
    cursor = pull(files(tmp_path))[-1].cursor
    now = SystemClock().now()

    pages = pull(files(tmp_path), cursor=cursor, window=(now, now))

    assert len(payloads(pages)) == 1
    assert pages[-1].cursor is None


def test_a_folder_that_is_gone_is_not_an_empty_one(tmp_path) -> None:
    with pytest.raises(SourceUnavailable, match="no file matches"):
        pull(files(tmp_path, "nowhere/*.csv"), cursor={"a.csv": {"size": 1, "sha256": "x", "rows": 1}})


def test_half_copied_and_hidden_files_are_left_alone(tmp_path) -> None:
    for name in ("a.csv", ".a.csv", "b.csv.part", "~c.csv"):
        (tmp_path / name).write_bytes(HEADER + b"1,x\n")

    assert places(pull(files(tmp_path, "*"))) == [("a.csv", 2)]


def test_a_pull_goes_on_after_any_page(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(file_pages, "PAGE_ROWS", 3)
    for name in "abcd":
        (tmp_path / f"{name}.csv").write_bytes(HEADER + b"".join(f"{name}{n},x\n".encode() for n in range(4)))
    whole = pull(files(tmp_path))
    assert len(whole) == 5

    for n, page in enumerate(whole[:-1]):
        rest = pull(files(tmp_path), resume=json.loads(json.dumps(page.resume)))
        assert payloads(rest) == payloads(whole[n + 1:])
        assert rest[-1].cursor == whole[-1].cursor


def test_a_file_that_changes_while_it_is_read_ends_the_pull(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(file_pages, "PAGE_ROWS", 1)
    for name in "ab":
        (tmp_path / f"{name}.csv").write_bytes(HEADER + b"1,x\n")
    resume = pull(files(tmp_path))[0].resume
    (tmp_path / "b.csv").write_bytes(HEADER + b"2,y\n")

    with pytest.raises(SourceIncomplete, match=r"b\.csv changed while it was read"):
        pull(files(tmp_path), resume=resume)


@pytest.mark.parametrize(("words", "message"), [
    ({"format": "xls"}, "format 'xls' is unknown"),
    ({"encoding": "utf-9"}, "encoding 'utf-9' is unknown"),
    ({"delimiter": "::"}, "cannot part values"),
    ({"file": "a.csv"}, "'file' means nothing here"),
    ({"files": []}, "where are the files"),
    ({"mode": "snapshot_each"}, "not asked for each"),
])
def test_a_typo_in_a_declaration_is_told(tmp_path, words, message) -> None:
    with pytest.raises(DeclarationError, match=message):
        files(tmp_path, **words)


def test_the_retail_drops_are_read_within_their_budget(tmp_path) -> None:
    shared = Path(os.environ.get("REGULARS_SHARED", Path(__file__).parents[3] / "shared"))
    archive = shared / "data/retail/online_retail_by_day.tar.gz"
    if not archive.exists():
        pytest.skip("Online Retail is not here: set REGULARS_SHARED")
    unpack(archive, tmp_path)
    began = time.perf_counter()

    pages = pull(files(tmp_path, "**/*.csv"))

    assert sum(page.count for page in pages) == 541_909
    assert len(pages[-1].cursor) == 305
    assert time.perf_counter() - began < 10          # 2.5 s on a quiet machine; the benchmark holds that figure
