"""What stands around everything that people open: navigation, the theme, who looks; nothing of the business's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal
from urllib.parse import urlencode

from starlette.requests import Request

from regulars.web.assets import asset
from regulars.web.rights import Right
from regulars.web.sign_in.visitor import Visitor
from regulars.web.templated import filled

Section = Literal["overview", "customers", "campaigns", "experiments", "health", "settings"]
"""Words of the navigation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A word of the navigation."""

    section: Section
    href: str
    word: str
    key: str                                 # that goes there after `g`
    may: Right = "read"                      # who may not is not shown it


NAVIGATION = (
    Goal(section="overview", href="/", word="Overview", key="o"),
    Goal(section="customers", href="/customers", word="Customers", key="c"),
    Goal(section="campaigns", href="/campaigns", word="Campaigns", key="m"),
    Goal(section="experiments", href="/experiments", word="Experiments", key="e"),
    Goal(section="health", href="/health", word="Data health", key="h"),
    Goal(section="settings", href="/settings/people", word="Settings", key="s", may="manage"),
)
THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Everything around a page but its own data."""

    visitor: Visitor | None                  # None: before anybody is signed in, when nothing is offered
    theme: str                               # light, dark; "": as the system says
    path: str                                # of this page
    params: Mapping[str, str]
    business: str = "Regulars"               # whose pages these are; only who is in is told
    section: Section | None = None

    @property
    def navigation(self) -> tuple[Goal, ...]:
        """Return where whoever looks may go."""
        return tuple(each for each in NAVIGATION if self.visitor is not None and self.visitor.may(each.may))

    def here(self, **changes: object) -> str:
        """Return this page's address with other parameters; None takes one away."""
        return address(self.path, {**self.params, **changes})


def frame_of(request: Request, *, path: str = "/") -> Frame:
    """Return what stands around the answer to a request; `path` is where one is once a form of it was sent."""
    return Frame(visitor=getattr(request.state, "visitor", None), theme=theme_of(request), path=path, params={})


def theme_of(request: Request) -> str:
    """Return the theme that a browser's owner chose; "" for none."""
    said = request.cookies.get("theme", "")
    return said if said in THEMES else ""


def framed(template: str, frame: Frame, **values: object) -> str:
    """Return a template within its frame, with its values in place."""
    return filled(
        template, shell=frame, here=frame.here, asset=lambda name: asset(name).path, version=version("regulars"),
        **values,
    )


def address(path: str, params: Mapping[str, object]) -> str:
    """Return a path with parameters; those that are None are left out."""
    told = {name: value for name, value in params.items() if value is not None}
    return f"{path}?{urlencode(told)}" if told else path
