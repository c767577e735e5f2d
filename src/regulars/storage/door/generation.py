"""A generation: the journals of some seconds or minutes, which become segments of the landing together."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import uuid4

import msgspec

from regulars.sources.webhook.pieces import known_by
from regulars.storage.door.journal import Journal, sync_folder
from regulars.storage.door.message_ids import message_hashes

Outcome = Literal["stored", "duplicate", "quarantined", "blocked", "answered"]
RECEIVED: tuple[Outcome, ...] = ("stored", "duplicate", "quarantined", "blocked")
"""What can become of a message: these add up to what was received."""

OUTCOMES: tuple[Outcome, ...] = (*RECEIVED, "answered")
"""The same, and that a row of the quarantine was answered by a message."""

Key = tuple[str, Outcome]
"""Source, and what became of what is in the journal."""

_SUFFIX = ".ndjson"


class _Known(msgspec.Struct):
    id: str
    version: str = ""                        # of a delivery that tells of something anew


class _Line(msgspec.Struct):
    """What of a stored line says which message it is."""

    door: _Known


_LINE = msgspec.json.Decoder(_Line)


@dataclass(slots=True)
class Lines:
    """Lines that are to be written to one journal."""

    texts: list[bytes] = field(default_factory=list)       # whole lines each
    count: int = 0

    def add(self, texts: Sequence[bytes], count: int) -> None:
        """Add texts that hold so many lines: to count them again would take longer than to write them."""
        self.texts += texts
        self.count += count


@dataclass(frozen=True, slots=True)
class Entry:
    """Lines that were written to several journals and become part of them together, or not at all."""

    parts: list[tuple[Journal, int, int]] = field(default_factory=list)     # bytes and lines of each

    def sync(self) -> None:
        """Put them on disk. Raises OSError, after which `undo` has to be called."""
        for journal, _, _ in self.parts:
            journal.sync()

    def keep(self) -> None:
        """Count them in: they are on disk."""
        for journal, size, lines in self.parts:
            journal.keep(size, lines)

    def undo(self) -> None:
        """Take them back."""
        for journal, _, _ in self.parts:
            journal.undo()


@dataclass(slots=True, kw_only=True)
class Generation:
    """Journals by source and outcome, in a folder of their own, and the hashes of the messages in them."""

    number: int
    folder: Path
    journals: dict[Key, Journal] = field(default_factory=dict)
    hashes: set[bytes] = field(default_factory=set)
    deliver: set[str] = field(default_factory=set)         # sources of which a message may be a delivery to hand on

    @classmethod
    def begin(cls, number: int, *, within: Path) -> Generation:
        """Make a new one. Its name is never used again, so what is landed from it is told from all else."""
        folder = within / f"{number:08d}-{uuid4().hex[:12]}"
        folder.mkdir()
        sync_folder(within)
        return cls(number=number, folder=folder)

    @classmethod
    def reopen(cls, folder: Path) -> Generation:
        """Open what a closed or killed door left: whole lines are kept, and their messages are known again."""
        found = cls(number=number_of(folder), folder=folder)
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            source, _, outcome = path.name.removesuffix(_SUFFIX).rpartition(".")
            key: Key = (source, next(known for known in OUTCOMES if known == outcome))
            found.journals[key] = Journal.open(path)
            if outcome == "stored":
                found.deliver.add(source)
                found.hashes.update(message_hashes(prefix_of(source), _ids(path)))
        return found

    @property
    def name(self) -> str:
        """Return what tells this generation from every other."""
        return self.folder.name

    @property
    def lines(self) -> int:
        """Return how many lines all journals hold."""
        return sum(journal.lines for journal in self.journals.values())

    def counts(self) -> dict[Key, int]:
        """Return how many lines each journal holds."""
        return {key: journal.lines for key, journal in self.journals.items()}

    def write(self, lines: Mapping[Key, Lines]) -> Entry:
        """Write lines; they are durable after `Entry.sync` and count after `Entry.keep`. Raises OSError: nothing is."""
        entry = Entry()
        try:
            for key, said in lines.items():
                journal = self._journal(key)
                data = b"".join(said.texts)
                entry.parts.append((journal, len(data), said.count))
                journal.write(data)
        except OSError:
            entry.undo()
            raise
        return entry

    def close(self) -> None:
        """Give back the files; the journals stay."""
        for journal in self.journals.values():
            journal.close()

    def remove(self) -> None:
        """Take the journals away: what they held is elsewhere."""
        self.close()
        shutil.rmtree(self.folder)
        sync_folder(self.folder.parent)

    def _journal(self, key: Key) -> Journal:
        if key not in self.journals:
            source, outcome = key
            self.journals[key] = Journal.open(self.folder / f"{source}.{outcome}{_SUFFIX}")
        return self.journals[key]


def prefix_of(source: str) -> bytes:
    """Return what keeps the message ids of a source apart from those of another."""
    return source.encode() + b"\0"


def number_of(folder: Path) -> int:
    """Return the number of a generation by its folder."""
    return int(folder.name.partition("-")[0])


def folders(within: Path) -> list[Path]:
    """Return the folders of all generations, oldest first."""
    return sorted(path for path in within.iterdir() if path.is_dir() and path.name[0].isdigit())


def added(counts: Iterable[Mapping[Key, int]]) -> dict[Key, int]:
    """Return counts added up."""
    total: dict[Key, int] = {}
    for one in counts:
        for key, count in one.items():
            total[key] = total.get(key, 0) + count
    return total


def _ids(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for line in file:
            door = _LINE.decode(line).door
            yield known_by(door.id, door.version)
