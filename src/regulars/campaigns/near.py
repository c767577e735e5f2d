"""Patterns that are tried only near the words they need: a long letter is read in the time of a short one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

_REACH = 80                                  # characters: no pattern of a sentence spans more


@dataclass(frozen=True, kw_only=True)
class Prose:
    """A text that is searched many times."""

    text: str

    @cached_property
    def lowered(self) -> str:
        """Return the text in lower case, character by character, so that positions are the same."""
        low = self.text.lower()
        return low if len(low) == len(self.text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in self.text)

    def near(self, words: Iterable[str], pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Yield the matches of a pattern in the neighbourhood of any of the words, which are in lower case."""
        for start, end in self._windows(words):
            yield from pattern.finditer(self.text, start, end)

    def _windows(self, words: Iterable[str]) -> list[tuple[int, int]]:
        windows: list[tuple[int, int]] = []
        for place in sorted(self._places(words)):
            start, end = max(0, place - _REACH), self._edge(place + _REACH)
            if windows and start <= windows[-1][1]:
                windows[-1] = (windows[-1][0], max(end, windows[-1][1]))
            else:
                windows.append((start, end))
        return windows

    def _places(self, words: Iterable[str]) -> Iterator[int]:
        for word in words:
            place = self.lowered.find(word)
            while place >= 0:
                yield place
                place = self.lowered.find(word, place + len(word))

    def _edge(self, place: int) -> int:
        """Return the next blank at or after a place: a word or number that is cut would be read as another."""
        while place < len(self.text) and not self.text[place].isspace():
            place += 1
        return min(place, len(self.text))
