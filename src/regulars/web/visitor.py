"""A visitor: the person who looks at the pages, as whoever lets people in says; and what a role may see."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request

REVEALING = frozenset({"owner", "marketer"})
"""Roles that may see addresses and numbers whole."""


class Visitor(Protocol):
    """Somebody who signed in; what a request that was let in carries."""

    @property
    def person_id(self) -> str: ...  # noqa: D102  the names say it
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def role(self) -> str: ...  # noqa: D102  owner, marketer, analyst, viewer
    @property
    def csrf(self) -> str: ...  # noqa: D102  what a form of this session shows as `csrf_token`


def visitor_of(request: Request) -> Visitor | None:
    """Return who looks; None where nobody signed in."""
    found: Visitor | None = getattr(request.state, "visitor", None)
    return found


def may_reveal(visitor: Visitor | None) -> bool:
    """Return whether a visitor may see addresses and numbers whole."""
    return visitor is not None and visitor.role in REVEALING
