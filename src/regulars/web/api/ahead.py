"""Ahead: what answers take long to be compiled is compiled beside the server, before anybody asks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from regulars.errors import RegularsError
from regulars.pipeline.segment import as_of_now, compile_explanations
from regulars.pipeline.workspace import Workspace
from regulars.web.api.workers import Stamp, stamp_of

LOOK_EVERY = 30.0                            # seconds between two looks for another day, declaration or run


class Ahead:
    """A thread with a project of its own open, which keeps texts that the answering threads find.

    Args:
        opened: Opens the project.
        folder: The project's, looked at for changes.

    """

    def __init__(self, opened: Callable[[], Workspace], *, folder: Path) -> None:
        self._opened, self._folder = opened, folder
        self._is_over, self._has_begun = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._work, name="ahead", daemon=True)

    def begin(self) -> None:
        """Begin beside what this process does, if that was not done yet."""
        if self._has_begun.acquire(blocking=False):
            self._thread.start()

    def close(self) -> None:
        """End after the text that is being compiled now."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        workspace: Workspace | None = None
        stamp: Stamp | None = None
        done: object = None
        try:
            while not self._is_over.is_set():
                # Who asks meets the same error, and is told.
                with suppress(RegularsError):
                    if stamp != (stamp := stamp_of(self._folder)):
                        workspace = self._again(workspace)
                    if workspace is not None and done != (done := _state(workspace, stamp)):
                        compile_explanations(workspace)
                self._is_over.wait(LOOK_EVERY)
        finally:
            if workspace is not None:
                workspace.close()

    def _again(self, workspace: Workspace | None) -> Workspace:
        opened = self._opened()
        if workspace is not None:
            workspace.close()
        return opened


def _state(workspace: Workspace, stamp: Stamp) -> object:
    return stamp, as_of_now(workspace).day, workspace.book.versions.current_numbers()
