"""Pull: ask a source for what is new and land it; a page set is committed whole or not at all."""

from __future__ import annotations

import uuid
from dataclasses import replace

import msgspec

from regulars.errors import RegularsError, SourceError, SourceUnavailable
from regulars.pipeline.arrivals import is_pushed, land_arrivals
from regulars.pipeline.asked_of_shops import ask_for_orders, asked_shops
from regulars.pipeline.sent import SentMessages
from regulars.pipeline.workspace import Workspace
from regulars.records.record import Stream
from regulars.runs.run import Checkpoint, Steps, Work
from regulars.sources.gathered import gathered
from regulars.sources.messages import MessagesSource
from regulars.sources.source import Page, Reject, Source, Window, pulled_streams
from regulars.sources.webhook.declare import WebhookSource
from regulars.storage.book.pages import StagedSet


def pull_source(
    workspace: Workspace, source: Source, *, only: frozenset[str] = frozenset(), window: Window | None = None
) -> Steps:
    """Pull every stream of a source, one after the other, and say how many records came.

    What is pushed is landed as far as it came; shops that can be asked for their orders are.

    A stream that fails does not keep the others from being pulled; its error is raised at the end.
    """
    if is_pushed(source):
        arrived = yield from land_arrivals(workspace, source)
        return _with_orders(workspace, source, arrived)
    if isinstance(source, MessagesSource):
        source = SentMessages(source=source, book=workspace.book.sent)
    rows, failed = 0, list[RegularsError]()
    streams = [stream for stream in pulled_streams(source) if not only or stream.name in only]
    for stream in streams:
        try:
            work = yield from pull_stream(workspace, source, stream, window=window, before=rows)
        except RegularsError as error:
            failed.append(error)
            continue
        rows += work.rows_in
    if failed:
        raise failed[0] if len(failed) == 1 else _together(failed)
    return Work(rows_in=rows, rows_out=rows, note=f"{len(streams)} streams")


def _with_orders(workspace: Workspace, source: Source, arrived: Work) -> Work:
    if not isinstance(source, WebhookSource) or not asked_shops(workspace, source):
        return arrived
    came, silent = ask_for_orders(workspace, source)
    note = "; ".join(part for part in (arrived.note, f"{came:,} orders asked for", silent) if part)
    return replace(arrived, rows_in=arrived.rows_in + came, rows_out=arrived.rows_out + came, note=note)


def pull_stream(
    workspace: Workspace, source: Source, stream: Stream, *, window: Window | None = None, before: int = 0
) -> Steps:
    """Pull one stream into a page set and commit it with the cursor; go on where a killed pull stopped.

    Raises what the source raises; then nothing of the set is visible, and the history stays as it was.
    """
    begun = _begun(workspace, source, stream) if window is None else None
    set_id = begun.set_id if begun else uuid.uuid4().hex
    _forget_rejects(workspace, source, stream, but=set_id)
    number, rows = (begun.next_page, begun.rows) if begun else (0, 0)
    last: Page | None = None
    pages = source.pull(
        stream,
        cursor=workspace.book.pages.cursor(source.name, stream.name),
        resume=begun.resume if begun else None,
        clock=workspace.clock,
        window=window,
    )
    try:
        for last in gathered(pages):
            workspace.landing.stage(
                set_id, source=source.name, stream=stream.name, page=number, items=last.items,
                # A span of the past is never gone on with by a daily pull, which asks for something else.
                resume=last.resume if window is None else None,
            )
            _stage_rejects(workspace, source, stream, set_id=set_id, page=number, rejects=last.rejects)
            number, rows = number + 1, rows + last.count
            yield Checkpoint(done=before + rows, total=last.total, note=stream.name)
    except RegularsError as error:
        # A source that went away is gone on with at the same page; a set that can never be whole is thrown away.
        if not isinstance(error, SourceUnavailable) and number:
            workspace.landing.discard(set_id)
            workspace.landing.discard(f"{set_id}.rejects")
        raise
    if last is None:
        return Work(note=f"{stream.name}: nothing new")
    # Rejects first: killed between the two, the set is pulled again whole, and they with it.
    if workspace.landing.staged(source.name, rejects_of(stream)):
        workspace.landing.commit(f"{set_id}.rejects", is_complete=False, recorded_at=workspace.clock.now())
    workspace.landing.commit(
        set_id,
        cursor=last.cursor,
        is_complete=stream.mode == "snapshot" and window is None,
        recorded_at=workspace.clock.now(),
    )
    return Work(rows_in=rows, rows_out=rows)


def rejects_of(stream: Stream) -> str:
    """Return the name under which what was no record of a stream is landed: it is kept like everything that came."""
    return f"{stream.name}.rejects"


def _begun(workspace: Workspace, source: Source, stream: Stream) -> StagedSet | None:
    """Return the page set a killed pull left, if it says how to go on; one that does not is begun anew."""
    begun = workspace.landing.staged(source.name, stream.name)
    if begun is not None and begun.resume is None:
        workspace.landing.discard(begun.set_id)
        return None
    return begun


def _forget_rejects(workspace: Workspace, source: Source, stream: Stream, *, but: str) -> None:
    """Throw away rejects that belong to a set which was thrown away: what is staged from here on is this set's."""
    left = workspace.landing.staged(source.name, rejects_of(stream))
    while left is not None and left.set_id != f"{but}.rejects":
        workspace.landing.discard(left.set_id)
        left = workspace.landing.staged(source.name, rejects_of(stream))


def _stage_rejects(
    workspace: Workspace, source: Source, stream: Stream, *, set_id: str, page: int, rejects: tuple[Reject, ...]
) -> None:
    if not rejects:
        return
    items = [
        msgspec.json.encode({"file": r.file, "line": r.line, "reason": r.reason, "message": r.message, "raw": r.raw})
        for r in rejects
    ]
    workspace.landing.stage(
        f"{set_id}.rejects", source=source.name, stream=rejects_of(stream), page=page, items=items
    )


def _together(errors: list[RegularsError]) -> SourceError:
    return SourceError(
        f"{len(errors)} streams failed: " + "; ".join(str(error) for error in errors), hint="regulars doctor"
    )
