"""The hash of GrowthBook's SDKs, to the bit: 32-bit FNV-1a over UTF-16 code units, as JavaScript counts letters.

Version 2 hashes the decimal text of a first hash again and has 10,000 buckets. Version 1 has 1,000, and two experiments
divide the same units alike in it (their shares correlate up to 0.89): it is for payloads that already use it.
Source: Fowler, Noll, Vo, FNV-1a, 32 bits; GrowthBook SDK specification 0.8.0.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, TypeAlias

from regulars.flags.javascript import utf16_units
from regulars.flags.letters import Letters, TextColumn, utf16
from regulars.later import np, npt

Version: TypeAlias = Literal[1, 2]

_BASIS, _PRIME, _MASK = 0x811C9DC5, 0x01000193, 0xFFFFFFFF
_BUCKETS = {1: 1_000, 2: 10_000}


def fnv_position(unit: str, *, seed: str, version: Version) -> float:
    """Return a unit's place in [0, 1), in steps of a thousandth (version 1) or a ten-thousandth (2)."""
    if version == 1:
        return _fnv(seed, _fnv(unit)) % 1_000 / 1_000
    return _fnv(str(_fnv(unit, _seeded(seed)))) % 10_000 / 10_000


def fnv_positions(units: TextColumn, *, seed: str, version: Version) -> npt.NDArray[np.float64]:
    """Return the places of many units in [0, 1), in their order."""
    texts = utf16(units)
    hashes = np.empty(len(texts), np.uint32)
    for rows, block in texts.blocks():
        if version == 1:
            hashes[rows] = _ended(_walked(block, _BASIS), seed)
        else:
            hashes[rows] = _of_decimals(_walked(block, _seeded(seed)))
    buckets = _BUCKETS[version]
    return (hashes % np.uint32(buckets)) / buckets


def _fnv(letters: str, state: int = _BASIS) -> int:
    for unit in utf16_units(letters):
        state = ((state ^ unit) * _PRIME) & _MASK
    return state


@lru_cache(maxsize=4096)
def _seeded(seed: str) -> int:
    return _fnv(seed)


def _walked(texts: Letters, state: int) -> npt.NDArray[np.uint32]:
    """Return the hashes of texts, begun from a state."""
    order = texts.longest_first()
    texts = texts if order is None else texts.of(order)
    hashes = np.full(len(texts), state, np.uint32)
    for place in range(int(texts.lengths.max())):
        count = texts.with_more_than(place)
        _mix(hashes[:count], texts.at(place, count))
    if order is None:
        return hashes
    placed = np.empty_like(hashes)
    placed[order] = hashes
    return placed


def _ended(hashes: npt.NDArray[np.uint32], seed: str) -> npt.NDArray[np.uint32]:
    for unit in utf16_units(seed):
        _mix(hashes, np.uint32(unit))
    return hashes


def _of_decimals(numbers: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return the hashes of numbers as their decimal digits, without zeros in front."""
    hashes = np.full(len(numbers), _BASIS, np.uint32)
    lengths = np.searchsorted(10 ** np.arange(1, 10), numbers, side="right") + 1
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        rest, states = numbers[rows], hashes[rows]
        for place in range(int(length) - 1, -1, -1):
            digits = rest // np.uint32(10**place)
            rest -= digits * np.uint32(10**place)
            _mix(states, digits + np.uint32(ord("0")))
        hashes[rows] = states
    return hashes


def _mix(states: npt.NDArray[np.uint32], letters: npt.NDArray[Any] | np.uint32) -> None:
    states ^= letters
    states *= np.uint32(_PRIME)
