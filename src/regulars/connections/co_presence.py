"""Who was there together: check-ins at one place within half an hour, found without ever holding them all at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

WINDOW = timedelta(minutes=30)
"""How far apart two check-ins may be and still be together."""

CHUNK = 1_000_000
"""Co-occurrences looked at in one go: what is held in memory does not grow with the business."""

BLOCKS = 8
"""Into so many blocks, of as many check-ins each, partners are divided."""

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
        return np.bincount(self.customer.take(self.order[self._begins_day()]), minlength=len(self.customers))

    def _begins_day(self) -> Flags:
        """Say of each place in `order` whether it is the customer's first check-in of a day."""
        who, day = self.customer.take(self.order), self.day.take(self.order)
        return _changes(who) | _changes(day)


def arrivals(check_ins: pa.Table, *, window: timedelta = WINDOW) -> Arrivals:
    """Return check-ins (columns of CHECK_IN, any order) ready to be swept; without customer or time it is none."""
    rows = check_ins.select(list(CHECK_IN.names)).cast(CHECK_IN.to_pyarrow())
    for needed in ("customer_id", "at", "business_day"):
        rows = rows.filter(pc.is_valid(rows[needed])) if rows[needed].null_count else rows
    customers, customer = _coded(rows["customer_id"])
    places, place = _coded(pc.fill_null(rows["location"], ""))
    day = rows["business_day"].cast(pa.int32()).to_numpy()
    at = rows["at"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() // 1000
    places = pc.if_else(pc.equal(places, ""), None, places)
    return _swept(customers, places, (customer, place, day, at), reach=window // timedelta(milliseconds=1))


def together(found: Arrivals, *, at_least: int = 1, of: pa.Array | None = None) -> pa.Table:
    """Return who was together on which day: TOGETHER, of the pairs that were on at least so many different days.

    `of`: only pairs of which one at least is among these customers.

    Windows are looked through a chunk of customers at a time, for partners of one block of customers after the other.
    Memory is that of a few chunks and of the rows returned, however crowded an hour was.
    """
    swept = found if at_least == 1 else _of_regulars(found, at_least=at_least)
    is_asked = None if of is None else pc.is_in(swept.customers, value_set=of).to_numpy(zero_copy_only=False)
    parts = [TOGETHER.to_pyarrow().empty_table()]
    under_way: Iterable[pa.Table] = ()
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as threads:
        for block in _blocks(swept, is_asked):
            edges = _chunk_edges(block)
            begun = threads.map(partial(_chunk, swept, block, at_least=at_least), edges[:-1], edges[1:])
            parts += under_way               # a block is laid out while the one before it is looked through
            under_way = begun
        parts += under_way
    return pa.concat_tables(parts)


def together_expression(
    check_ins: ir.Table, *, window: timedelta = WINDOW, at_least: int = 1, of: ir.Table | None = None
) -> ir.Table:
    """Return the same as `together` as one expression: a join on day, place and half hour, for many machines.

    Args:
        check_ins: columns of CHECK_IN.
        window: how far apart two may be.
        at_least: on how many days a pair must have been together.
        of: only pairs of which one at least is among these customers (column customer_id).

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
    least = least if of is None else least.filter(is_among(least, of))
    return least.select(
        "customer_id_1", "customer_id_2", business_day=least.day,
        seconds_apart=(least.gap / _SECOND).floor().cast("int64"), location=least["where"].nullif(""),
        came_first=least.came_first,
    )


def is_among(pairs: ir.Table, customers: ir.Table) -> ir.BooleanValue:
    """Say of each pair (customer_id_1, customer_id_2) whether one of the two is among customers (customer_id)."""
    return pairs.customer_id_1.isin(customers.customer_id) | pairs.customer_id_2.isin(customers.customer_id)


def _coded(texts: pa.ChunkedArray) -> tuple[pa.Array, Small]:
    """Return the distinct texts in order, and each row's position among them."""
    half = len(texts) // 2
    with ThreadPoolExecutor(2) as threads:
        halves = list(threads.map(_encoded, (texts.slice(0, half), texts.slice(half))))
    known = pa.concat_arrays([each.dictionary for each in halves]).dictionary_encode()
    rank = np.empty(len(known.dictionary), dtype=np.int32)
    sort = pc.sort_indices(known.dictionary)
    rank[sort.to_numpy()] = np.arange(len(rank), dtype=np.int32)
    number = rank.take(known.indices.to_numpy())
    one, other = np.split(number, [len(halves[0].dictionary)])
    codes = [of.take(each.indices.to_numpy()) for of, each in zip((one, other), halves, strict=True)]
    return known.dictionary.take(sort), np.concatenate(codes)


def _encoded(texts: pa.ChunkedArray) -> pa.DictionaryArray:
    return texts.combine_chunks().dictionary_encode()


def _swept(
    customers: pa.Array, places: pa.Array, columns: tuple[Small, Small, Small, Numbers], *, reach: int
) -> Arrivals:
    """Sort check-ins (customer, place, day, at) and find the window around each."""
    customer, place, day, at = columns
    # One line of time on which days and places follow each other, further apart than any window reaches.
    since = at - day.astype(np.int64) * _DAY
    keep = np.abs(since) <= _ASTRAY
    if not keep.all():
        customer, place, day, since = customer[keep], place[keep], day[keep], since[keep]
    low, high = (int(since.min()), int(since.max())) if len(since) else (0, 0)
    opening, halls, length = int(day.min()) if len(day) else 0, max(len(places), 1), high - low + reach + 1
    begins = (day - opening).astype(np.int64) * halls + place
    line, customer = _by_time(begins * length + (since - low), customer)
    # All else can be told from where a check-in lies on the line: quicker than to sort it too.
    begins = line // length
    day = (begins // halls + opening).astype(np.int32)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(np.searchsorted, line, line - reach, side="left")
        end = threads.submit(np.searchsorted, line, line + reach, side="right")
        order, bounds = _by_customer(customer, size=len(customers))
        return Arrivals(
            customers=customers, places=places, customer=customer, place=(begins % halls).astype(np.int32), day=day,
            at=line - begins * length + low + day.astype(np.int64) * _DAY, order=order, bounds=bounds,
            first=first.result().astype(np.int32), end=end.result().astype(np.int32),
        )


def _by_time(line: Numbers, customer: Small) -> tuple[Numbers, Small]:
    """Return both by line, then by customer: as one number wherever both have room in it."""
    bits = int(customer.max(initial=0)).bit_length()
    if int(line.max(initial=0)) >> (63 - bits):
        sort = np.lexsort((customer, line))
        return line[sort], customer[sort]
    both = np.sort(line << bits | customer)
    return both >> bits, (both & ((1 << bits) - 1)).astype(np.int32)


def _sorted(keys: Numbers, *then: npt.NDArray[np.integer]) -> Numbers:
    """Return the order by keys, then by the others: few share a key, so only those are sorted twice."""
    sort = np.argsort(keys)
    ahead = keys[sort]
    is_tied = np.zeros(len(sort), dtype=bool)
    is_tied[1:] = ahead[1:] == ahead[:-1]
    is_tied[:-1] |= is_tied[1:]
    tied = sort[is_tied]
    sort[is_tied] = tied[np.lexsort((*(each[tied] for each in reversed(then)), keys[tied]))]
    return sort


def _by_customer(customer: Small, *, size: int) -> tuple[Small, Numbers]:
    """Return the positions by customer, and where each of `size` customers begins among them; one more for the end."""
    counted = _transposed(customer, np.array([0, len(customer)]), width=size)
    return counted.data, counted.indptr.astype(np.int64)


def _transposed(column: Small, row_ends: Numbers, *, width: int) -> Any:
    """Return the places of `column` by column, then by row, then ascending: a counting sort in compiled code."""
    from scipy import sparse  # noqa: PLC0415  slow to import, and most runs meet nobody anew

    places = np.arange(len(column), dtype=np.int32)
    shape = (len(row_ends) - 1, width)
    return sparse.csr_matrix((places, column, row_ends.astype(np.int32)), shape=shape).tocsc()


def _of_regulars(found: Arrivals, *, at_least: int) -> Arrivals:
    """Leave out who came on fewer days than two people have to be together: most of a business's customers."""
    keep = (found.visit_days >= at_least).take(found.customer)
    if keep.all():
        return found
    kept = np.cumsum(np.r_[0, keep]).astype(np.int32)
    customer = found.customer[keep]
    order, bounds = _by_customer(customer, size=len(found.customers))
    return Arrivals(
        customers=found.customers, places=found.places, customer=customer, place=found.place[keep],
        day=found.day[keep], at=found.at[keep], first=kept.take(found.first[keep]), end=kept.take(found.end[keep]),
        order=order, bounds=bounds,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Partners to look for, and the check-ins in whose windows they are looked for."""

    own: Small                               # positions of the check-ins with the windows, by customer
    bounds: Numbers                          # where each of their customers begins in `own`; one more for the end
    there: Small                             # positions of the partners' check-ins, ascending
    partner: Small                           # whose each of them is, counted among the partners only
    partners: int
    first: Small                             # of each of `own`, its window within `there`
    end: Small                               # the place after its last

    @classmethod
    def of(cls, found: Arrivals, *, owners: slice | Flags, is_partner: Flags) -> _Block:
        """Return the block of some customers' windows and some partners."""
        visits = np.r_[0, np.diff(found.bounds)[owners]].cumsum()
        is_own = slice(0, visits[-1]) if isinstance(owners, slice) else owners.take(found.customer.take(found.order))
        own, is_there = found.order[is_own], is_partner.take(found.customer)
        kept = np.zeros(len(is_there) + 1, dtype=np.int32)
        np.cumsum(is_there, out=kept[1:])
        there, number = np.flatnonzero(is_there).astype(np.int32), np.cumsum(is_partner, dtype=np.int32) - 1
        # Both ends of a window lie beside each other: to fetch them from all over the day is what takes time.
        windows = np.column_stack([kept.take(found.first), kept.take(found.end)]).view(np.int64).ravel()
        first, end = windows.take(own).view(np.int32).reshape(-1, 2).T
        return cls(
            own=own, bounds=visits, there=there, partner=number.take(found.customer.take(there)),
            partners=int(is_partner.sum()), first=first, end=end,
        )


def _blocks(found: Arrivals, is_asked: Flags | None) -> Iterator[_Block]:
    """Return blocks in which every two people are met, in the windows of the first of the two by code.

    A window holds earlier codes and later ones. Laid out for a block of later ones, few of what is looked at is in
    vain, and the columns of a block are few enough to be counted in a processor's own memory.
    """
    codes = np.arange(len(found.customers))
    if is_asked is not None:
        yield _Block.of(found, owners=codes >= 0, is_partner=is_asked)
        yield _Block.of(found, owners=is_asked, is_partner=~is_asked)
        return
    alike = np.arange(BLOCKS + 1) * len(found.customer) // BLOCKS
    for low, high in pairwise(np.unique(np.searchsorted(found.bounds, alike))):
        yield _Block.of(found, owners=slice(0, int(high)), is_partner=(low <= codes) & (codes < high))


def _chunk_edges(block: _Block) -> Numbers:
    """Return numbers of customers between which about CHUNK co-occurrences lie, or one customer's more than that."""
    until = np.r_[0, np.cumsum(block.end - block.first, dtype=np.int64)][block.bounds]
    wanted, last = np.arange(0, until[-1] + CHUNK, CHUNK), len(block.bounds) - 1
    return np.unique(np.r_[0, np.searchsorted(until, wanted).clip(0, last), last])


def _chunk(found: Arrivals, block: _Block, low: int, high: int, *, at_least: int) -> pa.Table:
    """Return TOGETHER of the customers with numbers `low` to before `high`, with the partners of a later code."""
    begin, stop = block.bounds[low], block.bounds[high]
    own, first = block.own[begin:stop], block.first[begin:stop]
    length = block.end[begin:stop] - first
    ends = np.cumsum(length, dtype=np.int64)
    met = np.repeat(first - (ends - length), length)
    met += np.arange(len(met))
    of = np.repeat(np.arange(len(own), dtype=np.int32), length)
    if at_least > 1:
        row_ends = np.r_[0, ends][block.bounds[low : high + 1] - begin]
        places = _often(block.partner.take(met), row_ends, width=block.partners, at_least=at_least)
        met, of = met.take(places), of.take(places)
    own, there = own.take(of), block.there.take(met)
    later = np.flatnonzero(found.customer.take(there) > found.customer.take(own))
    return _least(found, own.take(later), there.take(later), at_least=at_least)


def _often(partner: Small, row_ends: Numbers, *, width: int, at_least: int) -> Numbers:
    """Return the places at which somebody met one partner at least so often; a few others among them do no harm.

    `row_ends`: where each customer's co-occurrences begin, and the end. Sorted by partner, then customer, what is often
    stands beside itself.
    """
    by_partner = _transposed(partner, row_ends, width=width)
    who = by_partner.indices
    # Who ends one partner's stretch and begins the next one's is taken too: days are counted afterwards.
    last = who[at_least - 1 :]
    begins = np.flatnonzero(who[: len(last)] == last)
    is_often = np.zeros(len(who), dtype=bool)
    for further in range(at_least):
        is_often[begins + further] = True
    places: Numbers = by_partner.data[is_often]
    return places


def _least(found: Arrivals, own: Small, there: Small, *, at_least: int) -> pa.Table:
    """Return TOGETHER of co-occurrences: of each pair and day the least apart, of equals the first place and time."""
    came, met = found.at.take(own), found.at.take(there)
    one, other, day = found.customer.take(own), found.customer.take(there), found.day.take(own).astype(np.int64)
    gap = np.abs(came - met)
    low = int(day.min()) if len(day) else 0
    days = int(day.max()) - low + 1 if len(day) else 1
    pair_day = (one.astype(np.int64) * len(found.customers) + other) * days + day - low
    sort = _sorted(pair_day, gap, np.minimum(own, there))
    ahead = pair_day.take(sort)
    is_least = _changes(ahead)
    least, pair = sort[is_least], ahead[is_least] // days
    begins = np.flatnonzero(_changes(pair))
    together_on = np.diff(begins, append=len(least))
    least = least[np.repeat(together_on >= at_least, together_on)]
    one, other = one.take(least), other.take(least)
    gap, came, met = gap.take(least), came.take(least), met.take(least)
    return pa.table({
        "customer_id_1": found.customers.take(pa.array(one)),
        "customer_id_2": found.customers.take(pa.array(other)),
        "business_day": pa.array(day.take(least).astype(np.int32)).cast(pa.date32()), "seconds_apart": gap // _SECOND,
        "location": found.places.take(pa.array(found.place.take(own.take(least)))),
        "came_first": found.customers.take(pa.array(np.where(came < met, one, other), mask=gap == 0)),
    }, schema=TOGETHER.to_pyarrow())


def _changes(values: npt.NDArray[np.generic]) -> Flags:
    """Say of each value whether it differs from the one before; the first does."""
    changes: Flags = np.ones(len(values), dtype=bool)
    changes[1:] = values[1:] != values[:-1]
    return changes
