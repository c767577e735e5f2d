"""What stands around a page of the dashboard: its frame, and whose data this is as of when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from regulars.pipeline.workspace import Workspace
from regulars.web.frame import Frame, framed
from regulars.web.pages.page import Latest, Told
from regulars.web.pages.sparkline import sparkline

STALE_AFTER = timedelta(days=2)              # twice a day: runs are daily
LOOKED_AT = 20                               # runs among which the last good one is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell(Frame):
    """Everything around a view."""

    currency: str
    zone: ZoneInfo
    latest: Latest
    twins: tuple[str, ...] = ()              # addresses of this page as JSON and CSV


def latest_of(workspace: Workspace) -> Latest:
    """Return as of when everything is."""
    now, zone = workspace.clock.now(), ZoneInfo(workspace.zone)
    done = [run for run in workspace.book.runs.last_runs(LOOKED_AT) if run.outcome == "done"]
    at: datetime | None = done[0].started_at if done else None
    day = (at or now).astimezone(zone).date() - timedelta(days=1)
    return Latest(at=at, day=day, is_stale=at is not None and now - at > STALE_AFTER)


def dressed(template: str, view: Any, shell: Shell, told: Told) -> str:
    """Return a view as a whole page, with what it says to a form that was sent."""
    return framed(f"pages/{template}", shell, view=view, told=told, sparkline=sparkline)
