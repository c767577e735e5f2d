"""The different numbers of an array, ascending: by sorting, which costs less than numpy's hashing."""

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
