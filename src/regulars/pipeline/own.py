"""Own: the rows of one customer, and of the few profiles that are this customer, as questions asked again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

from regulars.pipeline.workspace import Workspace
from regulars.storage.engines.question import given

Profile = tuple[str, str]                    # source, id


def rows_of(workspace: Workspace, table: str, customer_id: str) -> list[dict[str, Any]]:
    """Return one customer's rows of a table of the lake that has a `customer_id`."""
    return list(workspace.ask(_own, table, customer_id=customer_id).to_pylist())


def profile_keys(workspace: Workspace, customer_id: str) -> list[tuple[str, str]]:
    """Return a customer's profiles, source and id of each, sorted."""
    return [(row["profile_source"], row["profile_id"]) for row in pointed(workspace, customer_id)]


def pointed(workspace: Workspace, customer_id: str) -> list[dict[str, Any]]:
    """Return which profiles are a customer, sorted: profile_source, profile_id, evidence."""
    found = rows_of(workspace, "identity", customer_id)
    return sorted(found, key=lambda row: (row["profile_source"], row["profile_id"]))


def places_for(profiles: list[Profile]) -> int:
    """Return for how many profiles a question is made: a power of two, so that few questions are kept; 0 for nobody."""
    return 1 << (len(profiles) - 1).bit_length() if profiles else 0


def values_of(profiles: list[Profile]) -> dict[str, str]:
    """Return a few profiles as the values of `of_places`; the last one fills the places that are left."""
    filled = [profiles[min(n, len(profiles) - 1)] for n in range(places_for(profiles))]
    return {
        name: text for n, (source, profile) in enumerate(filled)
        for name, text in ((f"source_{n}", source), (f"profile_{n}", profile))
    }


def of_places(table: ir.Table, places: int) -> ir.Table:
    """Return the rows of a few profiles, as a question with so many places for them."""
    return of_profiles(table, [(given(f"source_{n}"), given(f"profile_{n}")) for n in range(places)])


def of_profiles(table: ir.Table, profiles: Sequence[tuple[Any, Any]]) -> ir.Table:
    """Return the rows of a few profiles; files are sorted by profile, so lists of ids keep most from being read."""
    if not profiles:
        return table.limit(0)
    sources, ids = (list(column) for column in zip(*profiles, strict=True))
    is_one = ibis.literal(False)
    for source, profile in profiles:
        is_one = is_one | ((table.profile_id == profile) & (table.profile_source == source))
    return table.filter(table.profile_source.isin(sources), table.profile_id.isin(ids), is_one)


def _own(workspace: Workspace, name: str) -> ir.Table:
    table = workspace.table(name)
    return table.filter(table.customer_id == given("customer_id"))
