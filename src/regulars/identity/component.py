"""People as connected components of links, cut where a component would hold two who are apart.

A cut never guesses: whoever hangs between two people is detached from both and named in a conflict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from regulars.identity.distinct import distinct
from regulars.identity.separation import Ints, Separation, pairs_within

Pair = tuple[int, int]

MOST_UNTANGLED = 200
"""Persons in one tangle beyond which no link of it is trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Evidence that two profiles are one person; all arrays have one entry a link."""

    left: Ints                               # profile
    right: Ints                              # profile
    kind: Ints                               # what the evidence is: a number of `resolve.EVIDENCE`, strongest first
    group: Ints                              # links of one value share a number: all its users are linked to each other

    @classmethod
    def none(cls) -> Links:
        """Return no links."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(left=empty, right=empty, kind=empty, group=empty)

    @classmethod
    def joined(cls, parts: Iterable[Links]) -> Links:
        """Return the links of all parts; groups of different parts stay different."""
        parts = list(parts)
        sizes = [int(part.group.max()) + 1 if len(part.group) else 0 for part in parts]
        starts = np.cumsum([0, *sizes])
        return cls(
            left=np.concatenate([part.left for part in parts]),
            right=np.concatenate([part.right for part in parts]),
            kind=np.concatenate([part.kind for part in parts]),
            group=np.concatenate([part.group + start for part, start in zip(parts, starts, strict=False)]),
        )

    def where(self, chosen: Ints | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Links:
        """Return the chosen links, by position or by flag."""
        return Links(left=self.left[chosen], right=self.right[chosen], kind=self.kind[chosen], group=self.group[chosen])


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Evidence that pulls one profile to two people; nothing was merged for it. Profiles by number."""

    profile: int                             # the one between
    other: int                               # the profile whose evidence leads to `right`; mostly `profile` itself
    left: int
    right: int
    left_kind: int
    right_kind: int


def components(left: Ints, right: Ints, *, count: int) -> tuple[int, Ints]:
    """Return how many components the nodes form, and each node's component, numbered by their first node.

    Every round each tree of nodes hangs itself under the least that it touches, and all then hang under their root: at
    least half of the trees are gone after each. Graphs of a day are small, and scipy takes longer to import.
    """
    first = np.arange(count)
    while len(left):
        one, other = first[left], first[right]
        apart = one != other
        left, right, one, other = left[apart], right[apart], one[apart], other[apart]
        for root in (one, other):
            np.minimum.at(first, root, np.minimum(one, other))
        while not np.array_equal(above := first[first], first):
            first = above
    is_first = first == np.arange(count)
    return int(is_first.sum()), (np.cumsum(is_first) - 1)[first]


def untangled(links: Links, *, persons: Separation) -> tuple[Links, list[Conflict]]:
    """Return the links without those that would bring two people who are apart into one component."""
    person = persons.person
    _, part = components(person[links.left], person[links.right], count=persons.count)
    touched = distinct(np.concatenate([person[links.left], person[links.right]]))
    tangled = persons.hold_apart(part[touched], touched, groups=persons.count)
    is_tangled = tangled[part[person[links.left]]]
    if not is_tangled.any():
        return links, []
    members = touched[tangled[part[touched]]]
    members = members[np.argsort(part[members], kind="stable")]
    apart = _apart_by_part(members, part, persons)
    kept: list[Links] = [links.where(~is_tangled)]
    conflicts: list[Conflict] = []
    order = np.flatnonzero(is_tangled)
    order = order[np.argsort(part[person[links.left[order]]], kind="stable")]
    numbers, starts = np.unique(part[person[links.left[order]]], return_index=True)
    # The few components that hold two different people are taken apart one by one: small graphs, plain sets.
    for number, rows in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
        tangle = _Tangle.of(links.where(rows), person)
        conflicts += tangle.cut(apart.get(number))
        kept.append(tangle.links())
    return Links.joined(kept), conflicts


def _apart_by_part(members: Ints, part: Ints, persons: Separation) -> dict[int, set[Pair]]:
    """The pairs of persons who are apart, by component; components too large to untangle are left out."""
    size = np.bincount(part[members])
    members = members[size[part[members]] <= MOST_UNTANGLED]
    left, right = pairs_within(part[members])
    left, right = members[left], members[right]
    proved = persons.are_apart(left, right)
    apart: dict[int, set[Pair]] = defaultdict(set)
    for number, a, b in zip(part[left[proved]].tolist(), left[proved].tolist(), right[proved].tolist(), strict=True):
        apart[number].add((min(a, b), max(a, b)))
    return apart


class _Tangle:
    """One component that holds people who are apart: persons, and the best evidence between each two."""

    def __init__(self, joins: dict[Pair, tuple[int, int, int]]) -> None:
        self.joins = joins                   # (person, person), smaller first -> (kind, profile, profile)

    @classmethod
    def of(cls, links: Links, person: Ints) -> _Tangle:
        users: dict[int, dict[int, int]] = defaultdict(dict)     # group -> person -> its first profile
        kinds: dict[int, int] = {}
        for left, right, kind, group in zip(
            links.left.tolist(), links.right.tolist(), links.kind.tolist(), links.group.tolist(), strict=True
        ):
            kinds[group] = kind
            for profile in (left, right):
                of = int(person[profile])
                users[group][of] = min(profile, users[group].get(of, profile))
        joins: dict[Pair, tuple[int, int, int]] = {}
        for group, profiles in users.items():
            for a, b in combinations(sorted(profiles), 2):
                evidence = (kinds[group], profiles[a], profiles[b])
                joins[a, b] = min(evidence, joins.get((a, b), evidence))
        return cls(joins)

    def cut(self, apart: set[Pair] | None) -> list[Conflict]:
        """Drop joins until no component holds a pair that is apart; say what hung between whom."""
        if apart is None:
            conflicts = self._drop([min(self.joins)])
            self.joins = {}
            return conflicts
        conflicts = self._drop(pair for pair in list(self.joins) if pair in apart)
        anchors = {person for pair in apart for person in pair}
        conflicts += self._detach(self._parts({p for pair in self.joins for p in pair} - anchors), anchors, apart)
        # What still ties two people together is a chain of people who are themselves apart from someone.
        chained = self._bad_parts(apart)
        each = sorted(person for part in chained for person in part)
        conflicts += self._detach([{person} for person in each], set(each), apart)
        return conflicts + self._drop(
            pair for part in self._bad_parts(apart) for pair in list(self.joins) if pair[0] in part
        )

    def links(self) -> Links:
        rows = np.array([(a, b, kind) for kind, a, b in self.joins.values()], dtype=np.int64).reshape(-1, 3)
        return Links(left=rows[:, 0], right=rows[:, 1], kind=rows[:, 2], group=np.arange(len(rows)))

    def _detach(self, parts: Iterable[set[int]], anchors: set[int], apart: set[Pair]) -> list[Conflict]:
        """Cut each part loose from the anchors when it touches two of them that are apart; all at once."""
        conflicts, cut = [], []
        near = self._neighbours()
        for part in parts:
            touched = sorted({other for person in part for other in near[person] if other in anchors} - part)
            pulls = [pair for pair in combinations(touched, 2) if pair in apart]
            if not pulls:
                continue
            left, right = pulls[0]
            one = min(person for person in part if left in near[person])
            other = min(person for person in part if right in near[person])
            conflicts.append(self._conflict(one, left, other, right))
            cut += [_pair(person, other) for person in part for other in near[person] if other in anchors - part]
        for pair in cut:
            self.joins.pop(pair, None)
        return conflicts

    def _drop(self, pairs: Iterable[Pair]) -> list[Conflict]:
        conflicts = []
        for a, b in sorted(set(pairs)):
            conflicts.append(self._conflict(a, b, a, b))
            del self.joins[a, b]
        return conflicts

    def _conflict(self, one: int, left: int, other: int, right: int) -> Conflict:
        left_kind, a, left_profile = self._evidence(one, left)
        right_kind, b, right_profile = self._evidence(other, right)
        return Conflict(
            profile=a, other=b, left=left_profile, right=right_profile, left_kind=left_kind, right_kind=right_kind
        )

    def _evidence(self, person: int, to: int) -> tuple[int, int, int]:
        kind, a, b = self.joins[_pair(person, to)]
        return (kind, a, b) if person < to else (kind, b, a)

    def _neighbours(self) -> dict[int, set[int]]:
        near: dict[int, set[int]] = defaultdict(set)
        for a, b in self.joins:
            near[a].add(b)
            near[b].add(a)
        return near

    def _parts(self, persons: set[int]) -> list[set[int]]:
        """Components among these persons, in the order of their first."""
        near, left, parts = self._neighbours(), set(persons), []
        for start in sorted(persons):
            if start not in left:
                continue
            part, edge = {start}, [start]
            while edge:
                fresh = (near[edge.pop()] & persons) - part
                part |= fresh
                edge += fresh
            left -= part
            parts.append(part)
        return parts

    def _bad_parts(self, apart: set[Pair]) -> list[set[int]]:
        parts = self._parts({person for pair in self.joins for person in pair})
        return [part for part in parts if any(a in part and b in part for a, b in apart)]


def _pair(a: int, b: int) -> Pair:
    return (a, b) if a < b else (b, a)
