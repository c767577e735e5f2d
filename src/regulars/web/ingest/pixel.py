"""A message in the address of a picture, for mails and pages without scripts: the picture is one pixel of nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from regulars.web.ingest.answer import Answer, Outcome, answer_to
from regulars.web.ingest.routes import Route

PIXELS: Final[Mapping[str, Route]] = {f"/pixel/v1/{kind}": Route(type=kind) for kind in ("track", "page")}
"""Path without a slash at its end -> how the message is read."""

_PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_DEEPEST = 10
_KEYS = frozenset({"writeKey", "api_key", "repairs"})


def pixel_of(path: str) -> Route | None:
    """Return how the message of a picture is read; None for a path that is none."""
    return PIXELS.get(path) or PIXELS.get(path.rstrip("/"))


def message_in(query: bytes) -> bytes:
    """Return the message that an address tells: `properties.plan=gold` is `{"properties": {"plan": "gold"}}`.

    Where another name has put something else in its way, a name stays whole.
    """
    message: dict[str, Any] = {}
    for name, value in parse_qsl(query.decode("latin-1")):
        if name not in _KEYS:
            _put(message, name, value)
    return msgspec.json.encode(message)


def picture(outcome: Outcome) -> Answer:
    """Return the picture, whatever became of the message; its status says that."""
    told = answer_to(outcome)
    kept = tuple(pair for pair in told.headers if pair[0] not in (b"content-type", b"content-length"))
    return Answer(told.status, (
        (b"content-type", b"image/gif"), (b"content-length", str(len(_PICTURE)).encode()),
        (b"cache-control", b"no-store"), *kept,
    ), _PICTURE)


def _put(message: dict[str, Any], name: str, value: str) -> None:
    *outer, last = name.split(".", _DEEPEST)
    place: Any = message
    for part in outer:
        place = place.setdefault(part, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict) or isinstance(place.get(last), dict):
        message.setdefault(name, value)
    else:
        place[last] = value
