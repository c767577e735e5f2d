"""Birthday parties and who answered the invitation, with dates as people type them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regulars.testing.gym.business_time import DAY, date_of, iso_utc, utc_seconds
from regulars.testing.gym.chance import Columns, Numbers, Texts, spread, weighted
from regulars.testing.gym.contacts import Contacts
from regulars.testing.gym.json_lines import NEVER
from regulars.testing.gym.people import NOBODY, People
from regulars.testing.gym.setting import Setting
from regulars.testing.gym.spelling import spelled

DATE_FORMATS = ("%B %d, %Y", "%A, %B %d, %Y at %I:%M %p", "%m/%d/%Y")
"""Beside ISO 8601, the shapes in which parties' dates are written."""

_ANSWERS = np.array(["yes", "no", "maybe"], dtype=object)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Parties by the time they were booked and, in the `guest_*` columns, the answers, by party."""

    host: Numbers
    child: Numbers
    day: Numbers                   # of the party
    booked: Numbers                # UTC seconds
    guest_party: Numbers
    guest: Numbers
    guest_answer: Numbers          # 0 yes, 1 no, 2 maybe; the last one given
    guest_first_answer: Numbers
    guest_at: Numbers              # UTC seconds of the first answer
    guest_again: Numbers           # of the last one where it changed; NEVER


def celebrate(setting: Setting, people: People, contacts: Contacts) -> Parties:
    """Return the parties: 300 at scale 1, and some three to seven days after the last day and after earlier ones."""
    rng = setting.rng("parties")
    children = np.flatnonzero((people.guardian != NOBODY) & contacts.is_reachable[people.guardian])
    planted = np.array([setting.last_day - ago + ahead for ago in (0, 30, 60, 90) for ahead in range(3, 9)])
    count = setting.sized(300, at_least=6)
    day = np.r_[planted, rng.integers(setting.opened + 40, setting.last_day + 25, count)]
    child = children[rng.permutation(len(children))[np.arange(len(day)) % len(children)]]
    booked_day = day - rng.integers(20, 36, len(day))
    booked = utc_seconds(booked_day, rng.integers(8 * 3600, 22 * 3600, len(day)))
    order = np.argsort(booked, kind="stable")
    host = people.guardian[child]
    day, child, booked, booked_day, host = day[order], child[order], booked[order], booked_day[order], host[order]
    keep = booked_day <= setting.last_day
    guests = rng.integers(3, 13, int(keep.sum()))
    party, _ = spread(guests)
    invited = np.flatnonzero(~people.is_minor & contacts.is_reachable)
    answered = booked_day[keep][party] + 1 + rng.integers(0, 11, len(party))
    at = utc_seconds(answered, rng.integers(8 * 3600, 22 * 3600, len(party)))
    changes = rng.random(len(party)) < 0.08
    first = weighted(rng, (60, 25, 15), len(party))
    seen = answered <= setting.last_day
    changes &= at + 2 * DAY < utc_seconds(np.array([setting.last_day]), np.array([0]))[0]
    return Parties(
        host=host[keep], child=child[keep], day=day[keep], booked=booked[keep], guest_party=party[seen],
        guest=invited[rng.integers(0, len(invited), len(party))][seen], guest_first_answer=first[seen],
        guest_answer=np.where(changes, (first + 1) % 3, first)[seen], guest_at=at[seen],
        guest_again=np.where(changes, at + 2 * DAY, NEVER)[seen],
    )


def host_ids(person: Numbers) -> Texts:
    """Return the party site's ids of hosts."""
    return np.array([f"host-{number}" for number in person], dtype=object)


def party_ids(parties: Numbers) -> Texts:
    """Return ids of parties by position."""
    return np.array([f"party-{number:06d}" for number in parties], dtype=object)


def rsvp_ids(answers: Numbers) -> Texts:
    """Return ids of answers by position."""
    return np.array([f"rsvp-{number:06d}" for number in answers], dtype=object)


def party_rows(setting: Setting, people: People, contacts: Contacts, parties: Parties) -> Columns:
    """Return the rows of parties.csv, all text, with visible_from and visible_until."""
    host = spelled(setting, people, contacts, parties.host, at=parties.booked, system="parties")
    count = np.arange(len(parties.host))
    age = (parties.day - people.birthday[parties.child]) // 365
    return {
        "party_id": party_ids(count), "host_id": host_ids(parties.host), "host_name": host["name"],
        "host_email": host["email"], "host_phone": host["phone"], "child_name": people.first_name[parties.child],
        "child_age": age.astype(str).astype(object), "party_date": _typed(parties.day),
        "party_time": np.full(len(count), "2:00 PM", dtype=object),
        "created_at": iso_utc(parties.booked).astype(object),
        "visible_from": parties.booked, "visible_until": np.full(len(count), NEVER),
    }


def rsvp_rows(setting: Setting, people: People, contacts: Contacts, parties: Parties) -> Columns:
    """Return the rows of rsvps.csv, all text, an answer that changed in two versions."""
    changed = np.flatnonzero(parties.guest_again != NEVER)
    row = np.r_[np.arange(len(parties.guest)), changed]
    is_second = np.arange(len(row)) >= len(parties.guest)
    guest = spelled(setting, people, contacts, parties.guest, at=parties.guest_at, system="rsvps")
    answer = np.where(is_second, parties.guest_answer[row], parties.guest_first_answer[row])
    at = np.where(is_second, parties.guest_again[row], parties.guest_at[row])
    kids = parties.guest[row] % 4
    return {
        "rsvp_id": rsvp_ids(row), "party_id": party_ids(parties.guest_party[row]),
        "party_date": _typed(parties.day)[parties.guest_party[row]], "guest_name": guest["name"][row],
        "attending": _ANSWERS[answer], "num_adults": (1 + row % 2).astype(str).astype(object),
        "num_kids": kids.astype(str).astype(object), "dietary": np.where(row % 9 == 0, "no nuts", "").astype(object),
        "email": guest["email"][row], "phone": guest["phone"][row], "updated_at": iso_utc(at).astype(object),
        "visible_from": at, "visible_until": np.where(is_second, NEVER, parties.guest_again[row]),
    }


def _typed(days: Numbers) -> Texts:
    """Dates in the four shapes that people type, in turn."""
    return np.array([_shaped(int(day), number % 4) for number, day in enumerate(days)], dtype=object)


def _shaped(number: int, shape: int) -> str:
    day = date_of(number)
    written = f"{day:%B} {day.day}, {day.year}"
    return (written, f"{day:%A}, {written} at 2:00 PM", day.isoformat(), f"{day.month}/{day.day}/{day.year}")[shape]
