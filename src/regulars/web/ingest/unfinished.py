"""Requests that are not whole yet: what all of them together may hold in memory, and who goes when it is more."""

from __future__ import annotations

from sys import getsizeof
from typing import Final, Protocol

MOST: Final = 256 << 20
"""Bytes that unfinished requests may hold together: 64 of the largest bodies."""


class Sender(Protocol):
    """A connection whose request is still coming."""

    def sent_away(self) -> None:
        """Tell the client to come again, and end the connection."""
        ...


class Unfinished:
    """Counts what unfinished requests hold.

    Beyond the bound whoever began first goes: an honest request is whole in a moment, and one that is dragged out on
    many connections would otherwise keep everybody else from being heard.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most, self._bytes = most, 0
        self._held: dict[Sender, int] = {}   # in the order in which their requests began

    def __len__(self) -> int:
        """Return how many bytes are held."""
        return self._bytes

    def add(self, sender: Sender, piece: bytes) -> None:
        """Count in what came of a sender's request; others, or it, are sent away when that is too much."""
        size = getsizeof(piece)              # many tiny pieces take more room than they say
        self._held[sender] = self._held.get(sender, 0) + size
        self._bytes += size
        while self._bytes > self._most:
            first = next(iter(self._held))
            self.end(first)
            first.sent_away()

    def end(self, sender: Sender) -> None:
        """Forget a sender whose request is whole, or over."""
        self._bytes -= self._held.pop(sender, 0)
