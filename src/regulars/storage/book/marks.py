"""A mark of the whole book: another one after every commit, whoever made it, and whatever was written.

PostgreSQL's is of the whole server: what is written into other databases of it changes the mark too, which costs time
and tells nothing wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

import sqlalchemy as sa

from regulars.storage.book.database import Database


@dataclass(slots=True)
class MarkBook:
    """The mark of now. Two that are equal, of one process, mean that nothing was written in between."""

    database: Database
    _lock: Lock = field(default_factory=Lock)
    _connection: sa.Connection | None = None

    def now(self) -> str:
        """Return the mark: look first, then read; what was read holds for as long as the mark is the same."""
        if self.database.engine.dialect.name == "postgresql":
            # Whoever commits was under way before and is not after: https://www.postgresql.org/docs/15/functions-info.html
            with self.database.reading() as connection:
                return str(connection.execute(sa.text("select cast(pg_current_snapshot() as text)")).scalar_one())
        with self._lock:
            # SQLite tells one connection of what others committed: so it is always the same one, and it writes nothing.
            if self._connection is None:
                self._connection = self.database.engine.connect()
            with self._connection.begin():
                return str(self._connection.exec_driver_sql("pragma data_version").scalar_one())

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
