"""Retain: what came by a stream that is kept for a time goes when that is over, out of the landing and every table.

The landing gives up whole days, and every table is made again from what is left, as after an erasure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from regulars.check import Finding
from regulars.pipeline.anew import drop_tables
from regulars.pipeline.pull import rejects_of
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.audit import Changed
from regulars.storage.book.pages import Segment

EARLY = 10
"""A row may go this part of its time before the time is over: so the tables are not made again every day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What is to go of one stream as it is landed."""

    source: str
    stream: str
    before: date                             # UTC: what came on earlier days goes
    segments: tuple[Segment, ...]

    @property
    def rows(self) -> int:
        """Return how many rows go."""
        return sum(segment.rows for segment in self.segments)


def expired(workspace: Workspace) -> list[Expired]:
    """Return what is to go now; nothing while every row of a stream is younger than the stream is kept for."""
    today, found = workspace.clock.now().date(), []
    for source, stream, kept, segments in _kept(workspace):
        if today - min(_day(segment) for segment in segments) > kept:
            before = today - kept + kept // EARLY
            old = tuple(segment for segment in segments if _day(segment) < before)
            found.append(Expired(source=source, stream=stream, before=before, segments=old))
    return found


def expire(workspace: Workspace, waiting: list[Expired]) -> None:
    """Take it out of the landing, and drop the tables that were made of it.

    Call it while holding the project's lease, and make the tables again afterwards. Killed anywhere, what is left to
    do is found again: the tables go first.
    """
    if not waiting:
        return
    drop_tables(workspace)
    for one in waiting:
        for segment in one.segments:
            workspace.landing.remove(segment)
        workspace.book.audit.add(Changed(
            at=workspace.clock.now(), by="regulars", what="retention.expire",
            subject=f"{one.source}.{one.stream} before {one.before.isoformat()}: {one.rows:,} rows",
        ))


def kept_too_long(workspace: Workspace) -> Iterator[Finding]:
    """Yield, of every stream that is kept for a time, whether anything of it is older."""
    today = workspace.clock.now().date()
    for source, stream, kept, segments in _kept(workspace):
        oldest = min(_day(segment) for segment in segments)
        is_over = today - oldest > kept
        yield Finding(
            name="retention", status="warning" if is_over else "ok", where=f"{source}.{stream}",
            message=f"kept for {kept.days:,} days; the oldest row came on {oldest.isoformat()}",
            hint="regulars run" if is_over else "",
        )


def _kept(workspace: Workspace) -> Iterator[tuple[str, str, timedelta, list[Segment]]]:
    """Yield source, name and segments of what has rows and is not kept for ever, and how long it is kept."""
    for source in workspace.project.sources:
        for stream in source.streams:
            if stream.keep_for is None:
                continue
            for name in (stream.name, rejects_of(stream)):
                if segments := workspace.book.pages.segments(source.name, name):
                    yield source.name, name, stream.keep_for, segments


def _day(segment: Segment) -> date:
    return segment.recorded_at.date()
