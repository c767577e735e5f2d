"""Kept: compiled questions about a few rows, from process to process, and what was told of a project beside them.

They are made of declarations and nothing else: names and addresses are values, which are never written down here. What
is kept is found by the digest of the project and by who made the question; see docs/decisions/point-reads.md.
"""

from __future__ import annotations

import json
import os
import shutil
from base64 import b64decode, b64encode
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from types import FunctionType
from typing import Any

import pyarrow as pa

from regulars.storage.engines.whole import read_whole, write_whole
from regulars.storage.points import Tables

QUESTIONS = "questions"
"""Folder of a project's home in which they are kept."""

MANY = 1000
"""Questions above which all are thrown away: changed declarations leave theirs behind."""

TEXTS = 4
"""Texts that are kept of one question: its tables are in one state today and may be in another tomorrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A question as text, which is right while its tables are in these states."""

    text: str
    schema: pa.Schema                        # of the answer
    states: Mapping[tuple[str, bool], str]   # of `Points`
    # What the text reads in the memory of this process, as `Statement.held`; such a text is written nowhere.
    held: object = field(default=None, compare=False, repr=False)

    def holds(self, tables: Tables) -> bool:
        """Return whether the text still says what was asked."""
        return all(tables.state(name, by_copy=by_copy) == state for (name, by_copy), state in self.states.items())

    def told(self, tables: Tables, profile_ids: Sequence[str]) -> dict[str, object]:
        """Return where the rows of its tables lie now, as values."""
        found: dict[str, object] = {}
        for name, by_copy in self.states:
            if tables.manifest(name) is not None:
                found |= tables.told(name, by_copy=by_copy, profile_ids=profile_ids)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A folder of questions of one project as it is declared; what has another digest is not looked at."""

    folder: Path
    digest: str                              # `regulars.project.layout.fingerprint`

    def text(self, make: Callable[..., object], shape: tuple[Hashable, ...], tables: Tables) -> Text | None:
        """Return the text of a question that holds for the tables; None when none does."""
        path = self._path(make, shape)
        found = [] if path is None else _texts(path)
        return next((text for text in found if text.holds(tables)), None)

    def keep(self, make: Callable[..., object], shape: tuple[Hashable, ...], text: Text) -> None:
        """Keep a text of a question, if its shape has a certain name."""
        path = self._path(make, shape)
        if path is None:
            return
        others = [one for one in _texts(path) if one.states != text.states]
        self._make_room()
        write_whole(path, json.dumps([
            {
                "text": one.text, "schema": b64encode(one.schema.serialize()).decode(),
                "states": [[name, by_copy, state] for (name, by_copy), state in one.states.items()],
            }
            for one in (text, *others[: TEXTS - 1])
        ]))

    def facts(self) -> Any:
        """Return what was told of the project; None when nothing was."""
        said = read_whole(self.folder / sha256(f"facts {self.digest}".encode()).hexdigest())
        return None if said is None else json.loads(said)

    def tell(self, facts: object) -> None:
        """Keep what is to be known of the project without reading it."""
        self._make_room()
        write_whole(self.folder / sha256(f"facts {self.digest}".encode()).hexdigest(), json.dumps(facts))

    def _path(self, make: Callable[..., object], shape: tuple[Hashable, ...]) -> Path | None:
        names = [_name(part) for part in (make, *shape)]
        if None in names:
            return None
        return self.folder / sha256("\0".join([self.digest, *map(str, names)]).encode()).hexdigest()

    def _make_room(self) -> None:
        if self.folder.is_dir() and sum(1 for _ in os.scandir(self.folder)) > MANY:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)


def _texts(path: Path) -> list[Text]:
    said = read_whole(path)
    return [
        Text(
            text=one["text"], schema=pa.ipc.read_schema(pa.py_buffer(b64decode(one["schema"]))),
            states={(name, by_copy): state for name, by_copy, state in one["states"]},
        )
        for one in ([] if said is None else json.loads(said))
    ]


def _name(part: object) -> str | None:
    """Return what a part of a question is in every process; None for what has no such name."""
    match part:
        case None | str() | bool() | int() | date():
            return repr(part)
        case frozenset() | tuple():
            names = [_name(each) for each in part]
            known = [name for name in names if name is not None]
            told = sorted(known) if isinstance(part, frozenset) else known
            return f"{type(part).__name__}{told}" if len(known) == len(names) else None
        case _ if is_dataclass(part) and not isinstance(part, type):
            return _name((type(part).__qualname__, *(getattr(part, each.name) for each in fields(part))))
        case FunctionType() if "<" not in part.__qualname__:
            return f"{part.__module__}.{part.__qualname__}"
    return None
