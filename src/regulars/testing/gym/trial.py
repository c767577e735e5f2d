"""An experiment with a true effect: households of day-pass visitors are offered nothing, two weeks or half price."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from regulars.testing.gym.chance import Flags, Numbers
from regulars.testing.gym.contacts import Contacts
from regulars.testing.gym.people import NOBODY, People
from regulars.testing.gym.setting import Setting

EXPERIMENT = "day_pass_offer_2025_09"
VARIANTS = ("no_offer", "two_week_pass", "half_price_visit")
SHARES = (0.2, 0.4, 0.4)
JOINS = (0.06, 0.14, 0.09)
"""The true chance that a household of each variant joins within 30 days: the effects are +8 and +3 points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One row per household exposed: who visited on which day, the variant, and the day of joining."""

    person: Numbers
    household: Numbers
    day: Numbers                   # of the first day-pass visit, which is the exposure
    variant: Numbers               # position in VARIANTS
    joins: Flags
    join_day: Numbers              # meaningful where it joins


def run_trial(setting: Setting, people: People, contacts: Contacts) -> Trial:
    """Return the exposed households: adults alone whose account opened in the fifteen weeks before the last six."""
    rng = setting.rng("trial")
    first, last = setting.last_day - 153, setting.last_day - 45
    alone = people.has_account & ~people.is_minor & (people.partner == NOBODY) & contacts.is_reachable
    guards = np.union1d(people.guardian, people.second_guardian)
    alone[guards[guards != NOBODY]] = False
    in_window = (contacts.created_day >= first) & (contacts.created_day <= last)
    person = np.sort(rng.permutation(np.flatnonzero(alone & in_window))[: setting.sized(700)])
    household = people.household[person]
    edges = np.cumsum(SHARES) * 10_000
    bucket = np.array([_bucket(f"{EXPERIMENT}.h{number:07d}") for number in household], dtype=np.int64)
    variant = np.minimum(np.searchsorted(edges, bucket, side="right"), len(VARIANTS) - 1)
    day = contacts.created_day[person]
    return Trial(
        person=person, household=household, day=day, variant=variant,
        joins=rng.random(len(person)) < np.array(JOINS)[variant],
        join_day=day + rng.integers(1, 31, len(person)),
    )


def _bucket(unit: str) -> int:
    """One of 10,000 buckets, by hash: the same unit lands in the same one in every world."""
    return int.from_bytes(hashlib.sha256(unit.encode()).digest()[:8], "big") % 10_000
