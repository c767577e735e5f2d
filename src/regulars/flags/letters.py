"""Many texts as one array of letters, walked column by column: the way to hash a million ids without a loop over them.

A letter is a UTF-16 code unit or a UTF-8 byte. Rows are taken in blocks that stay in the processor's cache, and sorted
by length inside a block, so that the rows that still have a letter are always the first ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from regulars.later import np, npt, pa

TextColumn: TypeAlias = "Sequence[str] | npt.NDArray[Any] | pa.Array | pa.ChunkedArray"
"""Texts without gaps: a list, a numpy array of text, an Arrow column."""

BLOCK = 16_384                               # rows; their letters, states and indices fit the second-level cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """The letters of many texts in one array, and where in it each text stands."""

    letters: npt.NDArray[Any]                    # uint8 or uint16, one dimension, with eight zeros behind the last text
    starts: npt.NDArray[np.int64]                # one a text
    lengths: npt.NDArray[np.int64]               # one a text, in letters

    def __len__(self) -> int:
        return len(self.starts)

    def blocks(self) -> Iterator[tuple[slice, Letters]]:
        """Yield the texts in runs of rows, with which rows they are."""
        for first in range(0, len(self), BLOCK):
            rows = slice(first, min(first + BLOCK, len(self)))
            yield rows, Letters(letters=self.letters, starts=self.starts[rows], lengths=self.lengths[rows])

    def of(self, rows: npt.NDArray[Any]) -> Letters:
        """Return some of the texts: a mask, or row numbers in any order."""
        return Letters(letters=self.letters, starts=self.starts[rows], lengths=self.lengths[rows])

    def longest_first(self) -> npt.NDArray[np.int64] | None:
        """Return the order in which lengths fall; None when all are equal already."""
        if not len(self) or self.lengths.min() == self.lengths.max():
            return None
        return np.argsort(-self.lengths, kind="stable")

    def with_more_than(self, place: int) -> int:
        """Return how many texts are longer than a place; they are the first ones when the longest come first."""
        return int(np.searchsorted(-self.lengths, -place, side="left"))

    def at(self, place: int, count: int) -> npt.NDArray[Any]:
        """Return the letters that the first `count` texts have at a place."""
        return self.letters[self.starts[:count] + place]


def utf8(texts: TextColumn) -> Letters:
    """Return texts as UTF-8 bytes. Raises ValueError for a missing one."""
    if isinstance(texts, np.ndarray) and texts.dtype.kind == "U" and (ascii_letters := _of_numpy(texts)) is not None:
        return ascii_letters
    column = _column(texts)
    offsets = np.frombuffer(column.buffers()[1], np.int64)[column.offset:column.offset + len(column) + 1]
    if not len(column):
        return Letters(letters=np.zeros(8, np.uint8), starts=np.zeros(0, np.int64), lengths=np.zeros(0, np.int64))
    held = np.frombuffer(column.buffers()[2], np.uint8)[offsets[0]:offsets[-1]]
    letters = np.zeros(len(held) + 8, np.uint8)
    letters[:len(held)] = held
    starts = offsets - offsets[0]
    return Letters(letters=letters, starts=starts[:-1], lengths=np.diff(starts))


def utf16(texts: TextColumn) -> Letters:
    """Return texts as UTF-16 code units, as JavaScript counts them. Raises ValueError for a missing one."""
    column = utf8(texts)
    if column.letters.max() < 0x80:
        return column
    # All at once: one decoding of everything, and how many units stand before each byte.
    units = np.frombuffer(column.letters.tobytes().decode("utf-8").encode("utf-16-le"), np.uint16)
    begins = (column.letters & 0xC0) != 0x80
    before = np.zeros(len(column.letters) + 1, np.int64)
    np.cumsum(begins.astype(np.int64) + (column.letters >= 0xF0), out=before[1:])
    starts, ends = before[column.starts], before[column.starts + column.lengths]
    return Letters(letters=units, starts=starts, lengths=ends - starts)


def _of_numpy(texts: npt.NDArray[np.str_]) -> Letters | None:
    """Return a numpy array of text as letters, if all of them are ASCII; Arrow would read it four times as slowly."""
    width = texts.dtype.itemsize // 4
    points = np.ascontiguousarray(texts).view(np.uint32)
    if not width or not len(texts) or points.max() >= 0x80:
        return None
    letters = np.zeros(len(points) + 8, np.uint8)
    letters[:len(points)] = points
    # numpy fills up with zeros behind a text: its length is the place of the last letter that is none.
    is_letter = letters[:len(points)].reshape(-1, width) != 0
    lengths = np.where(is_letter.any(axis=1), width - is_letter[:, ::-1].argmax(axis=1), 0)
    return Letters(letters=letters, starts=np.arange(len(texts)) * width, lengths=lengths)


def _column(texts: TextColumn) -> pa.LargeStringArray:
    # As a list: of a numpy array Arrow would end each text at a zero inside it.
    texts = texts.tolist() if isinstance(texts, np.ndarray) else texts
    column = texts if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.array(texts, pa.large_string())
    column = column.cast(pa.large_string())
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if column.null_count:
        raise ValueError(f"{column.null_count} of {len(column)} units have no id; leave them out")
    return column
