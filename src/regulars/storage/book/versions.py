"""The lake's half of the book: which version of a table is the current one, and all that were."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from regulars.errors import Overtaken
from regulars.storage.book.database import Database
from regulars.storage.book.tables import lake_current, lake_tags, lake_versions

COPIES = "copy."
"""How the names of copies begin: the same rows as a table's in another order, which no reader asks for by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a table of the lake."""

    table: str
    number: int                              # from 1, growing by 1
    parent: int | None                       # the version it was made from; None: the first
    published_at: datetime
    manifest: str                            # JSON, the lake's business
    meta: dict[str, Any]                     # what the step that made it wants to remember with it


_CURRENT = sa.select(lake_versions).join(
    lake_current,
    (lake_current.c.tenant == lake_versions.c.tenant)
    & (lake_current.c.table_name == lake_versions.c.table_name)
    & (lake_current.c.version == lake_versions.c.version),
).where(lake_versions.c.tenant == sa.bindparam("tenant"), lake_versions.c.table_name == sa.bindparam("table"))
"""Put together once: a run looks up versions some hundred times."""


@dataclass(frozen=True, slots=True)
class VersionBook:
    """Versions of tables, the current one of each, and tags."""

    database: Database

    def publish_version(
        self, table: str, *, manifest: str, meta: Mapping[str, Any], expected_parent: int | None, at: datetime
    ) -> int:
        """Make a version the current one and return its number, in one transaction.

        Raises Overtaken when the current version is not the expected parent: somebody else published in between.
        """
        with self.database.writing() as connection:
            current = connection.execute(
                sa.select(lake_current.c.version).where(*self._of(lake_current, table)).with_for_update()
            ).scalar_one_or_none()
            if current != expected_parent:
                raise Overtaken(
                    f"{table} is at version {current}, not {expected_parent}: another run was quicker", hint="run again"
                )
            # Past the highest ever, not the current: a vacuumed or reverted number must never mean something else.
            number = self.database.next_number(connection, f"version {table}")
            connection.execute(sa.insert(lake_versions).values(
                tenant=self.database.tenant, table_name=table, version=number, parent=expected_parent, published_at=at,
                manifest=manifest, meta=json.dumps(meta, sort_keys=True),
            ))
            connection.execute(self.database.upsert(lake_current).values(
                tenant=self.database.tenant, table_name=table, version=number
            ))
        return number

    def current_version(self, table: str) -> Version | None:
        """Return the version readers see; None when the table was never published."""
        with self.database.reading() as connection:
            row = connection.execute(_CURRENT, {"tenant": self.database.tenant, "table": table}).one_or_none()
        return None if row is None else _version(row)

    def version(self, table: str, number: int) -> Version | None:
        """Return one version; None when it never was or was vacuumed."""
        return self._one(self._select(table).where(lake_versions.c.version == number))

    def version_as_of(self, table: str, at: datetime) -> Version | None:
        """Return the version that was current at a moment; None when there was none yet or it was vacuumed."""
        query = self._select(table).where(lake_versions.c.published_at <= at).order_by(lake_versions.c.version.desc())
        return self._one(query.limit(1))

    def versions(self, table: str) -> list[Version]:
        """Return the versions that are kept, oldest first."""
        with self.database.reading() as connection:
            rows = connection.execute(self._select(table).order_by(lake_versions.c.version)).all()
        return [_version(row) for row in rows]

    def current_numbers(self) -> dict[str, int]:
        """Return the number of the current version of every table."""
        query = sa.select(lake_current.c.table_name, lake_current.c.version).where(
            lake_current.c.tenant == self.database.tenant
        )
        with self.database.reading() as connection:
            return {name: version for name, version in connection.execute(query)}  # noqa: C416  rows are not pairs to the type checker

    def tables(self) -> list[str]:
        """Return the names of all tables with a current version, sorted; copies are no tables."""
        return [name for name in sorted(self.current_numbers()) if not name.startswith(COPIES)]

    def copies(self) -> list[str]:
        """Return the names of all copies, sorted."""
        return [name for name in sorted(self.current_numbers()) if name.startswith(COPIES)]

    def tag(self, tag: str, *, at: datetime) -> dict[str, int]:
        """Keep the current version of every table under a tag, such as a date, and return which they are.

        Copies are not kept: whoever looks back reads the tables. The same tag again moves it to today's versions.
        """
        with self.database.writing() as connection:
            current = connection.execute(
                sa.select(lake_current.c.table_name, lake_current.c.version).where(
                    lake_current.c.tenant == self.database.tenant,
                    ~lake_current.c.table_name.startswith(COPIES, autoescape=True),
                )
            ).all()
            connection.execute(
                sa.delete(lake_tags).where(lake_tags.c.tenant == self.database.tenant, lake_tags.c.tag == tag)
            )
            if current:
                shared = {"tenant": self.database.tenant, "tag": tag, "tagged_at": at}
                rows = [{**shared, "table_name": name, "version": version} for name, version in current]
                connection.execute(sa.insert(lake_tags), rows)
        return {name: version for name, version in current}  # noqa: C416  rows are not pairs to the type checker

    def tagged(self, tag: str) -> dict[str, int]:
        """Return the version of each table under a tag; nothing for an unknown tag."""
        query = sa.select(lake_tags.c.table_name, lake_tags.c.version).where(
            lake_tags.c.tenant == self.database.tenant, lake_tags.c.tag == tag
        )
        with self.database.reading() as connection:
            return {name: version for name, version in connection.execute(query)}  # noqa: C416  as above

    def tags(self) -> list[str]:
        """Return all tags, sorted."""
        query = sa.select(lake_tags.c.tag).where(lake_tags.c.tenant == self.database.tenant).distinct()
        with self.database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def untag(self, tag: str) -> None:
        """Let a tag go; its versions may then be vacuumed."""
        with self.database.writing() as connection:
            connection.execute(
                sa.delete(lake_tags).where(lake_tags.c.tenant == self.database.tenant, lake_tags.c.tag == tag)
            )

    def forget_versions(self, table: str, numbers: Iterable[int]) -> None:
        """Forget versions; the current one and tagged ones stay whatever is asked."""
        kept = sa.union(
            sa.select(lake_current.c.version).where(*self._of(lake_current, table)),
            sa.select(lake_tags.c.version).where(*self._of(lake_tags, table)),
        )
        with self.database.writing() as connection:
            connection.execute(sa.delete(lake_versions).where(
                *self._of(lake_versions, table), lake_versions.c.version.in_(list(numbers)),
                lake_versions.c.version.not_in(kept),
            ))

    def drop_table(self, table: str) -> None:
        """Forget a table with all its versions and tags; a later table of that name goes on counting."""
        with self.database.writing() as connection:
            for owner in (lake_current, lake_tags, lake_versions):
                connection.execute(sa.delete(owner).where(*self._of(owner, table)))

    def _select(self, table: str) -> sa.Select[Any]:
        return sa.select(lake_versions).where(*self._of(lake_versions, table))

    def _one(self, query: sa.Select[Any]) -> Version | None:
        with self.database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _version(row)

    def _of(self, owner: sa.Table, table: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (owner.c.tenant == self.database.tenant, owner.c.table_name == table)


def _version(row: Any) -> Version:
    return Version(
        table=row.table_name, number=row.version, parent=row.parent, published_at=row.published_at,
        manifest=row.manifest, meta=json.loads(row.meta),
    )
