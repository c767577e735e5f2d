"""How alike two profiles are, field by field: equal, a slip of the keyboard apart, or different."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.identity.likeness import keystrokes
from regulars.identity.name import before_at, can_be_one, cut_alike, parts
from regulars.identity.nickname import NICKNAMES
from regulars.identity.numbered import value_numbers
from regulars.identity.portrait import FIELDS, Portraits, Texts, text_hashes, word_hashes
from regulars.identity.separation import Bools, Ints, Separation
from regulars.identity.spelling import text_column

Levels = NDArray[np.int8]
UNKNOWN, EQUAL = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What can come out of the comparison of one field, and what is expected before any data is seen."""

    outcomes: tuple[str, ...]                # of levels 1, 2, ...; the last is the clear difference
    person: tuple[float, ...]                # share of each among pairs of one person
    household: tuple[float, ...] | None = None       # and among people of one house; None: as among strangers


COMPARED: Mapping[str, Field] = {
    "first_name": Field(
        outcomes=(
            "equal", "short form", "one slip", "similar", "initial", "names swapped", "one of several", "different",
        ),
        person=(0.79, 0.07, 0.04, 0.03, 0.01, 0.01, 0.01, 0.04),
    ),
    "last_name": Field(
        outcomes=("equal", "part equal", "one slip", "similar", "different"),
        person=(0.85, 0.02, 0.05, 0.03, 0.05), household=(0.8, 0.02, 0.03, 0.02, 0.13),
    ),
    "birthday": Field(
        outcomes=("equal", "one slip", "part equal", "near", "different"), person=(0.9, 0.05, 0.02, 0.01, 0.02),
        household=(0.02, 0.002, 0.01, 0.02, 0.948),
    ),
    "email": Field(
        outcomes=("equal", "typing error", "equal before the @", "different"),
        person=(0.5, 0.08, 0.02, 0.4), household=(0.4, 0.02, 0.01, 0.57),
    ),
    "phone": Field(outcomes=("equal", "one slip", "different"), person=(0.5, 0.05, 0.45), household=(0.4, 0.02, 0.58)),
    "address": Field(outcomes=("equal", "similar", "different"), person=(0.7, 0.1, 0.2), household=(0.75, 0.1, 0.15)),
    "postcode": Field(
        outcomes=("equal", "one slip", "different"), person=(0.8, 0.05, 0.15), household=(0.85, 0.05, 0.1),
    ),
    "city": Field(outcomes=("equal", "similar", "different"), person=(0.8, 0.05, 0.15), household=(0.85, 0.05, 0.1)),
    "region": Field(outcomes=("equal", "different"), person=(0.9, 0.1), household=(0.95, 0.05)),
    "personal_id": Field(outcomes=("equal", "one slip", "similar", "different"), person=(0.9, 0.06, 0.02, 0.02)),
    "source": Field(outcomes=("same source", "two sources"), person=(0.5, 0.5)),
}
"""Every field of a portrait. The shares are where learning begins, and where it stays when there is little data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Pairs of profiles by number and how alike they are; one entry a pair."""

    left: Ints
    right: Ints
    levels: Levels                           # of `compare`

    @classmethod
    def of(cls, people: Portraits, left: Ints, right: Ints, *, persons: Separation) -> Compared:
        """Compare the pairs that may be one person."""
        may_be = ~persons.are_apart(persons.person[left], persons.person[right])
        left, right = left[may_be], right[may_be]
        return cls(left=left, right=right, levels=compare(people, left, right))


def compare(people: Portraits, left: Ints, right: Ints) -> Levels:
    """Return the level of each field of each pair: 0 unknown, 1 equal, then as `COMPARED` says; (pairs, fields)."""
    found = np.empty((len(left), len(FIELDS)), dtype=np.int8)
    for n, field in enumerate(FIELDS):
        numbers = people.numbers[field]
        found[:, n] = _levels(numbers[left], numbers[right], people.texts[field], _UNEQUAL[field])
    is_one_name = _are_one_name(people, left, right) & (found[:, 0] != UNKNOWN) & (found[:, 1] != UNKNOWN)
    found[is_one_name, :2] = EQUAL
    swapped = _swapped(people, left, right, found)
    is_swapped = swapped != UNKNOWN
    found[is_swapped, 0], found[is_swapped, 1] = swapped[is_swapped], UNKNOWN
    return found


def are_different(levels: Levels, *, by: Sequence[str] = ("first_name", "birthday")) -> Bools:
    """Say of each pair whether one of these fields clearly differs, and no strong id says otherwise."""
    strong = levels[:, FIELDS.index("personal_id")]
    is_known = (strong != UNKNOWN) & (strong != len(COMPARED["personal_id"].outcomes))
    different = np.zeros(len(levels), dtype=bool)
    for field in by:
        different |= levels[:, FIELDS.index(field)] == len(COMPARED[field].outcomes)
    found: Bools = different & ~is_known
    return found


def have_only_name(levels: Levels) -> Bools:
    """Say of each pair whether both have one full name, or a short form of it, and nothing else is known of both."""
    told = [FIELDS.index(field) for field in ("birthday", "email", "phone", "address", "personal_id")]
    is_named = ((levels[:, 0] == EQUAL) | (levels[:, 0] == _SHORT)) & (levels[:, 1] == EQUAL)
    found: Bools = is_named & (levels[:, told] == UNKNOWN).all(axis=1)
    return found


def have_own_fact(levels: Levels) -> Bools:
    """Say of each pair whether something agrees that nobody of one household shares: the birthday or a personal id."""
    found = np.zeros(len(levels), dtype=bool)
    for field in ("birthday", "personal_id"):
        place = FIELDS.index(field)
        found |= (levels[:, place] != UNKNOWN) & (levels[:, place] != len(COMPARED[field].outcomes))
    return found


def have_second_fact(levels: Levels, *, births_decide: bool = True) -> Bools:
    """Say of each pair whether something beside the name agrees: many people have one name.

    What a household shares is enough where both names are told alike. Where only an initial, one of several given names
    or a name like it is known, where the surname is another, or where both have an address or number and none agrees,
    it has to be the birthday or a personal id: the rest is the whole household's. Where the given name itself is vague
    a birthday that is only near is not enough, for it can be a brother's. (Where another birthday is not enough to keep
    two apart, sources are so careless that another surname or address, or a near birthday, proves nothing either.)

    Args:
        levels: Of `compare`.
        births_decide: Whether clearly other birthdays keep people apart.

    """
    agree, differ = {}, {}
    for place, field in enumerate(FIELDS):
        differ[field] = levels[:, place] == len(COMPARED[field].outcomes)
        agree[field] = (levels[:, place] != UNKNOWN) & ~differ[field]
    shared = np.any([agree[field] for field in ("email", "phone", "address", "postcode", "city")], axis=0)
    is_another = differ["last_name"] | ((differ["email"] | differ["phone"]) & ~agree["email"] & ~agree["phone"])
    is_vague = np.isin(levels[:, 0], (_SIMILAR, _INITIAL, _PART))
    is_born_so = np.isin(levels[:, FIELDS.index("birthday")], (UNKNOWN, EQUAL, _BORN_SLIP))
    own = have_own_fact(levels) & (is_born_so | ~is_vague | agree["personal_id"] | (not births_decide))
    found: Bools = own | (shared & ~is_vague & ~(is_another & ~differ["birthday"]))
    return found


def _are_one_name(people: Portraits, left: Ints, right: Ints) -> Bools:
    """Whether two full names have the same words and begin with the same: wherever given names end, it is one name."""
    texts = people.texts["first_name"]
    # -1 takes the last: unknown
    words, begin = (np.append(hashes, np.uint64(0)) for hashes in (word_hashes(texts), text_hashes(parts(texts)[0])))
    first, last = people.numbers["first_name"], people.numbers["last_name"]
    found: Bools = (words[first[left]] + words[last[left]] == words[first[right]] + words[last[right]]) & (
        begin[first[left]] == begin[first[right]]
    )
    return found


def _swapped(people: Portraits, left: Ints, right: Ints, found: Levels) -> Levels:
    """The level of first names that are the other's last name, where the names do not fit as they stand; else UNKNOWN.

    Where names are short, or could not be one person's, they are only similar when nearly so: "Li Yang" and "Yan Li",
    and "Clay Laura" and "Lauren Clay", live in one house.
    """
    first, last, texts = people.numbers["first_name"], people.numbers["last_name"], people.texts["last_name"]
    swapped = np.full(len(left), UNKNOWN, dtype=np.int8)
    rest = np.flatnonzero((found[:, 0] == _DIFFERENT) & (found[:, 1] >= _FAR))
    one = _levels(first[left[rest]], last[right[rest]], texts, _last_names)
    other = _levels(last[left[rest]], first[right[rest]], texts, _last_names)
    nearer, further = np.minimum(one, other), np.maximum(one, other)
    is_near = (nearer > UNKNOWN) & (nearer <= _LAST_SLIP) & (further <= _LAST_SIMILAR)
    rest, one, other = rest[is_near], one[is_near], other[is_near]
    is_sure = _are_one_word(texts, first[left[rest]], last[right[rest]], one)
    is_sure &= _are_one_word(texts, last[left[rest]], first[right[rest]], other)
    swapped[rest] = np.where(is_sure, _SWAPPED, _SIMILAR)
    return swapped


def _are_one_word(texts: Texts, a: Ints, b: Ints, level: Levels) -> Bools:
    """Whether names of these levels, of which each may be given or family name, are one: equal or a clear slip."""
    found: Bools = level == EQUAL
    rest = np.flatnonzero(level == _LAST_SLIP)
    one, other = texts[a[rest]], texts[b[rest]]
    is_long = np.minimum(np.char.str_len(one), np.char.str_len(other)) >= _LONG
    found[rest] = is_long & can_be_one(one, other)
    return found


_LONG = 5
"""Letters from which on a name that is nearly another is hardly one of its own."""

_FAR = COMPARED["last_name"].outcomes.index("different") + 1
_SHORT, _SLIP, _SIMILAR, _INITIAL, _SWAPPED, _PART, _DIFFERENT = (
    COMPARED["first_name"].outcomes.index(outcome) + 1
    for outcome in ("short form", "one slip", "similar", "initial", "names swapped", "one of several", "different")
)
_BORN_SLIP = COMPARED["birthday"].outcomes.index("one slip") + 1
_LAST_SLIP, _LAST_SIMILAR = (COMPARED["last_name"].outcomes.index(outcome) + 1 for outcome in ("one slip", "similar"))


def _levels(a: Ints, b: Ints, texts: Texts, unequal: Callable[[Texts, Ints, Ints], Ints]) -> Levels:
    """The level of each pair of values; each two different texts are compared once."""
    levels = np.where((a < 0) | (b < 0), UNKNOWN, EQUAL).astype(np.int8)
    rest = np.flatnonzero((a >= 0) & (b >= 0) & (a != b))
    if not len(rest):
        return levels
    low, high = np.minimum(a[rest], b[rest]), np.maximum(a[rest], b[rest])
    key, back = np.unique(low * len(texts) + high, return_inverse=True)
    levels[rest] = unequal(texts, key // len(texts), key % len(texts))[back]
    return levels


def _first_names(texts: Texts, a: Ints, b: Ints) -> Ints:
    """One of several given names is that; where both have several, the first and the last have to fit.

    One that goes on where the other ends is the same one too: "mary kate marie" and "mary kate".
    """
    levels = _given_names(texts, a, b)
    several = np.char.find(texts, " ") >= 0
    rest = np.flatnonzero(several[a] | several[b])
    if not len(rest):
        return levels
    a, b, are_both = a[rest], b[rest], several[a[rest]] & several[b[rest]]
    one, other, joined = parts(texts)
    first, last, whole = (_words_apart(words, a, b) for words in (one, other, joined))
    is_crossed = (one[a] == other[b]) & (other[a] == one[b])
    goes_on = np.char.startswith(texts[a], np.char.add(texts[b], " ")) | (
        np.char.startswith(texts[b], np.char.add(texts[a], " "))
    )
    is_longer = np.char.count(texts[a], " ") != np.char.count(texts[b], " ")
    goes_on |= is_longer & are_both & can_be_one(*cut_alike(texts[a], texts[b]))
    further = np.where(np.maximum(first, last) == _SIMILAR, _DIFFERENT, np.maximum(first, last))
    of_both = np.where(is_crossed | goes_on | ((first == EQUAL) & (last == _INITIAL)), _SHORT, further)
    nearer = np.minimum(first, last)
    of_one = np.where(whole <= _SLIP, whole, np.where(nearer <= _SLIP, _PART, np.minimum(nearer, whole)))
    levels[rest] = np.where(whole == EQUAL, EQUAL, np.where(are_both, of_both, of_one))
    return levels


def _words_apart(words: Texts, a: Ints, b: Ints) -> Ints:
    levels = _given_names(words, a, b)
    levels[words[a] == words[b]] = EQUAL
    return levels


def _given_names(texts: Texts, a: Ints, b: Ints) -> Ints:
    strokes = keystrokes(texts, a, b)
    longer = np.maximum(np.char.str_len(texts[a]), np.char.str_len(texts[b]))
    shorter = np.minimum(np.char.str_len(texts[a]), np.char.str_len(texts[b]))
    begins = _begins(texts, a, b)
    is_initial = begins & (shorter == 1)
    is_short = _are_forms(texts, a, b)
    is_slip = (strokes == 1) & can_be_one(texts[a], texts[b])
    is_similar = begins | ((strokes * 2 <= longer) & ((strokes <= 2) | ((strokes == 3) & _begin_alike(texts, a, b))))
    return np.select([is_initial, is_short, is_slip, is_similar], [_INITIAL, _SHORT, _SLIP, _SIMILAR], _DIFFERENT)


def _last_names(texts: Texts, a: Ints, b: Ints) -> Ints:
    strokes = keystrokes(texts, a, b)
    longer = np.maximum(np.char.str_len(texts[a]), np.char.str_len(texts[b]))
    part = _holds_word(texts, a, b) | _holds_word(texts, b, a)
    return np.select([part, (strokes == 1) & (longer >= 4), (strokes <= longer * 0.34)], [2, 3, 4], 5)


def _birthdays(texts: Texts, a: Ints, b: Ints) -> Ints:
    days = texts.astype("<U8").view("<U1").reshape(len(texts), 8)
    same = days[a] == days[b]
    year, month, day = same[:, :4].all(1), same[:, 4:6].all(1), same[:, 6:].all(1)
    swapped = year & (days[a, 4:6] == days[b, 6:]).all(1) & (days[a, 6:] == days[b, 4:6]).all(1)
    is_slip = swapped | (keystrokes(texts, a, b) == 1)
    # The first of January stands for a day nobody asked for.
    first = (days[:, 4:] == np.array(["0", "1", "0", "1"])).all(axis=1)
    is_part = (year.astype(int) + month + day >= 2) | (year & (first[a] | first[b]))
    return np.select([is_slip, is_part, _are_near(texts, a, b)], [2, 3, 4], 5)


def _are_near(texts: Texts, a: Ints, b: Ints) -> Bools:
    """Whether two days lie within a month of each other, in the same year or with the year one or ten off."""
    day = np.array([f"{text[:4]}-{text[4:6]}-{text[6:]}" for text in texts.tolist()], dtype="datetime64[D]")
    apart = np.abs(day[a] - day[b]).astype(np.int64)
    found: Bools = np.any([np.abs(apart - round(years * 365.25)) <= 31 for years in (0, 1, 10)], axis=0)
    return found


def _emails(texts: Texts, a: Ints, b: Ints) -> Ints:
    """A slip is one of letters: namesakes choose the same letters, and another figure, mark or provider."""
    local = before_at(text_column(texts))
    words = value_numbers(pc.replace_substring_regex(local, r"[^\p{L}]+", ""))
    has_figures = pc.match_substring_regex(local, "[0-9].*[0-9]").to_numpy(zero_copy_only=False)
    name = value_numbers(local)
    same = name[a] == name[b]
    is_slip = (keystrokes(texts, a, b) <= 2) & (same | (words[a] != words[b]))
    return np.select([is_slip, same & has_figures[a]], [2, 3], 4)


def _numbers(texts: Texts, a: Ints, b: Ints) -> Ints:
    return np.where(keystrokes(texts, a, b) <= 1, 2, 3)


def _ids(texts: Texts, a: Ints, b: Ints) -> Ints:
    strokes = keystrokes(texts, a, b)
    return np.select([strokes <= 1, strokes * 3 <= np.char.str_len(texts[a])], [2, 3], 4)


def _places(texts: Texts, a: Ints, b: Ints) -> Ints:
    longer = np.maximum(np.char.str_len(texts[a]), np.char.str_len(texts[b]))
    return np.where(keystrokes(texts, a, b) <= np.maximum(1, longer * 0.3), 2, 3)


def _regions(texts: Texts, a: Ints, b: Ints) -> Ints:  # noqa: ARG001  a word is this one or another
    return np.full(len(a), 2)


_UNEQUAL: Mapping[str, Callable[[Texts, Ints, Ints], Ints]] = {
    "first_name": _first_names, "last_name": _last_names, "birthday": _birthdays, "email": _emails,
    "phone": _numbers, "address": _places, "postcode": _numbers, "city": _places, "region": _regions,
    "personal_id": _ids, "source": _regions,
}


def _begins(texts: Texts, a: Ints, b: Ints) -> Bools:
    """Whether one is the other's beginning: an initial, or three letters and more."""
    one, other = texts[a], texts[b]
    size_one, size_other = np.char.str_len(one), np.char.str_len(other)
    shorter = np.minimum(size_one, size_other)
    is_beginning = np.char.startswith(one, other) | np.char.startswith(other, one)
    found: Bools = is_beginning & ((shorter == 1) | (shorter >= 3))
    return found


def _begin_alike(texts: Texts, a: Ints, b: Ints) -> Bools:
    first = texts.astype("<U1")
    found: Bools = first[a] == first[b]
    return found


def _holds_word(texts: Texts, a: Ints, b: Ints) -> Bools:
    """Whether the second is the first or last of the words of the first."""
    before, after = np.char.add(texts[b], " "), np.char.add(" ", texts[b])
    found: Bools = np.char.startswith(texts[a], before) | np.char.endswith(texts[a], after)
    return found


def _are_forms(texts: Texts, a: Ints, b: Ints) -> Bools:
    """Whether both are forms of one given name."""
    names = {text: n for n, text in enumerate(texts.tolist())}
    pairs = []
    # As many as the table of nicknames has; texts that nobody has are left out.
    for formal, forms in NICKNAMES.items():
        known = sorted(names[form] for form in {formal, *forms} if form in names)
        pairs += [low * len(texts) + high for n, low in enumerate(known) for high in known[n + 1 :]]
    return np.isin(np.minimum(a, b) * len(texts) + np.maximum(a, b), np.array(sorted(set(pairs)), dtype=np.int64))
