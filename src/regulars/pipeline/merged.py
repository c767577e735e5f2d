"""Merged: the ids that were given up for a customer's, which may still stand in what was written down before."""

from __future__ import annotations

from regulars.pipeline.workspace import Workspace


def merged_into(workspace: Workspace, customer_id: str) -> list[str]:
    """Return the ids that were given up for a customer's, those given up for these too, sorted."""
    found, asked = list[str](), [customer_id]
    while asked := workspace.book.identity.merged_into(asked):
        found += asked
    return sorted(found)
