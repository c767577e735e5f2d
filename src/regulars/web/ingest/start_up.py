"""What clients in a browser ask before they send: where to, and which flags hold. The answer names this host."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs

import msgspec

from regulars.web.ingest.answer import Answer, Header, answer, failed
from regulars.web.ingest.body import TooLarge, Unreadable, opened
from regulars.web.ingest.dialects import keys_of
from regulars.web.ingest.posthog_flags import flags_for
from regulars.web.ingest.write_keys import WriteKeys, keys_in

if TYPE_CHECKING:                            # see `posthog_flags`
    from regulars.flags import Flags

Question = Literal["settings", "source", "config", "flags"]
"""Segment's project settings, RudderStack's source, PostHog's configuration, and its flags."""

_PATHS: Mapping[Question, re.Pattern[str]] = {
    "settings": re.compile(r"/v1/projects/([^/]+)/settings/?"),
    "source": re.compile(r"/sourceConfig/?()"),
    "config": re.compile(r"/array/([^/]+)/config/?"),
    "flags": re.compile(r"/(?:flags|decide)/?()"),
}
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_FRESH = (b"cache-control", b"no-cache")
_MEMBERS = msgspec.json.Decoder(dict[str, Any])
_ALL_ON = {"__default": {"enabled": True, "integrations": {}}}
_LONGEST = 4096                              # bytes of a query that is read: more than any known client sends
_NEVER = "2000-01-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, and the write key that its path shows."""

    question: Question
    key: str                                 # "": its head or body shows it

    @property
    def method(self) -> str:
        """Return how it is asked."""
        return "POST" if self.question == "flags" else "GET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """How a browser came to this host: what it has to be told to come again."""

    scheme: Literal["http", "https"]
    host: str                                # with its port, where that is not the scheme's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A request of a client that starts."""

    asked: Asked
    headers: tuple[Header, ...]              # names in lower case
    scheme: str
    query: bytes
    body: bytes


def asked(path: str) -> Asked | None:
    """Return what a path asks; None for one that is no question of a client's start."""
    found = ((question, pattern.fullmatch(path)) for question, pattern in _PATHS.items())
    return next((Asked(question=question, key=match[1]) for question, match in found if match), None)


def here(headers: Iterable[Header], *, scheme: str) -> Here | None:
    """Return how a request came here; None when it names no host. The names of its headers are in lower case."""
    said = {name: value.decode("latin-1") for name, value in headers if name in (b"host", b"origin")}
    host = said.get(b"host", "")
    if not _HOST.fullmatch(host):
        return None
    # What ends TLS before us may not say so; and a page that came by https may post nowhere else.
    is_safe = scheme in ("https", "wss") or said.get(b"origin", "").startswith("https:")
    return Here(scheme="https" if is_safe else "http", host=host)


def first_answer(start: Start, *, keys: WriteKeys, flags: Callable[[], Flags] | None) -> Answer:
    """Return what a client that starts is told; who shows no key of this project is told nothing.

    `flags` gives those of the moment; None: this process answers for none.
    """
    text = said = None
    if start.asked.question == "flags":
        try:
            text = opened(start.body)
            said = _MEMBERS.decode(text)
        except TooLarge:
            return failed(413, "the body is too large")
        except (Unreadable, msgspec.DecodeError, RecursionError) as error:
            return failed(400, str(error) or "the body is no JSON")
    key = next((key for key in _shown(start, text) if keys.source_of(key) is not None), None)
    source = keys.source_of(key) if key is not None else None
    if key is None or source is None:
        return failed(401, "no write key of this project")
    if said is not None:
        return _with_flags(said, key, flags)
    place = here(start.headers, scheme=start.scheme)
    if place is None:
        return failed(400, "the request names no host")
    told = {
        "settings": segment_settings(key, place), "source": rudder_source(key, source, place),
        "config": posthog_config(key),
    }
    return answer(200, told[start.asked.question], _FRESH)


def segment_settings(key: str, place: Here) -> dict[str, Any]:
    """Return a project's settings as analytics.js reads them: everything goes here, and nothing anywhere else."""
    return {
        "integrations": {"Segment.io": {
            "apiKey": key, "apiHost": f"{place.host}/v1", "protocol": place.scheme, "addBundledMetadata": False,
            "unbundledIntegrations": [], "maybeBundledConfigIds": {},
            "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
        }},
        "plan": {"track": _ALL_ON, "identify": _ALL_ON, "group": _ALL_ON},
        "analyticsNextEnabled": True, "edgeFunction": {}, "enabledMiddleware": {}, "middlewareSettings": {},
        "legacyVideoPluginsEnabled": False, "remotePlugins": [], "metrics": {"sampleRate": 0},
    }


def rudder_source(key: str, source: str, place: Here) -> dict[str, Any]:
    """Return a source as RudderStack's clients read it: on, with this host for its data and no other destination."""
    return {"source": {
        "id": source, "name": source, "writeKey": key, "enabled": True, "deleted": False, "workspaceId": source,
        "createdAt": _NEVER, "updatedAt": _NEVER, "destinations": [], "connections": [],
        "config": {"statsCollection": {"errors": {"enabled": False}, "metrics": {"enabled": False}}},
        "dataplanes": {"US": [{"url": f"{place.scheme}://{place.host}", "default": True}]},
    }}


def posthog_config(key: str) -> dict[str, Any]:
    """Return a configuration as PostHog's clients read it: events and flags, and nothing that is not taken here."""
    return {
        "token": key, "supportedCompression": ["gzip", "gzip-js", "base64"], "analytics": {"endpoint": "/i/v0/e/"},
        "hasFeatureFlags": True, "sessionRecording": False, "surveys": False, "heatmaps": False, "siteApps": [],
        "captureDeadClicks": False, "capturePerformance": False, "autocaptureExceptions": False,
        "errorTracking": {"autocaptureExceptions": False}, "isAuthenticated": False, "toolbarParams": {},
        "defaultIdentifiedOnly": True, "elementsChainAsString": True,
    }


def _with_flags(said: Mapping[str, Any], key: str, flags: Callable[[], Flags] | None) -> Answer:
    try:
        told = flags_for(flags() if flags is not None else None, said)
    except TypeError as error:
        return failed(400, str(error))
    return answer(200, {**posthog_config(key), **told}, _FRESH)


def _shown(start: Start, text: bytes | None) -> list[str]:
    """Return what may be the write key: in the path, the head, the query, the body."""
    query = parse_qs(start.query.decode("latin-1")) if len(start.query) < _LONGEST else {}
    return [
        start.asked.key, *(key for name, value in start.headers if name == b"authorization" for key in keys_in(value)),
        *(value.decode("latin-1") for name, value in start.headers if name == b"x-write-key"),
        *(key for name in ("writeKey", "api_key", "token") for key in query.get(name, [])),
        *(key for key in keys_of(text or b"") if isinstance(key, str)),
    ]
