"""Profiles written by hand, and an identity book in memory: for tests of who is who."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from regulars.identity.known import IDENTITY, MAP, REGISTER, Everybody
from regulars.identity.name import normalise_names
from regulars.identity.profile import PROFILES
from regulars.identity.resolve import RULINGS, Resolution
from regulars.records.record import COMPARED_TRAITS

GYM = "capitan"
"""The source whose ids are exclusive in these tests."""


def profile(key: str, name: str | None = None, **values: object) -> dict[str, object]:
    """Return one row of profiles; `key` is `source/id`, other columns as in `identity.profile.PROFILES`."""
    source, profile_id = key.split("/")
    row = {"profile_source": source, "profile_id": profile_id, "name": name, "is_exclusive": source == GYM}
    return {**row, **values}


def profile_table(*profiles: dict[str, object]) -> pa.Table:
    """Return profiles as the table that `resolve` takes, names normalised."""
    traits = [name for name in COMPARED_TRAITS if any(name in row for row in profiles)]
    schema = pa.schema([*PROFILES, *((name, pa.string()) for name in traits)])
    table = pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in profiles], schema)
    for name in ("name", "first_name", "last_name"):
        column = normalise_names(table[name].combine_chunks())
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def ruling_table(*rulings: tuple[str, str, str]) -> pa.Table:
    """Return rulings from (`source/id`, `same` or `different`, `source/id`), each newer than the one before."""
    rows = []
    for hour, (one, verdict, other) in enumerate(rulings):
        (left_source, left_id), (right_source, right_id) = one.split("/"), other.split("/")
        at = datetime(2026, 1, 1, hour)  # noqa: DTZ001 - tables hold UTC without a zone
        rows.append({
            "left_source": left_source, "left_id": left_id, "right_source": right_source, "right_id": right_id,
            "verdict": verdict, "ruled_at": at,
        })
    return pa.Table.from_pylist(rows, RULINGS)


def groups(identity: pa.Table) -> set[frozenset[str]]:
    """Return the profiles of each customer, as `source/id`."""
    customers: dict[str, set[str]] = {}
    for key, customer in customer_ids(identity).items():
        customers.setdefault(customer, set()).add(key)
    return {frozenset(group) for group in customers.values()}


def customer_ids(identity: pa.Table) -> dict[str, str]:
    """Return the customer of each `source/id`."""
    return {f"{row['profile_source']}/{row['profile_id']}": row["customer_id"] for row in identity.to_pylist()}


def evidence(identity: pa.Table) -> dict[str, str]:
    """Return the evidence of each `source/id`."""
    return {f"{row['profile_source']}/{row['profile_id']}": row["evidence"] for row in identity.to_pylist()}


class IdentityBook:
    """The identity map and the register of ids as a book keeps them from run to run."""

    def __init__(self) -> None:
        self._map: dict[tuple[str, str], dict[str, object]] = {}
        self._register: dict[str, dict[str, object]] = {}
        self._known: dict[tuple[str, str], dict[str, object]] = {}

    @property
    def identity(self) -> pa.Table:
        """Return the map: `known.MAP`."""
        return pa.Table.from_pylist(list(self._map.values()), MAP)

    @property
    def known(self) -> Everybody:
        """Return who everybody was."""
        return Everybody(map=self.identity, ids=self.register)

    @property
    def register(self) -> pa.Table:
        """Return every id ever given: `known.REGISTER`."""
        return pa.Table.from_pylist(list(self._register.values()), REGISTER)

    def after(self, resolution: Resolution) -> pa.Table:
        """Return who everybody is after a resolution, also those whom it was not about: `known.IDENTITY`."""
        rows = resolution.identity.to_pylist()
        told = {(row["profile_source"], row["profile_id"]): row for row in rows}
        known = told if resolution.is_whole else {**self._known, **told}
        return pa.Table.from_pylist(list(known.values()), IDENTITY)

    def keep(self, resolution: Resolution) -> None:
        """Write what a resolution changes, and nothing else."""
        self._known = {(row["profile_source"], row["profile_id"]): row for row in self.after(resolution).to_pylist()}
        for row in resolution.changes.to_pylist():
            self._map[row["profile_source"], row["profile_id"]] = {name: row[name] for name in MAP.names}
        for row in (*resolution.minted.to_pylist(), *resolution.merged.to_pylist()):
            self._register[row["customer_id"]] = row
