"""Who holds which membership, when: first ones, switches and returns, freezes, and the people on each contract."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regulars.testing.gym.business_time import month_later
from regulars.testing.gym.chance import Columns, Flags, Numbers, spread, stacked, taken, weighted
from regulars.testing.gym.contacts import Contacts
from regulars.testing.gym.json_lines import NEVER
from regulars.testing.gym.people import NOBODY, People
from regulars.testing.gym.setting import Setting
from regulars.testing.gym.trial import Trial
from regulars.testing.gym.vocabulary import PLANS

FIRST_ID = 410_001
_SIZES = ("family", "youth", "duo", "staff", "solo")
_MONTHS = np.array([plan.months for plan in PLANS])
_FIXED = np.array([plan.fixed_periods for plan in PLANS])
_LENGTH = np.where(_MONTHS > 0, _MONTHS * 31, 14)
_WEIGHT = np.array([plan.weight for plan in PLANS], dtype=np.float64)
_SIZE = np.array([plan.size for plan in PLANS])


@dataclass(frozen=True, slots=True, kw_only=True)
class Memberships:
    """Contracts by position and, in the `roster_*` columns, the people on them. Days count from 1970-01-01.

    A contract is in force from `start` until `end`, exclusive (NEVER: it goes on), save while it is frozen; a person of
    its roster also not from the day on which that person alone was frozen.
    """

    owner: Numbers
    plan: Numbers                  # position in PLANS
    start: Numbers
    end: Numbers
    known: Numbers                 # the day it was sold: before `start` for future-dated ones
    freeze_from: Numbers
    freeze_until: Numbers
    roster_contract: Numbers       # sorted
    roster_person: Numbers
    roster_frozen: Numbers         # the day this person alone was frozen, NEVER

    @property
    def ids(self) -> Numbers:
        """Return the contracts' ids in Capitan."""
        return np.arange(len(self.owner)) + FIRST_ID


def billed_on(plan: Numbers, start: Numbers, count: Numbers) -> Numbers:
    """Return the day of the bill number `count` (0: the first payment) of a contract."""
    months = _MONTHS[plan]
    return np.where(months > 0, month_later(start, months * count), start + 14 * np.asarray(count))


def enrol(setting: Setting, people: People, contacts: Contacts, trial: Trial) -> Memberships:
    """Return the contracts: 1,300 ever and 436 active on the last day at scale 1."""
    rng = setting.rng("memberships")
    contracts = _contracts(setting, rng, people, contacts, trial)
    contracts["end"] = np.where(contracts["state"] == "ended", contracts["end"], NEVER)
    freeze_from, freeze_until = _freezes(setting, rng, contracts)
    known = contracts["start"] - np.where(rng.random(len(freeze_from)) < 0.1, rng.integers(1, 10, len(freeze_from)), 0)
    is_future = contracts["start"] > setting.last_day
    known = np.where(is_future, setting.last_day - 2, np.maximum(known, setting.first_day))
    known = np.where(np.isin(contracts["owner"], trial.person), contracts["start"], known)
    contract, person = _rosters(people, contracts)
    alone = np.full(len(contract), NEVER)
    lasting = np.minimum(contracts["end"], setting.last_day) - contracts["start"]
    several = np.isin(_SIZE[contracts["plan"]], ("family", "duo"))[contract] & (lasting > 60)[contract]
    can = np.flatnonzero(several & (person != contracts["owner"][contract]))
    chosen = rng.permutation(can)[: max(1, len(can) // 12)]
    alone[chosen] = contracts["start"][contract[chosen]] + 30
    return Memberships(
        owner=contracts["owner"], plan=contracts["plan"], start=contracts["start"], end=contracts["end"], known=known,
        freeze_from=freeze_from, freeze_until=freeze_until, roster_contract=contract, roster_person=person,
        roster_frozen=alone,
    )


def _contracts(
    setting: Setting, rng: np.random.Generator, people: People, contacts: Contacts, trial: Trial
) -> Columns:
    """First contracts and the later ones of the same owners, in the order in which they start."""
    total, active = setting.sized(1300, at_least=12), setting.sized(436, at_least=5)
    later = round(total * 0.15)
    later_active = later // 2
    joiners = np.flatnonzero(trial.joins)
    frozen, future = setting.sized(20, at_least=1), setting.sized(5, at_least=1)
    ended = total - later - (active - later_active) - frozen - future
    counts = (active - later_active, frozen, future, ended)
    states = np.repeat(np.array(["active", "frozen", "future", "ended"]), counts)
    free = people.has_account & ~people.is_minor & contacts.is_reachable
    free[trial.person] = False
    owners, plans = _owners(rng, people, free, states)
    first = _periods(setting, rng, {"owner": owners, "plan": plans, "state": states}, followed=later)
    rows = np.flatnonzero((states == "active") & (_SIZE[plans] == "solo"))[: len(joiners)]
    joined = joiners[: len(rows)]
    first["owner"][rows] = trial.person[joined]
    first["start"][rows] = trial.join_day[joined]
    first["plan"][rows] = weighted(rng, np.where((_SIZE == "solo") & (_FIXED == 0), _WEIGHT, 0), len(rows))
    before = taken(first, np.arange(total - later - later, total - later))
    contracts = stacked(first, _later(setting, rng, before, later_active))
    return taken(contracts, np.argsort(contracts["start"], kind="stable"))


def _owners(
    rng: np.random.Generator, people: People, free: Flags, states: Numbers
) -> tuple[Numbers, Numbers]:
    """An owner out of the free people and a plan for each contract: families and couples only where there are such."""
    has_children = np.zeros(people.size, dtype=bool)
    has_children[people.guardian[people.guardian != NOBODY]] = True
    suits = {"family": has_children, "youth": has_children, "duo": people.partner != NOBODY}
    owners, plans = np.empty(len(states), dtype=np.int64), np.empty(len(states), dtype=np.int64)
    order = rng.permutation(len(states))
    filled = 0
    for size in _SIZES:
        pool = rng.permutation(np.flatnonzero(free & suits.get(size, True)))
        share = _WEIGHT[size == _SIZE].sum() / _WEIGHT.sum()
        wanted = len(states) - filled if size == "solo" else max(1, round(len(states) * share))
        rows = order[filled : filled + min(wanted, len(pool))]
        owners[rows] = pool[: len(rows)]
        free[owners[rows]] = False
        free[people.partner[owners[rows]][people.partner[owners[rows]] != NOBODY]] = False
        plans[rows] = _plans(rng, size, states[rows])
        filled += len(rows)
    return owners, plans


def _plans(rng: np.random.Generator, size: str, states: Numbers) -> Numbers:
    """Plans of one size; short prepaid ones are rarely what is active on a given day, and never frozen."""
    fits = np.where(size == _SIZE, _WEIGHT, 0)
    running = fits * np.where(_FIXED > 0, np.minimum(_LENGTH / 200, 1), 1)
    frozen = np.where(_FIXED > 0, 0, fits)
    drawn = {"active": running, "frozen": frozen, "future": running, "ended": np.where(_LENGTH > 300, fits / 8, fits)}
    plans = np.empty(len(states), dtype=np.int64)
    for state, weights in drawn.items():
        rows = np.flatnonzero(states == state)
        plans[rows] = weighted(rng, weights, len(rows))
    return plans


def _periods(setting: Setting, rng: np.random.Generator, first: Columns, *, followed: int) -> Columns:
    """Start and end days of first contracts; the last `followed` rows end early enough for another one."""
    size = len(first["owner"])
    length, fixed = _LENGTH[first["plan"]], _FIXED[first["plan"]]
    limit = np.full(size, setting.last_day)
    limit[size - followed :] -= 100
    room = limit - setting.opened - 1
    drawn = 1 + rng.geometric(np.where(length == 14, 0.09, 0.17), size)
    count = np.where(fixed > 0, fixed, np.maximum(np.minimum(drawn, room // length), 1))
    draw = rng.random(size)
    ended = setting.opened + (draw * np.maximum(room - count * length, 0)).astype(np.int64)
    since = np.where(fixed > 0, np.minimum(length - 4, room), room)
    running = setting.last_day - (draw**1.2 * since).astype(np.int64)
    frozen = setting.last_day - 70 - (draw * np.maximum(room - 80, 0)).astype(np.int64)
    future = setting.last_day + 3 + (draw * 18).astype(np.int64)
    states = first["state"]
    start = np.select([states == "active", states == "frozen", states == "future"], [running, frozen, future], ended)
    return {**first, "start": start, "end": billed_on(first["plan"], start, count)}


def _later(setting: Setting, rng: np.random.Generator, before: Columns, active: int) -> Columns:
    """The next contract of owners whose first one ended: two in three switch within 30 days, the others come back."""
    size = len(before["owner"])
    gap = np.where(rng.random(size) < 0.65, rng.integers(0, 31, size), rng.integers(32, 60, size))
    start = before["end"] + gap
    states = np.where(np.arange(size) < active, "active", "ended")
    plans = np.empty(size, dtype=np.int64)
    for kind in _SIZES:
        rows = np.flatnonzero(_SIZE[before["plan"]] == kind)
        plans[rows] = weighted(rng, np.where((kind == _SIZE) & (_FIXED == 0), _WEIGHT, 0), len(rows))
    room = (setting.last_day - start) // _LENGTH[plans]
    count = np.maximum(np.minimum(rng.integers(1, 8, size), room), 1)
    end = billed_on(plans, start, count)
    return {"owner": before["owner"], "plan": plans, "state": states, "start": start, "end": end}


def _freezes(setting: Setting, rng: np.random.Generator, contracts: Columns) -> tuple[Numbers, Numbers]:
    """Freezes that lie inside a contract, and those still running on the last day; NEVER where there is none."""
    start, size = contracts["start"], len(contracts["start"])
    freeze_from = np.full(size, NEVER)
    freeze_until = np.full(size, NEVER)
    began, length = start + rng.integers(35, 60, size), rng.integers(14, 45, size)
    room = np.minimum(contracts["end"], setting.last_day) - began - length
    past = (contracts["state"] != "frozen") & (_FIXED[contracts["plan"]] == 0) & (room > 10)
    chosen = rng.permutation(np.flatnonzero(past))[: setting.sized(100, at_least=2)]
    freeze_from[chosen], freeze_until[chosen] = began[chosen], (began + length)[chosen]
    now = np.flatnonzero(contracts["state"] == "frozen")
    freeze_from[now] = setting.last_day - rng.integers(3, 25, len(now))
    freeze_until[now] = setting.last_day + rng.integers(5, 40, len(now))
    return freeze_from, freeze_until


def _rosters(people: People, contracts: Columns) -> tuple[Numbers, Numbers]:
    """The people on each contract: the owner's household, a parent's first child, a couple, or the owner."""
    accounts = people.accounts
    by_home = np.argsort(people.household[:accounts], kind="stable")
    homes = people.household[:accounts][by_home]
    owner = contracts["owner"]
    low = np.searchsorted(homes, people.household[owner])
    high = np.searchsorted(homes, people.household[owner], side="right")
    size = _SIZE[contracts["plan"]]
    group, position = spread(np.where(size == "family", high - low, 0))
    child = np.full(people.size, NOBODY)
    children = np.flatnonzero(people.guardian != NOBODY)[::-1]
    child[people.guardian[children]] = children
    rows: Flags = size == "duo"
    singles = np.flatnonzero(size != "family")
    alone = np.where(size[singles] == "youth", child[owner[singles]], owner[singles])
    contract = np.r_[group, singles, np.flatnonzero(rows)]
    person = np.r_[by_home[low[group] + position], alone, people.partner[owner[rows]]]
    order = np.lexsort((person, contract))
    return contract[order].astype(np.int64), person[order].astype(np.int64)
