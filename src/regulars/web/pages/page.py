"""A page as a value: where it is, what it is asked with, what makes its view, and which template shows that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from regulars.pipeline.workspace import Workspace
from regulars.storage.door.generation import Key
from regulars.web.api.route import Nothing
from regulars.web.frame import Section
from regulars.web.freshness import Lag
from regulars.web.rights import Right
from regulars.web.sign_in.visitor import Visitor

DoorCounts = Callable[[], Mapping[Key, int]]
"""Gives how many messages of each source had each outcome; empty where no door is open."""

DoorLag = Callable[[], Lag | None]
"""Gives how far what is shown is behind the door; None where no door is open."""


AGAIN = 5
"""Seconds after which a page that whoever looks wants to follow is asked for again; it needs no script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The last run that went well, which everything shown is as of."""

    at: datetime | None                      # aware; None: there was none
    day: date                                # the last business day that was over then
    is_stale: bool                           # twice the time between two runs has passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a page says to the form that was sent from it, this once."""

    trouble: str = ""                        # why it was not done; "": it was
    at: str = ""                             # the field that is wrong
    said: Mapping[str, str] = field(default_factory=dict)    # what was typed, to be corrected
    link: str = ""                           # that is kept nowhere
    reveals: bool = False                    # addresses and numbers are shown whole, and that is in the audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request for a page, read and let in."""

    workspace: Workspace
    latest: Latest
    path: Mapping[str, str]
    query: Any                               # of the page's `query`
    after: str | None                        # the place that its cursor names, see `paging.unnamed`
    visitor: Visitor
    request_id: str
    origin: str                              # where people reach this: `https://desk.example`
    door: DoorCounts
    lag: DoorLag
    told: Told = field(default_factory=Told)


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardPage:
    """One page. Its view has a `title` and a `sentence`; the template adds nothing but words."""

    name: str                                # stable, for logs and counts
    path: str                                # `/customers/{customer_id}`; its twins end in .json and .csv
    section: Section
    template: str
    view: Callable[[Visit], Any]
    query: type = Nothing
    may: Right = "read"                      # who is shown it
    needs_run: bool = True                   # before the first run there is nothing to show
    json: Callable[[Any], object] = lambda view: view    # what the JSON twin says of a view
    csv: Callable[[Any], bytes] | None = None
    follows: Callable[[Any], bool] = lambda _: False         # whether it is looked at again by itself, in AGAIN seconds

    @property
    def twin(self) -> str:
        """Return where its twins are, without their ending."""
        return "/overview" if self.path == "/" else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class PageForm:
    """What a page does when somebody sends a form of it.

    It gives the address where they go on, or what the page says now. What it refuses by a plain RegularsError is told
    on the page, where it can be corrected; other errors are pages of their own.
    """

    name: str                                # stable, for logs and counts
    path: str
    page: DashboardPage                      # that it stands on
    may: Right
    act: Callable[[Visit, Mapping[str, str]], Told | str]
