"""The outbox: a thread that sends, while the project is served, what was ordered: answers first, campaigns by turns."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.ab_tests.scheduling import run_due
from regulars.compat.ab_tests.sending import with_ab_campaigns
from regulars.errors import NotFound, RegularsError
from regulars.pipeline.answer_back import ANSWERS, send_answers
from regulars.pipeline.campaign import campaign_of
from regulars.pipeline.clicks import take_clicks
from regulars.pipeline.send import Worker
from regulars.pipeline.winner import settle_test
from regulars.pipeline.workspace import Workspace
from regulars.project import Project
from regulars.runs.hold import owner_name
from regulars.runs.run import Steps
from regulars.storage.book.campaigns import Occurrence
from regulars.web.api.workers import Stamp, stamp_of

log = structlog.get_logger()

LOOK_EVERY = 0.5
"""Seconds between two looks when there was nothing to send."""


@dataclass(slots=True)
class Outbox:
    """Sends what is due of every occurrence that sends, a batch of each in turn.

    Other processes may send the same: the ledger gives each message to one of them. Killed, it goes on at the next
    start where the ledger stands.

    Args:
        opened: Opens the project, in the outbox's own thread.
        folder: The project's, looked at for changes.

    """

    opened: Callable[[], Workspace]
    folder: Path
    _is_ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _workspace: Workspace | None = None
    _stamp: Stamp = frozenset()
    _at_work: dict[str, Steps] = field(default_factory=dict)           # campaign id -> its worker
    _refused: set[tuple[str, str]] = field(default_factory=set)        # id and version that the project cannot send

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the batch that is under way."""
        self._is_ending.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        is_idle = True
        while not self._is_ending.wait(LOOK_EVERY if is_idle else 0):
            try:
                is_idle = not self._round(self._current())
            except Exception as error:  # noqa: BLE001  the ledger is as it was: it is gone on with at the next look
                log.warning("not sent yet", error=type(error).__name__)
                is_idle = True
        self._put_away()

    def _current(self) -> Workspace:
        """Return the project as its files are now."""
        stamp = stamp_of(self.folder) if not self._at_work or self._workspace is None else self._stamp
        if self._workspace is None or stamp != self._stamp:
            self._put_away()
            self._workspace, self._stamp = self.opened(), stamp
        return self._workspace

    def _round(self, workspace: Workspace) -> int:
        done = send_answers(workspace, worker=owner_name(os.getpid())) + take_clicks(workspace)
        done += run_due(workspace, ABTestingService.of(workspace.book, clock=workspace.clock))
        for one in workspace.book.campaigns.under_way(workspace.clock.now()):
            if one.campaign != ANSWERS and (one.campaign_id, one.version) not in self._refused:
                settle_test(workspace, one)
                done += self._batch(workspace, one)
        return done

    def _batch(self, workspace: Workspace, one: Occurrence) -> int:
        """Send one batch of an occurrence; return whether there was one."""
        if one.campaign_id not in self._at_work:
            due = workspace.book.messages.next_due(one.campaign_id)
            if due is not None and due > workspace.clock.now():
                return 0
            if due is None and workspace.book.winners.is_open(one.campaign_id):
                return 0
            self._at_work[one.campaign_id] = Worker(
                project=_project(workspace, one), book=workspace.book, clock=workspace.clock, one=one
            ).work()
        try:
            next(self._at_work[one.campaign_id])
        except StopIteration:
            del self._at_work[one.campaign_id]
            return 0
        except RegularsError as error:
            del self._at_work[one.campaign_id]
            if not error.retryable:
                self._refused.add((one.campaign_id, one.version))
            log.warning("campaign not sent", campaign=one.campaign, error=error.code)
            return 0
        return 1

    def _put_away(self) -> None:
        for steps in self._at_work.values():
            steps.close()
        self._at_work.clear()
        self._refused.clear()
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None


def _project(workspace: Workspace, one: Occurrence) -> Project:
    """Return the project with the campaign of an occurrence in it, be it declared or an A/B campaign of the book."""
    try:
        campaign_of(workspace.project, one.campaign)
    except NotFound:
        return with_ab_campaigns(workspace.project, workspace.book)
    return workspace.project
