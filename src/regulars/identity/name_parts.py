"""What people are called, taken from how systems write it: given names and surname, and both as one word.

Most names come many times: each is read once, and from then on stands for itself by its number.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.distinct import distinct
from regulars.identity.name import (
    SUFFIXES,
    but_last_word,
    first_word,
    last_word,
    stripped,
    suffix_numbers,
    without_inner_initials,
    without_later_initials,
    without_suffix,
)
from regulars.identity.numbered import whole_numbers
from regulars.identity.separation import Bools, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class NameParts:
    """What profiles are called; all arrays of numbers have one entry a profile, -1 where it is not known."""

    given: Ints                              # number of the given names among the words
    family: Ints                             # number of the surname among the words
    words: pa.Array                          # distinct
    whole: Ints                              # number of both as one word, -1 without a surname


def name_parts(people: pa.Table) -> NameParts:
    """Return what profiles are called by their normalised name, first_name and last_name.

    Where first and last name came apart they stay as they are. A full name that was cut at its first and last blank
    says more: all but its last word are given names. Initials behind a given name are left out, for most systems do not
    ask for them. "jr" and the like stand behind the given names: who is called so has a namesake at home.
    """
    half = len(people) // 2
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(_read, (people.slice(0, half), people.slice(half)))
    words = pa.concat_arrays([one.words, other.words]).dictionary_encode()
    wholes = pa.concat_arrays([one.wholes, other.wholes]).dictionary_encode()
    word, whole = whole_numbers(words.indices), whole_numbers(wholes.indices)
    return NameParts(
        given=_both(word, one.given, other.given, len(one.words)),
        family=_both(word, one.family, other.family, len(one.words)),
        whole=_both(whole, one.whole, other.whole, len(one.wholes)),
        words=words.dictionary,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """The same of some profiles, with the texts of the numbers beside them."""

    given: Ints
    family: Ints
    words: pa.Array
    whole: Ints
    wholes: pa.Array


def _read(people: pa.Table) -> _Read:
    (name, told), (first, said), (last, called) = (_encoded(people[c]) for c in ("name", "first_name", "last_name"))
    plain = without_suffix(told)
    pieces = [
        said, called, first_word(told), last_word(told),                            # as written
        without_later_initials(but_last_word(plain)), last_word(plain),             # what a full name says
        without_later_initials(without_suffix(said)), without_suffix(called),       # what its parts say
    ]
    words = pa.concat_arrays(pieces).dictionary_encode()
    starts = np.cumsum([len(piece) for piece in pieces])[:-1]
    written_first, written_last, told_first, told_last, given, family, said_given, called_family = np.split(
        _or_none(words.indices), starts
    )
    has_parts = (_at(written_first, first) >= 0) | (_at(written_last, last) >= 0)
    is_cut = _are_equal(written_first, first, told_first, name) & _are_equal(written_last, last, told_last, name)
    comes_apart = has_parts & ~is_cut
    by_last, by_first = _at(suffix_numbers(called), last), _at(suffix_numbers(said), first)
    suffix = np.where(comes_apart, np.where(by_last >= 0, by_last, by_first), _at(suffix_numbers(told), name))
    surname = np.where(comes_apart, _at(called_family, last), _at(family, name))
    numbers, kept = _with_suffix(np.where(comes_apart, _at(said_given, first), _at(given, name)), suffix, surname,
                                 words.dictionary)
    # "xiao ming li" is "xiaoming li", wherever it is cut
    wholes = pc.replace_substring(without_inner_initials(told), " ", "").dictionary_encode()
    whole = np.where(surname >= 0, _at(_or_none(wholes.indices), name), -1)
    return _Read(given=numbers[0], family=numbers[1], words=kept, whole=whole, wholes=wholes.dictionary)


def _with_suffix(given: Ints, suffix: Ints, family: Ints, words: pa.Array) -> tuple[tuple[Ints, Ints], pa.Array]:
    """Return given names, the suffix behind them, and surnames, numbered among those words alone that they use."""
    rows = np.flatnonzero((suffix >= 0) & (given >= 0))          # few
    base = given[rows] * len(SUFFIXES) + suffix[rows]
    pairs = distinct(base)
    joined = pc.binary_join_element_wise(
        words.take(pa.array(pairs // len(SUFFIXES))), pa.array(SUFFIXES).take(pa.array(pairs % len(SUFFIXES))), " "
    )
    given = given.copy()
    given[rows] = len(words) + np.searchsorted(pairs, base)
    is_used = np.zeros(len(words) + len(joined) + 1, dtype=bool)
    is_used[given] = is_used[family] = True
    used = np.flatnonzero(is_used[:-1])                          # -1 is the last: nothing
    kept = pa.concat_arrays([words, joined]).take(pa.array(used)).dictionary_encode()      # "john jr" may be both
    number = np.full(len(is_used), -1, dtype=np.int64)
    number[used] = whole_numbers(kept.indices)
    return (number[given], number[family]), kept.dictionary


def _encoded(column: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """Return each name's number, and the distinct names stripped: two of them may be the same."""
    encoded = column.combine_chunks().dictionary_encode()
    return _or_none(encoded.indices), stripped(encoded.dictionary)


def _or_none(indices: pa.Array) -> Ints:
    return whole_numbers(indices.fill_null(-1))


def _at(what: Ints, rows: Ints) -> Ints:
    """Return what is said of each number, -1 of none."""
    return np.append(what, -1)[rows]


def _are_equal(one: Ints, rows: Ints, other: Ints, others: Ints) -> Bools:
    left = _at(one, rows)
    return np.asarray((left == _at(other, others)) & (left >= 0))


def _both(number: Ints, one: Ints, other: Ints, start: int) -> Ints:
    """Return two halves of profiles in one numbering; the second half's texts begin at `start`."""
    return np.concatenate([_at(number[:start], one), _at(number[start:], other)])
