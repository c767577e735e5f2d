"""Todos: what those who work here note for themselves, by number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import sqlalchemy as sa

from regulars.storage.book.database import Database
from regulars.storage.book.tables import todos

Priority = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """One todo."""

    number: int                              # from 1; 0: a new one
    title: str
    description: str
    is_completed: bool
    priority: Priority
    due_date: date | None
    user_id: str                             # whose it is
    made_at: datetime                        # aware
    changed_at: datetime                     # aware


@dataclass(frozen=True, slots=True)
class TodoBook:
    """Todos by number."""

    database: Database

    def put(self, todo: Todo) -> Todo:
        """Keep a new todo (number 0), or what has become of one, and return it."""
        values = {name: getattr(todo, name) for name in Todo.__slots__}
        with self.database.writing() as connection:
            values["number"] = todo.number or self.database.next_number(connection, "todos")
            connection.execute(
                self.database.insert(todos).values(tenant=self.database.tenant, **values)
                .on_conflict_do_update(index_elements=["tenant", "number"], set_=values)
            )
        return Todo(**values)

    def find(self, number: int) -> Todo | None:
        """Return a todo; None where there is none of this number."""
        return next(iter(self._found(todos.c.number == number)), None)

    def all(self) -> list[Todo]:
        """Return every todo, by number."""
        return self._found()

    def remove(self, number: int) -> None:
        """Forget a todo."""
        t = todos.c
        with self.database.writing() as connection:
            connection.execute(sa.delete(todos).where(t.tenant == self.database.tenant, t.number == number))

    def _found(self, *where: sa.ColumnElement[bool]) -> list[Todo]:
        t = todos.c
        query = sa.select(*(t[name] for name in Todo.__slots__)).where(t.tenant == self.database.tenant, *where)
        with self.database.reading() as connection:
            return [Todo(**row) for row in connection.execute(query.order_by(t.number)).mappings()]
