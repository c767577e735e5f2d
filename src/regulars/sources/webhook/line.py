"""The line by which a piece of news is landed: what it says, and all that is needed to hand it on later.

    {"door": {"id", "type": "delivery", "received_at", "version"?}, "provider", "content_type", …, "said",
     "body" | "bytes"}

In between stand headers that are worth keeping, and of orders their `lines`. What is told of in several versions is one
record, by its `id`, and as many deliveries.
`said` is for records; `body` is there when it is another text than `said`, `bytes` (base 64) when it is no text.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from regulars.sources.webhook.pieces import Piece, known_by

_NEVER = datetime.min.replace(tzinfo=UTC)

DELIVERY = "delivery"
"""The type of such a line among those of a door."""

MARK = b'"type":"delivery"'
"""What every such line holds, and few others do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """A piece of news as it is handed on."""

    delivery_id: str                         # unique in its source
    provider: str
    received_at: datetime                    # aware
    content_type: str
    body: bytes


class _Door(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    type: str = ""
    received_at: datetime = _NEVER
    version: str | msgspec.UnsetType = msgspec.UNSET


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    door: _Door
    provider: str = ""
    content_type: str = ""
    said: msgspec.Raw = msgspec.Raw()
    body: str | None = None
    bytes: str | None = None


_LINE = msgspec.json.Decoder(_Line)


def delivery_line(
    piece: Piece, *, provider: str, content_type: str, kept: Mapping[str, object], at: datetime
) -> bytes:
    """Return the line of a piece that came at a moment, ending in a line break. `kept`: members beside `said`."""
    members: dict[str, object] = {
        "door": _Door(id=piece.id, type=DELIVERY, received_at=at, version=piece.version or msgspec.UNSET),
        "provider": provider, "content_type": content_type, **kept,
        "said": None if piece.said is None else msgspec.Raw(piece.said),
    }
    if piece.body != piece.said:
        try:
            members["body"] = piece.body.decode()
        except UnicodeDecodeError:
            members["bytes"] = base64.b64encode(piece.body).decode()
    return msgspec.json.encode(members) + b"\n"


def read_delivery(line: bytes) -> Landed | None:
    """Return the piece of news of a line; None for a line of another kind."""
    found = _LINE.decode(line)
    if found.door.type != DELIVERY:
        return None
    return Landed(
        delivery_id=_delivery_id(found.door), provider=found.provider, received_at=found.door.received_at,
        content_type=found.content_type, body=_body(found),
    )


def delivery_ids(lines: Iterable[str]) -> list[str]:
    """Return by what the deliveries of some lines are known in the queue."""
    found = [_LINE.decode(line).door for line in lines]
    return [_delivery_id(door) for door in found if door.type == DELIVERY]


def _delivery_id(door: _Door) -> str:
    return known_by(door.id, door.version or "")


def _body(line: _Line) -> bytes:
    if line.bytes is not None:
        return base64.b64decode(line.bytes)
    return bytes(line.said) if line.body is None else line.body.encode()
