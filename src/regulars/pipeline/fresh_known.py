"""Known: what runs made of customers, in memory, so that the rows of a few are taken without a look at the others'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Places = np.ndarray[Any, np.dtype[np.int64]]

NEVER = np.iinfo(np.int32).min
"""In the place of a day: there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Customers, each in a place of its own, and what lies there."""

    customers: pa.Table                      # customer_id and traits, a row in each place, sorted by customer_id
    ids: np.ndarray[Any, np.dtype[np.bytes_]]        # the customer of every place
    owned: dict[str, Owned] = field(default_factory=dict)    # rows of events, and of money

    @classmethod
    def of(cls, customers: pa.Table) -> Known:
        """Return customers with a customer_id in places, and nothing there yet."""
        ids = _bytes(customers["customer_id"])
        order = np.argsort(ids)
        return cls(customers=customers.take(pa.array(order)).combine_chunks(), ids=ids[order])

    @property
    def shape(self) -> dict[str, pa.Schema]:
        """Return the columns of everything that is known."""
        return {"customers": self.customers.schema, **{name: owned.rows.schema for name, owned in self.owned.items()}}

    def new_since(self, before: Known) -> list[str]:
        """Return customers that another run's did not have."""
        ids = self.customers["customer_id"].combine_chunks()
        found: list[str] = ids.filter(pa.array(before.found(ids) < 0)).to_pylist()
        return found

    def found(self, customer_ids: pa.Array) -> Places:
        """Return where each of some customers is; -1 for those nobody knows."""
        each = customer_ids.dictionary_encode()
        asked = _bytes(each.dictionary)
        # Looked for in what is sorted once: to hash all customers, for a few, would take longer than to decide of them.
        places = np.searchsorted(self.ids, asked)
        is_known = places < len(self.ids)
        is_known[is_known] = self.ids[places[is_known]] == asked[is_known]
        found: Places = np.where(is_known, places, -1)[np.asarray(each.indices)]
        return found

    def places(self, customer_ids: pa.Array) -> Places:
        """Return where customers are; those nobody knows are left out."""
        found = self.found(customer_ids)
        return found[found >= 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """Rows of customers, those of each lying together."""

    rows: pa.Table
    begins: Places                           # where the rows of each place begin, and where the last ones end

    @classmethod
    def of(cls, rows: pa.Table, known: Known) -> Owned:
        """Return rows with a customer_id by the customers' places; those of nobody among them are left out."""
        places = known.found(rows["customer_id"].combine_chunks())
        order = np.argsort(places, kind="stable")
        begins = np.searchsorted(places[order], np.arange(len(known.ids) + 1))
        return cls(rows=rows.take(pa.array(order)).combine_chunks(), begins=begins)

    def at(self, places: Places) -> pa.Table:
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
        moved = Stands.of(self.segments, len(after.ids))
        there = before.found(after.customers["customer_id"].combine_chunks())
        here = np.flatnonzero(there >= 0)
        for name in ("was", "entered", "left"):
            getattr(moved, name)[:, here] = getattr(self, name)[:, there[here]]
        return moved

    def follow(self, transitions: pa.Table, known: Known) -> None:
        """Take up rows of the ledger that are newer than what was taken up before, or the same again.

        Whoever enters and leaves at the same moment is out after it, as in the ledger.
        """
        segments = pc.index_in(transitions["segment"].combine_chunks(), value_set=pa.array(self.segments, pa.string()))
        numbers = np.asarray(segments.fill_null(-1), dtype=np.int64)
        places = known.found(transitions["customer_id"].combine_chunks())
        is_here = (numbers >= 0) & (places >= 0)
        cells = numbers[is_here] * self.was.shape[1] + places[is_here]
        rows = transitions.filter(pa.array(is_here))
        has_left = np.asarray(pc.equal(rows["change"], "left"))
        days = np.asarray(rows["business_day"].cast(pa.int32()), dtype=np.int32)
        np.maximum.at(self.entered.reshape(-1), cells[~has_left], days[~has_left])
        np.maximum.at(self.left.reshape(-1), cells[has_left], days[has_left])
        order = np.lexsort((has_left, np.asarray(rows["at"].cast(pa.int64())), cells))
        cells, has_left = cells[order], has_left[order]
        is_last = np.append(cells[1:] != cells[:-1], True) if len(cells) else np.zeros(0, np.bool_)
        self.was.reshape(-1)[cells[is_last]] = ~has_left[is_last]

    def at(self, places: Places, known: Known, *, dated: frozenset[str]) -> pa.Table:
        """Return the columns of `stands` for some places; days only of the segments that are `dated`."""
        columns: dict[str, pa.Array] = {"customer_id": known.customers["customer_id"].take(pa.array(places))}
        for n, name in enumerate(self.segments):
            columns[f"was_{name}"] = pa.array(self.was[n, places])
            if name in dated:
                columns[f"entered_{name}"] = _days(self.entered[n, places])
                columns[f"left_{name}"] = _days(self.left[n, places])
        return pa.table(columns)


def _bytes(texts: pa.Array | pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.bytes_]]:
    return np.array(texts.cast(pa.binary()).to_pylist(), dtype=np.bytes_)


def _days(days: np.ndarray[Any, np.dtype[np.int32]]) -> pa.Array:
    return pa.array(days, pa.int32(), mask=days == NEVER).cast(pa.date32())
