"""Why a profile belongs to its customer, in words: the strongest link on the shortest way to the founding profile."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.component import Conflict, Links
from regulars.identity.distinct import firsts
from regulars.identity.separation import Floats, Ints

RULED, SAME_AS, EMAIL, PHONE, EMAIL_AND_NAME, PHONE_AND_NAME, LIKELY, FIRST, ALONE = range(9)
"""Kinds of evidence, strongest first; the last two are those of a founding profile."""

WORDS = (
    "ruled the same as", "same_as", "email equal to", "phone equal to", "email and name equal to",
    "phone and name equal to", "likely the same as", "first profile", "only profile",
)
SHORT = ("ruling", "same_as", "email", "phone", "email and name", "phone and name", "likely")

CONFLICTS = pa.schema([
    (name, pa.string())
    for name in (
        "conflict_id", "kind", "profile_source", "profile_id", "left_source", "left_id", "left_customer",
        "right_source", "right_id", "right_customer", "message",
    )
])
"""One row a conflict: a profile, the two it is pulled to, the customers these are now, and why in words."""


def evidence_texts(component: Ints, links: Links, names: pa.Array, *, probability: Floats) -> pa.Array:
    """Return the evidence of each profile: `email equal to capitan/17`, or `only profile`, `first profile`.

    Args:
        component: Of each profile, numbered by its founding (first) profile.
        links: The links that hold the components together.
        names: `source/id` of each profile.
        probability: Of each link, that it is right; heard only of links of kind LIKELY.

    """
    kind, towards, link = _trail(component, links)
    words = pc.take(pa.array(WORDS), pa.array(kind))
    other = pc.take(names, pa.array(towards, mask=towards < 0))
    told = pc.coalesce(pc.binary_join_element_wise(words, other, " "), words)
    is_likely = kind == LIKELY
    # Rounded down: nothing that was only likely reads as certain.
    thousandths = np.minimum(probability[link[is_likely]] * 1000, 999).astype(np.int64)
    digits = pc.utf8_lpad(pa.array(thousandths).cast(pa.string()), 3, "0")
    odds = pc.binary_join_element_wise(told.filter(pa.array(is_likely)), " (p 0.", digits, ")", "")
    return pc.replace_with_mask(told, pa.array(is_likely), odds)


def _trail(component: Ints, links: Links) -> tuple[Ints, Ints, Ints]:
    """Kind of evidence of each profile, the profile it leads to and the link it goes by, both -1 for founders."""
    count = len(component)
    if not len(links.left):
        return np.full(count, ALONE), np.full(count, -1), np.full(count, -1)
    size = np.bincount(component)
    founder = firsts(component, count=len(size))
    towards = _walked(links, founder, count=count)
    kind = np.full(count, FIRST, dtype=np.int64)
    kind[founder[size == 1]] = ALONE
    follower = np.flatnonzero(towards >= 0)
    key = np.minimum(links.left, links.right) * count + np.maximum(links.left, links.right)
    order = np.lexsort((links.kind, key))
    known, first = np.unique(key[order], return_index=True)
    wanted = np.minimum(follower, towards[follower]) * count + np.maximum(follower, towards[follower])
    link = np.full(count, -1, dtype=np.int64)
    link[follower] = order[first][np.searchsorted(known, wanted)]
    kind[follower] = links.kind[link[follower]]
    return kind, towards, link


def _walked(links: Links, founder: Ints, *, count: int) -> Ints:
    """By which profile a breadth-first walk from all founders comes to each, -1 for founders."""
    near, far = np.concatenate([links.left, links.right]), np.concatenate([links.right, links.left])
    order = np.lexsort((far, np.arange(len(far)) >= len(links.left), near))
    near, far = near[order], far[order]
    towards, is_met, edge = np.full(count, -1), np.zeros(count, dtype=bool), founder
    while len(edge):
        is_met[edge] = True
        begins, ends = np.searchsorted(near, edge, side="left"), np.searchsorted(near, edge, side="right")
        sizes = ends - begins
        rows = np.repeat(ends - np.cumsum(sizes), sizes) + np.arange(sizes.sum())
        rows = rows[~is_met[far[rows]]]
        rows = rows[np.sort(np.unique(far[rows], return_index=True)[1])]     # whoever is met twice, by the first
        edge = far[rows]
        towards[edge] = near[rows]
    return towards


def conflict_table(conflicts: list[Conflict], profiles: pa.Table, customers: pa.Array) -> pa.Table:
    """Return the queue of conflicts; an id stays the same from run to run while the conflict does."""
    rows = []
    keys = [(row["profile_source"], row["profile_id"]) for row in _rows(conflicts, profiles)]
    for n, conflict in enumerate(conflicts):
        profile, other, left, right = keys[4 * n : 4 * n + 4]
        rows.append({
            "conflict_id": _conflict_id(profile, left, right),
            "kind": f"{SHORT[conflict.left_kind]} / {SHORT[conflict.right_kind]}",
            "profile_source": profile[0], "profile_id": profile[1],
            "left_source": left[0], "left_id": left[1], "left_customer": customers[conflict.left].as_py(),
            "right_source": right[0], "right_id": right[1], "right_customer": customers[conflict.right].as_py(),
            "message": _message(conflict, profile, other, left, right),
        })
    return pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["conflict_id"])), CONFLICTS)


def _rows(conflicts: list[Conflict], profiles: pa.Table) -> list[dict[str, str]]:
    numbers = [n for c in conflicts for n in (c.profile, c.other, c.left, c.right)]
    rows: list[dict[str, str]] = (
        profiles.select(["profile_source", "profile_id"]).take(pa.array(numbers, pa.int64())).to_pylist()
    )
    return rows


def _message(
    conflict: Conflict, profile: tuple[str, str], other: tuple[str, str], left: tuple[str, str], right: tuple[str, str]
) -> str:
    said = f"{'/'.join(profile)}: {WORDS[conflict.left_kind]} {'/'.join(left)}"
    if left == right:
        return f"{said}, but they are two people"
    through = "" if other == profile else f" through {'/'.join(other)}"
    return f"{said}, but {WORDS[conflict.right_kind]} {'/'.join(right)}{through}; merged with neither"


def _conflict_id(*keys: tuple[str, str]) -> str:
    text = "\0".join(f"{source}\0{profile}" for source, profile in keys)
    return "conflict_" + hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
