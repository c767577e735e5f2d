"""Small pages gathered into large ones: to keep a page durably costs the same, however many records it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from regulars.errors import SourceUnavailable
from regulars.sources.source import Page

RECORDS = 2_000
"""Records of a gathered page: a killed pull asks again for no more than the pages that make one."""


def gathered(pages: Iterator[Page], *, records: int = RECORDS) -> Iterator[Page]:
    """Yield the same records in the same order, in pages of at least so many but for the last one.

    A page out of files, which is a table, stays by itself. What came before a source went away is yielded before its
    SourceUnavailable is raised, so that the next pull goes on there; of a set that can never be whole nothing is.
    """
    waiting: list[Page] = []
    try:
        for page in pages:
            if isinstance(page.items, pa.Table) and waiting:
                yield _joined(waiting)
                waiting = []
            waiting.append(page)
            if isinstance(page.items, pa.Table) or sum(each.count for each in waiting) >= records:
                yield _joined(waiting)
                waiting = []
    except SourceUnavailable:
        if waiting:
            yield _joined(waiting)
        raise
    if waiting:
        yield _joined(waiting)


def _joined(pages: Sequence[Page]) -> Page:
    """Return pages as one: it ends where the last of them ends, and so does what is said of going on."""
    if len(pages) == 1:
        return pages[0]
    items = tuple(item for page in pages for item in page.items)
    return replace(pages[-1], items=items, rejects=tuple(each for page in pages for each in page.rejects))
