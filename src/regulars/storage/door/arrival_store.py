"""The arrival store: many waiting requests are written with one fsync, each message once, and handed to the landing.

    door/
    ├── lock              held by the one process that may write here, as long as it lives
    ├── state.json        what is settled: the last generation that was landed, the runs of ids, the counts
    ├── ids/              runs of message ids
    └── 00000017-…/       a generation: <source>.stored.ndjson, .quarantined, .duplicate, .blocked, .answered

A message is acknowledged when its line is on disk. A generation is settled in three steps, each of which may be done
again: its journals become segments of the landing, its ids a run, and then `state.json` says so, in one rename. What
`state.json` does not say is read again from the journals, so that after a kill ids, counts and landing agree.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO
from uuid import uuid4

import msgspec

from regulars.errors import LeaseHeld, StoreUnavailable
from regulars.storage.door.generation import Entry, Generation, Key, Lines, Outcome, added, folders
from regulars.storage.door.journal import write_durably
from regulars.storage.door.message_ids import Run, due, join, known_in, write_run


# Structs, not dataclasses: one of each is made for every request, and these are made in a fifth of the time.
class Arrivals(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one request brought: messages that are good, each with its hash, and those that are not."""

    source: str
    hashes: Sequence[bytes]                  # of the good ones, `message_hash`
    text: bytes                              # of the good ones, a line each
    rejects: Sequence[bytes] = ()            # lines for the quarantine
    answers: Sequence[bytes] = ()            # lines that say which of its rows are repaired
    blocked: Sequence[bytes] = ()            # lines for those that a tracking plan keeps out
    may_deliver: bool = True                 # False: none of the good ones is a delivery that is to be handed on


class Receipt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of a request's messages; the four add up to what it brought."""

    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    blocked: int = 0


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A group of requests that is written and not yet durable."""

    receipts: list[Receipt]
    entry: Entry
    hashes: set[bytes]

    def sync(self) -> None:
        """Put the group on disk: mere waiting, for any thread. Raises StoreUnavailable: nothing of it is there."""
        try:
            self.entry.sync()
        except OSError as error:
            self.entry.undo()
            raise _unwritten(error) from error


Land = Callable[[Generation], None]
"""Makes a generation's journals visible in the landing; done twice it equals done once."""


class _State(msgspec.Struct):
    """What `state.json` says."""

    settled: int = 0                         # number of the last generation that was landed
    runs: list[str] = msgspec.field(default_factory=list)
    counts: dict[str, dict[Outcome, int]] = msgspec.field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class ArrivalStore:
    """What the door has taken. One process at a time; one thread commits and turns, another may settle meanwhile."""

    folder: Path
    lock: IO[bytes]
    state: _State
    runs: tuple[Run, ...]
    waiting: list[Generation]                # closed, not settled yet, oldest first
    current: Generation
    guard: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, folder: Path) -> ArrivalStore:
        """Open the store and take up what a killed process left.

        Raises LeaseHeld while another process has it.
        """
        (folder / "ids").mkdir(parents=True, exist_ok=True)
        lock = _locked(folder / "lock")
        file = folder / "state.json"
        state = msgspec.json.decode(file.read_bytes(), type=_State) if file.exists() else _State()
        for path in (folder / "ids").iterdir():
            if path.name not in state.runs:
                path.unlink()                # written by a process that was killed before it said so
        left = [Generation.reopen(path) for path in folders(folder)]
        for generation in (one for one in left if one.number <= state.settled):
            generation.remove()
        waiting = [one for one in left if one.number > state.settled]
        number = max([state.settled, *(one.number for one in waiting)]) + 1
        return cls(
            folder=folder, lock=lock, state=state, runs=tuple(Run.open(folder / "ids" / name) for name in state.runs),
            waiting=waiting, current=Generation.begin(number, within=folder),
        )

    def commit(self, group: Sequence[Arrivals]) -> list[Receipt]:
        """Take what a group of requests brought, durably, each message once; return a receipt each.

        All of it or nothing: raises StoreUnavailable when it cannot be written, and then nothing of it is there.
        """
        begun = self.begin(group)
        begun.sync()
        self.end(begun)
        return begun.receipts

    def begin(self, group: Sequence[Arrivals]) -> Begun:
        """Write what a group of requests brought. It is taken when it is synced and `end` was called, in this order."""
        asked = list(chain.from_iterable(arrivals.hashes for arrivals in group))
        every = set(asked)
        old = self._known(every, asked)
        # Nearly always each is there once and never came before: then nothing is looked at one by one.
        seen = old.copy() if old or len(every) < len(asked) else None
        lines: dict[Key, Lines] = {}
        receipts = [_sorted_out(arrivals, seen=seen, lines=lines) for arrivals in group]
        try:
            entry = self.current.write(lines)
        except OSError as error:
            raise _unwritten(error) from error
        self.current.deliver |= {arrivals.source for arrivals in group if arrivals.may_deliver}
        return Begun(receipts=receipts, entry=entry, hashes=every - old if old else every)

    def end(self, begun: Begun) -> None:
        """Count a group in that is on disk."""
        begun.entry.keep()
        self.current.hashes |= begun.hashes

    def turn(self) -> bool:
        """Begin a new generation, so that the current one can be settled. Call it between two commits.

        Returns False when nothing has come since the last time. Raises OSError, and then nothing has changed.
        """
        if not self.current.lines:
            return False
        begun = Generation.begin(self.current.number + 1, within=self.folder)
        with self.guard:
            self.waiting.append(self.current)
            self.current = begun
        return True

    def settle(self, land: Land) -> int:
        """Land what is waiting, make its ids a run, and forget the journals; return how many generations it was.

        Raises what landing raises, and OSError; what is not settled then stays known and is settled the next time.
        """
        count = 0
        while self.waiting:
            generation = self.waiting[0]
            land(generation)
            self._settled(generation)
            count += 1
        while chosen := due(self.runs):
            self._joined(chosen)
        return count

    def counts(self) -> Mapping[Key, int]:
        """Return what became of the messages of each source since the first one: how many of each outcome."""
        with self.guard:
            return added([_flat(self.state), *(one.counts() for one in (*self.waiting, self.current))])

    def close(self) -> None:
        """Give back files and the lock; everything that was acknowledged stays."""
        if self.current.lines:
            self.current.close()
        else:
            self.current.remove()
        for generation in self.waiting:
            generation.close()
        self.lock.close()

    def _known(self, every: set[bytes], asked: Sequence[bytes]) -> set[bytes]:
        """Return those of some hashes that came before."""
        if not asked:
            return set()
        with self.guard:
            recent = [self.current.hashes, *(one.hashes for one in self.waiting)]
            runs = self.runs
        return known_in(runs, asked).union(*(every & hashes for hashes in recent))

    def _settled(self, generation: Generation) -> None:
        runs = list(self.runs)
        if generation.hashes:
            path = self.folder / "ids" / generation.name
            write_run(path, generation.hashes)
            runs.append(Run.open(path))
        counts = _nested(added([_flat(self.state), generation.counts()]))
        state = _State(settled=generation.number, runs=[run.path.name for run in runs], counts=counts)
        write_durably(self.folder / "state.json", msgspec.json.encode(state))
        with self.guard:
            self.state, self.runs = state, tuple(runs)
            self.waiting.remove(generation)
        generation.remove()

    def _joined(self, chosen: Sequence[Run]) -> None:
        # Never the name of a run there is: that one is being read.
        path = self.folder / "ids" / f"{chosen[-1].path.name.split('+')[0]}+{uuid4().hex[:12]}"
        join(chosen, path)
        runs = [*(run for run in self.runs if run not in chosen), Run.open(path)]
        state = _State(settled=self.state.settled, runs=[run.path.name for run in runs], counts=self.state.counts)
        write_durably(self.folder / "state.json", msgspec.json.encode(state))
        with self.guard:
            self.state, self.runs = state, tuple(runs)
        for run in chosen:
            run.path.unlink()                # a commit may still read it: the mapping keeps the bytes


def _unwritten(error: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"arrivals cannot be written: {error.strerror}", hint="free some disk")


def _sorted_out(arrivals: Arrivals, *, seen: set[bytes] | None, lines: dict[Key, Lines]) -> Receipt:
    """Put a request's lines where they belong; `seen` is what came before it, None when nothing of it ever did."""
    source, duplicate = arrivals.source, 0
    if seen is None:
        if arrivals.text:
            _of(lines, source, "stored").add((arrivals.text,), len(arrivals.hashes))
    else:
        for known, line in zip(arrivals.hashes, arrivals.text.split(b"\n"), strict=False):
            if known in seen:
                duplicate += 1
                _of(lines, source, "duplicate").add((b'"%s"\n' % known.hex().encode(),), 1)
            else:
                seen.add(known)
                _of(lines, source, "stored").add((line, b"\n"), 1)
    if arrivals.rejects:
        _of(lines, source, "quarantined").add(arrivals.rejects, len(arrivals.rejects))
    if arrivals.answers:
        _of(lines, source, "answered").add(arrivals.answers, len(arrivals.answers))
    if arrivals.blocked:
        _of(lines, source, "blocked").add(arrivals.blocked, len(arrivals.blocked))
    return Receipt(
        stored=len(arrivals.hashes) - duplicate, duplicate=duplicate, quarantined=len(arrivals.rejects),
        blocked=len(arrivals.blocked),
    )


def _of(lines: dict[Key, Lines], source: str, outcome: Outcome) -> Lines:
    found = lines.get((source, outcome))
    if found is None:
        found = lines[source, outcome] = Lines()
    return found


def _locked(path: Path) -> IO[bytes]:
    lock = path.open("ab")
    try:
        # The kernel gives it back when the process ends, however that happens.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise LeaseHeld(f"another process takes arrivals in {path.parent}", hint="stop it first") from error
    return lock


def _flat(state: _State) -> dict[Key, int]:
    return {(source, name): n for source, one in state.counts.items() for name, n in one.items()}


def _nested(counts: Mapping[Key, int]) -> dict[str, dict[Outcome, int]]:
    found: dict[str, dict[Outcome, int]] = {}
    for (source, outcome), count in sorted(counts.items()):
        found.setdefault(source, {})[outcome] = count
    return found
