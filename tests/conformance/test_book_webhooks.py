"""The queue of deliveries, in every book: each once, in the order in which they came, until it is handed on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from regulars.errors import NotFound, RegularsError
from regulars.sources.webhook.line import Landed
from regulars.storage.book import Book
from regulars.storage.book.webhooks import Handed, webhook_id_of

NOW = datetime(2026, 1, 5, 22, tzinfo=UTC)


def put(book: Book, *ids: str, source: str = "texts", at: datetime = NOW) -> list[str]:
    book.webhooks.add(source, [
        Landed(delivery_id=id_, provider="quo", received_at=at + timedelta(seconds=n), content_type="application/json", body=b'{"\xc3\xa9": 1}')
        for n, id_ in enumerate(ids)
    ])
    return [webhook_id_of(source, id_) for id_ in ids]


def test_a_delivery_is_in_the_queue_once_and_keeps_how_far_it_got(book: Book) -> None:
    (done, dead) = put(book, "a", "b")
    book.webhooks.finish([Handed(webhook_id=done, news=2), Handed(webhook_id=dead, error="no")], at=NOW)

    put(book, "a", "b", "c")

    assert {one.delivery_id: one.state for one in book.webhooks.newest(limit=9)} == {"a": "done", "b": "dead", "c": "waiting"}


def test_deliveries_are_due_in_the_order_in_which_they_came(book: Book) -> None:
    put(book, "late", at=NOW + timedelta(hours=1))
    put(book, "z", "a")

    due = book.webhooks.due(NOW + timedelta(minutes=1), limit=9)

    assert [(one.delivery_id, one.body) for one in due] == [("z", b'{"\xc3\xa9": 1}'), ("a", b'{"\xc3\xa9": 1}')]
    assert book.webhooks.next_due() == NOW


def test_what_was_handed_on_is_no_longer_kept_here(book: Book) -> None:
    (done,) = put(book, "a")

    book.webhooks.finish([Handed(webhook_id=done, news=1)], at=NOW)

    found = book.webhooks.opened(done)
    assert (found.body, found.state, found.finished_at, found.attempts) == (None, "done", NOW, 1)


def test_what_failed_waits_for_its_time(book: Book) -> None:
    (one,) = put(book, "a")
    later = NOW + timedelta(minutes=1)

    book.webhooks.finish([Handed(webhook_id=one, error="busy", due_at=later)], at=NOW)

    assert [book.webhooks.due(at, limit=9) != [] for at in (NOW + timedelta(seconds=59), later)] == [False, True]


def test_what_was_handed_on_stays_so_whoever_failed_with_it_meanwhile(book: Book) -> None:
    (one,) = put(book, "a")
    book.webhooks.finish([Handed(webhook_id=one, news=1)], at=NOW)

    book.webhooks.finish([Handed(webhook_id=one, error="busy")], at=NOW)

    assert book.webhooks.find(one).state == "done"
    with pytest.raises(RegularsError, match="handed on already"):
        book.webhooks.again(one, at=NOW)


def test_what_was_given_up_is_tried_again_from_the_beginning(book: Book) -> None:
    (one,) = put(book, "a")
    book.webhooks.finish([Handed(webhook_id=one, error="no")], at=NOW)

    found = book.webhooks.again(one, at=NOW + timedelta(days=1))

    assert (found.state, found.attempts, found.due_at, found.body) == ("waiting", 0, NOW + timedelta(days=1), b'{"\xc3\xa9": 1}')
    with pytest.raises(NotFound):
        book.webhooks.again("w_none", at=NOW)


def test_pages_of_deliveries_are_the_whole_list(book: Book) -> None:
    put(book, "a", "b", "c")
    put(book, "d", source="calls")
    whole = book.webhooks.newest(limit=9)

    first = book.webhooks.newest(limit=2)
    rest = book.webhooks.newest(limit=9, before=(first[-1].received_at, first[-1].webhook_id))

    assert [*first, *rest] == whole
    assert [one.delivery_id for one in book.webhooks.newest(limit=9, source="calls", state="waiting")] == ["d"]
    assert book.webhooks.counts() == {("texts", "waiting"): 3, ("calls", "waiting"): 1}


def test_only_what_was_handed_on_is_forgotten(book: Book) -> None:
    done, dead, _ = put(book, "a", "b", "c")
    book.webhooks.finish([Handed(webhook_id=done), Handed(webhook_id=dead, error="no")], at=NOW)

    assert [book.webhooks.forget(before=at) for at in (NOW, NOW + timedelta(seconds=1))] == [0, 1]
    assert [one.delivery_id for one in book.webhooks.newest(limit=9)] == ["c", "b"]


def test_deliveries_of_another_tenant_are_not_there(book: Book, book_url: str) -> None:
    (mine,) = put(book, "a")
    other = Book.open(book_url, tenant="other", environment={})

    try:
        assert other.webhooks.newest(limit=9) == []
        assert other.webhooks.due(NOW, limit=9) == []
        with pytest.raises(NotFound):
            other.webhooks.find(mine)
    finally:
        other.close()
