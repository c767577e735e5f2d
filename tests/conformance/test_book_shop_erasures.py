"""Shops that asked to be forgotten, in the book: asked twice is asked once, and one that came back may ask again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from regulars.storage.book import Book

NOW, DOMAIN = datetime(2026, 2, 6, 12, tzinfo=UTC), "gear.myshopify.com"


def test_a_shop_that_asks_twice_is_forgotten_once(book: Book) -> None:
    news = [book.shop_erasures.begin(DOMAIN, at=NOW, by="shopify") for _ in range(2)]

    [one] = book.shop_erasures.open()
    assert news == [True, False]
    assert (one.domain, one.asked_at, one.asked_by, one.proof, one.finished_at) == (DOMAIN, NOW, "shopify", {}, None)


def test_what_is_finished_is_kept_with_its_proof_and_may_be_asked_for_again(book: Book) -> None:
    later = NOW + timedelta(days=9)
    book.shop_erasures.begin(DOMAIN, at=NOW, by="shopify")
    book.shop_erasures.finish(DOMAIN, {"files": 2}, at=NOW)

    [done] = book.shop_erasures.listed()
    assert (book.shop_erasures.open(), done.proof, done.finished_at) == ([], {"files": 2}, NOW)
    assert book.shop_erasures.begin(DOMAIN, at=later, by="shopify") is True
    assert [(one.asked_at, one.proof) for one in book.shop_erasures.open()] == [(later, {})]
