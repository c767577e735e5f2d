"""The answerer: a thread that sends what replies are owed, so that no provider keeps the courier waiting."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from regulars.pipeline.answer_back import send_answers
from regulars.pipeline.workspace import Workspace
from regulars.runs.hold import owner_name

log = structlog.get_logger()

LOOK_EVERY = 1.0
"""Seconds between two looks at what is due."""


@dataclass(slots=True)
class Answerer:
    """Sends answers while the door is open; what is not sent when it ends waits for the next start.

    Args:
        opened: Opens the project, in the answerer's own thread.

    """

    opened: Callable[[], Workspace]
    _is_ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._work, name="answerer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after what is under way."""
        self._is_ending.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        workspace: Workspace | None = None
        worker = owner_name(os.getpid())
        while not self._is_ending.wait(LOOK_EVERY):
            try:
                workspace = workspace or self.opened()
                while send_answers(workspace, worker=worker) and not self._is_ending.is_set():
                    pass
            except Exception as error:  # noqa: BLE001  the ledger is as it was: it is gone on with at the next look
                log.warning("answers not sent yet", error=type(error).__name__)
        if workspace is not None:
            workspace.close()
