"""Our own hash of a unit under a salt: 64 bits, the same for one id and for a million at once, for text and for number.

A text is read eight UTF-8 bytes at a time, little end first, each word mixed into a state that begins with the key of
the salt (BLAKE2b); its length ends it. A whole number from 0 to 10^18 - 1 is one word, and so is the text that writes
it, so that an id means the same unit in a table of numbers and in a request. The last step is the finaliser of
splitmix64 (Steele, Lea, Flood 2014), whose every output bit depends on every input bit: two salts divide the same units
independently, which `tests/unit/flags/test_bucket.py` holds for a thousand of them.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any

from regulars.flags.letters import BLOCK, Letters, TextColumn, utf8
from regulars.later import np, npt

NUMBERS_BELOW = 10**18
"""Whole numbers that are units by themselves; their digits fit 64 bits."""

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15                   # 2^64 divided by the golden ratio, odd
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_OF_NUMBER = 1 << 63                         # no text is this long
_WORD = 8                                    # bytes
_DIGITS = 18


def keyed_hash(unit: str | int, *, salt: str) -> int:
    """Return the 64-bit hash of one unit. Raises ValueError for a number below 0 or beyond 10^18 - 1."""
    state = key(salt)
    if isinstance(unit, int):
        return _number_hash(_checked(unit), state)
    if unit.isdigit() and unit.isascii() and len(unit) <= _DIGITS and (unit[0] != "0" or len(unit) == 1):
        return _number_hash(int(unit), state)
    data = unit.encode("utf-8", "surrogatepass")
    for place in range(0, len(data), _WORD):
        state = ((state ^ int.from_bytes(data[place:place + _WORD], "little")) * _STEP) & _MASK
        state ^= state >> 32
    return _mixed(state ^ len(data))


def keyed_hashes(units: TextColumn | npt.NDArray[np.integer[Any]], *, salt: str) -> npt.NDArray[np.uint64]:
    """Return the 64-bit hashes of many units, in their order: texts, or whole numbers from 0 to 10^18 - 1."""
    if isinstance(units, np.ndarray) and np.issubdtype(units.dtype, np.integer):
        if len(units):
            _checked(int(units.min()))
            _checked(int(units.max()))
        return _of_numbers(units, key(salt))
    texts = utf8(units)
    hashes = np.empty(len(texts), np.uint64)
    for rows, block in texts.blocks():
        hashes[rows] = _of_texts(block, key(salt))
    return hashes


@lru_cache(maxsize=4096)
def key(salt: str) -> int:
    """Return the 64 bits that a salt stands for."""
    return int.from_bytes(blake2b(salt.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _checked(number: int) -> int:
    if not 0 <= number < NUMBERS_BELOW:
        raise ValueError(f"{number} is no unit's number: from 0 to 10^18 - 1; write it as text")
    return number


def _number_hash(number: int, state: int) -> int:
    state = ((state ^ number) * _STEP) & _MASK
    return _mixed(state ^ (state >> 32) ^ _OF_NUMBER)


def _mixed(state: int) -> int:
    state = ((state ^ (state >> 30)) * _FIRST) & _MASK
    state = ((state ^ (state >> 27)) * _SECOND) & _MASK
    return state ^ (state >> 31)


def _of_numbers(numbers: npt.NDArray[np.integer[Any]], state: int) -> npt.NDArray[np.uint64]:
    hashes = numbers.astype(np.uint64)
    spare = np.empty(min(BLOCK, len(hashes)), np.uint64)
    for first in range(0, len(hashes), BLOCK):
        block = hashes[first:first + BLOCK]
        block ^= np.uint64(state)
        _step(block, spare[:len(block)])
        block ^= np.uint64(_OF_NUMBER)
        _mix(block, spare[:len(block)])
    return hashes


def _of_texts(texts: Letters, state: int) -> npt.NDArray[np.uint64]:
    order = texts.longest_first()
    texts = texts if order is None else texts.of(order)
    hashes = np.full(len(texts), state, np.uint64)
    spare = np.empty(len(texts), np.uint64)
    words = np.ndarray((len(texts.letters) - _WORD + 1,), "<u8", texts.letters, strides=(1,))
    for place in range(0, int(texts.lengths.max()), _WORD):
        count = texts.with_more_than(place)
        word = words[texts.starts[:count] + place]
        beyond = np.maximum(_WORD - (texts.lengths[:count] - place), 0).astype(np.uint64) * np.uint64(8)
        word = (word << beyond) >> beyond        # what lies behind the end of the text is the next one's
        hashes[:count] ^= word
        _step(hashes[:count], spare[:count])
    hashes ^= texts.lengths.astype(np.uint64)
    _mix(hashes, spare)
    rows, numbers = _written_numbers(texts)
    hashes[rows] = _of_numbers(numbers, state)
    if order is None:
        return hashes
    placed = np.empty_like(hashes)
    placed[order] = hashes
    return placed


def _written_numbers(texts: Letters) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return which texts are whole numbers written without zeros in front, the longest first, and the numbers."""
    if not (fits := (texts.lengths >= 1) & (texts.lengths <= _DIGITS)).any():
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first = texts.letters[texts.starts]
    last = texts.letters[texts.starts + np.maximum(texts.lengths, 1) - 1]
    fits &= (first > ord("0")) | (texts.lengths == 1)
    for letter in (first, last):
        fits &= (letter >= ord("0")) & (letter <= ord("9"))
    rows = np.flatnonzero(fits)
    some = texts.of(rows)
    numbers, holds = np.zeros(len(rows), np.int64), np.ones(len(rows), np.bool_)
    for place in range(int(some.lengths.max()) if len(rows) else 0):
        count = some.with_more_than(place)
        digit = some.at(place, count).astype(np.int64) - ord("0")
        holds[:count] &= (digit >= 0) & (digit <= 9)
        numbers[:count] = numbers[:count] * 10 + digit
    return rows[holds], numbers[holds]


def _step(states: npt.NDArray[np.uint64], spare: npt.NDArray[np.uint64]) -> None:
    states *= np.uint64(_STEP)
    np.right_shift(states, np.uint64(32), out=spare)
    states ^= spare


def _mix(states: npt.NDArray[np.uint64], spare: npt.NDArray[np.uint64]) -> None:
    for shift, factor in ((30, _FIRST), (27, _SECOND)):
        np.right_shift(states, np.uint64(shift), out=spare)
        states ^= spare
        states *= np.uint64(factor)
    np.right_shift(states, np.uint64(31), out=spare)
    states ^= spare
