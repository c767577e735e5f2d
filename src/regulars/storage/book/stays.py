"""Stays: who is in which segment now, by the memberships and by fresh changes that are not counted into them yet.

A fresh change is a row of its own until it is filed; a membership is what all filed changes of a customer come to. For
most customers nothing is fresh, and their membership is all there is to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from regulars.storage.book.tables import fresh_transitions, memberships, transitions

Which = Callable[[sa.Table], sa.ColumnElement[bool]]
"""Which rows of a table that has a segment and a customer_id."""


def everybody(table: sa.Table) -> sa.ColumnElement[bool]:  # noqa: ARG001  one of Which
    """Return that every row is asked for."""
    return sa.true()


def pairs(tenant: str, which: Which) -> sa.Subquery:
    """Return the segments and customers of which something is fresh: segment, customer_id."""
    f = fresh_transitions.c
    mine = sa.select(f.segment, f.customer_id).where(f.tenant == tenant, which(fresh_transitions))
    return mine.distinct().subquery()


def state(changes: sa.FromClause) -> sa.Select[Any]:
    """Return what changes add up to: the columns of MEMBERSHIPS. Who enters and leaves at the same moment is out."""
    c = changes.c
    entered, left = (sa.case((c.change == change, c.at)) for change in ("entered", "left"))
    last, gone = sa.func.max(entered), sa.func.max(left)
    return sa.select(
        c.segment, c.customer_id, sa.case((sa.or_(gone.is_(None), last > gone), last)).label("entered_at"),
        gone.label("left_at"), sa.func.min(entered).label("first_entered_at"), last.label("last_entered_at"),
        sa.func.count(entered).label("entries"),
    ).group_by(c.segment, c.customer_id).having(last.is_not(None))


def changes_of(ledger: sa.Table, tenant: str, which: sa.ColumnElement[bool], *, some: sa.FromClause) -> sa.Select[Any]:
    """Return the query of changes of some segments and customers: segment, customer_id, at, change."""
    c = ledger.c
    rows = sa.select(c.segment, c.customer_id, c.at, c.change)
    return rows.join(some, same_pair(ledger, some)).where(c.tenant == tenant, which)


def moved(tenant: str, which: Which) -> sa.Subquery:
    """Return the memberships of those of whom something is fresh, with that counted in: the columns of MEMBERSHIPS."""
    some = pairs(tenant, which)
    parts = [changes_of(ledger, tenant, which(ledger), some=some) for ledger in (fresh_transitions, transitions)]
    return state(sa.union_all(*parts).subquery()).subquery()


def settled(tenant: str, which: Which) -> sa.Select[Any]:
    """Return the query of memberships of those of whom nothing is fresh: the columns of MEMBERSHIPS."""
    m, f = memberships.c, fresh_transitions.c
    is_fresh = sa.exists().where(f.tenant == m.tenant, same_pair(memberships, fresh_transitions))
    return sa.select(
        m.segment, m.customer_id, m.entered_at, m.left_at, m.first_entered_at, m.last_entered_at, m.entries
    ).where(m.tenant == tenant, which(memberships), ~is_fresh)


def stays(tenant: str, which: Which) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """Return two queries that together give the stays that have not ended.

    Columns: segment, customer_id, entered_at, entered_day. Of stays that have ended, `entered_at` is missing and joins
    nothing. That it is there is not said once more: SQLite would look through all members of a segment for those of one
    customer.
    """
    m, t, f, anew = memberships.c, transitions, fresh_transitions, moved(tenant, which)
    old = settled(tenant, which).join(t, (t.c.tenant == m.tenant) & _began(t, memberships))
    day = sa.func.coalesce(t.c.business_day, f.c.business_day)
    new = sa.select(anew.c.segment, anew.c.customer_id, anew.c.entered_at, day.label("entered_day")).outerjoin(
        t, (t.c.tenant == tenant) & _began(t, anew)
    ).outerjoin(f, (f.c.tenant == tenant) & _began(f, anew)).where(anew.c.entered_at.is_not(None))
    names = (m.segment, m.customer_id, m.entered_at, t.c.business_day.label("entered_day"))
    return old.with_only_columns(*names, maintain_column_froms=True), new


def counts(tenant: str) -> sa.Select[Any]:
    """Return the query of how many are in each segment now: segment, members."""
    m, some, anew = memberships.c, pairs(tenant, everybody), moved(tenant, everybody)
    inside = sa.select(m.segment, sa.func.count().label("members")).where(m.tenant == tenant, m.entered_at.is_not(None))
    # All memberships are counted along an index; looked at one by one are those alone of whom something is fresh.
    before = sa.select(m.segment, -sa.func.count()).join(some, same_pair(memberships, some)).where(
        m.tenant == tenant, m.entered_at.is_not(None)
    )
    after = sa.select(anew.c.segment, sa.func.count(anew.c.entered_at)).group_by(anew.c.segment)
    whole = sa.union_all(inside.group_by(m.segment), before.group_by(m.segment), after).subquery().c
    return sa.select(whole.segment, sa.func.sum(whole.members)).group_by(whole.segment)


def same_pair(left: sa.FromClause, right: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return that two rows are of the same segment and customer."""
    return (left.c.customer_id == right.c.customer_id) & (left.c.segment == right.c.segment)


def _began(ledger: sa.Table, state: sa.FromClause) -> sa.ColumnElement[bool]:
    is_then = (ledger.c.at == state.c.entered_at) & (ledger.c.change == "entered")
    return same_pair(ledger, state) & is_then
