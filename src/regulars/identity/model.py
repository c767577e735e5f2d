"""What every outcome of a comparison says, in bits, and how that is learned without anybody saying who is who.

Three kinds of pairs are told apart: one person, two of one household, two strangers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regulars.identity.comparison import COMPARED, EQUAL, Levels, compare
from regulars.identity.portrait import FIELDS, Portraits
from regulars.identity.separation import Ints

Floats = NDArray[np.float64]

MOST_LEVELS = 8
BELIEF = 20.0
SAMPLE = 500_000
STEPS = 30
HEAD = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    person: Floats                           # share of each level among pairs of one person, (fields, levels)
    household: Floats
    stranger: Floats                         # equal: unused, frequencies instead
    priors: tuple[float, float]              # of person and household among all pairs
    frequent: Mapping[str, Mapping[str, float]]
    rare: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    person: Floats
    household: Floats
    probability: Floats


def frequencies(people: Portraits, person: Ints, rows=None):
    frequent, rare = {}, {}
    for field in FIELDS:
        numbers = people.numbers[field]
        known = np.flatnonzero(numbers >= 0)
        V = len(people.texts[field])
        P = int(person.max(initial=0)) + 1
        key = np.unique(person[known] * max(V, 1) + numbers[known])
        count = np.bincount(key % max(V, 1), minlength=V)
        total = len(np.unique(key // max(V, 1))) if len(key) else 0
        order = np.lexsort((people.texts[field], -count))[:HEAD] if V else np.zeros(0, int)
        order = order[count[order] >= 2]
        is_head = np.zeros(V, bool); is_head[order] = True
        tail = count[~is_head]
        t = tail.sum()
        rare[field] = float((( tail * (tail - 1.0)).sum() + 1) / (max(total, 1) * t + 1.0)) if t else 1.0 / (total * total + 1)
        # values of two within the head: leave one out
        frequent[field] = {str(people.texts[field][n]): float((count[n] - 1) / total) for n in order.tolist()}
        N1, N2 = (count == 1).sum(), (count == 2).sum()
        u0 = (2 * N2 + 1) / (N1 + 2 * N2 + 1.0) ** 2
        rare[field] = min(rare[field], u0) if t else u0
        if RARE2: frequent[field] = {k: v for k, v in frequent[field].items() if v * total >= 1.5 }; rare[field] = u0
    return frequent, rare

RARE2 = True

def frequency_arrays(people, frequent, rare):
    out = {}
    for field in FIELDS:
        texts = people.texts[field]
        f = frequent[field]
        out[field] = np.array([f.get(t, rare[field]) for t in texts.tolist()] or [1.0])
    return out


def strangers(people: Portraits, person: Ints, n=300_000):
    count = people.count
    total = count * (count - 1) // 2
    if total <= n:
        left, right = np.triu_indices(count, 1)
    else:
        rng = np.random.default_rng(20_26)
        left, right = rng.integers(0, count, n), rng.integers(0, count, n)
    ok = person[left] != person[right]
    levels = compare(people, left[ok], right[ok])
    u = np.zeros((len(FIELDS), MOST_LEVELS))
    for f in range(len(FIELDS)):
        c = np.bincount(levels[:, f], minlength=MOST_LEVELS).astype(float)
        c[0] = 0
        k = len(COMPARED[FIELDS[f]].outcomes)
        c[1:k+1] += 0.5
        u[f] = c / c.sum()
    return u


def start():
    m = np.ones((len(FIELDS), MOST_LEVELS)); h = np.ones((len(FIELDS), MOST_LEVELS)); 
    for n, f in enumerate(FIELDS):
        m[n, 1:len(COMPARED[f].person)+1] = COMPARED[f].person
        if COMPARED[f].household: h[n, 1:len(COMPARED[f].household)+1] = COMPARED[f].household
    return m, h


def equal_freq(people, levels, left, arrays):
    """log2 of stranger share of each pair and field"""
    out = np.zeros(levels.shape)
    for n, f in enumerate(FIELDS):
        is_eq = levels[:, n] == EQUAL
        out[is_eq, n] = np.log2(arrays[f][people.numbers[f][left[is_eq]]])
    return out


def ratios(levels, logfreq, m, h, u):
    """bits of person and household against stranger, (pairs, fields)"""
    idx = np.arange(len(FIELDS))
    base = np.where((levels == EQUAL) & (idx != 10), logfreq, np.log2(u[idx, levels], where=u[idx, levels] > 0, out=np.zeros(levels.shape)))
    base[levels == 0] = 0
    M = np.log2(m[idx, levels]); M[levels == 0] = 0
    Hh = np.log2(h[idx, levels]); Hh[levels == 0] = 0
    person = M - base
    house = Hh - base
    for n, f in enumerate(FIELDS):
        if COMPARED[f].household is None and f != "source": house[:, n] = 0
    house[:, 10] = 0
    return person, house


GATE = lambda f, b: (f == 6)
def gated(levels):
    first, born, pid = levels[:, 0], levels[:, 2], levels[:, 9]
    strong = (pid >= 1) & (pid <= 3)
    return GATE(first, born) & ~strong


def posterior(person, house, priors, gate):
    a = person.sum(1) + np.log2(priors[0]); b = house.sum(1) + np.log2(priors[1]); c = np.log2(1 - sum(priors))
    a = np.where(gate, -1000, a)
    top = np.maximum(np.maximum(a, b), c)
    ea, eb, ec = 2.0 ** (a - top), 2.0 ** (b - top), 2.0 ** (c - top)
    s = ea + eb + ec
    return ea / s, eb / s, a, np.log2(eb + ec) + top
