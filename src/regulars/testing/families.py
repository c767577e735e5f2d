"""Families written by hand, and what is decided of them on an engine: for tests of households."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.identity.customer import facts
from regulars.identity.family import RELATIONS, ROSTERS
from regulars.identity.guardian import family_links, family_ties, refused_relations, told_relations
from regulars.identity.home import TOLD
from regulars.identity.home import homes as at_home
from regulars.identity.household import HOMES, REGISTER, Settled, household_members, households, settle
from regulars.identity.kin import (
    contact_groups,
    contact_uses,
    group_ties,
    home_uses,
    people,
    roster_groups,
    shared_contacts,
    with_surnames,
)
from regulars.identity.known import IDENTITY
from regulars.identity.known import REGISTER as CUSTOMERS
from regulars.identity.profile import PROFILES
from regulars.identity.reach import contacts
from regulars.storage.engines import Engine

SOURCE = "gym"
BORN = datetime(2025, 1, 1, tzinfo=UTC)

Person = Mapping[str, object]
"""email, phone, name (`Ann Lee`), birthday, address, postcode, city; each may be missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The tables of one day; customer ids are `c_` and the person's key."""

    tables: Mapping[str, pa.Table]           # family_links, refused, household_members, households, contacts
    settled: Settled

    def rows(self, name: str) -> list[dict[str, object]]:
        """Return a table's rows, sorted."""
        return sorted(self.tables[name].to_pylist(), key=str)

    def homes(self) -> set[frozenset[str]]:
        """Return who lives with whom: keys of persons."""
        found: dict[str, set[str]] = {}
        for row in self.tables["household_members"].to_pylist():
            found.setdefault(row["household_id"], set()).add(row["customer_id"].removeprefix("c_"))
        return {frozenset(home) for home in found.values()}


def decide(
    engine: Engine,
    persons: Mapping[str, Person],
    *,
    on: date,
    relations: Iterable[tuple[str, str, str]] = (),
    addresses: Iterable[tuple[str, str]] = (),
    rosters: Iterable[tuple[str, str, bool]] = (),
    homes: pa.Table | None = None,
    register: pa.Table | None = None,
) -> Decided:
    """Decide the families of a day.

    Args:
        engine: Where the expressions are carried out.
        persons: By key, which is their profile id in the source `gym`; each is one customer.
        on: The business day.
        relations: (who, what whom is to who, whom).
        addresses: (who, the address of who's guardian).
        rosters: (contract, who, who pays for it).
        homes: The map of the day before (see `household.HOMES`).
        register: The ids given before.

    """
    profiles, identity = _profiles(engine, persons), _identity(engine, persons)
    told_of = _relations(engine, relations, addresses)
    every = _kept(engine, people(facts(profiles, identity)))
    uses = _kept(engine, contact_uses(profiles, identity))
    shared = engine.arrow(with_surnames(engine.fetch(shared_contacts(uses, every))))
    groups = _kept(engine, ibis.union(contact_groups(shared), roster_groups(_rosters(engine, rosters), identity)))
    told = _kept(engine, told_relations(told_of, every, identity=identity, on=on))
    links = _kept(engine, family_links(told, told_of, groups, every, identity=identity, uses=uses, on=on))
    lived = home_uses(engine.arrow(at_home(engine.fetch(profiles))), identity)
    lived = contact_groups(engine.arrow(with_surnames(engine.fetch(shared_contacts(lived, every)))))
    ties = _kept(engine, ibis.union(family_ties(links, told), group_ties(groups), group_ties(lived)))
    settled = settle(
        customer_register(persons), engine.fetch(ties), now=datetime(on.year, on.month, on.day, tzinfo=UTC),
        salt=b"families", homes=homes, register=register,
    )
    members = _kept(engine, household_members(engine.arrow(settled.homes), ties, links, every, on=on))
    return Decided(settled=settled, tables={
        "family_links": engine.fetch(links), "refused": engine.fetch(refused_relations(told)),
        "household_members": engine.fetch(members), "households": engine.fetch(households(members, every)),
        "contacts": engine.fetch(contacts(members, links, every)),
    })


def customer_register(persons: Iterable[str], merged: Mapping[str, str] | None = None) -> pa.Table:
    """Return the register of customers of persons by key, all minted on one day; `merged`: key -> key of its heir."""
    heirs = merged or {}
    at = BORN.replace(tzinfo=None)
    return pa.Table.from_pylist([
        {"customer_id": f"c_{key}", "founder_source": SOURCE, "founder_id": key, "minted_at": at,
         "merged_into": f"c_{heirs[key]}" if key in heirs else None}
        for key in persons
    ], CUSTOMERS)


class HouseholdBook:
    """The household map and the register of ids as a book keeps them from day to day."""

    def __init__(self) -> None:
        self._homes: dict[str, dict[str, object]] = {}
        self._register: dict[str, dict[str, object]] = {}

    @property
    def homes(self) -> pa.Table:
        """Return the map: `household.HOMES`."""
        return pa.Table.from_pylist(list(self._homes.values()), HOMES)

    @property
    def register(self) -> pa.Table:
        """Return every id ever given: `household.REGISTER`."""
        return pa.Table.from_pylist(list(self._register.values()), REGISTER)

    def keep(self, settled: Settled) -> None:
        """Write what a day changes, and nothing else."""
        self._homes |= {row["customer_id"]: row for row in settled.changes.to_pylist()}
        for row in (*settled.minted.to_pylist(), *settled.merged.to_pylist()):
            self._register[row["household_id"]] = row


def _profiles(engine: Engine, persons: Mapping[str, Person]) -> ir.Table:
    at = BORN.replace(tzinfo=None)
    rows = [
        dict.fromkeys(PROFILES.names) | {name: person.get(name) for name in TOLD} | {
            "profile_source": SOURCE, "profile_id": key, "is_exclusive": True, "created_at": at, "recorded_at": at,
            "email": person.get("email"), "phone": person.get("phone"), "birthday": person.get("birthday"),
            "raw_name": person.get("name"), "raw_last_name": str(person.get("name") or "").rpartition(" ")[2] or None,
        }
        for key, person in persons.items()
    ]
    return engine.arrow(pa.Table.from_pylist(rows, pa.schema([*PROFILES, *((name, pa.string()) for name in TOLD)])))


def _identity(engine: Engine, persons: Iterable[str]) -> ir.Table:
    return engine.arrow(pa.Table.from_pylist([
        {"profile_source": SOURCE, "profile_id": key, "customer_id": f"c_{key}", "evidence": "only profile"}
        for key in persons
    ], IDENTITY))


def _relations(
    engine: Engine, relations: Iterable[tuple[str, str, str]], addresses: Iterable[tuple[str, str]]
) -> ir.Table:
    at = BORN.replace(tzinfo=None)
    rows = [
        {"record_key": f"{who}|{whom}|{relation}", "who": who, "whom": whom, "relation": relation, "confidence": "high"}
        for who, relation, whom in relations
    ]
    rows += [
        {"record_key": who, "who": who, "whom_email": email, "relation": "guardian", "confidence": "medium"}
        for who, email in addresses
    ]
    told = [{"source": SOURCE, "stream": "relations", "recorded_at": at, **row} for row in rows]
    return engine.arrow(pa.Table.from_pylist(told, RELATIONS.to_pyarrow()))


def _rosters(engine: Engine, rosters: Iterable[tuple[str, str, bool]]) -> ir.Table:
    rows = [
        {"source": SOURCE, "stream": "contracts", "roster": contract, "who": who, "is_owner": is_owner}
        for contract, who, is_owner in rosters
    ]
    return engine.arrow(pa.Table.from_pylist(rows, ROSTERS.to_pyarrow()))


def _kept(engine: Engine, table: ir.Table) -> ir.Table:
    return engine.arrow(engine.fetch(table))
