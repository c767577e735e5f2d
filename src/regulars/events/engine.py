"""What runs an expression, as the stages know it: DuckDB and Spark come behind it in storage."""

from __future__ import annotations

from typing import Protocol

import ibis.expr.types as ir
import pyarrow as pa


class Engine(Protocol):
    """What runs an expression: DuckDB, Spark."""

    def arrow(self, table: pa.Table, /) -> ir.Table:
        """Return a table in memory as an expression."""
        ...

    def fetch(self, expr: ir.Table, /) -> pa.Table:
        """Return an expression's rows."""
        ...
