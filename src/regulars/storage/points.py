"""Points: the lake's tables as questions about a few rows read them, by places for their files.

What such a question says depends on the columns of its tables and not on their versions. So it is compiled once, and
told the files of the moment each time it is asked. See docs/decisions/point-reads.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from regulars.errors import NotFound
from regulars.storage.book.versions import COPIES, VersionBook
from regulars.storage.engines.engine import FILE, PLACE
from regulars.storage.files import FileStore
from regulars.storage.manifest import DataFile, Manifest

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.storage.book.versions import Version
    from regulars.storage.engines.duckdb import DuckDBEngine

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A copy of a table, as far as it is true now."""

    table: Manifest
    copy: Manifest
    reaches: Mapping[str, tuple[str, str]]   # files of the copy: the first and the last profile's id in each
    gone: tuple[str, ...]                    # files that the copy covers and the table lost: last parts of their names
    rest: tuple[DataFile, ...]               # files of the table that the copy does not cover

    def files_of(self, profile_ids: Iterable[str]) -> list[str]:
        """Return the files in which the copy may have rows of profiles: at least one, also when nobody has any."""
        ids = set(profile_ids)
        found = [
            name for name, (first, last) in self.reaches.items() if any(first <= profile <= last for profile in ids)
        ]
        return found or [self.copy.files[0].name]


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a lake as one look at their versions finds them, each looked up when it is asked for."""

    versions: VersionBook
    files: FileStore
    _found: dict[tuple[str, str], Any] = field(default_factory=dict)

    def manifest(self, name: str) -> Manifest | None:
        """Return what a table consists of; None before it was published."""
        return self._once("manifest", name, self._manifest)

    def copied(self, name: str) -> Copied | None:
        """Return the copy of a table; None when there is none, or when the table lost all that it covers."""
        return self._once("copied", name, self._copied)

    def state(self, name: str, *, by_copy: bool) -> str:
        """Return all of a table that the text of a question depends on; with `by_copy` of one that reads its copy."""
        return self._once(f"state {by_copy}", name, partial(self._state, by_copy=by_copy))

    def told(self, name: str, *, by_copy: bool, profile_ids: Collection[str]) -> dict[str, object]:
        """Return the values of the places at which a question reads a table."""
        copied = self.copied(name) if by_copy else None
        if copied is not None:
            return {
                _place("copy", name): self._paths(copied.files_of(profile_ids)),
                _place("gone", name): list(copied.gone),
                _place("rest", name): self._paths(file.name for file in copied.rest),
                **self._marks(name, copied.table),
            }
        manifest = self.manifest(name)
        assert manifest is not None
        return {
            _place("files", name): self._paths(file.name for file in manifest.files), **self._marks(name, manifest),
        }

    def _manifest(self, name: str) -> Manifest | None:
        current = self._current(name)
        return None if current is None else Manifest.from_json(current.manifest)

    def _copied(self, name: str) -> Copied | None:
        copy, manifest = self._current(COPIES + name), self.manifest(name)
        if copy is None or manifest is None:
            return None
        covers = set(copy.meta["covers"])
        rest = tuple(file for file in manifest.files if last_part(file) not in covers)
        copied = Manifest.from_json(copy.manifest)
        # Of a copy of before rows could be marked, it is not known which of its rows are gone since.
        if len(rest) == len(manifest.files) or not {FILE, PLACE} <= copied.columns.keys():
            return None
        return Copied(
            table=manifest, copy=copied, rest=rest,
            reaches={name: (first, last) for name, (first, last) in copy.meta["reaches"].items()},
            gone=tuple(sorted(covers - {last_part(file) for file in manifest.files})),
        )

    def _state(self, name: str, *, by_copy: bool) -> str:
        copied = self.copied(name) if by_copy else None
        if copied is not None:
            is_marked = copied.table.marks is not None
            return json.dumps([dict(copied.table.columns), dict(copied.copy.columns), bool(copied.rest), is_marked])
        manifest = self.manifest(name)
        return json.dumps(None if manifest is None else [
            dict(manifest.columns), bool(manifest.files), manifest.marks is not None,
        ])

    def _marks(self, name: str, manifest: Manifest) -> dict[str, object]:
        return {} if manifest.marks is None else {_place("marks", name): self._paths([manifest.marks])}

    def _paths(self, names: Iterable[str]) -> list[str]:
        return [str(self.files.local(name)) for name in names]

    def _current(self, name: str) -> Version | None:
        return self._once("version", name, self.versions.current_version)

    def _once(self, what: str, name: str, look: Callable[[str], Found]) -> Found:
        if (what, name) not in self._found:
            self._found[what, name] = look(name)
        found: Found = self._found[what, name]
        return found


@dataclass(frozen=True, slots=True)
class Points:
    """Tables as a question in the making reads them; what its text comes to depend on is noted."""

    tables: Tables
    border: DuckDBEngine
    states: dict[tuple[str, bool], str] = field(default_factory=dict)       # table, whether by its copy -> its state

    def has(self, name: str) -> bool:
        """Return whether the table was ever published."""
        self._note(name, by_copy=False)
        return self.tables.manifest(name) is not None

    def table(self, name: str) -> ir.Table:
        """Return a table. Raises NotFound when it was never published."""
        self._note(name, by_copy=False)
        return self._whole(name)

    def of_profiles(self, name: str) -> ir.Table:
        """Return a table for a few profiles: others' rows may be missing. Raises as `table`."""
        copied = self.tables.copied(name)
        self._note(name, by_copy=True)
        if copied is None:
            return self._whole(name)
        schema, marks = copied.table.schema, _marks_of(name, copied.table)
        told = self.border.copies_given(
            _place("copy", name), schema, found=copied.copy.schema, gone=_place("gone", name), marks=marks
        )
        rest = _place("rest", name)
        return told.union(self.border.files_given(rest, schema, marks=marks)) if copied.rest else told

    def _whole(self, name: str) -> ir.Table:
        manifest = self.tables.manifest(name)
        if manifest is None:
            raise NotFound(f"there is no table {name!r} yet", hint="regulars run")
        if not manifest.files:
            return self.border.nothing(manifest.schema)
        return self.border.files_given(_place("files", name), manifest.schema, marks=_marks_of(name, manifest))

    def _note(self, name: str, *, by_copy: bool) -> None:
        self.states[name, by_copy] = self.tables.state(name, by_copy=by_copy)


def last_part(file: DataFile) -> str:
    """Return the last part of a file's name."""
    return Path(file.name).name


def _marks_of(name: str, manifest: Manifest) -> str | None:
    return None if manifest.marks is None else _place("marks", name)


def _place(what: str, name: str) -> str:
    return f"{what}_of_{name.replace('.', '_')}"
