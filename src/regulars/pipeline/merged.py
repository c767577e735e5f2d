"""Merged: the ids that were given up for a customer's, which may still stand in what was written down before."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from regulars.pipeline.workspace import Workspace


def merged_into(workspace: Workspace, customer_id: str) -> list[str]:
    """Return the ids that were given up for a customer's, those given up for these too, sorted."""
    found, asked = list[str](), [customer_id]
    while asked := workspace.book.identity.merged_into(asked):
        found += asked
    return sorted(found)


def as_they_are_now(workspace: Workspace, customers: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the customers that ids stand for today: those that took the profiles of ids that were given up."""
    taken_by = workspace.book.identity.given_up()
    if not taken_by:
        return customers
    survivors = {given: taken_by[given] for given in taken_by}
    while later := {given: taken_by[taken] for given, taken in survivors.items() if taken in taken_by}:
        survivors |= later
    given = pa.array(survivors.keys(), pa.string())
    places = pc.index_in(customers, given)
    return pc.coalesce(pa.chunked_array([pa.array(survivors.values(), pa.string())]).take(places), customers)
