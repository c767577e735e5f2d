"""Spans: for each row of one side, the rows of the other side of the same customer whose moment lies in a span."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Whole = NDArray[np.int64]
SECOND = 1_000_000
"""In microseconds, which all moments are told in here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Rows of both sides that belong together, by row of the left side, then by moment of the right side."""

    left: Whole                              # row number
    right: Whole                             # row number
    counts: Whole                            # of each left row: how many pairs it is in


def pairs(
    left: pa.ChunkedArray, since: Whole, until: Whole, *, right: pa.ChunkedArray, at: Whole
) -> Pairs:
    """Pair rows of the same customer where since <= at < until; equal moments stay in the order they are given in.

    Args:
        left: Customers of one side.
        since: When the span of each begins.
        until: Before which it ends.
        right: Customers of the other side.
        at: Its moments.

    """
    known = pc.unique(right.combine_chunks())
    places = pc.index_in(left, known).combine_chunks()
    mine = places.fill_null(len(known)).to_numpy().astype(np.int64)
    theirs = pc.index_in(right, known).combine_chunks().to_numpy().astype(np.int64)
    order = np.lexsort((at, theirs))
    # Moments become their places in line, so that customer and moment are one whole number whatever the years between.
    line = np.unique(at)
    stride = len(line) + 1
    keys = theirs[order] * stride + np.searchsorted(line, at[order])
    first = np.searchsorted(keys, mine * stride + np.searchsorted(line, since))
    end = np.searchsorted(keys, mine * stride + np.searchsorted(line, until))
    counts = np.maximum(end - first, 0)
    rows = np.repeat(np.arange(len(mine)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return Pairs(left=rows, right=order[np.repeat(first, counts) + within], counts=counts)


def moments(column: pa.ChunkedArray) -> Whole:
    """Return moments as microseconds; none of them may be null."""
    told: Whole = column.combine_chunks().cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    return told


def whole_seconds(span: timedelta) -> int:
    """Return a length in microseconds, its part of a second left out."""
    return int(span.total_seconds()) * SECOND


def second_of(at: Whole) -> Whole:
    """Return when the second of each moment began."""
    return at // SECOND * SECOND
