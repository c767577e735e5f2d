"""Small pages become large ones, and lose nothing of what came nor of where to go on."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.errors import SourceIncomplete, SourceUnavailable
from regulars.sources.gathered import gathered
from regulars.sources.source import Page


def pages_of(sizes: list[int]) -> list[Page]:
    """Return pages of so many records, numbered through; the last one says it is."""
    items = iter(range(sum(sizes)))
    return [
        Page(
            items=tuple(str(next(items)).encode() for _ in range(size)), resume={"after": place},
            is_last=place == len(sizes) - 1, cursor={"at": place} if place == len(sizes) - 1 else None,
        )
        for place, size in enumerate(sizes)
    ]


def until(pages: list[Page], error: Exception) -> Iterator[Page]:
    """Yield pages, then fail."""
    yield from pages
    raise error


@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 50))
def test_the_same_records_come_in_the_same_order_in_full_pages(sizes: list[int], records: int) -> None:
    pages = pages_of(sizes)

    found = list(gathered(iter(pages), records=records))

    assert [item for page in found for item in page.items] == [item for page in pages for item in page.items]
    assert all(page.count >= records for page in found[:-1])
    assert [(page.is_last, page.cursor) for page in found[-1:]] == [(page.is_last, page.cursor) for page in pages[-1:]]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=20), st.integers(1, 50))
def test_after_any_gathered_page_the_rest_is_what_its_resume_leaves(sizes: list[int], records: int) -> None:
    pages = pages_of(sizes)

    before = 0
    for page in gathered(iter(pages), records=records):
        before += page.count
        assert page.resume is not None
        assert before == sum(sizes[: page.resume["after"] + 1])  # type: ignore[operator]  # a number, here


def test_what_came_before_a_source_went_away_is_kept() -> None:
    pages = gathered(until(pages_of([2, 3]), SourceUnavailable("away")))

    assert next(pages).count == 5
    with pytest.raises(SourceUnavailable):
        next(pages)


def test_nothing_is_kept_of_a_set_that_can_never_be_whole() -> None:
    pages = gathered(until(pages_of([2, 3]), SourceIncomplete("a page was lost")))

    with pytest.raises(SourceIncomplete):
        next(pages)


def test_a_table_out_of_a_file_stays_by_itself() -> None:
    table = Page(items=pa.table({"payload": ["{}"]}))

    found = list(gathered(iter([*pages_of([1, 1]), table, *pages_of([1])]), records=10))

    assert [page.count for page in found] == [2, 1, 1]
    assert found[1] is table
