"""Texts of expressions, kept from run to run: what a run asks today it asked yesterday, of other files on another day.

To compile an expression takes longer than to carry it out over a day's records. What is kept is found by the shape of
an expression (`regulars.storage.engines.shape`), so that another declaration, another plug-in or another release asks
for another text; and by what compiles it. A text that is not there, or is not whole, is compiled.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import sqlglot.expressions as sge

from regulars.storage.engines import compiler
from regulars.storage.engines import shape as shapes
from regulars.storage.engines.compiler import Compiler
from regulars.storage.engines.shape import Shape
from regulars.storage.engines.whole import read_whole, write_whole

MANY = 3000
"""Texts above which all are thrown away: a run has some hundred, and changed declarations leave theirs behind."""

MANY_SHARED = 30_000
"""The same of a folder that many projects share."""

SHARED = "REGULARS_TEXTS"
"""Variable of the environment that names a folder for the texts of all projects, in place of one of each."""

_PLACES = re.compile(r'"__table_(\d+)"|\$__value_(\d+)')


@dataclass(slots=True)
class Texts:
    """A folder of texts; nothing is looked up or kept unless it is open.

    It is open for the statements of runs, which are made of declarations and nothing else; what people ask has names
    and addresses in it, and these are never written down here.
    """

    folder: Path | None = None
    is_open: bool = False
    is_shared: bool = False                  # with other projects

    def settle(self, home: Path, *, environment: Mapping[str, str]) -> None:
        """Keep texts in a project's home, or in the folder that the environment names for all projects."""
        shared = environment.get(SHARED)
        self.folder, self.is_shared = (home / "texts", False) if not shared else (Path(shared), True)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Look up and keep texts for a `with`."""
        before, self.is_open = self.is_open, self.folder is not None
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            if sum(1 for _ in os.scandir(self.folder)) > (MANY_SHARED if self.is_shared else MANY):
                self.clear()
        try:
            yield
        finally:
            self.is_open = before

    def clear(self) -> None:
        """Throw all texts away."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)

    def text_of(self, expr: ir.Table, shape: Shape) -> str:
        """Return the text of an expression of a shape, compiled when it never was before."""
        assert self.folder is not None
        path = self.folder / sha256(f"{compiled_by()} {shape.key}".encode()).hexdigest()
        text = read_whole(path)
        if text is None:
            text = _with_places(expr, shape)
            with suppress(FileNotFoundError):    # another process threw the folder away just now
                write_whole(path, text)
        return _PLACES.sub(lambda place: _put(place, shape), text)


@cache
def compiled_by() -> str:
    """Return a fingerprint of everything that makes a text of an expression."""
    own = [Path(str(module.__file__)).read_bytes() for module in (compiler, shapes)]
    releases = [*map(version, ("duckdb", "ibis-framework", "sqlglot")), str(ibis.options.sql.fuse_selects)]
    return sha256(b"\0".join([*own, Path(__file__).read_bytes(), *(each.encode() for each in releases)])).hexdigest()


class _WithPlaces(Compiler):
    """A compiler that leaves places for what is another value tomorrow."""

    __slots__ = ("places",)

    def __init__(self, values: tuple[ops.Literal, ...]) -> None:
        super().__init__()
        self.places: Mapping[ops.Literal, str] = {value: f"__value_{n}" for n, value in enumerate(values)}

    def visit_Literal(self, op: ops.Literal, *, value: object, dtype: dt.DataType) -> Any:  # noqa: N802  ibis finds it so
        """Return a place, cast to its type, or the value."""
        if op not in self.places:
            return super().visit_Literal(op, value=value, dtype=dtype)
        return self.cast(sge.Parameter(this=sge.to_identifier(self.places[op])), dtype)


def _with_places(expr: ir.Table, shape: Shape) -> str:
    text = str(_WithPlaces(shape.values).to_sqlglot(expr).sql(dialect="duckdb"))
    for number, name in enumerate(shape.names):
        text = text.replace(f'"{name}"', f'"__table_{number}"')
    return text


def _put(place: re.Match[str], shape: Shape) -> str:
    if place[1] is not None:
        return f'"{shape.names[int(place[1])]}"'
    return f"'{shape.values[int(place[2])].value}'"   # Python's own text of a day, moment or whole number is SQL's
