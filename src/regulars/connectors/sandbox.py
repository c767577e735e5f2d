"""The vendor's side of the conversation: what a connector's sandbox is asked, has at hand, and answers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as the vendor sees it."""

    method: str
    path: str                                # below the vendor's own root: `/v1/refunds`
    params: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: object = None                      # decoded JSON; of a form its members, as text
    headers: Mapping[str, str] = field(default_factory=dict)     # names in lower case
    url: str = ""                            # of the path, as the caller wrote it, without the query

    def text(self, name: str, default: str = "") -> str:
        """Return a query parameter's last value."""
        return self.params.get(name, (default,))[-1]

    def number(self, name: str, default: int) -> int:
        """Return a query parameter as a whole number."""
        return int(self.text(name, str(default)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back."""

    body: bytes
    status: int = 200
    items: str | None = None                 # member that holds the page's list: faults take records out of it
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One webhook that a vendor sends of itself, signed as it signs them."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True, kw_only=True)
class Listing:
    """The records of a stream that can be seen now, in the vendor's order."""

    items: Sequence[bytes]                   # JSON objects as the vendor writes them
    keys: Sequence[Any]                      # what they are sorted by, ascending; same length
    ids: Mapping[object, int]                # id -> position

    def between(self, first: Any = None, end: Any = None) -> range:
        """Return the positions whose key is at least `first` and below `end`."""
        start = 0 if first is None else bisect_left(self.keys, first)
        stop = len(self.keys) if end is None else bisect_left(self.keys, end)
        return range(start, max(start, stop))


class Shelf(Protocol):
    """The records of one vendor, as they stand at the sandbox's moment."""

    @property
    def now(self) -> datetime:
        """Return the sandbox's moment, aware."""
        ...

    def listing(
        self,
        stream: str,
        *,
        by: Callable[[dict[str, object]], object],
        shape: Callable[[dict[str, object]], object] | None = None,
        name: str = "",
    ) -> Listing:
        """Return a stream's visible records sorted by a key; kept under `name` until the moment changes.

        `shape` makes each record anew, or None for one that is not in this listing; left out, records go out as they
        were written.
        """
        ...

    def keep(self, stream: str, item: Mapping[str, object]) -> None:
        """Keep what the vendor was given, after what it has of that stream."""
        ...

    def kept(self, stream: str) -> Sequence[Mapping[str, object]]:
        """Return what the vendor was given, in the order it came."""
        ...


def joined(items: Sequence[bytes]) -> bytes:
    """Return records as a JSON list."""
    return b"[" + b",".join(items) + b"]"


def answer_json(value: object, *, status: int = 200) -> Answer:
    """Return an answer of a small value."""
    return Answer(body=msgspec.json.encode(value), status=status)
