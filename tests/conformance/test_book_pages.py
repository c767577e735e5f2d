"""What every book promises about page sets, segments and cursors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from regulars.errors import StoreError
from regulars.storage.book import Book

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


def _stage(book: Book, set_id: str, page: int, *, stream: str = "check_ins", rows: int = 10) -> None:
    book.pages.stage_page(
        set_id, source="capitan", stream=stream, page=page, segment=f"{set_id}-{page}.ndjson" if rows else None,
        rows=rows, resume={"next": page + 1}, at=NOW,
    )


def _commit(book: Book, set_id: str, *, cursor: dict[str, str] | None = None, is_complete: bool = False) -> list[int]:
    found = book.pages.commit_set(set_id, cursor=cursor, is_complete=is_complete, recorded_at=NOW, run_id="run")
    return [segment.seq for segment in found]


def test_staged_pages_are_invisible_until_their_set_is_committed(book: Book) -> None:
    _stage(book, "a", 1)

    assert book.pages.segments("capitan", "check_ins") == []

    _commit(book, "a", cursor={"since": "2026-01-05"})

    assert [segment.name for segment in book.pages.segments("capitan", "check_ins")] == ["a-1.ndjson"]
    assert book.pages.cursor("capitan", "check_ins") == {"since": "2026-01-05"}


def test_what_landed_is_told_by_stream_and_what_is_staged_is_not(book: Book) -> None:
    for set_id, stream in (("a", "check_ins"), ("b", "check_ins"), ("c", "members"), ("d", "staged")):
        _stage(book, set_id, 1, stream=stream)
        if stream != "staged":
            _commit(book, set_id)

    found = [(each.source, each.stream, each.rows, each.last_at) for each in book.pages.landed()]

    assert found == [("capitan", "check_ins", 20, NOW), ("capitan", "members", 10, NOW)]


def test_a_killed_pull_learns_where_to_go_on(book: Book) -> None:
    _stage(book, "a", 1)
    _stage(book, "a", 2, rows=4)

    staged = book.pages.staged_set("capitan", "check_ins")

    assert staged is not None
    assert (staged.set_id, staged.pages, staged.next_page, staged.rows) == ("a", 2, 3, 14)
    assert staged.resume == {"next": 3}
    assert staged.started_at == NOW


def test_a_committed_set_is_no_longer_staged(book: Book) -> None:
    _stage(book, "a", 1)
    _commit(book, "a")

    assert book.pages.staged_set("capitan", "check_ins") is None


def test_a_page_staged_twice_counts_once(book: Book) -> None:
    _stage(book, "a", 1)
    _stage(book, "a", 1, rows=7)

    _commit(book, "a")

    assert [segment.rows for segment in book.pages.segments("capitan", "check_ins")] == [7]


def test_segments_come_in_the_order_of_their_pages_whatever_order_they_were_staged_in(book: Book) -> None:
    for page in (10, 2, 1):
        _stage(book, "a", page)

    _commit(book, "a")

    names = [segment.name for segment in book.pages.segments("capitan", "check_ins")]
    assert names == ["a-1.ndjson", "a-2.ndjson", "a-10.ndjson"]


def test_seq_grows_over_the_whole_book(book: Book) -> None:
    _stage(book, "a", 1)
    _stage(book, "b", 1, stream="customers")
    _stage(book, "c", 1)

    assert [_commit(book, name) for name in "abc"] == [[1], [2], [3]]
    assert [s.seq for s in book.pages.segments("capitan", "check_ins", after_seq=1)] == [3]
    assert [s.seq for s in book.pages.segments("capitan", "check_ins", until_seq=2)] == [1]


def test_committing_twice_is_committing_once(book: Book) -> None:
    _stage(book, "a", 1)

    assert _commit(book, "a") == _commit(book, "a")
    assert len(book.pages.segments("capitan", "check_ins")) == 1


def test_a_set_without_rows_is_a_set(book: Book) -> None:
    _stage(book, "a", 1, rows=0)
    _commit(book, "a", is_complete=True)

    assert book.pages.segments("capitan", "check_ins") == []
    assert [(s.set_id, s.is_complete) for s in book.pages.sets("capitan", "check_ins")] == [("a", True)]


def test_sets_come_in_the_order_they_were_committed(book: Book) -> None:
    for name in ("z", "empty", "a"):
        _stage(book, name, 1, rows=0 if name == "empty" else 5)
        _commit(book, name)

    assert [s.set_id for s in book.pages.sets("capitan", "check_ins")] == ["z", "empty", "a"]


def test_a_set_of_which_nothing_was_staged_cannot_be_committed(book: Book) -> None:
    with pytest.raises(StoreError, match="nothing was staged"):
        _commit(book, "unknown")


def test_what_is_committed_is_never_changed(book: Book) -> None:
    _stage(book, "a", 1)
    _commit(book, "a")

    with pytest.raises(StoreError, match="is committed"):
        _stage(book, "a", 2)
    with pytest.raises(StoreError, match="is committed"):
        book.pages.discard_set("a")


def test_a_discarded_set_says_which_files_may_go(book: Book) -> None:
    _stage(book, "a", 1)
    _stage(book, "a", 2, rows=0)

    assert book.pages.discard_set("a") == ["a-1.ndjson"]
    assert book.pages.staged_set("capitan", "check_ins") is None
    assert book.pages.files() == set()


def test_no_cursor_leaves_the_cursor_where_it_is(book: Book) -> None:
    _stage(book, "a", 1)
    _commit(book, "a", cursor={"since": "2026-01-05"})
    _stage(book, "b", 1)
    _commit(book, "b", cursor=None)

    assert book.pages.cursor("capitan", "check_ins") == {"since": "2026-01-05"}
    assert book.pages.cursor("capitan", "customers") is None


def test_a_backfill_moves_the_cursor_by_hand(book: Book) -> None:
    book.pages.set_cursor("capitan", "check_ins", {"since": "2024-10-01"}, at=NOW)
    assert book.pages.cursor("capitan", "check_ins") == {"since": "2024-10-01"}

    book.pages.set_cursor("capitan", "check_ins", None, at=NOW)
    assert book.pages.cursor("capitan", "check_ins") is None


def test_a_compacted_segment_keeps_the_highest_seq_and_seq_goes_on(book: Book) -> None:
    for name in "abc":
        _stage(book, name, 1)
        _commit(book, name)
    old = book.pages.segments("capitan", "check_ins", until_seq=2)

    new = book.pages.replace_segments(old, name="day.compacted.parquet", rows=20)

    assert (new.first_seq, new.seq, new.set_id) == (1, 2, None)
    assert [s.seq for s in book.pages.segments("capitan", "check_ins")] == [2, 3]
    assert book.pages.segments("capitan", "check_ins", after_seq=1)[0] == new
    with pytest.raises(StoreError, match="changed while"):
        book.pages.replace_segments(old, name="again", rows=20)


def test_all_files_that_are_needed_are_known(book: Book) -> None:
    _stage(book, "a", 1)
    _commit(book, "a")
    _stage(book, "b", 1)

    assert book.pages.files() == {"a-1.ndjson", "b-1.ndjson"}
    assert book.pages.streams() == [("capitan", "check_ins")]


def test_two_tenants_of_one_database_do_not_see_each_other(book: Book, book_url: str) -> None:
    other = Book.open(book_url, tenant="other", environment={})
    _stage(book, "a", 1)
    _stage(other, "a", 1, rows=3)

    assert (_commit(book, "a"), _commit(other, "a")) == ([1], [1])
    assert [s.rows for s in other.pages.segments("capitan", "check_ins")] == [3]
    other.close()


def test_facts_of_a_stream_are_what_was_saved_last(book: Book) -> None:
    assert book.facts.load("capitan", "check_ins") is None

    book.facts.save("capitan", "check_ins", {"fields": {"id": {"types": {"string": 3}}}}, at=NOW)
    book.facts.save("capitan", "check_ins", {"fields": {}}, at=NOW + timedelta(days=1))

    assert book.facts.load("capitan", "check_ins") == {"fields": {}}
