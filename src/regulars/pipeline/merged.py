"""Merged: the ids that were given up for a customer's, which may still stand in what was written down before."""

from __future__ import annotations

from collections import defaultdict

from regulars.pipeline.workspace import Workspace


def merged_into(workspace: Workspace, customer_id: str) -> list[str]:
    """Return the ids that were given up for a customer's, those given up for these too, sorted."""
    register = workspace.book.identity.customers().select(["customer_id", "merged_into"]).to_pylist()
    below = defaultdict(list)
    for row in register:
        below[row["merged_into"]].append(row["customer_id"])
    found, asked = list[str](), [customer_id]
    while asked:
        asked = [one for above in asked for one in below[above]]
        found += asked
    return sorted(found)
