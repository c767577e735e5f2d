"""Own: the rows of one customer, and of the few profiles that are this customer, as questions asked again and again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.storage.engines.question import given

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.pipeline.asked import Asked
    from regulars.pipeline.workspace import Workspace

Profile = tuple[str, str]                    # source, id

PLACES = 8
"""Profiles for which most questions are made: enough for nearly everybody."""

COPIED = ("events", "money")
"""Tables whose rows are kept by profile as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Tables as a question reads them for a few profiles, with places for these."""

    workspace: Workspace
    places: int                              # for how many profiles

    def rows(self, name: str) -> ir.Table:
        """Return the profiles' rows of a table that has `profile_source` and `profile_id`."""
        points = self.workspace.points
        table = self.workspace.table(name) if points is None or name not in COPIED else points.of_profiles(name)
        return of_places(table, self.places)


def ask_own(
    asked: Asked, make: Callable[..., ir.Table], *shape: Hashable, profiles: Sequence[Profile], **values: object
) -> pa.Table:
    """Carry out what is asked of a few profiles: as `Asked.ask`, and `make` takes an `Own` in the workspace's place."""
    told = {**values, **values_of(profiles)}
    return asked.ask_for([profile for _, profile in profiles], _asked, make, places_for(profiles), *shape, **told)


def rows_of(asked: Asked, table: str, customer_id: str) -> list[dict[str, Any]]:
    """Return one customer's rows of a table of the lake that has a `customer_id`."""
    return list(asked.ask(_own, table, customer_id=customer_id).to_pylist())


def profile_keys(asked: Asked, customer_id: str) -> list[tuple[str, str]]:
    """Return a customer's profiles, source and id of each, sorted."""
    return [(row["profile_source"], row["profile_id"]) for row in pointed(asked, customer_id)]


def pointed(asked: Asked, customer_id: str) -> list[dict[str, Any]]:
    """Return which profiles are a customer, sorted: profile_source, profile_id, evidence."""
    found = rows_of(asked, "identity", customer_id)
    return sorted(found, key=lambda row: (row["profile_source"], row["profile_id"]))


def places_for(profiles: Sequence[Profile]) -> int:
    """Return for how many profiles a question is made: PLACES, or that times 8, times 64...; 0 for nobody.

    Few questions are kept, and each takes longer to make than to answer.
    """
    places = PLACES
    while places < len(profiles):
        places *= 8
    return places if profiles else 0


def values_of(profiles: Sequence[Profile]) -> dict[str, str]:
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
    import ibis  # noqa: PLC0415  who asks what was compiled before needs no expressions

    is_one = ibis.literal(False)
    for source, profile in profiles:
        is_one = is_one | ((table.profile_id == profile) & (table.profile_source == source))
    return table.filter(table.profile_source.isin(sources), table.profile_id.isin(ids), is_one)


def _asked(workspace: Workspace, make: Callable[..., ir.Table], places: int, *shape: Hashable) -> ir.Table:
    return make(Own(workspace=workspace, places=places), *shape)


def _own(workspace: Workspace, name: str) -> ir.Table:
    table = workspace.table(name)
    return table.filter(table.customer_id == given("customer_id"))
