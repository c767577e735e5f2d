"""Named: a few customers as a question's table, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.pipeline.workspace import Workspace
from regulars.storage.engines.question import given_table

SOME = given_table("some_customers", ibis.schema({"customer_id": "string"}))
"""The place of a few customers in a question."""


def some(customer_ids: Sequence[str]) -> dict[str, pa.Table]:
    """Return a few customers as the value of `SOME`."""
    return {"some_customers": pa.table({"customer_id": pa.array(customer_ids, pa.string())})}


def names_of(workspace: Workspace, customer_ids: Sequence[str]) -> dict[str, str | None]:
    """Return the names of a few customers by their ids; whom the lake does not know is left out."""
    if not customer_ids:
        return {}
    return {row["customer_id"]: row["name"] for row in workspace.ask(_names, **some(customer_ids)).to_pylist()}


def _names(workspace: Workspace) -> ir.Table:
    return workspace.table("customers").semi_join(SOME, "customer_id").select("customer_id", "name")
