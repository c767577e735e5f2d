"""Changed: what came to a stream's records, and what went, since a step last looked; the rest is never read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from regulars.pipeline.read import empty_records, records_of
from regulars.pipeline.workspace import Workspace
from regulars.records.record import Stream
from regulars.storage.engines.shape import varying

KEY = ibis.schema({"source": "string", "stream": "string", "record_key": "string"})
"""By these columns what was made of a record is found again."""

MUCH = 20_000
"""Rows in files that came above which the few that are new among them are read once, and not for every event type."""

Mark = Sequence[object]
"""How far a step has looked at a stream: what its records were read by, up to which segment, in which version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a step has to do about one stream."""

    stream: Stream
    new: ir.Table                            # typed records that came or changed
    lost: ir.Table | None                    # record_key of those that are no longer there; None: surely none
    before: ir.Table | None = None           # typed records as they were, that changed or went; None: not known
    read: int = 0                            # rows that are read to find the new ones; 0: nothing has to be found

    def replaced(self) -> list[ir.Table]:
        """Return the KEY of everything that was made of these records before."""
        own = {"source": ibis.literal(self.stream.source), "stream": ibis.literal(self.stream.name)}
        return [
            rows.select(**own, record_key=rows.record_key).distinct() for rows in (self.new, self.lost)
            if rows is not None
        ]


def mark(workspace: Workspace, stream: Stream) -> Mark:
    """Return where a stream's records stand now; kept with what was made of them, and given back to `changed`."""
    current = workspace.book.versions.current_version(records_of(stream))
    return [] if current is None else [current.meta["declared"], current.meta["seq"], current.number]


def changed(
    workspace: Workspace, stream: Stream, *, since: Mark | None, made: Callable[[], ir.Table] | None = None
) -> Change | None:
    """Return what changed of a stream since a mark; None when nothing did.

    Args:
        workspace: whose records.
        stream: which.
        since: the mark of the last time; None: there was none, and everything is new.
        made: gives what was made of records so far, with the columns of KEY; asked only when the stream was read anew
            or its version of then is no longer kept. None: whoever asks makes everything again then.

    """
    records, now = empty_records(workspace, stream), mark(workspace, stream)
    if since is None:
        # All of them, told as those of a day are: what is made of them is one text then.
        return Change(stream=stream, new=records.filter(records.seq > varying(0)), lost=None)
    if list(since) == list(now):
        return None
    if not since or not now or since[0] != now[0]:
        return Change(stream=stream, new=records, lost=_lost(made, records, stream))
    seq, version = int(str(since[1])), int(str(since[2]))
    moved = workspace.lake.moved(records_of(stream), since=version)
    changes = workspace.lake.changes(records_of(stream), since=version)
    if moved is None or changes is None:
        return Change(stream=stream, new=records.filter(records.seq > varying(seq)), lost=_lost(made, records, stream))
    if moved == (0, 0):
        return None
    came, went = changes
    lost = went.anti_join(came, "record_key") if moved[1] else None
    before = went.anti_join(came, ("record_key", "record_n", "seq"))
    return Change(stream=stream, new=came.filter(came.seq > varying(seq)), lost=lost, before=before, read=moved[0])


@contextmanager
def at_hand(workspace: Workspace, change: Change) -> Iterator[Change]:
    """Give a change whose new records are quick to read, for a `with`: a file is written anew for the few in it."""
    if change.read <= MUCH:
        yield change
        return
    with workspace.lake.gathered([change.new], schema=change.new.schema()) as new:
        yield replace(change, new=new)


def _lost(made: Callable[[], ir.Table] | None, records: ir.Table, stream: Stream) -> ir.Table | None:
    if made is None:
        return None
    rows = made()
    own = rows.filter(rows.source == stream.source, rows.stream == stream.name)
    return own.anti_join(records, "record_key")
