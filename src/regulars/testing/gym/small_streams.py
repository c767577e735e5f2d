"""Capitan's small streams: groups and who is in them, classes and camps, referrals."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from regulars.testing.gym.business_time import DAY, iso_days, iso_local, iso_utc, utc_seconds
from regulars.testing.gym.capitan_shape import capitan_ids
from regulars.testing.gym.chance import Columns, Numbers, taken
from regulars.testing.gym.happenings import Happenings
from regulars.testing.gym.json_lines import NEVER, Hole, objects, rendered, write_versions
from regulars.testing.gym.vocabulary import CAPITAN_LOCATION, PLANS

_GROUPS = ("Belay Certified", "Lead Certified", "Youth Team", "College Students", "Route Setters", "Volunteers")
_EVENT_TYPES = ("Climbing Technique Class", "Fitness Class", "Summer Camp", "Climbing Night", "Youth Rec Practice")
_ASSOCIATION = {
    "id": Hole("id"), "name": Hole("name"), "verification_requirements": "", "automatic_removal_interval_months": 12,
    "reverification_period_days": 365, "show_reverification_alert": True, "allow_automatic_entry_pass_use": False,
    "membership_expiration_age": None, "allow_customer_applications": False, "num_members": Hole("members"),
    "member_square_customer_group_id": None, "member_square_customer_group_name": None,
    "created_at": Hole("created_at"), "updated_at": Hole("created_at"),
}
_MEMBER = {
    "id": Hole("id"), "association_id": Hole("association"), "association_name": Hole("name"),
    "customer_id": Hole("customer"), "customer_first_name": Hole("first_name"), "customer_last_name": Hole("last_name"),
    "customer_birthday": Hole("birthday"), "created_at": Hole("created_at"), "approved_at": Hole("created_at"),
    "is_pending_reverification": False, "has_pending_application": False, "updated_at": Hole("created_at"),
}
_PART = {
    "start_datetime": Hole("starts"), "end_datetime": Hole("ends"), "local_date": Hole("date"),
}
_EVENT = {
    "id": Hole("id"), "event_type_id": Hole("type_id"), "event_type_name": Hole("type"),
    "event_parts": Hole("parts", is_json=True), "capacity": Hole("capacity"), "num_reservations": Hole("reserved"),
    "rolling_days": None, "booking_open_time": None, "is_cancelled": Hole("is_cancelled"),
    "location_id": CAPITAN_LOCATION["id"], "location_name": CAPITAN_LOCATION["name"], "created_at": Hole("created_at"),
}
_REFERRAL = {
    "id": Hole("id"), "referring_customer_id": Hole("by"), "referring_customer_first_name": Hole("by_first"),
    "referring_customer_last_name": Hole("by_last"), "referring_customer_email": Hole("by_email"),
    "owner_id": Hole("owner"), "owner_first_name": Hole("first_name"), "owner_last_name": Hole("last_name"),
    "owner_email": Hole("email"), "membership_id": Hole("membership"), "name": Hole("name"),
    "membership_status": Hole("status"), "purchase_completed_at": Hole("created_at"), "created_at": Hole("created_at"),
}


def write_small_streams(folder: Path, world: Happenings) -> None:
    """Write associations, association_members, events and referrals."""
    groups = _write_associations(folder, world)
    _write_members(folder, world, groups)
    _write_events(folder, world)
    _write_referrals(folder, world)


def _forever(since: Numbers) -> Columns:
    return {"visible_from": since, "visible_until": np.full(len(since), NEVER)}


def _write_associations(folder: Path, world: Happenings) -> int:
    count = 27
    number = np.arange(count)
    since = utc_seconds(np.full(count, world.setting.first_day), 9 * 3600 + number)
    names = np.array([f"{_GROUPS[n % len(_GROUPS)]} {n // len(_GROUPS) + 1}" for n in number], dtype=object)
    members = world.setting.sized(1345, at_least=27)
    write_versions(folder / "associations.ndjson", _ASSOCIATION, {
        "id": 301 + number, "name": names, "members": np.bincount(np.arange(members) % count, minlength=count),
        "created_at": iso_local(since, number), **_forever(since),
    })
    return count


def _write_members(folder: Path, world: Happenings, groups: int) -> None:
    people, contacts = world.people, world.contacts
    rng = world.setting.rng("associations")
    count = world.setting.sized(1345, at_least=27)
    person, group = rng.integers(0, people.accounts, count), np.arange(count) % groups
    since = utc_seconds(contacts.created_day[person], np.full(count, 21 * 3600 + 1800))
    names = np.array([f"{_GROUPS[n % len(_GROUPS)]} {n // len(_GROUPS) + 1}" for n in range(groups)], dtype=object)
    write_versions(folder / "association_members.ndjson", _MEMBER, {
        "id": 52_001 + np.arange(count), "association": 301 + group, "name": names[group],
        "customer": capitan_ids(person),
        "first_name": people.first_name[person], "last_name": people.last_name[person],
        "birthday": iso_days(people.birthday[person]), "created_at": iso_local(since, group), **_forever(since),
    })


def _write_events(folder: Path, world: Happenings) -> None:
    """Classes and camps; a camp has five parts, one a day: the trap for those who keep the first only."""
    rng = world.setting.rng("events")
    count = world.setting.sized(2504, at_least=10)
    kind = rng.integers(0, len(_EVENT_TYPES), count)
    day = np.sort(rng.integers(world.setting.first_day, world.setting.last_day + 1, count))
    hour = rng.integers(8, 20, count) * 3600
    days = np.where(kind == 2, 5, 1)
    parts = [_parts(day, hour, after) for after in range(5)]
    text = parts[0]
    for after in range(1, 5):
        text = text + np.where(days > after, "," + parts[after], "")
    since = utc_seconds(np.maximum(day - 20, world.setting.first_day), np.full(count, 9 * 3600))
    write_versions(folder / "events.ndjson", _EVENT, {
        "id": 61_001 + np.arange(count), "type_id": 91 + kind, "type": np.array(_EVENT_TYPES, dtype=object)[kind],
        "parts": "[" + text + "]", "capacity": 12 + kind * 4, "reserved": rng.integers(0, 13, count),
        "is_cancelled": rng.random(count) < 0.03, "created_at": iso_local(since, kind), **_forever(since),
    })


def _parts(day: Numbers, hour: Numbers, after: int) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    starts = utc_seconds(day + after, hour)
    ends = iso_utc(starts + DAY // 16)
    return objects(rendered(_PART, {"starts": iso_utc(starts), "ends": ends, "date": iso_days(day + after)}))


def _write_referrals(folder: Path, world: Happenings) -> None:
    people, contacts, contracts = world.people, world.contacts, world.contracts
    past = np.flatnonzero(contracts.known <= world.setting.last_day)
    count = min(world.setting.sized(15, at_least=2), len(past))
    contract = past[np.linspace(len(past) // 2, len(past) - 1, count).astype(np.int64)]
    by, owner = contracts.owner[past[np.arange(count) % 4]], contracts.owner[contract]
    different = np.flatnonzero(by != owner)
    since = utc_seconds(contracts.known[contract], np.full(count, 21 * 3600))
    rows = {
        "id": 7_001 + np.arange(count), "by": capitan_ids(by), "by_first": people.first_name[by],
        "by_last": people.last_name[by], "by_email": contacts.email[by], "owner": capitan_ids(owner),
        "first_name": people.first_name[owner], "last_name": people.last_name[owner], "email": contacts.email[owner],
        "membership": contracts.ids[contract],
        "name": np.array([plan.name for plan in PLANS], dtype=object)[contracts.plan[contract]],
        "status": np.full(count, "ACT", dtype=object), "created_at": iso_local(since, owner), **_forever(since),
    }
    write_versions(folder / "referrals.ndjson", _REFERRAL, taken(rows, different))
