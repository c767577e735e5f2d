"""Arrivals: what came through the door until now is landed, so that a run reads all that was acknowledged."""

from __future__ import annotations

from datetime import UTC

from regulars.pipeline.workspace import Workspace
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.sources.source import Source
from regulars.storage.door.collect import collect
from regulars.storage.door.landed import REJECTS, STREAM, ArrivalLanding


def is_pushed(source: Source) -> bool:
    """Return whether a source is never asked: its records come by themselves."""
    return any(stream.is_pushed for stream in source.streams)


def land_arrivals(workspace: Workspace, source: Source) -> Steps:
    """Land what the door has, by the door itself where it is open, and join the many small segments of past days.

    Raises StoreUnavailable when an open door does not answer.
    """
    yield Checkpoint(done=0, total=None, note=STREAM)
    landing = ArrivalLanding(files=workspace.landing.files, book=workspace.book, clock=workspace.clock)
    collect(workspace.project.config.door.folder, landing.land)
    covered = int(workspace.lake.meta(f"records.{source.name}.{STREAM}").get("seq", 0))
    rows = sum(segment.rows for segment in workspace.book.pages.segments(source.name, STREAM, after_seq=covered))
    today = workspace.clock.now().astimezone(UTC).date()
    for stream in (STREAM, REJECTS):
        workspace.landing.compact(source.name, stream, before=today)
    return Work(rows_in=rows, rows_out=rows, note="through the door")
