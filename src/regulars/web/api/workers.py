"""Threads that answer, each with a project of its own open: an engine serves one statement at a time."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_ISREG
from typing import TypeVar

import structlog

from regulars.errors import RegularsError
from regulars.pipeline.workspace import Workspace
from regulars.web.api.problem import NotReady

log = structlog.get_logger()

Answer = TypeVar("Answer")
Stamp = frozenset[tuple[str, int, int]]

LOOK_EVERY = 1.0                             # seconds between two looks at the files that declare things


class Workers:
    """A few threads and what each keeps open; opened again when the project's files change.

    Args:
        opened: Opens the project.
        folder: The project's, looked at for changes.
        clock: Seconds that only go forward.
        count: How many requests are answered at once.

    """

    def __init__(
        self, opened: Callable[[], Workspace], *, folder: Path, clock: Callable[[], float], count: int = 4
    ) -> None:
        self._opened, self._folder, self._clock = opened, folder, clock
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="api")
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._open: list[Workspace] = []

    async def ask(self, work: Callable[[Workspace], Answer]) -> Answer:
        """Do something with an open project in one of the threads. Raises NotReady when it cannot be opened."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(self._workspace()))

    def close(self) -> None:
        """Wait for what is being answered, then close everything."""
        self._threads.shutdown()
        for workspace in self._open:
            workspace.close()
        self._open.clear()

    def _workspace(self) -> Workspace:
        mine: Workspace | None = getattr(self._mine, "workspace", None)
        if mine is not None and self._clock() - self._mine.looked < LOOK_EVERY:
            return mine
        stamp = stamp_of(self._folder)
        self._mine.looked = self._clock()
        if mine is not None and stamp == self._mine.stamp:
            return mine
        try:
            opened = self._opened()
        except RegularsError as error:
            if mine is None:
                raise NotReady("the project cannot be opened", hint="regulars check") from error
            log.warning("project not read again", code=error.code)
            return mine
        finally:
            self._mine.stamp = stamp
        with self._lock:
            self._open = [each for each in self._open if each is not mine] + [opened]
        if mine is not None:
            mine.close()
        self._mine.workspace = opened
        return opened


def stamp_of(folder: Path) -> Stamp:
    """Return what changes when a file that declares something does."""
    files = [file for pattern in ("*.toml", "*.yaml", "*/*.yaml", "*/*.py") for file in folder.glob(pattern)]
    stats = [(file.relative_to(folder).as_posix(), stat) for file in files if (stat := _stat(file)) is not None]
    return frozenset((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _stat(file: Path) -> os.stat_result | None:
    """Return what is known of a file; None of a folder, and of a file that was taken away since it was listed."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found if S_ISREG(found.st_mode) else None
