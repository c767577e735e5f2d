"""What every book promises about files of statistics: one row a file, with the version in which it was last handed out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from regulars.storage.book import Book
from regulars.storage.book.statistic_exports import StatisticExport

NOW, DAY = datetime(2026, 2, 5, 1, tzinfo=UTC), date(2026, 2, 4)


def export(shop: str) -> StatisticExport:
    return StatisticExport(
        shop=shop, product="7", variant="70", day=DAY, csv_key="a.csv", json_key="a.json", digest="d1", exported_at=NOW
    )


def test_what_is_handed_out_again_keeps_its_row_with_the_next_version(book: Book) -> None:
    one = export(uuid4().hex)
    later = replace(one, digest="d2", exported_at=NOW + timedelta(hours=1))

    book.statistic_exports.put([one, replace(one, variant="71")])
    book.statistic_exports.put([later])
    book.statistic_exports.put([])

    assert book.statistic_exports.between(DAY, DAY, shop=one.shop) == [replace(later, version=2), replace(one, variant="71")]


def test_exports_are_of_a_shop_and_of_days(book: Book) -> None:
    one, other = export(uuid4().hex), export(uuid4().hex)
    after = replace(one, day=DAY + timedelta(days=1))

    book.statistic_exports.put([after, one, other])

    assert book.statistic_exports.between(DAY, DAY, shop=one.shop) == [one]
    assert book.statistic_exports.between(DAY, DAY + timedelta(days=9), shop=one.shop) == [one, after]
    assert book.statistic_exports.between(DAY - timedelta(days=9), DAY - timedelta(days=1), shop=one.shop) == []
