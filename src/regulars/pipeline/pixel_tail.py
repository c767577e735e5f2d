"""What pixels told last, out of the landing: what no run has read yet is there too."""

from __future__ import annotations

from collections.abc import Mapping

from regulars.pipeline.workspace import Workspace
from regulars.records.newest import newest
from regulars.sources.door import EVENTS

SHOP_ID = "properties.shop_id"
"""Where a message of a pixel says of which shop it is."""

_AT_ONCE = 10_000                            # rows that are looked through at a time, the newest first
_MOST = 1_000_000                            # beyond these what is asked for is not looked for


def newest_of_pixels(workspace: Workspace, *, wanted: Mapping[str, str], limit: int) -> list[str]:
    """Return the newest landed lines of pixels, the newest first; `wanted`: what has to stand at dotted paths."""
    found: list[tuple[str, str]] = []
    for source in sorted({shop.source for shop in workspace.project.shops}):
        found += _of_source(workspace, source, wanted, limit)
    return [line for _, line in sorted(found, reverse=True)[:limit]]


def _of_source(workspace: Workspace, source: str, wanted: Mapping[str, str], limit: int) -> list[tuple[str, str]]:
    """Return moment and line of the newest, looking through ever older segments until there are enough."""
    segments = workspace.book.pages.segments(source, EVENTS)
    found: list[tuple[str, str]] = []
    end, rows, looked = None, 0, 0
    for segment in reversed(segments):
        rows, looked = rows + segment.rows, looked + segment.rows
        is_last = segment is segments[0] or looked > _MOST
        if rows < _AT_ONCE and not is_last:
            continue
        with workspace.stores.border.bench() as bench:
            landing = workspace.landing.rows(source, EVENTS, after_seq=segment.first_seq - 1, until_seq=end)
            found += newest(landing, at="door.received_at", has=SHOP_ID, wanted=wanted, limit=limit, bench=bench)
        if len(found) >= limit or is_last:
            break
        end, rows = segment.first_seq - 1, 0
    return found[:limit]
