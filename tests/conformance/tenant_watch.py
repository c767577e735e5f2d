"""Watches every statement that goes to a book: one that reads or writes a table without saying whose rows is an error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import sqlglot
from sqlglot import exp

import regulars
from regulars.storage.book.tables import metadata

PRODUCT = Path(regulars.__file__).parent
SHARED = "counters"
"""The one table that may be asked whether somebody else has rows: its numbers say nothing of anybody."""

SEEN: ContextVar[list[str] | None] = ContextVar("SEEN", default=None)


@cache
def forgotten(statement: str, dialect: str) -> tuple[str, ...]:
    """The tables of a book of which a statement does not say whose rows it means, as it calls them."""
    found = []
    for parsed in sqlglot.parse(statement.replace("%(", ":").replace(")s", "") if dialect == "postgres" else statement, read=dialect):
        if parsed is None or isinstance(parsed, exp.Create | exp.Alter | exp.Drop | exp.Pragma | exp.Command | exp.Transaction):
            continue
        insert = parsed if isinstance(parsed, exp.Insert) else None
        into = insert.find(exp.Table) if insert is not None else None
        if insert is not None and into is not None and into.name in metadata.tables:
            named = [column.name for column in insert.this.expressions] if isinstance(insert.this, exp.Schema) else []
            found += [] if "tenant" in named else [into.name]
        said = {
            (_whose(equal), side.table) for equal in parsed.find_all(exp.EQ, exp.In)
            for side in (equal.this, equal.args.get("expression"))
            if isinstance(side, exp.Column) and side.name == "tenant"
        }
        read = [table for table in parsed.find_all(exp.Table) if table.name in metadata.tables and table is not into]
        is_asked = any(str(each.this) == f"{SHARED}.tenant" for each in parsed.find_all(exp.NEQ))
        found += [
            table.alias_or_name for table in read
            if (_whose(table), table.alias_or_name) not in said and not (is_asked and table.name == SHARED)
        ]
    return tuple(found)


def _whose(part: exp.Expression) -> int:
    """The select, update or delete that a part of a statement belongs to: what one says does not hold for another."""
    return id(part.find_ancestor(exp.Select, exp.Update, exp.Delete))


@contextmanager
def statements() -> Iterator[list[str]]:
    """What was said to books meanwhile."""
    said: list[str] = []
    token = SEEN.set(said)
    try:
        yield said
    finally:
        SEEN.reset(token)


def watch() -> None:
    """Look at every statement of this process from now on."""
    sa.event.listen(sa.Engine, "before_cursor_execute", _look)


def _look(connection: sa.Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
    if statement.lstrip().lower().startswith(("pragma", "begin", "create", "drop", "alter", "select pg_", "set ", "savepoint", "release", "rollback")):
        return
    if not _is_ours():
        return
    dialect = "postgres" if connection.dialect.name == "postgresql" else "sqlite"
    if (said := SEEN.get()) is not None:
        said.append(statement)
    missing = forgotten(statement, dialect)
    assert not missing, f"whose rows of {', '.join(missing)}? {statement}"


def _is_ours() -> bool:
    """Whether the product says a statement: tests may look at everybody's rows."""
    frame = sys._getframe(2)
    while "sqlalchemy" in frame.f_code.co_filename:
        assert frame.f_back is not None
        frame = frame.f_back
    return PRODUCT in Path(frame.f_code.co_filename).parents
