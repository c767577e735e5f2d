"""Other clients' messages in the words of the tracking API: what they said is kept beside what it means here.

PostHog, Mixpanel and Snowplow speak of the same things under other names. A translated message holds all its own
members, and before them those that the door reads: type, event, userId, anonymousId, timestamp, messageId, traits.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Members = Mapping[str, msgspec.Raw]
Translate = Callable[[bytes], bytes]
"""Makes a message of another client's; raises msgspec.DecodeError for what is no object."""

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.encode


def from_posthog(raw: bytes) -> bytes:
    """Return a PostHog event as a message."""
    own = _MEMBERS.decode(raw)
    inner = _object(own.get("properties"))
    event, person = _plain(own.get("event")), _plain(own.get("distinct_id")) or _plain(inner.get("distinct_id"))
    is_anonymous = _plain(inner.get("$process_person_profile")) is False or (
        person is not None and person == _plain(inner.get("$device_id"))
    )
    told: dict[str, Any] = {
        "type": "track", "messageId": _plain(own.get("uuid")) or _plain(inner.get("$insert_id")),
        "anonymousId" if is_anonymous else "userId": person,
    }
    if event in {"$identify", "$set"}:
        told |= {"type": "identify", "traits": _traits(own, inner)}
        told |= {"anonymousId": _plain(inner.get("$anon_distinct_id"))}
    elif event == "$create_alias":
        told |= {"type": "alias", "previousId": _plain(inner.get("alias"))}
    elif event == "$groupidentify":
        # Whoever sends it invents a person for it.
        told = {**told, "type": "group", "groupId": _plain(inner.get("$group_key")), "userId": None}
        told |= {"anonymousId": person, "traits": inner.get("$group_set", msgspec.Raw(b"{}"))}
    elif event == "$pageview":
        told |= {"type": "page", "name": _plain(inner.get("$title")) or _plain(inner.get("$current_url"))}
    elif event == "$screen":
        told |= {"type": "screen", "name": _plain(inner.get("$screen_name"))}
    return _joined(told, own)


def from_mixpanel(raw: bytes) -> bytes:
    """Return a Mixpanel event or profile update as a message."""
    own = _MEMBERS.decode(raw)
    if "$distinct_id" in own:
        told: dict[str, Any] = {
            "type": "identify", "userId": _plain(own["$distinct_id"]), "timestamp": _plain(own.get("$time")),
            "traits": _traits(own, {}),
        }
        return _joined(told, own)
    inner = _object(own.get("properties"))
    told = {
        "type": "track", "userId": _plain(inner.get("$user_id")) or _plain(inner.get("distinct_id")),
        "anonymousId": _plain(inner.get("$device_id")), "messageId": _plain(inner.get("$insert_id")),
        "timestamp": _plain(inner.get("time")),
    }
    return _joined(told, own)


def from_snowplow(raw: bytes) -> bytes:
    """Return a Snowplow event as a message; one that tells of nobody is an event of nobody."""
    own = _MEMBERS.decode(raw)
    word = _plain(own.get("e"))
    said = _self_described(own) if word == "ue" else {}
    told: dict[str, Any] = {
        "type": "page" if word == "pv" else "track", "messageId": _plain(own.get("eid")),
        "userId": _plain(own.get("uid")), "anonymousId": _plain(own.get("duid")) or _plain(own.get("nuid")),
        "timestamp": _number(own.get("ttm") or own.get("dtm")), "sentAt": _number(own.get("stm")),
    }
    if word == "pv":
        told |= {"name": _plain(own.get("page")), "properties": {"url": _plain(own.get("url"))}}
    elif word == "ue":
        told |= {"event": said.get("name", "unstructured"), "properties": said.get("data", {})}
    else:
        told["event"] = _plain(own.get("se_ac")) or str(word or "")
    return _joined(told, own)


def keys_of(raw: bytes) -> list[object]:
    """Return what may be the write key in a body, in the words of each client."""
    try:
        own = _MEMBERS.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return []
    inner = _object(own.get("properties"))
    names = ("writeKey", "api_key", "apiKey", "token", "$token", "aid")
    return [*(_plain(own.get(name)) for name in names), *(_plain(inner.get(name)) for name in ("token", "api_key"))]


def _traits(own: Members, inner: Members) -> dict[str, msgspec.Raw]:
    """Return what is set on a person; `$email` and the like lose their sign."""
    every: dict[str, msgspec.Raw] = {}
    for name in ("$set_once", "$set"):
        every |= _object(inner.get(name)) | _object(own.get(name))
    return {name.removeprefix("$"): value for name, value in every.items()}


def _self_described(own: Members) -> dict[str, Any]:
    """Return name and data of a Snowplow event that brings its own schema."""
    text = _plain(own.get("ue_pr"))
    packed = _plain(own.get("ue_px"))
    try:
        if isinstance(packed, str):
            text = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_").decode()
        outer = msgspec.json.decode(text) if isinstance(text, str) else {}
        said = outer["data"]
        return {"name": str(said["schema"]).split("/")[1], "data": said["data"]}
    except (binascii.Error, UnicodeDecodeError, msgspec.DecodeError, KeyError, IndexError, TypeError, RecursionError):
        return {}


def _joined(told: Mapping[str, Any], own: Members) -> bytes:
    said = {name: value for name, value in told.items() if value is not None}
    rest = {name if name not in said else f"{name}_as_sent": value for name, value in own.items()}
    return _encode({**said, **rest})


def _object(raw: msgspec.Raw | None) -> dict[str, msgspec.Raw]:
    try:
        return _MEMBERS.decode(raw) if raw is not None else {}
    except (msgspec.DecodeError, RecursionError):
        return {}


def _plain(raw: msgspec.Raw | None) -> Any:
    """Return a text, number or boolean; None for what is none of these."""
    try:
        value = None if raw is None else msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return None if isinstance(value, dict | list) else value


def _number(raw: msgspec.Raw | None) -> Any:
    """Return a number that may be written as text."""
    value = _plain(raw)
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) <= 15 else value
