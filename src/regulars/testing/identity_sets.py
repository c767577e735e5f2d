"""Published sets of people with true clusters as profiles, and how right clusters are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from regulars.identity.name import folded, normalise_names
from regulars.identity.numbered import profile_keys, value_numbers
from regulars.identity.separation import Ints
from regulars.testing.customers import NOISY, Customers

COLUMNS = {
    "first_name": ("first_name", "given_name"), "last_name": ("surname",), "birthday": ("dob", "date_of_birth"),
    "email": ("email",), "city": ("city", "suburb"), "postcode": ("postcode",), "region": ("state",),
    "personal_id": ("soc_sec_id",),
}
"""Columns of profiles, and what fake_1000 and FEBRL call them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterGrade:
    """How right a division of profiles into customers is, counted in pairs of profiles."""

    precision: float                         # share of the pairs within customers that are one person
    recall: float                            # share of the pairs of one person that are within a customer
    households_merged: float                 # share of households of which two people are in one customer

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def read_set(file: Path) -> Customers:
    """Return a Parquet file of people (fake_1000, FEBRL 1 to 3) as profiles of one source."""
    table = pq.read_table(file)
    known = {name: next((c for c in columns if c in table.column_names), None) for name, columns in COLUMNS.items()}
    raw = {name: table[c].combine_chunks() for name, c in known.items() if c is not None}
    columns = {name: folded(column) for name, column in raw.items() if name not in ("birthday", "email")}
    columns |= {name: normalise_names(raw[name]) for name in ("first_name", "last_name")}
    columns |= {"email": pc.utf8_lower(raw["email"])} if "email" in raw else {}
    columns["name"] = _joined([columns["first_name"], columns["last_name"]])
    dashed = pc.replace_substring(raw["birthday"], "-", "")
    columns["birthday"] = pc.strptime(dashed, format="%Y%m%d", unit="s", error_is_null=True).cast(pa.date32())
    if "address_1" in table.column_names:
        columns["address"] = folded(_joined([table[name].combine_chunks() for name in ("street_number", "address_1")]))
    columns |= {"profile_id": table["uid"], "profile_source": pa.array(["set"] * len(table))}
    columns["is_exclusive"] = pa.array(np.zeros(len(table), dtype=bool))
    profiles = pa.table({
        field.name: columns.get(field.name, pa.nulls(len(table), field.type)) for field in NOISY
    }).cast(NOISY)
    person = value_numbers(table["cluster"])
    return Customers(profiles=profiles, person=person, household=np.arange(int(person.max()) + 1)[person])


def grade_clusters(identity: pa.Table, people: Customers) -> ClusterGrade:
    """Hold the customers of an identity table against the truth."""
    at = pc.index_in(
        profile_keys(people.profiles["profile_source"], people.profiles["profile_id"]),
        profile_keys(identity["profile_source"], identity["profile_id"]),
    )
    return grade_division(value_numbers(identity["customer_id"].take(at)), people)


def grade_division(customer: Ints, people: Customers) -> ClusterGrade:
    """Hold a division of the profiles, a number for each, against the truth."""
    persons = int(people.person.max()) + 1
    both = customer * persons + people.person
    home = np.zeros(persons, dtype=np.int64)
    home[people.person] = people.household
    shared = np.unique(both)
    together, count = np.unique(shared // persons * (int(home.max()) + 1) + home[shared % persons], return_counts=True)
    merged = np.unique(together[count > 1] % (int(home.max()) + 1))
    right = _pairs(both)
    return ClusterGrade(
        precision=right / max(_pairs(customer), 1), recall=right / max(_pairs(people.person), 1),
        households_merged=len(merged) / len(np.unique(people.household)),
    )


def _joined(parts: list[pa.Array]) -> pa.Array:
    """The parts that are known, a blank between."""
    text = pc.utf8_trim_whitespace(pc.binary_join_element_wise(*(part.fill_null("") for part in parts), " "))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _pairs(group: Ints) -> int:
    size = np.unique(group, return_counts=True)[1].astype(np.int64)
    return int((size * (size - 1) // 2).sum())
