"""A glance: a project's customers looked at by what was kept of it, without reading its declarations or compiling.

Reading the declarations and the language of expressions takes longer than every question about one customer. Whoever
is asked what was not kept, of a project that is declared as it was, refuses: then a workspace has to be opened, which
keeps it for the next time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars.config import HOME, Config, read_config
from regulars.project.layout import fingerprint
from regulars.storage.book.database import TENANT, Database, connect
from regulars.storage.book.memberships import MembershipBook
from regulars.storage.book.migrate import migrate
from regulars.storage.book.versions import VersionBook
from regulars.storage.engines.connection import ColumnMissing, answered, connected, parts_of
from regulars.storage.files import open_files
from regulars.storage.kept import QUESTIONS, Kept
from regulars.storage.points import Tables
from regulars.storage.scratch import SPILL, Scratch

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.identity.identifier import IdentifierRules
    from regulars.pipeline.asked import FreshEvents, Made


class NotKept(Exception):
    """What is asked was not kept: a workspace knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """Answers questions that were kept; see `Asked`. Raises NotKept for any other."""

    config: Config
    lasting: Mapping[str, int | None]
    memberships: MembershipBook
    kept: Kept
    tables: Tables
    connection: Any                          # DuckDB's
    fresh: FreshEvents | None = None         # no door is open in this process
    _once: dict[Hashable, Any] = field(default_factory=dict)

    @property
    def identifier_rules(self) -> IdentifierRules:
        """Return what counts as somebody's e-mail address and phone number here."""
        from regulars.identity.identifier import IdentifierRules  # noqa: PLC0415  ids need no numbers' plans

        return IdentifierRules.of(self.config)

    def has(self, table: str) -> bool:
        """Return whether a table of the lake was ever published."""
        return self.tables.manifest(table) is not None

    def ask(self, make: Callable[..., ir.Table], *shape: Hashable, **values: object) -> pa.Table:
        """Carry out what was kept as text."""
        return self.ask_for((), make, *shape, **values)

    def ask_for(
        self, profile_ids: Sequence[str], make: Callable[..., ir.Table], *shape: Hashable, **values: object
    ) -> pa.Table:
        """Do the same where no other profiles' rows are wanted of the tables that are kept by profile."""
        text = self.kept.text(make, shape, self.tables)
        if text is None:
            raise NotKept
        told = text.told(self.tables, profile_ids)
        try:
            return answered(self.connection, text.text, {**told, **values}, schema=text.schema)
        except ColumnMissing as error:
            raise NotKept from error

    def once(self, make: Callable[..., Made], *shape: Hashable) -> Made:
        """Return what is made of this and a shape, made once."""
        if (make, *shape) not in self._once:
            self._once[make, *shape] = make(self, *shape)
        found: Made = self._once[make, *shape]
        return found


@contextmanager
def glance(folder: Path, *, environment: Mapping[str, str] | None = None) -> Iterator[Glance]:
    """Look at a project for a `with`.

    Raises NotKept when it is declared otherwise than when something was kept of it, or its engine is another one;
    DeclarationError when `regulars.toml` is wrong, StoreError when a store cannot be opened.
    """
    environment = dict(os.environ) if environment is None else environment
    config = read_config(folder, environment=environment)
    digest, home = fingerprint(folder, environment=environment), folder / HOME
    scheme, place, settings = parts_of(config.engine.url)
    if digest is None or scheme != "duckdb" or place:
        raise NotKept
    kept = Kept(folder=home / QUESTIONS, digest=digest)
    facts = kept.facts()
    if facts is None:
        raise NotKept
    database = Database(connect(config.stores.book), TENANT)
    try:
        migrate(database)
        files = open_files(config.stores.lake, home / "cache" / "lake")
        with (
            closing(Scratch.open(home / SPILL)) as scratch,
            closing(connected(settings, scratch=scratch.folder)) as connection,
        ):
            yield Glance(
                config=config, lasting=facts["lasting"], memberships=MembershipBook(database), kept=kept,
                tables=Tables(VersionBook(database), files), connection=connection,
            )
    finally:
        database.engine.dispose()
