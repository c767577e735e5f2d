"""The desk's sheet of people who asked: typed by hand, with slips and dates in every shape."""

from __future__ import annotations

import numpy as np

from regulars.testing.gym.business_time import date_of, utc_seconds
from regulars.testing.gym.chance import Columns, Numbers, Texts
from regulars.testing.gym.contacts import Contacts
from regulars.testing.gym.json_lines import NEVER
from regulars.testing.gym.people import NOBODY, People
from regulars.testing.gym.setting import Setting
from regulars.testing.gym.spelling import is_alone_with, spelled

DATE_FORMATS = ("%m/%d/%Y", "%d %b %Y", "%b %d, %Y")
"""Beside ISO 8601, the shapes in which the sheet's dates are written."""

_INTERESTS = np.array(["membership", "birthday party", "youth team", "day pass", "fitness"], dtype=object)


def lead_rows(setting: Setting, people: People, contacts: Contacts) -> Columns:
    """Return the rows of leads.csv, all text, with `person`, visible_from and visible_until.

    The last row is a conflict: one person's e-mail and another's phone under a name that is neither's; its person is
    NOBODY, and nobody may be merged because of it.
    """
    rng = setting.rng("front desk")
    reachable = is_alone_with(contacts.email) & is_alone_with(contacts.phone) & (contacts.changed_day == NEVER)
    reachable &= ~people.is_minor
    asked = rng.permutation(np.flatnonzero(reachable))[: setting.sized(400, at_least=8)]
    since = np.maximum(contacts.created_day[asked], setting.opened)
    day = since + (rng.random(len(asked)) * (setting.last_day - since + 1)).astype(np.int64)
    at = utc_seconds(day, np.full(len(asked), 12 * 3600))
    written = spelled(setting, people, contacts, asked, at=at, system="front desk")
    slips = rng.random(len(asked)) < 0.15
    email, phone, name = written["email"], written["phone"], written["name"]
    email[slips] = [_mistyped(value) for value in email[slips]]
    email[-1], phone[-1], name[-1] = contacts.email[asked[0]], contacts.phone[asked[1]], "Somebody Else"
    person = np.r_[asked[:-1], NOBODY]
    return {
        "lead_id": np.array([f"lead-{number:05d}" for number in range(len(asked))], dtype=object),
        "asked_on": _typed(day), "name": name, "email": email, "phone": phone,
        "interest": _INTERESTS[rng.integers(0, len(_INTERESTS), len(asked))],
        "note": np.where(slips, "check the address", "").astype(object), "visible_from": at,
        "visible_until": np.full(len(asked), NEVER), "person": person,
    }


def _mistyped(email: str) -> str:
    """An address whose domain does not exist; the phone still finds the person."""
    return email[:-1] + "q"


def _typed(days: Numbers) -> Texts:
    return np.array([_shaped(int(day), number % 4) for number, day in enumerate(days)], dtype=object)


def _shaped(number: int, shape: int) -> str:
    day = date_of(number)
    return (day.isoformat(), f"{day.month}/{day.day}/{day.year}", f"{day.day} {day:%b} {day.year}",
            f"{day:%b} {day.day}, {day.year}")[shape]
