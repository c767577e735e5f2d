"""Chance as an argument: one independent stream of random numbers for each topic of the example world."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
Flags = npt.NDArray[np.bool_]
Columns = dict[str, npt.NDArray[Any]]
"""A table as named arrays of one length: int64 for numbers, days (since 1970-01-01) and seconds, bool, or text."""


def chance(seed: int, topic: str) -> np.random.Generator:
    """Return the random numbers of one topic: adding a topic never changes what another one drew."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(topic.encode())])))


def sized(reference: int, scale: float, *, at_least: int = 0) -> int:
    """Return how many of something a world of that scale has, when the reference gym has so many."""
    return max(at_least, round(reference * scale))


def weighted(rng: np.random.Generator, weights: npt.ArrayLike, size: int) -> Numbers:
    """Return positions drawn with the given weights, with replacement."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    drawn = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    positions: Numbers = np.minimum(drawn, len(edges) - 1).astype(np.int64)
    return positions


def rank_within(groups: Numbers, *order: npt.NDArray[Any]) -> Numbers:
    """Return each row's position (from 0) in its group, rows ordered by the given columns, first one first."""
    by = np.lexsort((*reversed(order), groups))
    sorted_groups = groups[by]
    starts = np.flatnonzero(np.r_[True, sorted_groups[1:] != sorted_groups[:-1]]) if len(by) else np.zeros(0, np.int64)
    lengths = np.diff(np.r_[starts, len(by)])
    ranks = np.empty(len(by), dtype=np.int64)
    ranks[by] = np.arange(len(by)) - np.repeat(starts, lengths)
    return ranks


def spread(counts: Numbers) -> tuple[Numbers, Numbers]:
    """Return, for groups of so many rows, each row's group and its position in the group."""
    group = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    return group, np.arange(len(group)) - starts


def taken(columns: Columns, rows: npt.NDArray[Any]) -> Columns:
    """Return the rows of a table at positions, or where a mask holds."""
    return {name: values[rows] for name, values in columns.items()}


def stacked(*tables: Columns) -> Columns:
    """Return tables of the same columns one under the other."""
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
