"""E-mail addresses and phone numbers as evidence: whose they are, and which are shared by several people.

A contact point that people use whom something else proves to be different is a household's, not a person's: it
merges nobody by itself, only together with an equal full name. Neither does one whose users tell more or fewer given
names, or one whose name only begins the other's: whether "J." or "Maria" is another way to write "Maria Elena" or
"Mariaelena", or another of the house, is weighed with all else. (That "Ben" is Benjamin is known.)
"""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.identity.component import Links
from regulars.identity.distinct import firsts
from regulars.identity.nickname import formal
from regulars.identity.separation import Ints, Separation
from regulars.identity.spelling import text_column


def contact_links(
    value: Ints, full_name: Ints, *, given_names: Ints, persons: Separation, kind: int, named_kind: int
) -> Links:
    """Links between the profiles that use one contact point.

    Args:
        value: Number of each profile's contact point, -1 for none.
        full_name: Number of each profile's full name, -1 where less than two words are known.
        given_names: How many given names each profile tells, 0 an initial alone, -1 none.
        persons: What stronger evidence already holds together, and what keeps people apart.
        kind: Evidence of links by the contact alone, where all of its users can only be one.
        named_kind: Evidence of links by contact and name, everywhere else.

    """
    user = np.flatnonzero(value >= 0)
    values = int(value.max(initial=-1)) + 1
    if not values:
        return Links.none()
    several = _several(value[user], persons.person[user], values)
    user = user[several[value[user]]]
    is_shared = persons.hold_apart(value[user], persons.person[user], groups=values)
    named = user[given_names[user] >= 0]
    is_shared |= _several(value[named], given_names[named], values)
    is_shared |= _one_begins_another(value[named], persons.traces.first[named], persons.traces.words, values)
    alone = user[~is_shared[value[user]]]
    by_contact = _star(alone, value[alone], kind)

    named = user[is_shared[value[user]] & (full_name[user] >= 0)]
    names = int(full_name.max(initial=-1)) + 1
    namesakes, group = np.unique(value[named] * names + full_name[named], return_inverse=True)
    # Two of one name whom an id separates are father and son, or an account opened twice: the name decides nothing.
    is_unclear = persons.hold_apart(group, persons.person[named], groups=len(namesakes))
    sure = ~is_unclear[group]
    return Links.joined([by_contact, _star(named[sure], group[sure], named_kind)])


def _several(group: Ints, what: Ints, groups: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which groups hold more than one of what is numbered."""
    low = np.full(groups, np.iinfo(np.int64).max)
    high = np.full(groups, -1, dtype=np.int64)
    np.minimum.at(low, group, what)
    np.maximum.at(high, group, what)
    return low < high


def _one_begins_another(group: Ints, name: Ints, words: NDArray[np.str_], groups: int) -> NDArray[np.bool_]:
    """Which groups hold two names of which one begins the other and is no short form of it."""
    found = np.zeros(groups, dtype=bool)
    has_two = _several(group, name, groups)[group]
    group, name = group[has_two], name[has_two]
    # In order of the alphabet whatever begins with a name stands right behind it.
    place = np.empty(len(words), dtype=np.int64)
    place[np.argsort(words)] = np.arange(len(words))
    order = np.lexsort((place[name], group))
    group, name = group[order], name[order]
    rows = np.flatnonzero((group[1:] == group[:-1]) & (name[1:] != name[:-1]))
    one, other = words[name[rows]], words[name[rows + 1]]
    begins = np.char.startswith(other, one)
    rows, one, other = rows[begins], one[begins], other[begins]
    is_form = pc.equal(*(formal(text_column(names)) for names in (one, other))).to_numpy(zero_copy_only=False)
    found[group[rows[~is_form]]] = True
    return found


def _star(profile: Ints, group: Ints, kind: int) -> Links:
    """Links from the first profile of each group to its others; `profile` is ascending."""
    centre = profile[firsts(group, count=int(group.max(initial=-1)) + 1)[group]]
    others = centre != profile
    return Links(
        left=centre[others],
        right=profile[others],
        kind=np.full(int(others.sum()), kind, dtype=np.int64),
        group=group[others],
    )
