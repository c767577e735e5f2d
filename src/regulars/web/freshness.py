"""Freshness: a thread that keeps the fresh tail up with the door, whatever happens to the project's files meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from regulars.clock import Clock
from regulars.pipeline.fresh import Fresh, Reach
from regulars.pipeline.workspace import Workspace
from regulars.storage.door.arrival_store import ArrivalStore
from regulars.storage.door.tail import Tail
from regulars.web.api.workers import stamp_of

if TYPE_CHECKING:
    from regulars.pipeline.timeline import Place

log = structlog.get_logger()

EVERY = 0.1
"""Seconds between two looks at the door."""

DECIDED_EVERY = 0.25
"""Seconds from the beginning of one decision to that of the next, at least: to decide of anybody at all costs
as much as to decide of some hundreds, and the door and the pages need the processor too."""

AFTER_TROUBLE = 5.0
"""Seconds to wait before everything is begun anew after an error."""

_NAME = "regulars_fresh_lag_seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far what is shown is behind what the door acknowledged, in seconds."""

    timeline: float
    segments: float


class Freshness:
    """The fresh tail of a project whose door is open in this process. See `regulars.pipeline.fresh`.

    Args:
        opened: Opens the project, for this thread alone.
        folder: The project's, looked at for changes.
        clock: By which it is behind.

    """

    def __init__(self, opened: Callable[[], Workspace], *, folder: Path, clock: Clock) -> None:
        self._opened, self._folder, self._clock = opened, folder, clock
        self._fresh: Fresh | None = None
        self._reach: Reach | None = None     # the last one known: in trouble it stays, and the lag grows
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, store: ArrivalStore) -> None:
        """Follow what a door takes, until `close`."""
        self._thread = threading.Thread(target=self._follow, args=(store,), name="freshness", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Follow nothing any more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def newest(self, customer_id: str, *, limit: int, after: Place | None = None) -> list[dict[str, Any]]:
        """Return a customer's newest events that no run has made yet; none before the tail is read."""
        fresh = self._fresh
        return [] if fresh is None else fresh.newest(customer_id, limit=limit, after=after)

    def lag(self) -> Lag | None:
        """Return how far behind the door it is; None where no door is open, and before anybody is known."""
        if self._fresh is not None:
            self._reach = self._fresh.reach()
        if self._reach is None:
            return None
        now = self._clock.now()
        timeline, segments = ((now - at).total_seconds() for at in (self._reach.timeline, self._reach.segments))
        return Lag(timeline=max(timeline, 0.0), segments=max(segments, 0.0))

    def text(self) -> str:
        """Return the lag in the text that Prometheus reads, version 0.0.4; nothing where there is none."""
        lag = self.lag()
        if lag is None:
            return ""
        lines = [f"# HELP {_NAME} How far what is shown is behind what the door acknowledged.", f"# TYPE {_NAME} gauge"]
        lines += [f'{_NAME}{{what="{what}"}} {seconds:.3f}' for what, seconds in asdict(lag).items()]
        return "\n".join(lines) + "\n"

    def _follow(self, store: ArrivalStore) -> None:
        while not self._ended.is_set():
            try:
                self._keep_up(store)
            except Exception as error:  # noqa: BLE001  the door and the pages go on; what is fresh is begun anew
                log.warning("fresh events are not read", error=f"{type(error).__name__}: {error}")
                self._ended.wait(AFTER_TROUBLE)

    def _keep_up(self, store: ArrivalStore) -> None:
        """Read along until the project's files change, or the end."""
        stamp, workspace = stamp_of(self._folder), self._opened()
        try:
            tail = Tail(store=store, book=workspace.book, files=workspace.landing.files)
            fresh, over = Fresh.of(workspace, tail), threading.Event()
            decider = threading.Thread(target=self._decide, args=(fresh, over), name="fresh-segments", daemon=True)
            decider.start()
            try:
                while not self._ended.is_set() and stamp == stamp_of(self._folder):
                    fresh.step()
                    self._fresh = fresh      # only now: a page shows what was, until this one has caught up
                    self._ended.wait(EVERY)
            finally:
                over.set()
                decider.join()
        finally:
            self._fresh = None
            workspace.close()

    def _decide(self, fresh: Fresh, over: threading.Event) -> None:
        """Decide segments beside, so that no event waits for it."""
        while not over.is_set():
            begun = time.monotonic()
            try:
                fresh.decide()
            except Exception as error:  # noqa: BLE001  who was not decided is decided the next time
                log.warning("segments are not decided", error=f"{type(error).__name__}: {error}")
                over.wait(AFTER_TROUBLE)
            over.wait(begun + DECIDED_EVERY - time.monotonic())
