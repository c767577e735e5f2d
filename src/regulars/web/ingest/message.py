"""A message as the door reads it: nearly all are plain, and a compiled decoder reads them by the hundred."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, get_args

import msgspec

Kind = Literal["identify", "track", "page", "screen", "group", "alias"]

TYPES: Final[frozenset[str]] = frozenset(get_args(Kind))

LARGEST_MESSAGE = 32 << 10
"""Bytes of one message: what the tracking API allows."""

Id = str | int | float | None

NOTHING: Final = msgspec.Raw()
"""What a member says that is not there."""


class Context(msgspec.Struct, rename="camel", gc=False):
    """What the door looks at of a message's context."""

    user_agent: str | None = None


class Plain(msgspec.Struct, rename="camel", gc=False):
    """What the door looks at of a message; everything else it keeps unread.

    What is not as here, a time in other words than RFC 3339 say, takes the longer way of `Loose`.
    """

    type: Kind | None = None
    message_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    event: str | None = None
    name: str | None = None
    timestamp: datetime | int | float | None = None
    original_timestamp: datetime | int | float | None = None
    sent_at: datetime | int | float | None = None
    write_key: Any = None
    context: Context | None = None
    door: msgspec.UnsetType = msgspec.UNSET  # no JSON says so: with a member of this name a message is not plain


class Loose(msgspec.Struct, rename="camel", gc=False):
    """The same of a message that is out of the ordinary."""

    type: str | None = None
    message_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    event: str | None = None
    name: str | None = None
    timestamp: Id = None
    original_timestamp: Id = None
    sent_at: Id = None
    write_key: Any = None
    context: msgspec.Raw = NOTHING
    door: msgspec.Raw = NOTHING


Message = Plain | Loose

_PLAIN = msgspec.json.Decoder(Plain)
_LOOSE = msgspec.json.Decoder(Loose)
_CONTEXT = msgspec.json.Decoder(Context)


def read(raw: bytes) -> Message:
    """Return what a message says. Raises msgspec.DecodeError for what is none, RecursionError for one nested too deep.

    It depends on nothing but the message, so one that comes again in other company is read alike.
    """
    try:
        return _PLAIN.decode(raw)
    except msgspec.ValidationError:
        return _LOOSE.decode(raw)


def agent_in(context: msgspec.Raw | None) -> str | None:
    """Return what the sender's browser calls itself, where a context that may be anything says it."""
    if context is None:
        return None
    try:
        return _CONTEXT.decode(context).user_agent
    except (msgspec.DecodeError, RecursionError):
        return None
