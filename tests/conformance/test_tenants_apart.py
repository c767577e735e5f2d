"""Tenants stay apart: every table says whose its rows are, and no function of the book forgets to ask."""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from tenant_watch import forgotten, statements

from regulars.errors import RegularsError
from regulars.storage.book import Book
from regulars.storage.book.sealed import SealedBook
from regulars.storage.book.tables import ab_events, assignments, audit, metadata, runs

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
MINE = audit.c.tenant == "mine"


OTHER = assignments.alias()


@pytest.mark.parametrize(("statement", "missing"), [
    (sa.select(audit).where(MINE), []),
    (sa.select(audit), ["audit"]),
    (sa.select(audit).where(audit.c.number == 1), ["audit"]),
    (sa.select(audit).where(audit.c.tenant != "mine"), ["audit"]),
    (sa.update(audit).where(audit.c.number == 1).values(tenant="mine"), ["audit"]),
    (sa.delete(audit).where(MINE), []),
    (sa.delete(audit).where(audit.c.number == 1), ["audit"]),
    (sa.insert(audit).values(tenant="mine", number=1), []),
    (sa.select(ab_events).where(ab_events.c.tenant == "mine", OTHER.c.tenant == ab_events.c.tenant), []),
    (sa.select(ab_events).where(ab_events.c.tenant == "mine", OTHER.c.unit == ab_events.c.unit), ["assignments_1"]),
    (sa.select(audit).where(MINE, sa.select(runs.c.run_id).exists()), ["runs"]),
    (sa.select(audit).where(sa.select(audit.c.number).where(MINE).correlate(None).exists()), ["audit"]),
])
@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_a_statement_that_does_not_say_whose_rows_is_noticed(statement: Any, missing: list[str], dialect: str) -> None:
    kind = sqlite.dialect() if dialect == "sqlite" else postgresql.psycopg.dialect()

    assert list(forgotten(str(statement.compile(dialect=kind)), dialect)) == missing


def test_every_table_begins_with_whose_rows_they_are() -> None:
    assert [name for name, table in metadata.tables.items() if next(iter(table.primary_key)).name != "tenant"] == []


def _methods() -> list[tuple[str, str]]:
    kinds = {group: getattr(Book, group) for group in Book.__annotations__} | {"sealed": SealedBook}
    return [
        (group, name) for group, kind in kinds.items()
        for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")
    ]


OF_ALL = {("forgetting", "compact"), ("marks", "now"), ("marks", "close")}
"""What is of the whole database, whosever rows are in it."""


@pytest.mark.parametrize(("group", "name"), _methods())
def test_no_function_of_the_book_forgets_whose_rows(shared: Book, group: str, name: str) -> None:
    method = getattr(getattr(shared, group), name)
    arguments, is_whole = _arguments(method)

    with statements() as said:
        _try(method, arguments, book=shared)              # the watch of every statement is in conftest: it fails where one forgets

    assert said or not is_whole or (group, name) in OF_ALL


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    folder = tmp_path_factory.mktemp("shared")
    book = Book.open(f"sqlite:///{folder}/book.db", home=folder, tenant="mine", environment={})
    yield book
    book.close()


def _try(method: Callable[..., Any], arguments: Mapping[str, Any], *, book: Book) -> None:
    try:
        found = method(**arguments)
        if isinstance(found, Iterator):
            list(found)
        if callable(found):                  # what is written within somebody else's transaction
            with book.database.writing() as connection:
                found(connection)
    except (RegularsError, KeyError, AttributeError, ValueError):
        pass                                 # there is nothing of that id, the rows are none, or the text does not read


def _arguments(method: Callable[..., Any]) -> tuple[dict[str, Any], bool]:
    """Arguments of the right types, and whether all are: rows in bulk are not."""
    hints = typing.get_type_hints(method)
    made = {
        # What is one of a few names is so by default.
        each.name: each.default if isinstance(each.default, list | tuple) else _made(hints[each.name])
        for each in inspect.signature(method).parameters.values()
        if each.kind in {each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY}
    }
    is_open = any(each.kind is each.VAR_POSITIONAL for each in inspect.signature(method).parameters.values())
    return made, not is_open and not any(isinstance(each, pa.Table) for each in made.values())


PLAIN: dict[Any, Any] = {
    str: "x", Any: "x", object: "x", int: 1, float: 1.0, bool: True, bytes: b"x", datetime: NOW, date: NOW.date(),
    timedelta: timedelta(days=1),
}


def _made(kind: Any) -> Any:  # noqa: PLR0911  a line a kind
    """Something of a type: what it is does not matter, only that the function takes it."""
    if kind in PLAIN:
        return PLAIN[kind]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return inner[0]
    if origin in {typing.Union, types.UnionType}:
        return _made(next(each for each in inner if each is not type(None)))
    if origin is tuple:
        return tuple(_made(each) for each in inner if each is not Ellipsis)
    if origin is collections.abc.Callable:
        return lambda *_: timedelta()
    if origin is not None and issubclass(origin, collections.abc.Mapping):
        return {_made(inner[0]): _made(inner[1])}
    if origin is not None:
        return [_made(inner[0])]
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{each.name: _made(hints[each.name]) for each in fields(kind)})  # type: ignore[operator]  # a class
    return pa.table({"x": ["x"]})
