"""Noisy customers with a truth: five sources, families on one phone, nicknames, typing errors, changed addresses.

Made column by column, a million profiles in seconds; the same seed gives the same world.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from regulars.identity.nickname import NICKNAMES
from regulars.identity.profile import PROFILES
from regulars.records.record import COMPARED_TRAITS
from regulars.testing.gym.vocabulary import FIRST_NAMES, LAST_NAMES

Texts = npt.NDArray[np.object_]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
NOTHING: Any = None

ROLES = ("info@club.example", "+12543350111")
"""Contacts typed for whoever has none: they look real and belong to nobody."""


ALIKE = frozenset({
    "theresa", "josephine", "alexandra", "gabrielle", "kathryn", "katherine", "isabelle", "phillip", "steven",
    *(form for forms in NICKNAMES.values() for form in forms),
})
"""Names one stroke from another and short forms of others, which two of one house rarely have."""


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


NOISY = pa.schema([*PROFILES, *((name, pa.string()) for name in COMPARED_TRAITS)])
"""Profiles with the traits that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customers:
    """Profiles and whose they truly are; the arrays have one entry a profile."""

    profiles: pa.Table                       # NOISY
    person: Numbers
    household: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    household: Numbers
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
    homes, household = len(size), np.repeat(np.arange(len(size)), size)
    place_in = np.arange(len(household)) - np.repeat(np.cumsum(size) - size, size)
    is_alone = (place_in == 1) & (size[household] == 2) & (rng.random(homes)[household] < 0.3)
    is_child = (place_in >= 2) | is_alone
    birthday = _born(rng, household, is_child)
    first, last = _names(rng, household, place_in, is_child)
    moved = rng.random(homes) < 0.12
    places = max(20, homes // 400)
    place, street = rng.integers(0, places, homes), _streets(rng, homes)
    later_place = np.where(moved, rng.integers(0, places, homes), place)
    later_street = np.where(moved, _streets(rng, homes), street)
    return _People(
        household=household, first=first, last=last, birthday=birthday,
        emails=_emails(rng, first, last, is_child, place_in), phones=_phones(rng, is_child, place_in),
        streets=(street[household], later_street[household]), places=(place[household], later_place[household]),
    )


def _born(rng: np.random.Generator, household: Numbers, is_child: Flags) -> Numbers:
    """Adults and children; some children are twins of the one before them."""
    count = len(household)
    day = np.where(is_child, rng.integers(12_700, 18_600, count), rng.integers(-5_000, 12_000, count))
    twin = is_child & (rng.random(count) < 0.06)
    twin[1:] &= is_child[:-1] & (household[1:] == household[:-1])
    twin[0] = False
    day[1:] = np.where(twin[1:], day[:-1], day[1:])
    return day


def _names(
    rng: np.random.Generator, household: Numbers, place_in: Numbers, is_child: Flags
) -> tuple[Texts, Texts]:
    """One surname a household but for some partners; one child in a thousand is a junior."""
    count, homes = len(household), int(household.max()) + 1
    words = _surnames(rng, max(400, count // 30))
    own = _zipf(rng, len(words), homes)[household]
    keeps = (place_in == 1) & ~is_child & (rng.random(count) < 0.25)
    last = words[np.where(keeps, _zipf(rng, len(words), count), own)]
    names = np.array(sorted({*NICKNAMES, *(name.lower() for name in FIRST_NAMES)} - ALIKE), dtype=object)
    order = rng.permutation(len(names))
    first = names[order[(_zipf(rng, len(names), homes)[household] + place_in * 37) % len(names)]]
    junior = np.flatnonzero(is_child & (rng.random(count) < 0.001))
    first[junior] = first[junior - place_in[junior]]
    return first, last


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
    borrows = (own == NOTHING) & is_child & (rng.random(len(own)) < 0.9)
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
    is_later = rng.random(count) < 0.5
    created = rng.integers(0, 700, count) + 700 * is_later
    first, last = _written(rng, people.first[person], people.last[person], source)
    columns: dict[str, Any] = {
        "profile_source": np.full(count, source.name, object),
        "profile_id": np.arange(count).astype(str).astype(object),
        "first_name": first, "last_name": last, "name": first + " " + last,
        "birthday": _birthdays(rng, people.birthday[person], source),
        "created_at": np.datetime64("2022-01-01", "us") + created.astype("timedelta64[D]"),
        "is_exclusive": np.full(count, source.is_exclusive),
        **_reached(rng, people, person, is_later, source),
        **_lives(rng, people, person, is_later, source),
    }
    arrays = [
        pa.array(columns[field.name], field.type, from_pandas=True) if field.name in columns
        else pa.nulls(count, field.type)
        for field in NOISY
    ]
    return pa.Table.from_arrays(arrays, schema=NOISY), person


def _written(rng: np.random.Generator, first: Texts, last: Texts, source: Habits) -> tuple[Texts, Texts]:
    """Names as the source has them: short forms, initials, slips, first and last swapped."""
    first = first.copy()
    short = np.flatnonzero(rng.random(len(first)) < source.nickname)
    first[short] = [_nickname(rng, name) for name in first[short]]
    initial = np.flatnonzero(rng.random(len(first)) < source.slip / 3)
    first[initial] = [name[0] for name in first[initial]]
    first, last = _slipped(rng, first, source.slip), _slipped(rng, last, source.slip)
    is_swapped = rng.random(len(first)) < source.slip / 4
    return np.where(is_swapped, last, first), np.where(is_swapped, first, last)


def _reached(
    rng: np.random.Generator, people: _People, person: Numbers, is_later: Flags, source: Habits
) -> dict[str, Texts]:
    """E-mail and phone, as they were then; a desk types somebody's for a few who give none."""
    count = len(person)
    has_any = rng.random(count) >= source.no_contact
    lacking = rng.random(count) < 0.0003
    found = {}
    for name, pair, share, role in (
        ("email", people.emails, source.email, ROLES[0]), ("phone", people.phones, source.phone, ROLES[1]),
    ):
        then = np.where(is_later, pair[1][person], pair[0][person])
        kept = np.where(has_any & (rng.random(count) < share), then, NOTHING)
        written = _slipped(rng, kept, source.slip, digits=name == "phone")
        found[name] = np.where(lacking & (written == NOTHING), role, written)
    return found


def _lives(
    rng: np.random.Generator, people: _People, person: Numbers, is_later: Flags, source: Habits
) -> dict[str, Texts]:
    """Street, postcode and city, as they were then."""
    then = np.where(is_later, people.streets[1][person], people.streets[0][person])
    address = _slipped(rng, np.where(rng.random(len(person)) < source.address, then, NOTHING), source.slip)
    is_known = address != NOTHING
    place = np.where(is_later, people.places[1][person], people.places[0][person])
    code = np.where(is_known, (76_000 + place).astype(str).astype(object), NOTHING)
    towns = np.array([name.lower() for name in LAST_NAMES], object)
    return {
        "address": address, "postcode": _slipped(rng, code, source.slip / 2, digits=True),
        "city": np.where(is_known, towns[(place // 8) % len(towns)], NOTHING),
    }


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
    rows = np.flatnonzero((rng.random(len(out)) < share) & (out != NOTHING))
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
