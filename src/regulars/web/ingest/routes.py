"""Which path speaks which client's language, and which type of message it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from regulars.web.ingest.dialects import Translate, from_mixpanel, from_posthog, from_snowplow
from regulars.web.ingest.message import LARGEST_MESSAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How the bodies of a path are read."""

    type: str | None = None                  # of every message; None: each says its own
    is_batch: bool = False                   # the body may hold several messages
    translate: Translate | None = None       # None: the messages are in the words of the tracking API
    limit: int = LARGEST_MESSAGE             # bytes of one message
    needs_person: bool = True                # False: an event may be nobody's
    takes_pixels: bool = False               # pixels of shops post there too


_NAMES = {"identify": "identify", "track": "track", "page": "page", "screen": "screen", "group": "group",
          "alias": "alias"}
_LETTERS = {"i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias"}
_BATCH = Route(is_batch=True)
_POSTHOG = Route(is_batch=True, translate=from_posthog, limit=1 << 20)
_MIXPANEL = Route(translate=from_mixpanel, limit=1 << 20)

ROUTES: Mapping[str, Route] = {
    **{f"/v1/{name}": Route(type=kind) for name, kind in (_NAMES | _LETTERS).items()},
    **{f"/api/s/{name}": Route(type=kind) for name, kind in _NAMES.items()},
    **dict.fromkeys(("/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch"), _BATCH),
    **dict.fromkeys(("/batch", "/capture", "/e", "/i/v0/e"), _POSTHOG),
    "/track": replace(_MIXPANEL, takes_pixels=True), "/engage": _MIXPANEL,
    "/com.snowplowanalytics.snowplow/tp2": Route(is_batch=True, translate=from_snowplow, needs_person=False),
}
"""Path without a slash at its end -> how it is read."""


def route_of(path: str) -> Route | None:
    """Return how a path is read; None when it is not the door's."""
    return ROUTES.get(path) or ROUTES.get(path.rstrip("/"))
