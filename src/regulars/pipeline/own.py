"""Own: the rows of one customer, and of the few profiles that are this customer, as questions asked again and again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.pipeline.workspace import Workspace
from regulars.storage.by_profile import Copied, copied
from regulars.storage.engines import Question
from regulars.storage.engines.question import given

Profile = tuple[str, str]                    # source, id

COPIED = ("events", "money")
"""Tables whose rows are kept by profile as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Tables as a question reads them for a few profiles, with places for these."""

    workspace: Workspace
    places: int                              # for how many profiles
    copies: Mapping[str, Copied]             # of the tables that have one

    def rows(self, name: str) -> ir.Table:
        """Return the profiles' rows of a table that has `profile_source` and `profile_id`."""
        found = self.copies.get(name)
        if found is None:
            return of_places(self.workspace.table(name), self.places)
        return of_places(found.rows(self.workspace.lake, _files(name)), self.places)

    def values(self, profiles: Sequence[Profile]) -> dict[str, object]:
        """Return the values of a question about these profiles."""
        lake, ids = self.workspace.lake, [profile for _, profile in profiles]
        files = {_files(name): found.files_of(lake, ids) for name, found in self.copies.items()}
        return {**values_of(profiles), **files}


def own(workspace: Workspace, places: int) -> Own:
    """Return the tables as they are now, for so many profiles."""
    # Another engine than DuckDB takes seconds to answer anything: it reads the tables themselves.
    names = COPIED if workspace.stores.engine is workspace.stores.border else ()
    found = {name: copied(workspace.lake, name) for name in names}
    copies = {name: copy for name, copy in found.items() if copy is not None}
    return Own(workspace=workspace, places=places, copies=copies)


def ask_own(
    workspace: Workspace, make: Callable[..., ir.Table], *shape: Hashable, profiles: Sequence[Profile], **values: object
) -> pa.Table:
    """Carry out what is asked of a few profiles: as `Workspace.ask`, and `make` takes an `Own` in its place."""
    question, tables = workspace.once(_asked, make, places_for(profiles), *shape)
    return question({**values, **tables.values(profiles)})


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


def places_for(profiles: Sequence[Profile]) -> int:
    """Return for how many profiles a question is made: 8, which are enough for nearly everybody, 64...; 0 for nobody.

    Few questions are kept, and each takes longer to make than to answer.
    """
    places = 8
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
    is_one = ibis.literal(False)
    for source, profile in profiles:
        is_one = is_one | ((table.profile_id == profile) & (table.profile_source == source))
    return table.filter(table.profile_source.isin(sources), table.profile_id.isin(ids), is_one)


def _asked(
    workspace: Workspace, make: Callable[..., ir.Table], places: int, *shape: Hashable
) -> tuple[Question, Own]:
    """Return a question and the tables that it is asked of: copies are read as they were when it was made."""
    tables = own(workspace, places)
    return workspace.stores.engine.question(make(tables, *shape)), tables


def _own(workspace: Workspace, name: str) -> ir.Table:
    table = workspace.table(name)
    return table.filter(table.customer_id == given("customer_id"))


def _files(name: str) -> str:
    return f"files_of_{name}"
