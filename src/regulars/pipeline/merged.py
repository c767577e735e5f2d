"""Merged: the ids that were given up for a customer's, which may still stand in what was written down before."""

from __future__ import annotations

import pyarrow as pa

from regulars.identity.customer_id import heirs
from regulars.pipeline.workspace import Workspace


def merged_into(workspace: Workspace, customer_id: str) -> list[str]:
    """Return the ids that were given up for a customer's, those given up for these too, sorted."""
    found, asked = list[str](), [customer_id]
    while asked := workspace.book.identity.merged_into(asked):
        found += asked
    return sorted(found)


def as_they_are_now(workspace: Workspace, customers: pa.ChunkedArray) -> pa.Array:
    """Return the customers that ids stand for today: those that took the profiles of ids that were given up."""
    return heirs(customers, workspace.book.identity.merged())
