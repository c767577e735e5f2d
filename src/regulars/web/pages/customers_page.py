"""Customers: found by name, address, number or id, narrowed by what they are, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from regulars.pipeline.listed import Facet, Wanted, beside, facets, ordered_page
from regulars.web.api.paging import none_of_this_list, page_of, place_in
from regulars.web.api.route import Cursor, Page
from regulars.web.api.twin import csv_of
from regulars.web.mask import mask
from regulars.web.pages.kept import Kept, made_of
from regulars.web.pages.page import DashboardPage, Visit

ROWS = 50
SEEN: Mapping[str, str] = {
    "7": "Last seen in 7 days", "28": "In 28 days", "90": "In 90 days", "longer": "Longer ago, or never"
}
YEAR = timedelta(days=364)
COUNTED = ("customers", "memberships", "identity", "profiles")
"""Tables that facets are counted over."""

_FACETS: Kept[list[Facet]] = Kept(most=256)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerWish:
    """Which customers, in which order."""

    q: str | None = None
    segment: str | None = None
    source: str | None = None
    seen: Literal["7", "28", "90", "longer"] | None = None
    sort: Literal["name", "last_seen", "first_seen"] = "last_seen"
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerLine:
    """One customer of the list."""

    customer_id: str
    name: str | None
    email: str | None                        # with its middle hidden, as is the number
    phone: str | None
    first_seen: date | None
    last_seen: date | None
    segments: tuple[str, ...]
    sources: tuple[str, ...]
    revenue: int                             # of 52 weeks, in minor units
    household_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomersView:
    """What the list shows."""

    title: str
    sentence: str
    wish: CustomerWish
    total: int
    segments: tuple[Facet, ...]
    sources: tuple[Facet, ...]
    chosen: tuple[tuple[str, str], ...]      # parameter and words of everything that narrows the list
    rows: tuple[CustomerLine, ...]
    next: str | None


def customers_page(visit: Visit) -> CustomersView:
    """Return the customers a person asks for."""
    wish: CustomerWish = visit.query
    wanted = _wanted(wish, visit.latest.day)
    after = place_in(visit.after, tuple[str, str, str])
    if after is not None and after[0] != wish.sort:
        raise none_of_this_list()
    found = ordered_page(
        visit.workspace, wanted, order=wish.sort, limit=ROWS + 1, after=None if after is None else after[1:]
    )
    shown = page_of(
        found, limit=ROWS, row=lambda row: row, place=lambda row: (wish.sort, row["place"], row["customer_id"])
    )
    told = _beside(visit, [row["customer_id"] for row in shown.items])
    rows = tuple(_line(row, told) for row in shown.items)
    # The same on every page of the list, and until the next run.
    counted = _FACETS.get(made_of(visit.workspace, COUNTED, wanted), lambda: facets(visit.workspace, wanted))
    total = next(each.customers for each in counted if each.facet == "all")
    every = visit.workspace.lake.rows("customers")
    return CustomersView(
        title="Customers", sentence=_sentence(total, every, wish), wish=wish, total=total,
        segments=tuple(each for each in counted if each.facet == "segment"),
        sources=tuple(each for each in counted if each.facet == "source"), chosen=tuple(_chosen(wish)), rows=rows,
        next=shown.next,
    )


def _wanted(wish: CustomerWish, day: date) -> Wanted:
    since = day - timedelta(days=int(wish.seen) - 1) if wish.seen and wish.seen != "longer" else None
    return Wanted(
        text=wish.q, is_part=True, segment=wish.segment, source=wish.source, seen_since=since,
        seen_before=day - timedelta(days=90) if wish.seen == "longer" else None,
    )


def _sentence(total: int, every: int, wish: CustomerWish) -> str:
    if not any((wish.q, wish.segment, wish.source, wish.seen)):
        return f"{total:,} customers."
    return f"{total:,} of {every:,} customers."


def _chosen(wish: CustomerWish) -> list[tuple[str, str]]:
    told = [
        ("q", wish.q and f"“{wish.q}”"), ("segment", wish.segment and f"in {wish.segment.replace('_', ' ')}"),
        ("source", wish.source and f"known to {wish.source}"), ("seen", wish.seen and SEEN[wish.seen].lower()),
    ]
    return [(name, words) for name, words in told if words]


def _beside(visit: Visit, ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    """What stands beside each of the customers shown: at most fifty of them."""
    rows = beside(visit.workspace, ids, since=visit.latest.day - YEAR) if ids else []
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["customer_id"], []).append(row)
    return found


def _line(row: Mapping[str, Any], told: Mapping[str, Iterable[Mapping[str, Any]]]) -> CustomerLine:
    mine = list(told.get(row["customer_id"], ()))
    return CustomerLine(
        customer_id=row["customer_id"], name=row["name"], email=mask(row["email"]), phone=mask(row["phone"]),
        first_seen=row["first_seen"], last_seen=row["last_seen"], household_id=row["household_id"],
        segments=tuple(each["segment"] for each in mine if each["segment"] is not None),
        sources=tuple(str(row["sources"] or "").split(",")) if row["sources"] else (),
        revenue=sum(each["amount"] for each in mine if each["amount"] is not None),
    )


PAGE = DashboardPage(
    name="customers", path="/customers", section="customers", template="customers.html", view=customers_page,
    query=CustomerWish, csv=lambda view: csv_of(view.rows, Page[CustomerLine]),
)
