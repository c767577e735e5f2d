"""A visitor: the person who looks at the pages, as whoever lets people in says; and what a role may see."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

REVEALING = frozenset({"owner", "marketer"})
"""Roles that may see addresses and numbers whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who signed in."""

    person_id: str
    name: str
    role: str                                # owner, marketer, analyst, viewer
    tenant: str
    session_id: str
    csrf: str                                # what a form of this session shows


def visitor_of(request: Request) -> Visitor | None:
    """Return who looks; None where nobody signed in."""
    found = getattr(request.state, "visitor", None)
    return found if isinstance(found, Visitor) else None


def may_reveal(visitor: Visitor | None) -> bool:
    """Return whether a visitor may see addresses and numbers whole."""
    return visitor is not None and visitor.role in REVEALING
