"""DuckDB's compiler of expressions, with places for values that are not known before a question is asked.

Apart from `question`: who asks what was compiled before needs none of this, which takes a third of a second to load.
"""

from __future__ import annotations

from typing import Any

import ibis.expr.datashape as ds
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import sqlglot.expressions as sge

from regulars.storage.engines.compilers_left_out import compiler_alone
from regulars.storage.engines.question import PLACE

DuckDBCompiler: Any = compiler_alone("duckdb").DuckDBCompiler


class Given(ops.Scalar):  # type: ignore[misc]  # ibis has no types there
    """A value that is not known before the question is asked."""

    called: str
    dtype: dt.DataType

    shape = ds.scalar


class Compiler(DuckDBCompiler):  # type: ignore[misc]  # the same
    """DuckDB's, with places for values."""

    __slots__ = ()

    def visit_Given(self, op: Given, *, called: str, dtype: dt.DataType) -> Any:  # noqa: ARG002, N802  ibis finds it so
        """Return a place for a value: a parameter, cast to its type."""
        return self.cast(sge.Parameter(this=sge.to_identifier(PLACE + called)), dtype)
