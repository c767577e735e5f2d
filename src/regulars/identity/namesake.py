"""A full name alone makes two profiles one customer, where it is rare and nobody else is known by it.

A pair of which only the name is known has a probability from how rare the name is. That nothing speaks for two people
of that name is evidence of its own: had a namesake come, another birthday, address or contact would mostly tell.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from regulars.identity.comparison import COMPARED, are_different, compare
from regulars.identity.component import Links, components
from regulars.identity.distinct import distinct, firsts
from regulars.identity.portrait import FIELDS, Portraits, portraits
from regulars.identity.separation import Bools, Floats, Ints, Separation, pairs_within

SILENCE = 15
"""How much likelier one person is where nobody else is known by a name.

Measured on made worlds of two makes, with their truth in sight: 8 to 15 where names are weighed least. What it comes to
is told by `benchmarks/identity_quality.py`. Where many people share few names it says too much.
"""

MOST_OF_A_NAME = 60
"""Persons of one name beyond which it is common, whatever is known of them."""

TOLD = ("birthday", "email", "phone", "address")
"""What namesakes differ in, beside their ids."""


def assured(probability: Floats) -> Floats:
    """Return how probable pairs of one name are when nobody else is known by it."""
    found: Floats = SILENCE * probability / (1 + (SILENCE - 1) * probability)
    return found


def name_links(links: Links, people: pa.Table, *, persons: Separation) -> Links:
    """Return the links by name that stand: those of names by which nobody else is known.

    All whom such links hold together must differ in nothing: two addresses or two birthdays under one name are two
    people, and a third profile of that name can be either. Where nothing is known of both, nothing could differ.

    Args:
        links: By full name alone.
        people: Profiles by age.
        persons: What other evidence holds together, and what keeps people apart.

    """
    if not len(links.left):
        return links
    left, right = persons.person[links.left], persons.person[links.right]
    _, name = components(left, right, count=persons.count)
    touched = distinct(np.concatenate([left, right]))
    touched = touched[np.argsort(name[touched], kind="stable")]
    rows = np.flatnonzero(np.isin(persons.person, touched))
    known = portraits(people.take(pa.array(rows))).completed(persons.person[rows])
    place = firsts(persons.person[rows], count=persons.count)
    size = np.bincount(name[touched], minlength=persons.count)
    is_common = persons.hold_apart(name[touched], touched, groups=persons.count) | (size > MOST_OF_A_NAME)
    rest = touched[~is_common[name[touched]]]
    one, other = pairs_within(name[rest])
    one, other = rest[one], rest[other]
    is_common[name[one[_differ(known, place[one], place[other])]]] = True
    is_bare = np.all([known.numbers[field] < 0 for field in TOLD], axis=0)
    return links.where(~is_common[name[left]] & ~(is_bare[place[left]] & is_bare[place[right]]))


def _differ(known: Portraits, left: Ints, right: Ints) -> Bools:
    levels = compare(known, left, right)
    differ = are_different(levels, by=("first_name", "birthday"))
    for field in TOLD[1:]:
        differ |= levels[:, FIELDS.index(field)] == len(COMPARED[field].outcomes)
    return differ
