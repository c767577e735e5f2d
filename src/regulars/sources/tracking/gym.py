"""The events of gyms, called as the example gym calls them, for a plan to begin with.

A door that takes them feeds the same rules and metrics as a gym's vendors do: names and properties are theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MEMBERSHIP = ("membership_id", "name", "role", "is_trial", "is_staff")
_MONEY = ("amount", "currency", "category", "units")
_PASS = ("checkin_id", "transfer_type", "pass_type", "remaining", "other_id", "other_name")
_REFERRAL = ("membership_id", "name", "other_id")

EVENTS: Mapping[str, tuple[str, ...]] = {
    "check_in": ("kind", "entry_method", "description", "location"),
    "shared_pass": _PASS,
    "received_shared_pass": _PASS,
    "membership_started": _MEMBERSHIP,
    "membership_ended": _MEMBERSHIP,
    "day_pass_purchase": _MONEY,
    "membership_purchase": _MONEY,
    "membership_renewal": _MONEY,
    "programming_purchase": _MONEY,
    "retail_purchase": _MONEY,
    "team_purchase": _MONEY,
    "event_booking": _MONEY,
    "refund": _MONEY,
    "party_hosted": ("party_id", "party_day", "child_name"),
    "party_rsvp": ("rsvp_id", "party_id", "party_day", "attending", "num_adults", "num_kids"),
    "referred": _REFERRAL,
    "was_referred": _REFERRAL,
}
"""Each event with its properties, none of which has to be there."""

_TYPES: Mapping[str, Mapping[str, Any]] = {
    "amount": {"type": "number"}, "units": {"type": "integer", "minimum": 0},
    "remaining": {"type": "integer", "minimum": 0}, "num_adults": {"type": "integer", "minimum": 0},
    "num_kids": {"type": "integer", "minimum": 0}, "is_trial": {"type": "boolean"}, "is_staff": {"type": "boolean"},
    "party_day": {"type": "string", "format": "date"}, "role": {"enum": ["owner", "covered"]},
    "kind": {"enum": ["member", "guest", "free", "event", "day_pass", "punch", "pass"]},
}
"""Properties that are no plain text; `amount` is in major units of `currency`."""


def properties(event: str) -> dict[str, Any]:
    """Return the schema of each property of an event."""
    return {name: dict(_TYPES.get(name, {"type": "string"})) for name in EVENTS[event]}
