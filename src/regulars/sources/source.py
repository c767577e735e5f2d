"""A source: something that is pulled page by page, and whose page sets are whole or refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeAlias

from regulars.clock import Clock
from regulars.errors import SourceIncomplete
from regulars.later import pa
from regulars.records.record import Stream

State: TypeAlias = dict[str, object]
"""JSON-able state of a pull. A cursor outlives a page set; a resume state lives only within one."""

Window: TypeAlias = tuple[datetime, datetime]
"""First moment and end (exclusive) of a backfill, aware."""

ROW = {"file": "string", "line": "int64", "payload": "string"}
"""Columns of a page of file rows: relative path, line from 1 (a CSV's header is line 1), JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Something in a page that is not a record: kept for the quarantine, with the reason."""

    reason: str                              # code: invalid-utf8, ragged-row, bad-json, empty-file
    message: str                             # one sentence with what would be right
    file: str | None = None
    line: int | None = None                  # from 1; a CSV's header is line 1
    raw: str = ""                            # what was there, as text; undecodable bytes as U+FFFD


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some records of one stream, and how to go on after them."""

    items: tuple[bytes, ...] | pa.Table      # raw JSON items without line breaks, or rows of ROW
    resume: State | None = None              # give it to `pull` to go on after this page; None on the last one
    total: int | None = None                 # how many records the source promises for the whole set
    is_last: bool = False
    cursor: State | None = None              # on the last page only: where the next pull begins
    rejects: tuple[Reject, ...] = ()

    @property
    def count(self) -> int:
        """Return how many records the page holds."""
        return self.items.num_rows if isinstance(self.items, pa.Table) else len(self.items)


class TokenStore(Protocol):
    """Where a source keeps tokens that its vendor rotates: supplied by the pipeline, never a file of the project."""

    def load(self, name: str) -> str | None:
        """Return the token last saved under that name, or None."""
        ...

    def save(self, name: str, token: str) -> None:
        """Keep a token before it is used: the old one is void from now on."""
        ...


@dataclass(slots=True)
class MemoryTokens:
    """Tokens for as long as the process lives: for tests and one-off pulls."""

    tokens: dict[str, str] = field(default_factory=dict)

    def load(self, name: str) -> str | None:
        """Return the token last saved under that name, or None."""
        return self.tokens.get(name)

    def save(self, name: str, token: str) -> None:
        """Keep a token."""
        self.tokens[name] = token


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a source's declaration may refer to, and nothing else it could look up."""

    folder: Path                             # relative paths begin here: the project's folder
    environment: Mapping[str, str] = field(default_factory=dict)   # what `${NAME}` may name
    zone: str = "UTC"                        # the business zone, for vendors that speak local time
    tokens: TokenStore = field(default_factory=MemoryTokens)


class Source(Protocol):
    """One outside system as a project declares it."""

    @property
    def name(self) -> str:
        """Return the name that streams and commands use: the declaration's file stem."""
        ...

    @property
    def streams(self) -> tuple[Stream, ...]:
        """Return every stream. Those with a parent are read out of it, pushed ones come by themselves."""
        ...

    def pull(
        self,
        stream: Stream,
        *,
        cursor: State | None,
        resume: State | None,
        clock: Clock,
        window: Window | None = None,
    ) -> Iterator[Page]:
        """Ask for what is new since the cursor, page by page; the last page has `is_last` and the next cursor.

        No page at all means that nothing changed. With `resume` the pull goes on after the page that gave it. With
        `window` the cursor is ignored and the records of that time are asked for; the last page then has no cursor.
        Nothing is kept here: whoever pulls commits all pages or none.
        Raises SourceUnavailable, SourceRefused, SourceChanged, SourceIncomplete, GuardError.
        """
        ...


class SourceFactory(Protocol):
    """What a plug-in gives for one `kind:` of source."""

    def __call__(self, name: str, data: Mapping[str, object], *, at: Surroundings) -> Source:
        """Return the source that a declaration means. Raises DeclarationError; touches nothing outside."""
        ...


def pulled_streams(source: Source) -> tuple[Stream, ...]:
    """Return the streams that are asked for themselves: all without a parent that do not come by themselves."""
    return tuple(stream for stream in source.streams if stream.parent is None and not stream.is_pushed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What has come of a page set so far: enough to tell a lost, repeated or shifted page."""

    fetched: int = 0
    total: int | None = None                 # the source's latest promise
    digests: tuple[str, ...] = ()            # one per page that was not empty

    def state(self) -> State:
        """Return the tally as part of a resume state."""
        return {"fetched": self.fetched, "total": self.total, "digests": list(self.digests)}

    @staticmethod
    def of(state: Mapping[str, object]) -> Tally:
        """Return the tally that a resume state holds."""
        digests, total = state.get("digests"), state.get("total")
        return Tally(
            fetched=int(str(state.get("fetched", 0))),
            total=None if total is None else int(str(total)),
            digests=tuple(str(d) for d in digests) if isinstance(digests, list) else (),
        )


def count_page(tally: Tally, items: tuple[bytes, ...], *, total: int | None, stream: str) -> Tally:
    """Return the tally with one more page.

    Raises SourceIncomplete when the page came before, or when the list got shorter while it was read: then records
    have moved to pages already read and would be missed.
    """
    if tally.total is not None and total is not None and total < tally.total:
        raise SourceIncomplete(
            f"{stream}: the list went from {tally.total} to {total} records while it was read",
            hint="nothing was kept; run again",
        )
    latest = tally.total if total is None else total
    if not items:
        return Tally(fetched=tally.fetched, total=latest, digests=tally.digests)
    digest = hashlib.blake2b(b"\n".join(items), digest_size=8).hexdigest()
    if digest in tally.digests:
        raise SourceIncomplete(
            f"{stream}: page {len(tally.digests) + 1} is page {tally.digests.index(digest) + 1} again",
            hint="the source repeats itself; nothing was kept; run again",
        )
    return Tally(fetched=tally.fetched + len(items), total=latest, digests=(*tally.digests, digest))


def check_complete(tally: Tally, *, stream: str) -> None:
    """Raise SourceIncomplete when fewer records came than the source promised."""
    if tally.total is not None and tally.fetched < tally.total:
        raise SourceIncomplete(
            f"{stream}: {tally.fetched} of {tally.total} records came; a page was lost",
            hint="nothing was kept; run again",
        )
