"""Who truly comes together: pairs of members of whom one comes when the other does, minutes apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regulars.testing.gym.chance import Columns, Numbers, rank_within
from regulars.testing.gym.setting import Setting

OFTEN = 6
"""The fewest visits two friends share; who shares less is told from chance by nobody."""

SHARE = 0.7
"""How many of the one's visits are with the other, as far as the other comes as often."""

APART = 600
"""Seconds, at the most, between the two at the door."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Friendships:
    """One row per pair of friends; nobody has two."""

    one: Numbers                   # person
    other: Numbers                 # person, who comes when the first does
    visits: Numbers                # how many they share


def befriend(setting: Setting, stretches: Columns, row: Numbers, at: Numbers) -> tuple[Numbers, Friendships]:
    """Move visits of some members to visits of another: 150 pairs at scale 1. Nobody comes more often than before.

    Args:
        setting: whose chance it is.
        stretches: in which a person may come in: person, since, until (exclusive; days).
        row: of each visit, its stretch.
        at: of each visit, UTC seconds.

    Returns the moments of the visits, and the pairs.

    """
    rng = setting.rng("friends")
    pairs = _pairs(rng, stretches, np.bincount(row, minlength=len(stretches["person"])))
    led, follows = (_visits_of(pairs[name], row) for name in ("one", "other"))
    # Only where the follower may come in too.
    day, to = at[led["visit"]] // 86_400, pairs["other"][led["pair"]]
    inside = (day > stretches["since"][to]) & (day < stretches["until"][to] - 1)
    led = {name: values[inside] for name, values in led.items()}
    size = len(pairs["one"])
    most = np.bincount(follows["pair"], minlength=size) * SHARE
    shared = np.minimum(np.bincount(led["pair"], minlength=size), most.astype(np.int64))
    chosen = rng.permutation(np.flatnonzero(shared >= OFTEN))[: setting.sized(150, at_least=3)]
    is_chosen = np.isin(np.arange(size), chosen)
    for table in (led, follows):
        rank = rank_within(table["pair"], rng.random(len(table["pair"])))
        keep = is_chosen[table["pair"]] & (rank < shared[table["pair"]])
        order = np.lexsort((rank[keep], table["pair"][keep]))
        table["visit"], table["pair"] = table["visit"][keep][order], table["pair"][keep][order]
    moved = at.copy()
    moved[follows["visit"]] = at[led["visit"]] + rng.integers(-APART, APART + 1, len(led["visit"]))
    chosen = np.sort(chosen)
    one, other = (stretches["person"][pairs[name][chosen]] for name in ("one", "other"))
    return moved, Friendships(one=one, other=other, visits=shared[chosen])


def _pairs(rng: np.random.Generator, stretches: Columns, visits: Numbers) -> dict[str, Numbers]:
    """Return pairs of stretches that begin one after the other, of people who come often, each one's fullest."""
    often = rng.permutation(np.flatnonzero(visits >= OFTEN))
    order = often[np.lexsort((-visits[often], stretches["person"][often]))]
    person = stretches["person"][order]
    first = np.r_[True, person[1:] != person[:-1]] if len(order) else np.zeros(0, dtype=bool)
    order = order[first]
    order = order[np.argsort(stretches["since"][order], kind="stable")]
    half = len(order) // 2
    return {"one": order[0 : 2 * half : 2], "other": order[1 : 2 * half : 2]}


def _visits_of(stretch: Numbers, row: Numbers) -> dict[str, Numbers]:
    """Return the visits of some stretches, each of which is of one pair: pair, visit."""
    pair_of = np.full(int(max(row.max(initial=-1), stretch.max(initial=-1))) + 1, -1)
    pair_of[stretch] = np.arange(len(stretch))
    visit = np.flatnonzero(pair_of[row] >= 0)
    return {"pair": pair_of[row[visit]], "visit": visit}
