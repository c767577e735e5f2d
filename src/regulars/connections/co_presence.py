"""Who was there together: check-ins at one place within half an hour, found without ever holding them all at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

Numbers = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

WINDOW = timedelta(minutes=30)
"""How far apart two check-ins may be and still be together."""

CHUNK = 1_000_000
"""Co-occurrences looked at in one go: what is held in memory does not grow with the business."""

CHECK_IN = ibis.schema({"customer_id": "string", "at": "timestamp", "business_day": "date", "location": "string"})
"""What is needed of a check-in. `at` is UTC without a zone; a missing location is a place of its own."""

TOGETHER = ibis.schema({
    "customer_id_1": "string", "customer_id_2": "string", "business_day": "date", "seconds_apart": "int64",
    "location": "string", "came_first": "string",
})
"""One row per pair and day on which the two were together: customer_id_1 < customer_id_2, the least difference of that
day in whole seconds and its place, and who of the two came first then; missing when they came in the same moment."""

_SECOND = 1000                               # milliseconds: the finest that every engine can take apart
_DAY = 86_400 * _SECOND
_ASTRAY = 3 * _DAY                           # a moment so far from its own business day is a fault of the source
_NONE = np.int32(-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Check-ins as arrays, sorted by day, place, time and customer; a position is a row of this order."""

    customers: pa.Array                      # distinct customer ids, sorted: a code is a position in it
    places: pa.Array                         # distinct locations, sorted; the missing one, if any, is missing here too
    customer: Small                          # code
    place: Small                             # code
    day: Small                               # days since 1970-01-01
    at: Numbers                              # milliseconds since 1970-01-01
    first: Small                             # first position of the window around each, both its ends inside
    end: Small                               # the position after its last
    order: Small                             # positions by customer, then as they are
    bounds: Numbers                          # where each customer begins in `order`; one more for the end

    @property
    def crowd(self) -> Numbers:
        """Return how many other check-ins lie in the window of each."""
        return (self.end - self.first - 1).astype(np.int64)

    @property
    def co_occurrences(self) -> int:
        """Return how many pairs of check-ins are together, those of one person with himself included."""
        return int(self.crowd.sum()) // 2

    @property
    def visit_days(self) -> Numbers:
        """Return on how many days each customer came."""
        return np.bincount(self.customer[self.order[self._begins_day()]], minlength=len(self.customers))

    def _begins_day(self) -> Flags:
        """Say of each place in `order` whether it is the customer's first check-in of a day."""
        who, day = self.customer[self.order], self.day[self.order]
        return _changes(who) | _changes(day)


def arrivals(check_ins: pa.Table, *, window: timedelta = WINDOW) -> Arrivals:
    """Return check-ins (columns of CHECK_IN, any order) ready to be swept; without customer or time it is none."""
    rows = check_ins.select(list(CHECK_IN.names)).cast(CHECK_IN.to_pyarrow())
    for needed in ("customer_id", "at", "business_day"):
        rows = rows.filter(pc.is_valid(rows[needed]))
    customers, customer = _coded(rows["customer_id"])
    places, place = _coded(pc.fill_null(rows["location"], ""))
    day = rows["business_day"].cast(pa.int32()).to_numpy()
    at = rows["at"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() // 1000
    places = pc.if_else(pc.equal(places, ""), None, places)
    return _swept(customers, places, (customer, place, day, at), reach=window // timedelta(milliseconds=1))


def together(found: Arrivals, *, at_least: int = 1) -> pa.Table:
    """Return who was together on which day: TOGETHER, of the pairs that were on at least so many different days.

    Each customer's windows are looked through, a chunk of customers at a time, and only later customers are counted, so
    each pair is met once. Memory is that of a few chunks and of the rows returned, however crowded an hour was.
    """
    regulars = found if at_least == 1 else _of_regulars(found, at_least=at_least)
    edges = _chunk_edges(regulars)
    previous = _previous(regulars)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as threads:
        parts = threads.map(lambda span: _chunk(regulars, previous, *span, at_least=at_least), pairwise(edges))
        return pa.concat_tables([TOGETHER.to_pyarrow().empty_table(), *parts])


def together_expression(check_ins: ir.Table, *, window: timedelta = WINDOW, at_least: int = 1) -> ir.Table:
    """Return the same as `together` as one expression: a join on day, place and half hour, for many machines.

    Args:
        check_ins: columns of CHECK_IN.
        window: how far apart two may be.
        at_least: on how many days a pair must have been together.

    Each check-in lies in one bucket of the window's length and looks into the next one too; of two in one bucket or in
    neighbours the earlier one meets the later one.
    """
    length = window // timedelta(seconds=1)
    rows = check_ins.drop_null(["customer_id", "at", "business_day"])
    rows = rows.select("customer_id", "business_day", "at", place=rows.location.fill_null(""))
    seconds = rows["at"].epoch_seconds().cast("int64")
    moment = seconds * _SECOND + rows["at"].millisecond().cast("int64")
    rows = rows.mutate(moment=moment, bucket=(seconds / length).floor().cast("int64"))
    left = ibis.union(rows.mutate(looks=rows.bucket), rows.mutate(looks=rows.bucket + 1))
    left = left.select(who="customer_id", when="moment", own="bucket", looks="looks", day="business_day", where="place")
    pairs = left.join(
        rows, (left.day == rows.business_day, left.where == rows.place, left.looks == rows.bucket,
               left.who != rows.customer_id),
    )
    gap = pairs.moment - pairs.when
    is_once = (gap > 0) | ((gap == 0) & (pairs.who < pairs.customer_id))
    pairs = pairs.mutate(gap=gap).filter(is_once, gap <= length * _SECOND)
    pairs = pairs.mutate(
        customer_id_1=ibis.least(pairs.who, pairs.customer_id),
        customer_id_2=ibis.greatest(pairs.who, pairs.customer_id),
        came_first=ibis.ifelse(pairs.gap == 0, ibis.null("string"), pairs.who),
    )
    turn = ibis.row_number().over(
        group_by=["customer_id_1", "customer_id_2", "day"], order_by=["gap", "where", "when", "came_first"]
    )
    least = pairs.mutate(turn=turn).filter(lambda t: t.turn == 0)
    days = least.group_by("customer_id_1", "customer_id_2").agg(days=least.count())
    least = least.semi_join(days.filter(days.days >= at_least), ["customer_id_1", "customer_id_2"])
    return least.select(
        "customer_id_1", "customer_id_2", business_day=least.day,
        seconds_apart=(least.gap / _SECOND).floor().cast("int64"), location=least["where"].nullif(""),
        came_first=least.came_first,
    )


def _coded(texts: pa.ChunkedArray) -> tuple[pa.Array, Small]:
    """Return the distinct texts in order, and each row's position among them."""
    encoded = texts.combine_chunks().dictionary_encode()
    rank = np.empty(len(encoded.dictionary), dtype=np.int32)
    sort = pc.sort_indices(encoded.dictionary)
    rank[sort.to_numpy()] = np.arange(len(rank), dtype=np.int32)
    codes: Small = rank[encoded.indices.to_numpy(zero_copy_only=False)]
    return encoded.dictionary.take(sort), codes


def _swept(
    customers: pa.Array, places: pa.Array, columns: tuple[Small, Small, Small, Numbers], *, reach: int
) -> Arrivals:
    """Sort check-ins (customer, place, day, at) and find the window around each."""
    customer, place, day, at = columns
    # One line of time on which days and places follow each other, further apart than any window reaches.
    since = at - day.astype(np.int64) * _DAY
    keep = np.abs(since) <= _ASTRAY
    customer, place, day, at, since = customer[keep], place[keep], day[keep], at[keep], since[keep]
    low, high = (int(since.min()), int(since.max())) if len(since) else (0, 0)
    begins = (day - (day.min() if len(day) else 0)).astype(np.int64) * max(len(places), 1) + place
    line = begins * (high - low + reach + 1) + since - low
    sort = _sorted(line, customer)
    customer, line = customer[sort], line[sort]
    order = np.argsort(customer, kind="stable").astype(np.int32)
    return Arrivals(
        customers=customers, places=places, customer=customer, place=place[sort], day=day[sort], at=at[sort],
        first=np.searchsorted(line, line - reach, side="left").astype(np.int32),
        end=np.searchsorted(line, line + reach, side="right").astype(np.int32),
        order=order, bounds=np.searchsorted(customer[order], np.arange(len(customers) + 1)),
    )


def _sorted(line: Numbers, customer: Small) -> Numbers:
    """Return the order by moment, then by customer: few share a moment, so only those are sorted twice."""
    sort = np.argsort(line)
    ahead = line[sort]
    is_tied = np.zeros(len(sort), dtype=bool)
    is_tied[1:] = ahead[1:] == ahead[:-1]
    is_tied[:-1] |= is_tied[1:]
    tied = sort[is_tied]
    sort[is_tied] = tied[np.lexsort((customer[tied], line[tied]))]
    return sort


def _of_regulars(found: Arrivals, *, at_least: int) -> Arrivals:
    """Leave out who came on fewer days than two people have to be together: most of a business's customers."""
    keep = (found.visit_days >= at_least)[found.customer]
    if keep.all():
        return found
    kept = np.cumsum(np.r_[0, keep]).astype(np.int32)
    customer = found.customer[keep]
    order = np.argsort(customer, kind="stable").astype(np.int32)
    return Arrivals(
        customers=found.customers, places=found.places, customer=customer, place=found.place[keep],
        day=found.day[keep], at=found.at[keep], first=kept[found.first[keep]], end=kept[found.end[keep]], order=order,
        bounds=np.searchsorted(customer[order], np.arange(len(found.customers) + 1)),
    )


def _previous(found: Arrivals) -> Small:
    """Return the position of each check-in's last one before, of its customer, day and place; -1: it is the first."""
    own = found.order
    is_again = ~(_changes(found.customer[own]) | _changes(found.day[own]) | _changes(found.place[own]))
    previous = np.full(len(own), _NONE)
    again = np.flatnonzero(is_again)
    previous[own[again]] = own[again - 1]
    return previous


def _chunk_edges(found: Arrivals) -> Numbers:
    """Return codes of customers between which about CHUNK co-occurrences lie, or one customer's more than that."""
    lengths = (found.end - found.first)[found.order].astype(np.int64)
    until = np.r_[0, np.cumsum(lengths)][found.bounds]
    wanted = np.arange(0, until[-1] + CHUNK, CHUNK)
    return np.unique(np.r_[0, np.searchsorted(until, wanted).clip(0, len(found.customers)), len(found.customers)])


def _chunk(found: Arrivals, previous: Small, low: int, high: int, *, at_least: int) -> pa.Table:
    """Return TOGETHER of the customers from code `low` to before `high`, with all customers of a later code."""
    own = found.order[found.bounds[low] : found.bounds[high]]
    first, length = found.first[own], found.end[own] - found.first[own]
    ends = np.cumsum(length)
    there = np.arange(length.sum()) + np.repeat(first - (ends - length), length)
    partner = found.customer.take(there)     # `take` is twice as fast as brackets, and this is most of the time
    later = np.flatnonzero(partner > np.repeat(found.customer[own], length))
    there, partner, counts = there.take(later), partner.take(later), _within(later, ends)
    if at_least > 1:
        often = _often(found, own, counts, partner, previous.take(there), at_least=at_least)
        there, counts = there.take(often), _within(often, np.cumsum(counts))
    return _least(found, np.repeat(own, counts), there)


def _within(places: Numbers, ends: Numbers) -> Numbers:
    """Return how many of some places, ascending, lie in each stretch, given where the stretches end."""
    return np.diff(np.searchsorted(places, ends), prepend=0)


def _often(
    found: Arrivals, own: Small, counts: Numbers, partner: Small, before: Small, *, at_least: int
) -> Numbers:
    """Return the places of the co-occurrences whose two people were together on at least so many days.

    `own`: check-ins of some customers, by customer; `counts`: of each, how many of the co-occurrences are its own;
    `before`: the partner's previous check-in. Days are added up by a product of sparse matrices, whose compiled loop
    keeps one dense row of counters.
    """
    who, size = found.customer[own], len(found.customers)
    begins = _changes(who) | _changes(found.day[own])
    visit = np.cumsum(begins) - 1
    is_twice = (np.bincount(visit) > 1)[visit]
    # A partner who came in twice is met at the first of those in the window. Whoever came twice himself is looked at
    # day by day instead: one of his windows does not know whom the other one met.
    met = np.flatnonzero(before < np.repeat(np.where(is_twice, _NONE, found.first[own]), counts))
    again = partner[np.repeat(is_twice, counts)] if is_twice.any() else partner[:0]
    by_visit = _added_up(visit, np.where(is_twice, counts, 0), again, size=size)
    days = _added_up(
        np.r_[who, who[begins]], np.r_[_within(met, np.cumsum(counts)), np.diff(by_visit.indptr)],
        np.r_[partner.take(met), by_visit.indices], size=size,
    )
    # Rows of `days` begin with the first of these customers, be it one who met nobody.
    return _among(days, np.repeat(who - who[:1], counts), partner, size=size, at_least=at_least)


def _added_up(group: Numbers, met: Numbers, partner: Small, *, size: int) -> sparse.csr_matrix:
    """Return how often the check-ins of each group, from the least one on, met each partner.

    `met` says how many of the partners are of each check-in.
    """
    if not len(group):
        return sparse.csr_matrix((0, size), dtype=np.int16)
    rows = sparse.csr_matrix(
        (np.ones(len(partner), dtype=np.int16), partner, np.r_[0, np.cumsum(met)]), shape=(len(group), size)
    )
    low = int(group.min())
    groups = sparse.csr_matrix(
        (np.ones(len(group), dtype=np.int16), (group - low, np.arange(len(group)))),
        shape=(int(group.max()) - low + 1, len(group)),
    )
    return groups @ rows


def _among(days: sparse.csr_matrix, row_of: Small, partner: Small, *, size: int, at_least: int) -> Numbers:
    """Return the places of the co-occurrences whose pair has so many days; most fall at the partner, unsearched."""
    often = np.flatnonzero(days.data >= at_least)
    if not len(often):
        return often
    row, column = np.searchsorted(days.indptr, often, side="right") - 1, days.indices[often]
    is_candidate = np.zeros(size, dtype=bool)
    is_candidate[column] = True
    candidates = np.flatnonzero(is_candidate.take(partner))
    pairs = np.sort(row * size + column)
    asked = row_of.take(candidates).astype(np.int64) * size + partner.take(candidates)
    is_found = pairs[np.searchsorted(pairs, asked).clip(0, len(pairs) - 1)] == asked
    found: Numbers = candidates[is_found]
    return found


def _least(found: Arrivals, own: Small, there: Small) -> pa.Table:
    """Return TOGETHER of co-occurrences: of each pair and day the least apart, of equals the first place and time."""
    gap = np.abs(found.at[own] - found.at[there])
    day = found.day[own].astype(np.int64)
    low = int(day.min()) if len(day) else 0
    days = int(day.max()) - low + 1 if len(day) else 1
    pair_day = (found.customer[own].astype(np.int64) * len(found.customers) + found.customer[there]) * days + day - low
    sort = np.lexsort((np.minimum(own, there), gap, pair_day))
    own, there, gap = own[sort], there[sort], gap[sort]
    least = _changes(pair_day[sort])
    own, there, gap = own[least], there[least], gap[least]
    came_first = np.where(found.at[own] < found.at[there], found.customer[own], found.customer[there])
    return pa.table({
        "customer_id_1": found.customers.take(pa.array(found.customer[own])),
        "customer_id_2": found.customers.take(pa.array(found.customer[there])),
        "business_day": pa.array(found.day[own]).cast(pa.date32()), "seconds_apart": gap // _SECOND,
        "location": found.places.take(pa.array(found.place[own])),
        "came_first": found.customers.take(pa.array(came_first, mask=gap == 0)),
    }, schema=TOGETHER.to_pyarrow())


def _changes(values: npt.NDArray[np.generic]) -> Flags:
    """Say of each value whether it differs from the one before; the first does."""
    changes: Flags = np.ones(len(values), dtype=bool)
    changes[1:] = values[1:] != values[:-1]
    return changes
