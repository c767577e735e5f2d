"""A rare full name alone makes two profiles one customer, where nothing says that two people have it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from regulars.identity.comparison import COMPARED, are_different, compare
from regulars.identity.component import Links, components
from regulars.identity.distinct import distinct, firsts
from regulars.identity.portrait import FIELDS, portraits
from regulars.identity.separation import Ints, Separation, pairs_within

MOST_OF_A_NAME = 60
"""Persons of one name beyond which it is common, whatever is known of them."""

TOLD = ("email", "phone", "address")
"""What namesakes differ in, beside birthday and ids."""


def name_links(links: Links, people: pa.Table, *, persons: Separation) -> Links:
    """Return the links by name that stand: those of names by which nobody else is known.

    Whoever such links hold together must differ in nothing: two addresses or two birthdays under one name are two
    people, and then a third profile of that name can be either.

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
    size = np.bincount(name[touched], minlength=persons.count)
    is_common = persons.hold_apart(name[touched], touched, groups=persons.count) | (size > MOST_OF_A_NAME)
    rest = touched[~is_common[name[touched]]]
    one, other = pairs_within(name[rest])
    is_common[name[rest[one[_differ(people, rest[one], rest[other], persons=persons)]]]] = True
    return links.where(~is_common[name[left]])


def _differ(people: pa.Table, left: Ints, right: Ints, *, persons: Separation) -> Ints:
    """Which pairs of persons differ in anything that both have."""
    rows = np.flatnonzero(np.isin(persons.person, np.concatenate([left, right])))
    known = portraits(people.take(pa.array(rows))).completed(persons.person[rows])
    place = firsts(persons.person[rows], count=persons.count)
    levels = compare(known, place[left], place[right])
    differ = are_different(levels)
    for field in TOLD:
        differ |= levels[:, FIELDS.index(field)] == len(COMPARED[field].outcomes)
    return np.flatnonzero(differ)
