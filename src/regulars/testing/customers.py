"""Noisy customers with a truth: five sources, families on one phone, nicknames, typing errors, changed addresses.

Made column by column, a million profiles in seconds; the same seed gives the same world.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.nickname import NICKNAMES
from regulars.identity.profile import PROFILES
from regulars.testing.gym.vocabulary import FIRST_NAMES, LAST_NAMES

Texts = npt.NDArray[np.object_]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
NOTHING: Any = None

ROLES = ("info@club.example", "team@school.example", "+12545550111", "+12545550122")
"""Contacts typed for whoever has none: they look real and belong to nobody."""


ALIKE = frozenset({
    "theresa", "josephine", "alexandra", "gabrielle", "kathryn", "katherine", "isabelle", "phillip", "steven", "ann",
})
"""Names one stroke from another, which two of one house rarely have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How one source keeps its customers: shares of its profiles."""

    name: str
    reach: float                             # of all people
    again: float                             # of its people, who are in it twice
    no_contact: float                        # e-mail and phone missing; the next two are of the others
    email: float
    phone: float
    birthday: float
    address: float
    nickname: float
    slip: float                              # of each field
    is_exclusive: bool = False


SOURCES = (
    Habits(name="gym", reach=0.62, again=0, no_contact=0.1, email=0.8, phone=0.8, birthday=0.9, address=0.6,
           nickname=0.05, slip=0.01, is_exclusive=True),
    Habits(name="shop", reach=0.5, again=0.12, no_contact=0.02, email=0.85, phone=0.6, birthday=0.1, address=0.8,
           nickname=0.08, slip=0.015),
    Habits(name="desk", reach=0.3, again=0.1, no_contact=0.35, email=0.6, phone=0.85, birthday=0.35, address=0.15,
           nickname=0.25, slip=0.04),
    Habits(name="letter", reach=0.45, again=0.08, no_contact=0.0, email=1, phone=0.4, birthday=0.25, address=0.1,
           nickname=0.15, slip=0.015),
    Habits(name="waiver", reach=0.4, again=0.1, no_contact=0.1, email=0.75, phone=0.8, birthday=0.85, address=0.3,
           nickname=0.05, slip=0.03),
)
"""The five sources of a noisy world; 2.3 profiles a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customers:
    """Profiles and whose they truly are; the arrays have one entry a profile."""

    profiles: pa.Table                       # identity.profile.PROFILES
    person: Numbers
    household: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    household: Numbers
    is_child: Flags
    first: Texts
    last: Texts
    birthday: Numbers                        # days since 1970-01-01
    emails: tuple[Texts, Texts]              # until and since a change; None for nobody's own
    phones: tuple[Texts, Texts]
    streets: tuple[Texts, Texts]
    places: tuple[Numbers, Numbers]          # number of the postcode


def noisy_customers(profiles: int, *, seed: int) -> Customers:
    """Return about so many profiles of people who live in households."""
    rng = np.random.default_rng(seed)
    reach = sum(source.reach * (1 + source.again) for source in SOURCES)
    people = _people(rng, round(profiles / reach))
    parts = [_profiles(rng, people, source) for source in SOURCES]
    person = np.concatenate([who for _, who in parts])
    return Customers(
        profiles=pa.concat_tables([table for table, _ in parts]).combine_chunks(),
        person=person,
        household=people.household[person],
    )


def _people(rng: np.random.Generator, count: int) -> _People:
    size = rng.choice([1, 2, 3, 4, 5], p=[0.5, 0.24, 0.11, 0.11, 0.04], size=count)
    size = size[: np.searchsorted(np.cumsum(size), count) + 1]
    household = np.repeat(np.arange(len(size)), size)
    place_in = np.arange(len(household)) - np.repeat(np.cumsum(size) - size, size)
    count, homes = len(household), len(size)
    is_child = (place_in >= 2) | ((place_in == 1) & (size[household] == 2) & (rng.random(homes)[household] < 0.3))
    words = _surnames(rng, max(400, count // 30))
    own = _zipf(rng, len(words), homes)[household]
    keeps = (place_in == 1) & ~is_child & (rng.random(count) < 0.25)
    last = words[np.where(keeps, _zipf(rng, len(words), count), own)]
    names = np.array(sorted({*NICKNAMES, *(name.lower() for name in FIRST_NAMES)} - ALIKE), dtype=object)
    birthday = np.where(is_child, rng.integers(12_700, 18_600, count), rng.integers(-5_000, 12_000, count))
    twin = is_child & (rng.random(count) < 0.06)
    twin[1:] &= is_child[:-1] & (household[1:] == household[:-1])
    birthday[1:] = np.where(twin[1:], birthday[:-1], birthday[1:])
    first = _distinct_in_household(rng, names, household, place_in)
    junior = is_child & (rng.random(count) < 0.001)
    first[junior] = first[np.flatnonzero(junior) - place_in[junior]]
    emails = _emails(rng, first, last, is_child, place_in)
    phones = _phones(rng, is_child, place_in)
    moved = rng.random(homes) < 0.12
    place = rng.integers(0, max(20, homes // 400), homes)
    street, other = _streets(rng, homes), _streets(rng, homes)
    return _People(
        household=household, is_child=is_child, first=first, last=last, birthday=birthday, emails=emails, phones=phones,
        streets=(street[household], np.where(moved, other, street)[household]),
        places=(place[household], np.where(moved, rng.integers(0, place.max() + 1, homes), place)[household]),
    )


def _distinct_in_household(rng: np.random.Generator, names: Texts, household: Numbers, place_in: Numbers) -> Texts:
    order = rng.permutation(len(names))
    start = _zipf(rng, len(names), int(household.max()) + 1)[household]
    first: Texts = names[order[(start + place_in * 37) % len(names)]]
    return first


def _surnames(rng: np.random.Generator, count: int) -> Texts:
    starts = ["bar", "bel", "cal", "dor", "fen", "gar", "hal", "hol", "jen", "kir", "lam", "mar", "nor", "pel", "quin",
              "ros", "sal", "tor", "ver", "win"]
    middles = ["a", "e", "i", "o", "ing", "er", "en", "ow", "ack", "ell", "an", "ib"]
    ends = ["ton", "son", "man", "field", "berg", "ley", "wood", "sky", "ez", "ard", "by", "ham", "ski", "well", "er"]
    made = [a + b + c for a in starts for b in middles for c in ends]
    double = [f"{a}{b}" for a in starts for b in made[:: max(1, len(made) // 400)]]
    pool = [name.lower() for name in LAST_NAMES] + [str(w) for w in rng.permutation(made + double)]
    return np.array(pool[:count], dtype=object)


def _zipf(rng: np.random.Generator, words: int, count: int) -> Numbers:
    """Draw word numbers, the first the most common."""
    shares = 1 / (np.arange(words) + 12.0)
    return np.searchsorted(np.cumsum(shares / shares.sum()), rng.random(count)).clip(max=words - 1)


def _emails(
    rng: np.random.Generator, first: Texts, last: Texts, is_child: Flags, place_in: Numbers
) -> tuple[Texts, Texts]:
    made = []
    for _ in range(2):
        number = rng.integers(1, 20 * len(first), len(first)).astype(str).astype(object)
        style = rng.integers(0, 4, len(first))
        initial = np.array([name[0] for name in first], dtype=object)
        local = np.select(
            [style == 0, style == 1, style == 2], [first + "." + last + number, initial + last + number, last + number],
            first + number,
        )
        domain = rng.choice(np.array(["gmail.com", "mail.example", "post.example", "work.example"], object), len(first))
        address = np.array([t.replace(" ", "").replace("'", "") for t in local], dtype=object) + "@" + domain
        address[rng.random(len(first)) < np.where(is_child, 0.7, 0.03)] = None
        made.append(_borrowed(rng, address, place_in, is_child, share=0.06))
    changed = rng.random(len(first)) < 0.08
    return made[0], np.where(changed, made[1], made[0])


def _phones(rng: np.random.Generator, is_child: Flags, place_in: Numbers) -> tuple[Texts, Texts]:
    made = []
    for _ in range(2):
        number = rng.integers(200_0000, 999_9999, len(is_child)).astype(str).astype(object)
        area = rng.choice(np.array(["254", "512", "737", "817"], object), len(is_child))
        phone = "+1" + area + number
        phone[rng.random(len(is_child)) < np.where(is_child, 0.7, 0.03)] = None
        made.append(_borrowed(rng, phone, place_in, is_child, share=0.07))
    changed = rng.random(len(is_child)) < 0.08
    return made[0], np.where(changed, made[1], made[0])


def _borrowed(rng: np.random.Generator, own: Texts, place_in: Numbers, is_child: Flags, *, share: float) -> Texts:
    """Children use a parent's, some partners the other's."""
    head = np.arange(len(own)) - place_in
    borrows = (own == None) & is_child & (rng.random(len(own)) < 0.9)  # noqa: E711  element by element
    borrows |= (place_in == 1) & ~is_child & (rng.random(len(own)) < share)
    return np.where(borrows, own[head], own)


def _streets(rng: np.random.Generator, count: int) -> Texts:
    words = _surnames(np.random.default_rng(5), 700)
    kinds = np.array([" st", " ave", " rd", " ln", " dr"], object)
    number = rng.integers(1, 2000, count).astype(str).astype(object)
    streets: Texts = number + " " + words[rng.integers(0, len(words), count)] + kinds[rng.integers(0, 5, count)]
    return streets


def _profiles(rng: np.random.Generator, people: _People, source: Habits) -> tuple[pa.Table, Numbers]:
    person = np.flatnonzero(rng.random(len(people.household)) < source.reach)
    person = np.sort(np.concatenate([person, person[rng.random(len(person)) < source.again]]))
    count = len(person)
    later = (rng.random(count) < 0.5).astype(np.int64)
    created = rng.integers(0, 700, count) + 700 * later

    def picked(pair: tuple[npt.NDArray[Any], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.where(later == 1, pair[1][person], pair[0][person])

    def kept(values: Texts, share: float) -> Texts:
        return np.where(rng.random(count) < share, values, NOTHING)

    has_any = rng.random(count) >= source.no_contact
    first = people.first[person].copy()
    short = np.flatnonzero(rng.random(count) < source.nickname)
    first[short] = [_nickname(rng, name) for name in first[short]]
    initial = np.flatnonzero(rng.random(count) < source.slip / 3)
    first[initial] = [name[0] for name in first[initial]]
    first, last = _slipped(rng, first, source.slip), _slipped(rng, people.last[person], source.slip)
    swap = rng.random(count) < source.slip / 4
    first, last = np.where(swap, last, first), np.where(swap, first, last)
    email = _slipped(rng, kept(np.where(has_any, picked(people.emails), NOTHING), source.email), source.slip)
    phone = kept(np.where(has_any, picked(people.phones), NOTHING), source.phone)
    phone = _slipped(rng, phone, source.slip, digits=True)
    lacking = rng.random(count) < 0.0003
    email = np.where(lacking & (email == None), ROLES[0], email)  # noqa: E711  element by element
    phone = np.where(lacking & (phone == None), ROLES[2], phone)  # noqa: E711  element by element
    address = _slipped(rng, kept(picked(people.streets), source.address), source.slip)
    place = picked(people.places)
    code = (76_000 + place).astype(str).astype(object)
    has_place = address != None  # noqa: E711  element by element
    columns: dict[str, Any] = {
        "profile_source": np.full(count, source.name, object),
        "profile_id": np.arange(count).astype(str).astype(object),
        "email": email, "phone": phone, "first_name": first, "last_name": last, "name": first + " " + last,
        "birthday": _birthdays(rng, people.birthday[person], source),
        "address": address,
        "postcode": _slipped(rng, np.where(has_place, code, NOTHING), source.slip / 2, digits=True),
        "city": np.where(has_place, np.array(LAST_NAMES, object)[(place // 8) % len(LAST_NAMES)], NOTHING),
        "created_at": np.datetime64("2022-01-01", "us") + created.astype("timedelta64[D]"),
        "is_exclusive": np.full(count, source.is_exclusive),
    }
    arrays = [
        pa.array(columns[field.name], field.type, from_pandas=True) if field.name in columns
        else pa.nulls(count, field.type)
        for field in PROFILES
    ]
    table = pa.Table.from_arrays(arrays, schema=PROFILES)
    lower = pc.utf8_lower(table["city"])
    return table.set_column(table.column_names.index("city"), "city", lower), person


def _birthdays(rng: np.random.Generator, birthday: Numbers, source: Habits) -> npt.NDArray[np.datetime64]:
    day = birthday.astype("datetime64[D]")
    months, years = day.astype("datetime64[M]"), day.astype("datetime64[Y]")
    month, number = (months - years).astype(np.int64), (day - months).astype(np.int64)
    swap = (rng.random(len(day)) < source.slip / 2) & (number < 12)
    day = np.where(swap, (years + number.astype("timedelta64[M]")).astype("datetime64[D]") + month, day)
    wrong = rng.random(len(day)) < source.slip
    shifted = np.where(rng.random(len(day)) < 0.5, 10, 365 * 3 + 1)
    day = np.where(wrong, day + shifted, day)
    day[rng.random(len(day)) >= source.birthday] = np.datetime64("NaT")
    return day


def _nickname(rng: np.random.Generator, name: str) -> str:
    known = NICKNAMES.get(name)
    return name if not known else known[int(rng.integers(0, len(known)))]


def _slipped(rng: np.random.Generator, values: Texts, share: float, *, digits: bool = False) -> Texts:
    """Return the values with a keystroke wrong in a share of them."""
    out = values.copy()
    rows = np.flatnonzero((rng.random(len(out)) < share) & (out != None))  # noqa: E711  element by element
    keys = "0123456789" if digits else "abcdefghijklmnopqrstuvwxyz"
    at, kind, key = rng.random(len(rows)), rng.integers(0, 4, len(rows)), rng.integers(0, len(keys), len(rows))
    # One keystroke in a few of a hundred values: plain text work.
    for row, where, how, letter in zip(rows.tolist(), at.tolist(), kind.tolist(), key.tolist(), strict=True):
        out[row] = _keystroke(out[row], where, how, keys[letter], is_fixed=digits)
    return out


def _keystroke(text: str, where: float, how: int, letter: str, *, is_fixed: bool) -> str:
    start = 3 if is_fixed and len(text) > 5 else 0
    at = start + int(where * max(1, len(text) - 1 - start))
    if how == 0 or (is_fixed and how > 1):
        return text[:at] + letter + text[at + 1 :]
    if how == 1:
        return text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]
    if how == 2:
        return text[:at] + text[at + 1 :]
    return text[:at] + letter + text[at:]
