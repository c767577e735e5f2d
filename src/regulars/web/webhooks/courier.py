"""The courier: a thread that queues what was just acknowledged and hands on what is due, while the door is open."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

import structlog

from regulars.consent.keyword import prepare
from regulars.pipeline.webhooks import forget_old, hand_on
from regulars.pipeline.workspace import Workspace
from regulars.plugins import reader
from regulars.sources.webhook.line import Landed

log = structlog.get_logger()

LOOK_EVERY = 1.0
"""Seconds between two looks at the queue when nothing comes: another process may have put something there."""

MOST_HELD = 5_000
"""Deliveries in memory: while the book does not answer, what comes beyond is queued when the door lands it."""

GATHER = 0.05
"""Seconds that what came waits for more: writing it into the queue costs the same for one as for a hundred."""

TIDY_EVERY = timedelta(hours=6)


@dataclass(slots=True)
class Courier:
    """Hands on deliveries in the order in which they came.

    What it holds in memory is on disk already: should the process die, the next start queues the door's journals.

    Args:
        opened: Opens the project, in the courier's own thread.

    """

    opened: Callable[[], Workspace]
    _arrived: deque[tuple[str, Landed]] = field(default_factory=deque)
    _bell: threading.Event = field(default_factory=threading.Event)
    _is_ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; the words of replies are read before, so that the first opt-out too holds within a second."""
        prepare()
        self._thread = threading.Thread(target=self._work, name="courier", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Queue what came, and end; what is queued waits for the next start."""
        self._is_ending.set()
        self._bell.set()
        if self._thread is not None:
            self._thread.join()

    def bring(self, source: str, deliveries: list[Landed]) -> None:
        """Take over deliveries that were acknowledged; returns at once."""
        if len(self._arrived) < MOST_HELD:
            self._arrived.extend((source, one) for one in deliveries)
        self._bell.set()

    def _work(self) -> None:
        workspace: Workspace | None = None
        finds, tidied = cache(reader), None
        while True:
            is_ending = self._is_ending.is_set()
            try:
                workspace = workspace or self.opened()
                self._queue(workspace)
                if is_ending:
                    break
                now = workspace.clock.now()
                if tidied is None or now - tidied > TIDY_EVERY:
                    forget_old(workspace)
                    tidied = now
                if hand_on(workspace, finds=finds):
                    continue
            except Exception as error:  # noqa: BLE001  the queue is where it was: it is gone on with at the next look
                log.warning("deliveries not handed on yet", error=type(error).__name__)
                if is_ending:
                    break
            if self._bell.wait(LOOK_EVERY):
                self._is_ending.wait(GATHER)
            self._bell.clear()
        if workspace is not None:
            workspace.close()

    def _queue(self, workspace: Workspace) -> None:
        """Put into the queue what came; it is forgotten here when it is there."""
        while self._arrived:
            some = [self._arrived[n] for n in range(min(len(self._arrived), 1_000))]
            for source in dict.fromkeys(source for source, _ in some):
                workspace.book.webhooks.add(source, [one for of, one in some if of == source])
            for _ in some:
                self._arrived.popleft()
