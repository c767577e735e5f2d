"""Named: what customers are called and who is called so, from tables held while none of the lake changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regulars.storage.engines.question import given_table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.pipeline.asked import Asked
    from regulars.pipeline.workspace import Workspace


def some_customers() -> ir.Table:
    """Return the place of a few customers in a question: customer_id."""
    import ibis  # noqa: PLC0415  who asks what was compiled before needs no expressions

    return given_table("some_customers", ibis.schema({"customer_id": "string"}))


def some(customer_ids: Sequence[str]) -> dict[str, pa.Table]:
    """Return a few customers as the value of `some_customers`."""
    return {"some_customers": pa.table({"customer_id": _texts(customer_ids)})}


def names_of(asked: Asked, customer_ids: Sequence[str]) -> dict[str, str | None]:
    """Return the names of a few customers by their ids; whom the lake does not know is left out."""
    if not customer_ids:
        return {}
    return {row["customer_id"]: row["name"] for row in of_some(asked.once(_names), customer_ids).to_pylist()}


def of_some(rows: pa.Table, customer_ids: Sequence[str]) -> pa.Table:
    """Return the rows of a few customers."""
    return rows.filter(pc.is_in(rows["customer_id"], _texts(customer_ids)))


def called(asked: Asked, name: str, *, is_part: bool = False) -> list[str]:
    """Return the customers one of whose profiles has a name, or with `is_part` one that contains it; sorted.

    `name`: in small letters.
    """
    names = asked.once(_every_name)
    is_meant = pc.match_substring(names["name"], name) if is_part else pc.equal(names["name"], name)
    return sorted(set(names.filter(is_meant)["customer_id"].to_pylist()))


def _names(asked: Asked) -> pa.Table:
    return asked.ask(_named)


def _every_name(asked: Asked) -> pa.Table:
    """Return what the profiles of each customer are called: customer_id, name (in small letters)."""
    return asked.ask(_every_named)


def _named(workspace: Workspace) -> ir.Table:
    return workspace.table("customers").select("customer_id", "name")


def _every_named(workspace: Workspace) -> ir.Table:
    profiles, identity = workspace.table("profiles"), workspace.table("identity")
    known = profiles.filter(profiles.raw_name.notnull()).inner_join(identity, ["profile_source", "profile_id"])
    return known.select("customer_id", name=known.raw_name.lower()).distinct()


def _texts(values: Sequence[str]) -> pa.StringArray:
    """Return texts as an array; `pyarrow.array` would import pandas, which takes longer than a customer's screen."""
    said = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, said)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(said), pa.py_buffer(ends), pa.py_buffer(b"".join(said)))
