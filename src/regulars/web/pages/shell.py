"""What stands around every page: navigation, search, whose data as of when, the theme, and who looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from regulars.pipeline.workspace import Workspace
from regulars.web.assets import asset
from regulars.web.pages.page import Latest, Section
from regulars.web.pages.sparkline import sparkline
from regulars.web.sign_in.visitor import Visitor
from regulars.web.templated import filled

NAVIGATION: tuple[tuple[Section, str, str], ...] = (
    ("overview", "/", "Overview"), ("customers", "/customers", "Customers"),
    ("experiments", "/experiments", "Experiments"), ("health", "/health", "Data health"),
)
THEMES = ("light", "dark")
STALE_AFTER = timedelta(days=2)              # twice a day: runs are daily
LOOKED_AT = 20                               # runs among which the last good one is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Everything around a view."""

    business: str
    currency: str
    zone: ZoneInfo
    latest: Latest
    section: Section | None
    theme: str                               # light, dark; "": as the system says
    visitor: Visitor | None
    path: str                                # of this page
    params: Mapping[str, str]
    twins: tuple[str, ...] = ()              # addresses of this page as JSON and CSV

    @property
    def can_reveal(self) -> bool:
        """Return whether whoever looks may see addresses and numbers whole."""
        return self.visitor is not None and self.visitor.may("reveal")

    def here(self, **changes: object) -> str:
        """Return this page's address with other parameters; None takes one away."""
        return address(self.path, {**self.params, **changes})


def address(path: str, params: Mapping[str, object]) -> str:
    """Return a path with parameters; those that are None are left out."""
    told = {name: value for name, value in params.items() if value is not None}
    return f"{path}?{urlencode(told)}" if told else path


def latest_of(workspace: Workspace) -> Latest:
    """Return as of when everything is."""
    now, zone = workspace.clock.now(), ZoneInfo(workspace.zone)
    done = [run for run in workspace.book.runs.last_runs(LOOKED_AT) if run.outcome == "done"]
    at: datetime | None = done[0].started_at if done else None
    day = (at or now).astimezone(zone).date() - timedelta(days=1)
    return Latest(at=at, day=day, is_stale=at is not None and now - at > STALE_AFTER)


def dressed(template: str, view: Any, shell: Shell) -> str:
    """Return a view as a whole page."""
    return filled(
        f"pages/{template}", view=view, shell=shell, navigation=NAVIGATION, version=version("regulars"),
        asset=lambda name: asset(name).path, sparkline=sparkline, here=shell.here,
    )
