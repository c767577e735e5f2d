"""Turned: those whose segments may come out otherwise than when everybody was decided last.

To whom something happened or was taken back since, who is another person now, and for whom it is enough that days have
passed. Everybody else stands in every segment as before, so that a day costs what happened on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from regulars.events.event import MONEY
from regulars.events.window import AsOf
from regulars.identity.profile import KEY
from regulars.pipeline.read import digest
from regulars.pipeline.workspace import Workspace
from regulars.rules.turning import Turns, had_birthday, stood, turned, turns_of

WHOSE = {"customers": ("customer_id",), "identity": ("customer_id",), "events": KEY, MONEY: KEY}
"""Tables of the lake that rules are asked of, and the columns by which their rows are somebody's."""

LONGEST = 14
"""Days after which everybody is decided: nearly everybody has turned."""

_WHO = ibis.schema({"customer_id": "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What everybody was decided by."""

    declared: str                            # the segments and the time zone
    moment: datetime                         # aware
    day: date                                # the business day of it
    versions: dict[str, int]                 # of the tables that there were

    @classmethod
    def by(cls, workspace: Workspace, *, as_of: AsOf) -> Decided:
        """Return what everybody would be decided by now."""
        current = workspace.book.versions.current_numbers()
        return cls(
            declared=digest([repr(segment) for segment in workspace.project.segments], as_of.zone),
            moment=as_of.at, day=as_of.day, versions={table: current[table] for table in WHOSE if table in current},
        )

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Decided:
        """Read what `to_json` wrote."""
        moment, day = datetime.fromisoformat(said["moment"]), date.fromisoformat(said["day"])
        return cls(declared=said["declared"], moment=moment, day=day, versions=dict(said["versions"]))

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "declared": self.declared, "moment": self.moment.isoformat(), "day": self.day.isoformat(),
            "versions": self.versions,
        }

    def is_as(self, other: Decided) -> bool:
        """Return whether it is the same but for the hour."""
        return replace(self, moment=other.moment) == other


@contextmanager
def who_turned(
    workspace: Workspace, before: Decided | None, now: Decided, *, as_of: AsOf, ledger: ir.Table
) -> Iterator[ir.Table]:
    """Give the customer_id of those who are to be decided, carried out once, for a `with`."""
    those = None if before is None else _turned(workspace, before, now, as_of=as_of, ledger=ledger)
    if those is None:                        # everybody, as a table all the same: how they are decided is one text then
        those = workspace.table("customers").select("customer_id").union(ledger.select("customer_id"))
    with workspace.lake.gathered([those.distinct()], schema=_WHO) as found:
        yield found


def _turned(
    workspace: Workspace, before: Decided, now: Decided, *, as_of: AsOf, ledger: ir.Table
) -> ir.Table | None:
    """Return those who are to be decided as customer_id, some of them more than once; None: everybody is."""
    since, turns = replace(as_of, at=before.moment), turns_of(workspace.project.segments)
    is_near = before.moment <= now.moment and (now.day - before.day).days <= LONGEST
    if turns is None or not is_near or (before.declared, set(before.versions)) != (now.declared, set(now.versions)):
        return None
    moved = _moved(workspace, before)
    if moved is None:
        return None
    rows = [*moved, *_passed(workspace, turns, since=since, now=as_of)]
    identity = workspace.table("identity").select(*KEY, "customer_id")
    theirs = identity.semi_join(ibis.union(*(each for each in rows if each.columns == KEY)), KEY).select("customer_id")
    found = [each for each in rows if each.columns != KEY]
    return ibis.union(theirs, *found, stood(ledger, workspace.project.segments, turns, since=since, now=as_of))


def _moved(workspace: Workspace, before: Decided) -> list[ir.Table] | None:
    """Return whose rows came or went; None when it is no longer known which did."""
    found = []
    for table, version in before.versions.items():
        changes = workspace.lake.changes(table, since=version, columns=WHOSE[table])
        moved = workspace.lake.moved(table, since=version)
        if changes is None or moved is None:
            return None
        found += [rows for rows, count in zip(changes, moved, strict=True) if count]
    return found


def _passed(workspace: Workspace, turns: Turns, *, since: AsOf, now: AsOf) -> list[ir.Table]:
    """Return whose rows may turn somebody as days pass."""
    found = []
    for table in ("events", MONEY):
        if workspace.lake.exists(table):
            rows = workspace.table(table)
            mine = [turn for turn in turns.rows if turn.rows == table and turn.column in rows.columns]
            read = {*KEY, "event_type", "occurred_at", *(turn.column for turn in mine)}.intersection(rows.columns)
            rows = rows.select(*sorted(read))
            found.append(rows.filter(turned(rows, mine, since=since, now=now)).select(*KEY))
    if turns.has_birthdays:
        customers = workspace.table("customers").select("customer_id", "birthday")
        found.append(customers.filter(had_birthday(customers, since=since, now=now)).select("customer_id"))
    return found
