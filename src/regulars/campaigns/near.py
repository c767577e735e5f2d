"""Patterns that are tried only near the words they need: a long letter is read in the time of a short one.

They are texts, made ready when first tried: all of them take a sixth of a second, which whoever reads no offers need
not wait.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property

_BLANK = re.compile(r"\s")
_CAPITALS = re.compile(r"\\.|\(\?P|[A-Z]")      # and what keeps its capital: classes and names of groups
_FIGURE = re.compile(r"\d")
_REACH = 80                                  # characters: no pattern of a sentence spans more


@dataclass(frozen=True, kw_only=True)
class Prose:
    """A text that is searched many times."""

    text: str
    _found: dict[str, list[int]] = field(default_factory=dict)     # where each word stands, once it was asked for
    _near: dict[tuple[str, ...], list[tuple[int, int]]] = field(default_factory=dict)    # what is near any of them

    @cached_property
    def lowered(self) -> str:
        """Return the text in lower case, character by character, so that positions are the same."""
        low = self.text.lower()
        return low if len(low) == len(self.text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in self.text)

    def near(
        self, words: tuple[str, ...], pattern: str, *, has_figure: bool = False
    ) -> Iterator[re.Match[str]]:
        """Yield the matches of a pattern, in any case, near any of the words.

        Args:
            words: In lower case; one of them is in whatever the pattern finds.
            pattern: No longer than a sentence.
            has_figure: Whether a figure is in whatever it finds.

        """
        if words not in self._near:              # several patterns need the same
            self._near[words] = self._windows(words)
        low, is_there = self.lowered, _plain(pattern).search
        for start, end in self._near[words]:
            if (not has_figure or _FIGURE.search(low, start, end)) and is_there(low, start, end):
                yield from _ready(pattern).finditer(self.text, start, end)

    def _windows(self, words: Iterable[str]) -> list[tuple[int, int]]:
        windows: list[tuple[int, int]] = []
        for place in sorted({place for word in words for place in self._places(word)}):
            start = max(0, place - _REACH)
            if windows and start <= windows[-1][1]:
                windows[-1] = (windows[-1][0], place + _REACH)
            else:
                windows.append((start, place + _REACH))
        return [(start, self._edge(end)) for start, end in windows]

    def _places(self, word: str) -> list[int]:
        if word not in self._found:
            places = self._found[word] = []
            place = self.lowered.find(word)
            while place >= 0:
                places.append(place)
                place = self.lowered.find(word, place + len(word))
        return self._found[word]

    def _edge(self, place: int) -> int:
        """Return the next blank at or after a place: a word or number that is cut would be read as another."""
        blank = _BLANK.search(self.text, place) if place < len(self.text) else None
        return len(self.text) if blank is None else blank.start()


@cache
def _ready(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


@cache
def _plain(pattern: str) -> re.Pattern[str]:
    """Return a pattern for a text in lower case: to look whether it is there takes half the time of any case."""
    return re.compile(_CAPITALS.sub(lambda found: found[0] if len(found[0]) > 1 else found[0].lower(), pattern))
