"""Where a unit lies under a salt, and which variation has that place.

A hash puts every unit somewhere in [0, 1); variations own ranges of it. The place depends on unit and salt alone, so
assignment needs no memory, and a share that grows keeps whom it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

from regulars.flags.fnv import fnv_position, fnv_positions
from regulars.flags.keyed import keyed_hash, keyed_hashes
from regulars.flags.letters import TextColumn
from regulars.later import np, npt

BUCKETS = 1_000_000
"""Buckets of our own hash: a share is exact to a ten-thousandth of a percent."""

KEYED = 3
"""The version of our own hash among GrowthBook's hash versions, which are 1 and 2."""

HashVersion: TypeAlias = Literal[1, 2, 3]
Range: TypeAlias = tuple[float, float]       # from, below; of [0, 1]


def bucket(unit: str | int, *, salt: str, buckets: int = BUCKETS) -> int:
    """Return a unit's bucket, from 0: our own hash, fairly divided into up to 2^32 buckets."""
    return ((keyed_hash(unit, salt=salt) >> 32) * buckets) >> 32


def bucketed(
    units: TextColumn | npt.NDArray[np.integer[Any]], *, salt: str, buckets: int = BUCKETS
) -> npt.NDArray[np.int64]:
    """Return the buckets of many units, in their order: the same as `bucket` of each."""
    hashes = keyed_hashes(units, salt=salt)
    hashes >>= np.uint64(32)
    hashes *= np.uint64(buckets)
    hashes >>= np.uint64(32)
    return hashes.view(np.int64)


def position(unit: str, *, seed: str, version: int) -> float | None:
    """Return a unit's place in [0, 1); None for a hash version that there is not."""
    if version == KEYED:
        return bucket(unit, salt=seed) / BUCKETS
    if version in {1, 2}:
        return fnv_position(unit, seed=seed, version=version)  # type: ignore[arg-type]  # it is 1 or 2
    return None


def positions(units: TextColumn, *, seed: str, version: HashVersion) -> npt.NDArray[np.float64]:
    """Return the places of many units in [0, 1), in their order: the same as `position` of each."""
    if version == KEYED:
        return bucketed(units, salt=seed) / BUCKETS
    return fnv_positions(units, seed=seed, version=version)  # type: ignore[arg-type]  # it is 1 or 2


def equal_weights(count: int) -> list[float]:
    """Return the same weight for each of some variations; none for none."""
    return [1 / count] * count if count > 0 else []


def sound_weights(count: int, weights: Sequence[float] | None) -> Sequence[float]:
    """Return weights of as many variations that add up to 1 within 0.01; equal ones when the given ones do not."""
    is_sound = weights is not None and len(weights) == count and 0.99 <= sum(weights) <= 1.01
    return weights if is_sound and weights is not None else equal_weights(count)


def bucket_ranges(count: int, *, coverage: float = 1.0, weights: Sequence[float] | None = None) -> list[Range]:
    """Return the ranges of [0, 1] that variations own.

    Each begins where the weights before it end, and takes the covered share of its own weight: a coverage that grows
    moves nobody from one variation to another. Weights are taken as `sound_weights` does.
    """
    coverage = min(max(coverage, 0.0), 1.0)
    ranges: list[Range] = []
    begin = 0.0
    for weight in sound_weights(count, weights):
        ranges.append((begin, begin + coverage * weight))
        begin += weight
    return ranges


def choose_variation(place: float, ranges: Iterable[Range]) -> int:
    """Return which range holds a place, the first if several do; -1 for none."""
    return next((n for n, (begin, end) in enumerate(ranges) if begin <= place < end), -1)


def chosen_variations(places: npt.NDArray[np.float64], ranges: Sequence[Range]) -> npt.NDArray[np.int64]:
    """Return which range holds each place, the first if several do; -1 for none."""
    chosen = np.full(len(places), -1, np.int64)
    for n in range(len(ranges) - 1, -1, -1):
        begin, end = ranges[n]
        chosen[(places >= begin) & (places < end)] = n
    return chosen
