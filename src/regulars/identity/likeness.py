"""How many keystrokes lie between two texts, for millions of pairs at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int16]
Letters = NDArray[np.uint8]

WIDTH = 32
"""Letters that are compared; longer texts differ earlier."""

AT_ONCE = 50_000
"""Pairs compared in one go: what fits the processor's cache."""


def letters(texts: NDArray[np.str_]) -> tuple[Letters, NDArray[np.int64]]:
    """Return texts as a matrix of letters, one row a text with zeros behind its end, and how long each is.

    Of letters beyond Latin the low byte is kept: different ones stay different but for one in 256.
    """
    fixed = np.ascontiguousarray(texts.astype(f"<U{WIDTH}"))
    points = fixed.view(np.uint32).reshape(len(fixed), WIDTH)
    length = np.count_nonzero(points, axis=1)
    rows = (points & 0xFF).astype(np.uint8)
    rows[(rows == 0) & (points != 0)] = 1
    return rows, length


def keystrokes(texts: NDArray[np.str_], left: NDArray[np.int64], right: NDArray[np.int64]) -> Counts:
    """Return how many letters must be put in, taken out, changed or swapped with their neighbour, pair by pair.

    Args:
        texts: The distinct texts.
        left: Number of the one text of each pair.
        right: Number of the other.

    Source: Hyyrö (2003), bit-parallel Damerau distance (optimal string alignment), one machine word a pair.

    """
    rows, length = letters(texts)
    found = np.empty(len(left), dtype=np.int16)
    for start in range(0, len(left), AT_ONCE):
        a, b = left[start : start + AT_ONCE], right[start : start + AT_ONCE]
        found[start : start + AT_ONCE] = _distance(rows[a], length[a], rows[b], length[b])
    return found


def _distance(a: Letters, long_a: NDArray[np.int64], b: Letters, long_b: NDArray[np.int64]) -> Counts:
    one = np.uint32(1)
    top = np.left_shift(one, np.maximum(long_a - 1, 0).astype(np.uint32))
    rises, falls = np.full(len(a), 0xFFFFFFFF, np.uint32), np.zeros(len(a), np.uint32)
    zero, before = np.zeros(len(a), np.uint32), np.zeros(len(a), np.uint32)
    found = long_a.astype(np.int16)
    inside = a != 0
    for at in range(int(long_b.max(initial=0))):
        same = (a == b[:, at, None]) & inside
        equal = np.packbits(same, axis=1, bitorder="little").view(np.uint32)[:, 0]
        swapped = ((~zero & equal) << one) & before
        zero = ((((equal & rises) + rises) ^ rises) | equal | falls) | swapped
        more, less = falls | ~(zero | rises), zero & rises
        goes_on = at < long_b
        found += (((more & top) != 0) & goes_on).astype(np.int16) - (((less & top) != 0) & goes_on).astype(np.int16)
        more, less = (more << one) | one, less << one
        rises, falls = less | ~(zero | more), more & zero
        before = equal
    return np.where(long_a == 0, long_b, found).astype(np.int16)
