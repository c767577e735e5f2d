"""Errands: a thread of its own that does one thing after the other for the event loop, which only waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

_Made = TypeVar("_Made")


class Errands:
    """Does what it is given in order. A pool of one thread does the same, and takes ten times as long to be told."""

    def __init__(self, name: str) -> None:
        self._given: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[], _Made]) -> _Made:
        """Return what the work returns, or raise what it raises."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[_Made] = loop.create_future()

        def told() -> None:
            try:
                made = work()
            except Exception as error:  # noqa: BLE001  whoever waits is told
                loop.call_soon_threadsafe(_end, done, error)
            else:
                loop.call_soon_threadsafe(_end, done, None, made)

        self._given.put(told)
        return await done

    def end(self) -> None:
        """Do what is left, and no more."""
        self._given.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (told := self._given.get()) is not None:
            told()


def _end(done: asyncio.Future[_Made], error: Exception | None, made: _Made | None = None) -> None:
    if done.done():
        return                               # whoever waited was told to stop
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(made)  # type: ignore[arg-type]  # there is a result where there is no error
