"""Full names that two of one family bear, as father and son do: a profile of such a name and home can be either's.

They are known by two birthdays a generation apart under one name that is too rare for a stranger to have it too, or by
a "jr" behind one. A slip of the pen is hardly ever a generation off, but for the first of January of any year.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc

from regulars.identity.distinct import distinct
from regulars.identity.name import without_suffix
from regulars.identity.naming import Naming
from regulars.identity.portrait import Portraits, Texts, person_counts, text_hashes
from regulars.identity.separation import Bools, Ints
from regulars.identity.spelling import spelled, text_column

STRANGERS = 0.1
"""People who have a name by chance, up to which two who have it are taken for one family."""

GENERATION = 15
"""Years."""

NO_YEAR = -1

MOST_BIRTHDAYS = 10
"""Birthdays under one name beyond which they are not those of a family."""


def handed_down(people: Portraits, person: Ints, naming: Naming) -> list[str]:
    """Return hashes of the full names that two of one family bear, in order; `person` says who each profile is."""
    texts, numbers = people.texts["first_name"], people.numbers
    first, last, birthday = numbers["first_name"], numbers["last_name"], numbers["birthday"]
    named = np.flatnonzero((first >= 0) & (last >= 0))
    full = first[named] * len(texts) + last[named]
    marked = full[np.char.find(_suffixes(texts), " ")[first[named]] >= 0] if len(texts) else full
    dated = named[birthday[named] >= 0]
    values = len(people.texts["birthday"])
    told = distinct((first[dated] * len(texts) + last[dated]) * values + birthday[dated]) if values else dated[:0]
    born = _years(people.texts["birthday"])
    told = told[born[told % max(values, 1)] != NO_YEAR]
    name, year = told // max(values, 1), born[told % max(values, 1)]
    of, first_row, size = np.unique(name, return_index=True, return_counts=True)
    ends = [each.reduceat(year, first_row) if len(year) else year for each in (np.minimum, np.maximum)]
    is_long = (ends[1] - ends[0] >= GENERATION) & (size <= MOST_BIRTHDAYS)
    two = of[is_long]
    two = two[_are_rare(people, person, naming, two)]
    both = distinct(np.concatenate([marked, two]))
    hashes = _name_hashes(texts[both // max(len(texts), 1)], texts[both % max(len(texts), 1)])
    found: list[str] = np.unique(hashes).astype(str).tolist()
    return found


def are_handed_down(known: Sequence[str], people: Portraits, profiles: Ints) -> Bools:
    """Say of each of these profiles whether two of one family bear its name."""
    texts = people.texts["first_name"]
    first, last = people.numbers["first_name"][profiles], people.numbers["last_name"][profiles]
    found = np.zeros(len(profiles), dtype=bool)
    rows = np.flatnonzero((first >= 0) & (last >= 0))
    if not len(rows) or not known:
        return found
    of, back = np.unique(first[rows] * len(texts) + last[rows], return_inverse=True)
    hashes = _name_hashes(texts[of // len(texts)], texts[of % len(texts)])
    found[rows] = np.isin(hashes, np.array([int(name) for name in known], dtype=np.uint64))[back]
    return found


def _years(birthdays: Texts) -> Ints:
    """The year of each birthday, NO_YEAR where it is a first of January: that stands for a day nobody asked for."""
    return np.array([NO_YEAR if text[4:] == "0101" else int(text[:4]) for text in birthdays.tolist()], dtype=np.int64)


def _are_rare(people: Portraits, person: Ints, naming: Naming, full: Ints) -> Bools:
    """Whether hardly a stranger has each full name: by how many have its parts, and how these go together."""
    texts = people.texts["first_name"]
    first, last = full // max(len(texts), 1), full % max(len(texts), 1)
    having = [person_counts(people.numbers[field], person, values=len(texts)) for field in ("first_name", "last_name")]
    everybody = max(len(distinct(person)), 1)
    by_chance = having[0][first] * having[1][last] / everybody * np.exp2(naming.together(texts[first], texts[last]))
    found: Bools = by_chance <= STRANGERS
    return found


def _suffixes(texts: Texts) -> Texts:
    """What marks a junior or senior behind each given name, with its blank; nothing behind the others."""
    known = text_column(texts)
    cut = without_suffix(known).to_pylist()
    return np.array([text[len(short):] for text, short in zip(texts.tolist(), cut, strict=True)], dtype=str)


def _name_hashes(first: Texts, last: Texts) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    given = without_suffix(text_column(first))
    full = pc.binary_join_element_wise(given, text_column(last), " ")
    return text_hashes(spelled(full))
