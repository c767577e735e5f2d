"""Webhooks after they landed: each delivery is read and handed to everybody who takes news, again if it must be.

What waits is done once it is handed on. What fails and may go well later waits 1, 2, 4, 8 and 16 minutes; what fails
for good, or for the sixth time, is dead until a person has it tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import structlog

from regulars.destinations.news import ReadsNews, TakesNews
from regulars.destinations.sender import News
from regulars.errors import RegularsError
from regulars.pipeline.news import takers
from regulars.pipeline.workspace import Workspace
from regulars.plugins import reader
from regulars.storage.book.webhooks import KEPT, Handed, Queued, Waiting

log = structlog.get_logger()

FIRST_WAIT = timedelta(minutes=1)
ATTEMPTS = 6
"""How often a delivery is tried; the wait doubles each time."""

AT_ONCE = 100
"""Deliveries between two looks at the queue."""

Finds = Callable[[str], ReadsNews | None]
"""Finds the reader of a provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt failed, without anything that was said in the delivery, and whether another may go well."""

    code: str                                # for the log
    reason: str                              # for people
    may_go_well: bool


def hand_on(workspace: Workspace, *, takes: Sequence[TakesNews] | None = None, finds: Finds = reader) -> int:
    """Hand on the deliveries whose time has come, in the order in which they came; return how many were tried.

    Killed in the middle, a delivery is handed on again: whoever takes news takes it twice as once.
    """
    due = workspace.book.webhooks.due(workspace.clock.now(), limit=AT_ONCE)
    if due:
        _tried(workspace, due, takers(workspace) if takes is None else takes, finds)
    return len(due)


def replay(
    workspace: Workspace, webhook_id: str, *, takes: Sequence[TakesNews] | None = None, finds: Finds = reader
) -> Queued:
    """Try a delivery again that waits or was given up, now, and return it as it is then.

    Raises NotFound, and AlreadyDone for one that was handed on.
    """
    found = workspace.book.webhooks.again(webhook_id, at=workspace.clock.now())
    _tried(workspace, [found], takers(workspace) if takes is None else takes, finds)
    return workspace.book.webhooks.find(webhook_id)


def forget_old(workspace: Workspace) -> int:
    """Forget deliveries that were handed on long ago; return how many."""
    return workspace.book.webhooks.forget(before=workspace.clock.now() - KEPT)


def next_attempt(attempts: int, failure: Failure, *, at: datetime) -> datetime | None:
    """Return when a delivery is tried again that has failed so many times; None: it is given up."""
    if not failure.may_go_well or attempts >= ATTEMPTS:
        return None
    wait: timedelta = FIRST_WAIT * 2 ** (attempts - 1)
    return at + wait


def _tried(workspace: Workspace, due: Sequence[Waiting], takes: Sequence[TakesNews], finds: Finds) -> None:
    found = cache(finds)                     # to look through everything installed takes 20 ms
    ended = [_attempt(one, takes, found, at=workspace.clock.now()) for one in due]
    workspace.book.webhooks.finish(ended, at=workspace.clock.now())


def _attempt(one: Waiting, takes: Sequence[TakesNews], finds: Finds, *, at: datetime) -> Handed:
    try:
        news = _news(one, finds)
        for take in takes if news else ():
            take(news)
    except Exception as error:  # noqa: BLE001  a plug-in may raise anything; the next delivery is not its fault
        failure = _failure(error)
        due_at = next_attempt(one.attempts + 1, failure, at=at)
        log.warning(
            "delivery not handed on", source=one.source, webhook=one.webhook_id, why=failure.code,
            again="no" if due_at is None else due_at.isoformat(timespec="seconds"),
        )
        return Handed(webhook_id=one.webhook_id, error=failure.reason, due_at=due_at)
    return Handed(webhook_id=one.webhook_id, news=len(news))


def _news(one: Waiting, finds: Finds) -> Sequence[News]:
    reads = finds(one.provider)
    if reads is None or one.body is None:
        return ()
    return reads(one.body, content_type=one.content_type, at=one.received_at)


def _failure(error: Exception) -> Failure:
    if isinstance(error, RegularsError):
        return Failure(code=error.code, reason=f"{error.code}: {error.message}", may_go_well=error.retryable)
    # Its message may quote what was said; a mistake in a plug-in may be mended before the last attempt.
    name = type(error).__name__
    return Failure(code=name, reason=name, may_go_well=True)
