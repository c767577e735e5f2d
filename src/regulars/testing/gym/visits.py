"""Who came in when, on what: members, day passes, shared packs, guests, free entries and events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regulars.testing.gym.business_time import utc_seconds
from regulars.testing.gym.chance import Columns, Flags, Numbers, Texts, rank_within, stacked, weighted
from regulars.testing.gym.contacts import Contacts
from regulars.testing.gym.friends import Friendships, befriend
from regulars.testing.gym.json_lines import NEVER
from regulars.testing.gym.memberships import Memberships
from regulars.testing.gym.people import NOBODY, People
from regulars.testing.gym.setting import Setting
from regulars.testing.gym.trial import Trial
from regulars.testing.gym.vocabulary import PLANS

FIRST_ID = 5_000_001
PACKS = ("5 Climb Punch Pass", "Day Pass (14 and up)", "Youth Day Pass (under 14)", "Youth Day Pass with Gear",
         "Pass from Home", "2-Week Climbing Pass")
PACK_SIZE = np.array([5, 3, 3, 2, 3, 1])
PACK_KINDS = ("punch", "day_pass", "day_pass", "day_pass", "pass", "pass")
PACK_WEIGHTS = (60, 440, 500, 213, 50, 10)
SINGLES = ("Day Pass (14 and up)", "Mid-day Day Pass", "Youth Day Pass (under 14)", "Youth Day Pass with Gear")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """One row per check-in, by time. `purchaser` is who bought the pass that somebody else used, or NOBODY.

    `kind` is what the visit truly was: member, day_pass, punch, pass, guest, free or event.
    """

    person: Numbers
    at: Numbers                    # UTC seconds
    micros: Numbers
    method: Texts                  # MEM, ENT, GUE, FRE, EVE
    kind: Texts
    text: Texts                    # `entry_method_description`
    purchaser: Numbers
    ordinal: Numbers               # of the person's check-ins, from 1
    pack_holder: Numbers           # whose pack this use is from, his own uses included, or NOBODY
    pack: Numbers                  # position in PACKS, or -1
    pack_use: Numbers              # the holder's uses of that pack before this one
    friendships: Friendships       # who comes together: of people, not of check-ins

    @property
    def ids(self) -> Numbers:
        """Return the check-ins' ids in Capitan."""
        return np.arange(len(self.person)) + FIRST_ID


def visit(setting: Setting, people: People, contacts: Contacts, contracts: Memberships, trial: Trial) -> Visits:
    """Return the check-ins: 37,700 at scale 1, 1,892 of them on a pass that somebody else bought."""
    rng = setting.rng("visits")
    total = setting.sized(37_700, at_least=120)
    shared, guests = setting.sized(1293, at_least=6), setting.sized(599, at_least=3)
    entries, free, events = round(total * 0.155) - shared, round(total * 0.04), round(total * 0.01)
    packed = entries // 8
    members, friendships = _members(setting, rng, contracts, total - entries - shared - guests - free - events)
    rows = stacked(
        members,
        _singles(setting, rng, people, contacts, first=trial.person, count=entries - packed),
        _packs(setting, rng, people, contacts, shared=shared, own=packed),
        _guests(rng, people, contacts, members, guests),
        _others(setting, rng, contacts, "FRE", count=free),
        _others(setting, rng, contacts, "EVE", count=events),
    )
    order = np.argsort(rows["at"], kind="stable")
    rows = {name: values[order] for name, values in rows.items()}
    ordinal = rank_within(rows["person"], np.arange(total)) + 1
    return Visits(
        **rows, micros=rng.integers(1, 1_000_000, total), ordinal=ordinal, friendships=friendships
    )


def _rows(person: Numbers, at: Numbers, method: str, kind: object, text: object, **more: Numbers) -> Columns:
    size = len(person)
    filled = {
        "purchaser": np.full(size, NOBODY), "pack_holder": np.full(size, NOBODY), "pack": np.full(size, -1),
        "pack_use": np.zeros(size, dtype=np.int64), **more,
    }
    return {"person": person, "at": at, "method": _all(method, size), "kind": _all(kind, size),
            "text": _all(text, size), **filled}


def _all(value: Any, size: int) -> npt.NDArray[np.object_]:
    texts = np.empty(size, dtype=object)
    texts[:] = value
    return texts


def _hour(rng: np.random.Generator, days: Numbers) -> Numbers:
    """Moments of those days between 6:00 and 21:50, mostly in the evening, as UTC seconds."""
    share = np.where(rng.random(len(days)) < 0.6, rng.beta(8, 3, len(days)), rng.random(len(days)))
    return utc_seconds(days, (6 * 3600 + share * 57_000).astype(np.int64))


def in_force(setting: Setting, contracts: Memberships) -> Columns:
    """Return the stretches in which a person of a roster may come in: contract, person, since, until (exclusive)."""
    contract, person = contracts.roster_contract, contracts.roster_person
    start, end = contracts.start[contract], np.minimum(contracts.end[contract], contracts.roster_frozen)
    freeze_from, freeze_until = contracts.freeze_from[contract], contracts.freeze_until[contract]
    today = setting.last_day + 1
    stretches = {
        "contract": np.r_[contract, contract], "person": np.r_[person, person],
        "since": np.r_[start, freeze_until], "until": np.minimum(np.r_[np.minimum(end, freeze_from), end], today),
    }
    keep = (stretches["until"] > stretches["since"]) & (stretches["since"] != NEVER)
    return {name: values[keep] for name, values in stretches.items()}


def _members(
    setting: Setting, rng: np.random.Generator, contracts: Memberships, count: int
) -> tuple[Columns, Friendships]:
    """Members' visits, only while they are in force; a quarter of the members fade: most visits come early.

    Some come with a friend.
    """
    open_days = in_force(setting, contracts)
    length = open_days["until"] - open_days["since"]
    habit = rng.gamma(1.2, 1.0, len(length))
    row = weighted(rng, length * habit, count)
    fades = (rng.random(len(length)) < 0.25)[row]
    share = rng.random(count) ** np.where(fades, 2.5, 1.0)
    day = open_days["since"][row] + (share * length[row]).astype(np.int64)
    # What a member's entry says looks like a pass now and then.
    names = np.array([plan.name for plan in PLANS], dtype=object)[contracts.plan[open_days["contract"][row]]]
    names[rng.random(count) < 0.01] = "Member day pass add-on"
    at, friendships = befriend(setting, open_days, row, _hour(rng, day))
    return _rows(open_days["person"][row], at, "MEM", "member", names), friendships


def _singles(
    setting: Setting, rng: np.random.Generator, people: People, contacts: Contacts, *, first: Numbers, count: int
) -> Columns:
    """Own day passes: the trial's first visits, then people on the day their account opened or some time after."""
    exposed = len(first)
    person = np.r_[first, rng.integers(0, people.accounts, max(count - exposed, 0))][:count]
    back = count // 8
    later = (rng.exponential(60, count)).astype(np.int64)
    is_first = (rng.random(count) < 0.5) | (np.arange(count) < exposed)
    # Some of the first visitors are back within two weeks.
    person[count - back :] = person[rng.permutation(np.flatnonzero(is_first[: count - back]))[:back]]
    later[count - back :], is_first[count - back :] = rng.integers(4, 12, back), False
    created = contacts.created_day[person]
    is_first |= created + later > setting.last_day
    day = np.maximum(np.where(is_first, created, created + later), setting.opened)
    kind = np.where(people.is_minor[person], 2, 0) + (rng.random(count) < 0.25)
    text = np.array(SINGLES, dtype=object)[kind]
    counted = rng.random(count) < 0.5
    text[counted] += " (0 remaining)"
    return _rows(person, _hour(rng, day), "ENT", "day_pass", text)


def _packs(
    setting: Setting, rng: np.random.Generator, people: People, contacts: Contacts, *, shared: int, own: int
) -> Columns:
    """Uses of packs by those who bought them and by others, with what remains; some buyers' names have brackets."""
    buyers = rng.permutation(np.flatnonzero(contacts.is_reachable & ~people.is_minor & people.has_account))
    buyers = np.r_[np.flatnonzero(contacts.is_reachable[:2]), buyers[: setting.sized(360, at_least=4)]]
    size = shared + own
    holder = buyers[rng.integers(0, len(buyers), size)]
    holder[: min(2, shared)] = buyers[0]
    user = rng.integers(0, people.accounts, size)
    user = np.where(user == holder, (user + 1) % people.accounts, user)
    user[shared:] = holder[shared:]
    since = np.maximum(np.maximum(contacts.created_day[user], contacts.created_day[holder]), setting.opened)
    at = _hour(rng, since + (rng.random(size) * (setting.last_day - since + 1)).astype(np.int64))
    pack = weighted(rng, PACK_WEIGHTS, size)
    use = rank_within(holder * len(PACKS) + pack, at, np.arange(size))
    left = PACK_SIZE[pack] - 1 - use % PACK_SIZE[pack]
    names = np.array(PACKS, dtype=object)[pack]
    is_shared = np.arange(size) < shared
    text = names + np.where(is_shared, " from " + people.full_name[holder], "")
    told = ~is_shared | (rng.random(size) < 0.97)
    text = text + np.where(told, " (" + left.astype(str).astype(object) + " remaining)", "")
    kind = np.array(PACK_KINDS, dtype=object)[pack]
    purchaser = np.where(is_shared, holder, NOBODY)
    return _rows(user, at, "ENT", kind, text, purchaser=purchaser, pack_holder=holder, pack=pack, pack_use=use)


def _guests(
    rng: np.random.Generator, people: People, contacts: Contacts, members: Columns, count: int
) -> Columns:
    """Guests who come in with a member, minutes after; some texts count what remains of the member's guest passes."""
    visits = rng.integers(0, len(members["person"]), count)
    host, at = members["person"][visits], members["at"][visits] + rng.integers(20, 600, count)
    day = members["at"][visits] // 86_400
    order = np.argsort(contacts.created_day[: people.accounts], kind="stable")
    known = np.searchsorted(contacts.created_day[: people.accounts][order], day - 1, side="right")
    user = order[(rng.random(count) * np.maximum(known, 1)).astype(np.int64)]
    clash: Flags = user == host
    user = np.where(clash, order[0], user)
    host = np.where(user == host, order[1], host)
    text = "Guest Pass from " + people.full_name[host]
    left = rng.integers(0, 4, count).astype(str).astype(object)
    text = text + np.where(rng.random(count) < 0.1, " (" + left + " remaining)", "")
    return _rows(user, at, "GUE", "guest", text, purchaser=host)


def _others(setting: Setting, rng: np.random.Generator, contacts: Contacts, method: str, *, count: int) -> Columns:
    kind, text = {"FRE": ("free", "Free entry - first time host"), "EVE": ("event", "Event: Climbing Night")}[method]
    person = rng.integers(0, contacts.accounts, count)
    since = np.maximum(contacts.created_day[person], setting.opened)
    day = since + (rng.random(count) * (setting.last_day - since + 1)).astype(np.int64)
    return _rows(person, _hour(rng, day), method, kind, text)


def pack_sales(visits: Visits) -> Columns:
    """Return the packs behind the uses: one row per pack bought: holder, pack, at (its first use, UTC seconds)."""
    rows = np.flatnonzero((visits.pack >= 0) & (visits.pack_use % PACK_SIZE[np.maximum(visits.pack, 0)] == 0))
    return {"holder": visits.pack_holder[rows], "pack": visits.pack[rows], "at": visits.at[rows]}
