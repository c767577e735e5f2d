"""Where a person may be: every time zone and every state that something about them speaks for.

A number's area code, the state of an address and a declared zone each add what they allow for; nothing takes away.
Facts: `area_codes.json` (North America) and libphonenumber's metadata (everywhere else).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from regulars.later import number_zones, phonenumbers

UNKNOWN_US = (
    "America/Adak", "America/Anchorage", "America/Chicago", "America/Denver", "America/Los_Angeles",
    "America/New_York", "America/Phoenix", "Pacific/Honolulu",
)
"""Where somebody may be who is somewhere in the United States."""

_NOWHERE = "Etc/Unknown"
_MANY = 8
"""A number for which the metadata names more zones belongs to no region: toll-free, satellite, a whole country."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where somebody may be; never without a zone."""

    zones: tuple[str, ...]                   # IANA names, sorted
    states: tuple[str, ...] = ()             # two letters, sorted; of the United States


def place_of(
    *, phone: str | None = None, state: str | None = None, zone: str | None = None, business_zone: str,
    country: str = "US",
) -> Place:
    """Return everywhere a person may be.

    Args:
        phone: In E.164. What it says of a state counts besides the address: people move and keep their numbers.
        state: Of the address, two letters; one that is not in the United States says nothing.
        zone: That the person declared or a browser told, an IANA name.
        business_zone: Where they are taken to be when nothing speaks, if the business is not in the United States.
        country: Of the business.

    """
    code = _area_code(phone)
    facts = area_codes()
    told = facts.get(code, {"zones": (), "states": ()}) if code else {"zones": _foreign(phone), "states": ()}
    zones, states = set(told["zones"]), set(told["states"])
    if state is not None and state.upper() in state_zones():
        states.add(state.upper())
        zones.update(state_zones()[state.upper()])
    if zone is not None:
        zones.add(zone)
    if not zones:
        zones.update(UNKNOWN_US if country == "US" else (business_zone,))
    return Place(zones=tuple(sorted(zones)), states=tuple(sorted(states)))


@lru_cache(maxsize=1)
def area_codes() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return, of each North American area code, its zones and states."""
    text = (files("regulars.consent") / "area_codes.json").read_text(encoding="utf-8")
    told: dict[str, Any] = json.loads(text)["codes"]
    return {code: {key: tuple(values) for key, values in entry.items()} for code, entry in told.items()}


@lru_cache(maxsize=1)
def state_zones() -> dict[str, tuple[str, ...]]:
    """Return, of each state, the zones of all its area codes."""
    found: dict[str, set[str]] = {}
    for entry in area_codes().values():
        for state in entry["states"]:
            found.setdefault(state, set()).update(entry["zones"])
    return {state: tuple(sorted(zones)) for state, zones in found.items()}


def _area_code(phone: str | None) -> str | None:
    return phone[2:5] if phone and phone.startswith("+1") and len(phone) == 12 else None


def _foreign(phone: str | None) -> tuple[str, ...]:
    """Zones of a number outside North America; none for one that nobody can place."""
    if phone is None:
        return ()
    try:
        zones = number_zones.time_zones_for_number(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        return ()
    return () if _NOWHERE in zones or len(zones) > _MANY else tuple(zones)
