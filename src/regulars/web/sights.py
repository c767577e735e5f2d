"""Sights: exposures of flags on their way into the book, a second at a time, so that no answer waits for a disk.

What waits when the process is killed is lost, and told of again when the unit asks again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from regulars.clock import Clock
from regulars.flags import Exposure
from regulars.flags.javascript import text
from regulars.pipeline.seen import Sight

log = structlog.get_logger()

EVERY = 1.0
"""Seconds between two writes."""


class SightLog:
    """Takes exposures from any thread and writes them from one of its own, from the first of them on.

    Args:
        write: Keeps sights; what it could not keep it is given again.
        clock: When something was seen.

    """

    def __init__(self, write: Callable[[list[Sight]], object], *, clock: Clock) -> None:
        self._write, self._clock = write, clock
        self._waiting: list[Sight] = []
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, exposure: Exposure) -> None:
        """Take an exposure; forced ones are none."""
        if not (exposure.result.in_experiment and exposure.result.hash_used):
            return
        sight = sight_of(exposure, at=self._clock.now())
        with self._lock:
            self._waiting.append(sight)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sights", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Write what waits and stop."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            taken, self._waiting = self._waiting, []
        if not taken:
            return
        try:
            self._write(taken)
        except Exception as error:  # noqa: BLE001  the thread's last door: what was seen waits, and it is said why
            log.warning("exposures wait", exposures=len(taken), error=f"{type(error).__name__}: {error}")
            with self._lock:
                self._waiting = taken + self._waiting


def sight_of(exposure: Exposure, *, at: datetime) -> Sight:
    """Return what an exposure of a flag says."""
    weights, place = exposure.experiment.weights, exposure.result.variation_id
    count = len(exposure.experiment.variations)
    chance = weights[place] if weights is not None and place < len(weights) else 1 / max(count, 1)
    return Sight(
        experiment=exposure.experiment.key, unit=text(exposure.result.hash_value), variant=exposure.result.key,
        propensity=chance, at=at,
    )
