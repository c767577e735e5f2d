"""Known: what runs made of customers, in memory, so that the rows of a few are taken without a look at the others'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NEVER = np.iinfo(np.int32).min
"""In the place of a day: there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Customers, each in a place of its own, and what lies there."""

    customers: pa.Table                      # customer_id and traits, a row in each place
    owned: dict[str, Owned]                  # rows of events, and of money

    @property
    def ids(self) -> pa.Array:
        """Return the customer of every place."""
        return self.customers["customer_id"].combine_chunks()

    @property
    def shape(self) -> dict[str, pa.Schema]:
        """Return the columns of everything that is known."""
        return {"customers": self.customers.schema, **{name: owned.rows.schema for name, owned in self.owned.items()}}

    def new_since(self, before: Known) -> list[str]:
        """Return customers that another run's did not have."""
        found: list[str] = self.ids.filter(pc.invert(pc.is_in(self.ids, value_set=before.ids))).to_pylist()
        return found

    def places(self, customer_ids: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return where customers are; those nobody knows are left out."""
        return np.asarray(pc.index_in(customer_ids, value_set=self.ids).drop_null(), dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """Rows of customers, those of each lying together."""

    rows: pa.Table
    begins: np.ndarray[Any, np.dtype[np.int64]]      # where the rows of each place begin, and where the last ones end

    @classmethod
    def of(cls, rows: pa.Table, customers: pa.Table) -> Owned:
        """Return rows with a customer_id by the customers' places; those of nobody among them are left out."""
        found = pc.index_in(rows["customer_id"], value_set=customers["customer_id"].combine_chunks())
        places = np.asarray(found.combine_chunks().fill_null(-1), dtype=np.int64)
        order = np.argsort(places, kind="stable")
        begins = np.searchsorted(places[order], np.arange(len(customers) + 1))
        return cls(rows=rows.take(pa.array(order)).combine_chunks(), begins=begins)

    def at(self, places: np.ndarray[Any, np.dtype[np.int64]]) -> pa.Table:
        """Return the rows of some places."""
        begins, counts = self.begins[places], self.begins[places + 1] - self.begins[places]
        before = np.cumsum(counts) - counts
        return self.rows.take(pa.array(np.arange(counts.sum()) + np.repeat(begins - before, counts)))


@dataclass(slots=True, kw_only=True)
class Stands:
    """Where the ledger leaves every customer: `regulars.rules.standing.stands` as arrays, a row for each segment."""

    segments: tuple[str, ...]
    was: np.ndarray[Any, np.dtype[np.bool_]]
    entered: np.ndarray[Any, np.dtype[np.int32]]     # business days since 1970, or NEVER
    left: np.ndarray[Any, np.dtype[np.int32]]

    @classmethod
    def of(cls, segments: Sequence[str], customers: int) -> Stands:
        """Return where customers are before anybody enters."""
        shape = (len(segments), customers)
        return cls(
            segments=tuple(segments), was=np.zeros(shape, np.bool_), entered=np.full(shape, NEVER, np.int32),
            left=np.full(shape, NEVER, np.int32),
        )

    def moved(self, before: Known, after: Known) -> Stands:
        """Return the same in the places of another run's customers; the new ones are nowhere yet."""
        moved = Stands.of(self.segments, len(after.customers))
        found = pc.index_in(after.ids, value_set=before.ids)
        here = np.flatnonzero(np.asarray(found.is_valid()))
        there = np.asarray(found.drop_null(), dtype=np.int64)
        for name in ("was", "entered", "left"):
            getattr(moved, name)[:, here] = getattr(self, name)[:, there]
        return moved

    def follow(self, transitions: pa.Table, known: Known) -> None:
        """Take up rows of the ledger that are newer than what was taken up before, or the same again.

        Whoever enters and leaves at the same moment is out after it, as in the ledger.
        """
        segments = pc.index_in(transitions["segment"], value_set=pa.array(self.segments, pa.string()))
        places = pc.index_in(transitions["customer_id"], value_set=known.ids)
        is_here = pc.and_(segments.is_valid(), places.is_valid())
        cells = np.asarray(segments.filter(is_here), dtype=np.int64) * self.was.shape[1]
        cells += np.asarray(places.filter(is_here), dtype=np.int64)
        rows = transitions.filter(is_here)
        has_left = np.asarray(pc.equal(rows["change"], "left"))
        days = np.asarray(rows["business_day"].cast(pa.int32()), dtype=np.int32)
        np.maximum.at(self.entered.reshape(-1), cells[~has_left], days[~has_left])
        np.maximum.at(self.left.reshape(-1), cells[has_left], days[has_left])
        order = np.lexsort((has_left, np.asarray(rows["at"].cast(pa.int64())), cells))
        cells, has_left = cells[order], has_left[order]
        is_last = np.append(cells[1:] != cells[:-1], True) if len(cells) else np.zeros(0, np.bool_)
        self.was.reshape(-1)[cells[is_last]] = ~has_left[is_last]

    def at(self, places: np.ndarray[Any, np.dtype[np.int64]], known: Known, *, dated: frozenset[str]) -> pa.Table:
        """Return the columns of `stands` for some places; days only of the segments that are `dated`."""
        columns: dict[str, pa.Array] = {"customer_id": known.ids.take(pa.array(places))}
        for n, name in enumerate(self.segments):
            columns[f"was_{name}"] = pa.array(self.was[n, places])
            if name in dated:
                columns[f"entered_{name}"] = _days(self.entered[n, places])
                columns[f"left_{name}"] = _days(self.left[n, places])
        return pa.table(columns)


def _days(days: np.ndarray[Any, np.dtype[np.int32]]) -> pa.Array:
    return pa.array(days, pa.int32(), mask=days == NEVER).cast(pa.date32())
