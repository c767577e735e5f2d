"""Who may do what: people by their role, programs by the scope of their key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from regulars.storage.book.api_keys import Scope
from regulars.storage.book.people import Role

Right = Literal["account", "read", "rule", "decide", "repair", "reveal", "send", "manage"]
"""What a page asks for:

- account: one's own password and sessions;
- read: every page, with addresses and numbers hidden, and its rows as JSON and CSV;
- rule: say who is one person and who is not;
- decide: end experiments and name winners;
- repair: mend what was set aside, run a step again;
- reveal: see addresses and numbers whole;
- send: plan, start, pause and stop what goes to customers, write and approve messages;
- manage: people, keys, settings, erasure, the audit.
"""

ROLES: tuple[Role, ...] = ("viewer", "analyst", "marketer", "owner")

_VIEWER: frozenset[Right] = frozenset({"account", "read"})
_ANALYST: frozenset[Right] = _VIEWER | {"rule", "decide", "repair"}
_MARKETER: frozenset[Right] = _VIEWER | {"rule", "decide", "reveal", "send"}
_OWNER: frozenset[Right] = _ANALYST | _MARKETER | {"manage"}

MAY: Mapping[Role, frozenset[Right]] = {
    "viewer": _VIEWER, "analyst": _ANALYST, "marketer": _MARKETER, "owner": _OWNER,
}
"""What each role may do; what does not stand here nobody may."""

SCOPES: tuple[Scope, ...] = ("read", "write", "admin")
"""Of keys; each may do what those before it may."""


def may(role: Role, right: Right) -> bool:
    """Return whether people of a role may do something."""
    return right in MAY.get(role, frozenset())


def opens(scope: Scope, asked: Scope) -> bool:
    """Return whether a key of a scope opens what asks for another one."""
    return SCOPES.index(scope) >= SCOPES.index(asked)
