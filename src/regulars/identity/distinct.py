"""The different numbers of an array, and where each comes first: without numpy's hashing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def distinct(numbers: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return each number once, ascending; the same as `np.unique`."""
    ordered = np.sort(numbers.astype(np.int64, copy=False))
    if not len(ordered):
        return ordered
    return np.asarray(ordered[np.r_[True, ordered[1:] != ordered[:-1]]])


def firsts(numbers: NDArray[np.int64], *, count: int) -> NDArray[np.int64]:
    """Return where each number below `count` comes first, -1 where it never does."""
    found = np.full(count, -1, dtype=np.int64)
    found[numbers[::-1]] = np.arange(len(numbers))[::-1]         # written last, the first place stays
    return found
