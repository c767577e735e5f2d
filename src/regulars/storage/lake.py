"""The lake: derived tables as immutable Parquet files; which of them are the table is one row in the book."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import ibis
import ibis.expr.types as ir

from regulars.check import did_you_mean
from regulars.clock import Clock, SystemClock
from regulars.errors import GuardError, NotFound
from regulars.storage.book import Book
from regulars.storage.book.versions import COPIES, Version
from regulars.storage.content import content_hash
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.engines.engine import FILE, PLACE, Engine, Written
from regulars.storage.engines.marks import MARKS
from regulars.storage.files import FileStore
from regulars.storage.manifest import DataFile, Manifest, Moved, evolved, named, settled
from regulars.storage.merge import Changes, row_group_of

GUARDED_ROWS = 100
"""Tables of at most so many rows may shrink freely: a share of a few rows says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lake:
    """Tables with versions, over any files, any book and any engine. Kept true by tests/conformance/test_lake.py.

    - A version appears whole or not at all; readers that began on an older one are not disturbed;
    - publishing on top of a version that is no longer the current one raises Overtaken;
    - a table that was never published raises NotFound, a file that cannot be read StoreError: never an empty table;
    - a table that would lose more than its guarded share raises GuardError and stays as it is;
    - a column that older files lack is null in their rows; a column never changes its type in a merge;
    - equal rows have an equal `content_hash`, whatever the order, the files, the engine and the stores;
    - moments are UTC without a zone.
    """

    files: FileStore
    book: Book
    engine: Engine                           # carries out what is read from and written to this lake
    border: DuckDBEngine                     # compares and merges files, whatever the engine
    clock: Clock = SystemClock()  # noqa: RUF009  a frozen value without state

    def on(self, engine: Engine) -> Lake:
        """Return the same lake read and written by another engine; one table is written by one engine at a time."""
        return dataclasses.replace(self, engine=engine)

    def exists(self, name: str) -> bool:
        """Return whether the table was ever published."""
        return self.book.versions.current_version(name) is not None

    def tables(self) -> list[str]:
        """Return the names of all tables, sorted."""
        return self.book.versions.tables()

    def stored(self) -> list[str]:
        """Return the names of all tables and of their copies (`regulars.storage.by_profile`)."""
        return [*self.tables(), *self.book.versions.copies()]

    def table(
        self, name: str, *, version: int | None = None, as_of: datetime | None = None,
        partitions: Collection[str] | None = None,
    ) -> ir.Table:
        """Return a table as it is, as it was in a version, or as it was at a moment (aware).

        With `partitions` only rows with one of these values in the column it is partitioned by; other files stay shut.
        Raises NotFound when there is no such table or version, StoreError when a file of it is missing.
        """
        manifest = Manifest.from_json(self._version(name, version=version, as_of=as_of).manifest)
        files = [f for f in manifest.files if partitions is None or f.partition is None or f.partition in partitions]
        return self.read(files, manifest)

    def read(self, files: Sequence[DataFile], of: Manifest, *, schema: ibis.Schema | None = None) -> ir.Table:
        """Return the rows of some files of a version of a table, with its columns or those of a schema."""
        paths, without = self.places(files, of)
        return self.engine.parquet(paths, schema or of.schema, without=without)

    def places(self, files: Sequence[DataFile], of: Manifest) -> tuple[list[Path], Path | None]:
        """Return where some files of a version lie, and where it is said which of their rows are gone, if any are."""
        without = None if of.marks is None or not any(file.gone for file in files) else self.files.local(of.marks)
        return [self.files.local(file.name) for file in files], without

    def rows(self, name: str) -> int:
        """Return how many rows the table has, without reading it."""
        return self.manifest(name).rows

    def manifest(self, name: str) -> Manifest:
        """Return what the table consists of. Raises NotFound when it was never published."""
        return Manifest.from_json(self._version(name).manifest)

    def schema(self, name: str) -> ibis.Schema:
        """Return the columns of the table, without reading it."""
        return self.manifest(name).schema

    def meta(self, name: str) -> dict[str, Any]:
        """Return what was written down with the current version; empty when the table was never published."""
        current = self.book.versions.current_version(name)
        return {} if current is None else current.meta

    def versions(self, name: str) -> list[Version]:
        """Return the versions that are kept, oldest first."""
        return self.book.versions.versions(name)

    def replace(
        self,
        name: str,
        expr: ir.Table,
        *,
        partition_by: str | None = None,
        order_by: Sequence[str] = (),
        meta: Mapping[str, Any] | None = None,
        allow_shrink: bool = False,
        shrink_guard: float = 0.2,
    ) -> int:
        """Make the rows of an expression the table's new version, and return the version's number.

        Args:
            name: The table: letters, digits, `_` and `.`.
            expr: What it shall hold. It may read older versions of the same table.
            partition_by: A column by whose values files are kept apart, so that a merge rewrites few of them.
            order_by: Columns by which rows are sorted within each file, so that a few rows are found fast.
            meta: What the step wants to remember with the version.
            allow_shrink: The person said that losing rows is right.
            shrink_guard: Share of the rows the table may lose without that.

        Raises:
            GuardError: More rows than the guarded share would be lost; nothing changed.
            Overtaken: Somebody else published in between; nothing changed.

        """
        parent = self.book.versions.current_version(name)
        written = self.engine.write(
            expr, self.files.scratch(), order_by=order_by, partition_by=partition_by,
            row_group=row_group_of(partition_by),
        )
        manifest = Manifest(
            columns=named(settled(expr.schema())), files=self._named(name, written), partition_by=partition_by,
            order_by=tuple(order_by),
        )
        guard = 1.0 if allow_shrink else shrink_guard
        return self._publish(name, manifest, written, parent=parent, meta=meta, guard=guard)

    def merge(
        self,
        name: str,
        delta: ir.Table,
        *,
        key: Sequence[str],
        gone: ir.Table | None = None,
        partition_by: str | None = None,
        order_by: Sequence[str] = (),
        meta: Mapping[str, Any] | None = None,
        allow_shrink: bool = False,
        shrink_guard: float = 0.2,
    ) -> int:
        """Delete the rows whose key is in delta or gone, add delta, and return the new version's number.

        Rows are found by reading the key columns alone. A file that loses few of them stays as it is and they are
        marked as gone; one that lost many is rewritten. The key need not be unique: all rows of a key go and come
        together. A null in a key equals nothing. `gone` holds the key columns. Layout is the table's own;
        `partition_by` and `order_by` count when the table is new.
        Raises as `replace`, and StoreError when a column would change its type.
        """
        parent = self.book.versions.current_version(name)
        if parent is None:
            return self.replace(name, delta, partition_by=partition_by, order_by=order_by, meta=meta)
        old = Manifest.from_json(parent.manifest)
        schema = evolved(old.schema, settled(delta.schema()), name)
        changes = Changes(lake=self, table=name, old=old, schema=schema, key=tuple(key), folder=self.files.scratch())
        merged = changes.carry_out(delta, gone)
        files = (*merged.kept, *self._named(name, merged.written))
        marks = self._new_name(name) if merged.marks is not None else old.marks
        marks = marks if any(file.gone for file in files) else None
        manifest = dataclasses.replace(old, columns=named(schema), files=files, marks=marks)
        guard = 1.0 if allow_shrink else shrink_guard
        return self._publish(name, manifest, merged.written, marks=merged.marks, parent=parent, meta=meta, guard=guard)

    def changes(
        self, name: str, *, since: int, columns: Collection[str] | None = None
    ) -> tuple[ir.Table, ir.Table] | None:
        """Return the rows that came and those that went since a version; None when that version is no longer kept.

        Rows that lie in the same file in both versions are in neither; a row that was only rewritten may be in both.
        With `columns` they have those alone.
        """
        moved = self._moved(name, since)
        if moved is None:
            return None
        schema = moved.new.schema
        if columns is not None:
            schema = ibis.schema({column: schema[column] for column in columns})
        went = self.read(moved.went, moved.old, schema=schema)
        if moved.thinned:
            went = went.union(self._marked(moved, schema))
        return self.read(moved.came, moved.new, schema=schema), went

    def moved(self, name: str, *, since: int) -> tuple[int, int] | None:
        """Return how many rows `changes` would give, came and went, without reading any."""
        moved = self._moved(name, since)
        return None if moved is None else moved.rows

    @contextmanager
    def gathered(self, parts: Sequence[ir.Table], *, schema: ibis.Schema) -> Iterator[ir.Table]:
        """Hold the rows of several expressions, carried out once, as one table of these columns for a `with`.

        A column that a part lacks is null in its rows. What is asked of the table reads a file: nothing is worked out
        again, and nothing has to fit in memory.
        """
        folder = self.files.scratch()
        try:
            written = self.engine.gather(parts, folder, schema=schema)
            yield self.engine.parquet([file.path for file in written], schema)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def content_hash(self, name: str, *, version: int | None = None, leave_out: Sequence[str] = ()) -> str:
        """Return the table's content as 32 hexadecimal digits: equal for equal rows, floats left out.

        `leave_out`: columns that say when or how something came, such as recorded_at, where only what came matters.
        """
        manifest = Manifest.from_json(self._version(name, version=version).manifest)
        schema = ibis.schema({column: kind for column, kind in manifest.schema.items() if column not in leave_out})
        paths, without = self.places(manifest.files, manifest)
        return content_hash(self.border, paths, schema, without=without)

    def snapshot(self, day: date | str) -> dict[str, int]:
        """Keep today's version of every table under a date or another tag; return which versions they are."""
        return self.book.versions.tag(str(day), at=self.clock.now())

    def at_snapshot(self, name: str, day: date | str) -> ir.Table:
        """Return a table as it was when a snapshot was taken. Raises NotFound when the snapshot lacks it."""
        versions = self.book.versions.tagged(str(day))
        if name not in versions:
            hint = did_you_mean(str(day), self.book.versions.tags()) if not versions else did_you_mean(name, versions)
            raise NotFound(f"there is no snapshot {day} of {name}", hint=hint)
        return self.table(name, version=versions[name])

    def drop(self, name: str) -> None:
        """Forget a table and its copy, as a rebuild does; their files go with the next `vacuum`."""
        self.book.versions.drop_table(name)
        self.book.versions.drop_table(COPIES + name)

    def vacuum(self, *, keep: int = 7) -> list[str]:
        """Forget all but the newest versions of each table and those of snapshots, then remove files nobody needs.

        Of a copy only the one before the newest is kept, for who is reading it. Removes what killed processes left too,
        so call it only while holding the project's lease. Returns the names of the removed files.
        """
        for name in self.stored():
            numbers = [version.number for version in self.versions(name)]
            most = min(keep, 2) if name.startswith(COPIES) else keep
            if old := numbers[: max(len(numbers) - max(most, 1), 0)]:
                self.book.versions.forget_versions(name, old)
        needed = {
            file
            for name in self.stored()
            for version in self.versions(name)
            for file in Manifest.from_json(version.manifest).names
        }
        self.files.sweep()
        orphans = [name for name in self.files.list(f"{self.book.tenant}/") if name not in needed]
        for name in orphans:
            self.files.delete(name)
        return orphans

    def _version(self, name: str, *, version: int | None = None, as_of: datetime | None = None) -> Version:
        if version is not None:
            found, which = self.book.versions.version(name, version), f"version {version} of "
        elif as_of is not None:
            found, which = self.book.versions.version_as_of(name, as_of), f"version as of {as_of:%Y-%m-%d %H:%M} of "
        else:
            found, which = self.book.versions.current_version(name), ""
        if found is None:
            raise NotFound(f"there is no {which}table {name!r}", hint=did_you_mean(name, self.tables()))
        return found

    def _moved(self, name: str, since: int) -> Moved | None:
        """Return what became of the files since a version; None when it is no longer kept."""
        before = self.book.versions.version(name, since)
        if before is None:
            return None
        return Moved(old=Manifest.from_json(before.manifest), new=Manifest.from_json(self._version(name).manifest))

    def _marked(self, moved: Moved, schema: ibis.Schema) -> ir.Table:
        """Return the rows of files that both versions have, that were marked as gone in between."""
        paths, before = self.places([file for file, _ in moved.thinned], moved.old)
        rows = self.engine.parquet(paths, schema, file=FILE, place=PLACE, without=before)
        marks = self.engine.parquet([self.files.local(str(moved.new.marks))], MARKS)
        return rows.semi_join(marks, (FILE, PLACE)).drop(FILE, PLACE)

    def _new_name(self, name: str) -> str:
        return f"{self.book.tenant}/{name}/{uuid4().hex}.parquet"

    def _named(self, name: str, written: Sequence[Written]) -> tuple[DataFile, ...]:
        return tuple(
            DataFile(name=self._new_name(name), rows=file.rows, partition=file.partition) for file in written
        )

    def _publish(
        self,
        name: str,
        manifest: Manifest,
        written: Sequence[Written],
        *,
        parent: Version | None,
        meta: Mapping[str, Any] | None,
        guard: float,
        marks: Path | None = None,
    ) -> int:
        before = Manifest.from_json(parent.manifest).rows if parent else 0
        if before > GUARDED_ROWS and manifest.rows < before * (1 - guard):
            raise GuardError(
                f"{name} would fall from {before:,} to {manifest.rows:,} rows, more than {guard:.0%}",
                hint="look at what it is made of; if this is right, type the command again with --allow-shrink",
            )
        # The files first: a book that names a file not yet on disk would be a broken table after a power cut.
        for file, data in zip(written, manifest.files[len(manifest.files) - len(written):], strict=True):
            self.files.publish(file.path, data.name)
        if marks is not None:
            self.files.publish(marks, str(manifest.marks))
        return self.book.versions.publish_version(
            name,
            manifest=manifest.to_json(),
            meta=meta or {},
            expected_parent=parent.number if parent else None,
            at=self.clock.now(),
        )
