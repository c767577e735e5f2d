"""Named: what customers are called and who is called so, from tables held while none of the lake changes."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import pyarrow as pa
import pyarrow.compute as pc

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
    return {row["customer_id"]: row["name"] for row in of_some(workspace.once(_names), customer_ids).to_pylist()}


def of_some(rows: pa.Table, customer_ids: Sequence[str]) -> pa.Table:
    """Return the rows of a few customers."""
    return rows.filter(pc.is_in(rows["customer_id"], pa.array(customer_ids, pa.string())))


def called(workspace: Workspace, name: str, *, is_part: bool = False) -> list[str]:
    """Return the customers one of whose profiles has a name, or with `is_part` one that contains it; sorted.

    `name`: in small letters.
    """
    names = workspace.once(_every_name)
    is_meant = pc.match_substring(names["name"], name) if is_part else pc.equal(names["name"], name)
    return sorted(set(names.filter(is_meant)["customer_id"].to_pylist()))


def _names(workspace: Workspace) -> pa.Table:
    return workspace.fetch(workspace.table("customers").select("customer_id", "name"))


def _every_name(workspace: Workspace) -> pa.Table:
    """Return what the profiles of each customer are called: customer_id, name (in small letters)."""
    profiles, identity = workspace.table("profiles"), workspace.table("identity")
    known = profiles.filter(profiles.raw_name.notnull()).inner_join(identity, ["profile_source", "profile_id"])
    return workspace.fetch(known.select("customer_id", name=known.raw_name.lower()).distinct())
