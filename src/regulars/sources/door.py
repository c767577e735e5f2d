"""A source that is never asked: what clients post at the door, as events of known and unknown people.

    kind: door
    fields:                        # beside those that every message has: see FIELDS
      total: {from: properties.total, type: money}
      order_id: {from: properties.order_id, type: id}
    profile: {traits: {plan: plan}}        # over the profile that `identify` gives: see PROFILE
    money: ...                     # as for any stream
    expect_every: 1 day
    keep_for: 400 days             # after which messages are forgotten; left out: they are kept for ever

It has two streams. `events` holds all messages, whatever their type; an event type picks its own with `only_if`:

    from: site.events
    who: coalesce(user_id, anonymous_id)
    when: at
    only_if: type == "track" and name == "Order Completed"

`links` holds the other ids of a user: anonymous ones that `identify` names, old ones that `alias` names. So what
somebody did before they said who they are is on their timeline from then on. The write keys stand in `regulars.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from regulars.records.record import Stream
from regulars.sources.declared import as_mapping, declare_within, no_strangers
from regulars.sources.pushed import Pushed

if TYPE_CHECKING:
    from regulars.sources.source import Surroundings

EVENTS, LINKS = "events", "links"
"""The streams of a door."""

_PERSON = {"email": "email", "phone": "phone", "full_name": "name", "first_name": "firstName", "last_name": "lastName"}

WRITTEN: Mapping[str, Mapping[str, object]] = {
    "message_id": {"from": "door.id", "type": "id", "required": True},
    "type": {"from": "door.type", "type": "text", "required": True},
    "at": {"from": "door.at", "type": "timestamp", "required": True},
    "received_at": {"from": "door.received_at", "type": "timestamp", "required": True},
    "user_id": {"from": "door.user", "type": "id"},
    "anonymous_id": {"from": "door.anonymous", "type": "id"},
    "name": {"from": "door.name", "type": "text"},
    "is_robot": {"from": "door.bot", "type": "boolean"},
    "clamped": {"from": "door.clamped", "type": "text"},
    "off_plan": {"from": "door.plan", "type": "json"},
}
"""Fields that the door writes itself: they always read."""

FIELDS: Mapping[str, object] = {
    **WRITTEN,
    "group_id": {"from": "groupId", "type": "id"},
    "consent": {"from": "context.consent.categoryPreferences", "type": "json"},
    **{name: {"from": f"traits.{trait}", "type": "text"} for name, trait in _PERSON.items()},
    **{f"context_{name}": {"from": f"context.traits.{trait}", "type": "text"} for name, trait in _PERSON.items()},
}
"""Fields of every message: `type` is identify, track, page, screen, group or alias, `at` is when it happened by our
clock, `name` what happened or was looked at; `clamped` says why `at` is not what the sender said, `off_plan`
what is not as the tracking plan says."""

_TOLD = {name: f'coalesce({name} if type == "identify" else null, context_{name})' for name in _PERSON}

PROFILE: Mapping[str, object] = {
    "id": "user_id", "email": _TOLD["email"], "phone": _TOLD["phone"], "name": _TOLD["full_name"],
    "first_name": _TOLD["first_name"], "last_name": _TOLD["last_name"],
}
"""The profile of a message's user: what its latest `identify` said, trait by trait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSource(Pushed):
    """What clients post with a write key of this source."""

    name: str
    streams: tuple[Stream, ...]


def declare(name: str, data: Mapping[str, object], *, at: Surroundings) -> DoorSource:
    """Return the source that a declaration means. Raises DeclarationError."""
    del at                                   # it refers to nothing outside
    no_strangers(data, {"kind", "fields", "profile", "money", "expect_every", "keep_for"}, path=())
    own = {key: as_mapping(data.get(key, {}), path=(key,)) for key in ("fields", "profile")}
    events = {
        "fields": {**FIELDS, **own["fields"]}, "key": "message_id", "profile": {**PROFILE, **own["profile"]},
        "money": data.get("money", []), "expect_every": data.get("expect_every", "1 day"),
        **{key: data[key] for key in ("keep_for",) if key in data},
    }
    links = {
        "parent": EVENTS, "each": "door.links",
        "fields": {"id": {"type": "id", "required": True}, "user_id": {"from": "^door.user", "type": "id"}},
        "profile": {"id": "id", "same_as": {name: "user_id"}},
    }
    streams = (declare_within(name, EVENTS, events), declare_within(name, LINKS, links))
    return DoorSource(name=name, streams=tuple(replace(stream, is_pushed=True) for stream in streams))
