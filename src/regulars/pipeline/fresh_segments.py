"""Fresh segments: who enters and leaves because of what just came, by the expressions that decide of everybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.events.event import MONEY
from regulars.events.window import AsOf
from regulars.pipeline.fresh_records import BY_PROFILE, PEOPLE, WHO, fresh_schema
from regulars.pipeline.workspace import Workspace
from regulars.rules.evaluate import Tables, evaluate
from regulars.rules.transition import transitions
from regulars.storage.book.memberships import TRANSITIONS
from regulars.storage.engines.standing import Standing, Statement

TOUCHED = "fresh_touched"
"""Standing table: customer_id of those to whom something happened and who were not decided since."""


@dataclass(slots=True, kw_only=True)
class Deciding:
    """What decides segments of a few customers: standing tables of everything that is known of them.

    Statements that fill them name files of the lake, and are made anew for each of its versions. The long one, which
    decides, names standing tables only: it is made once a business day.
    """

    workspace: Workspace
    standing: Standing
    fresh: str                               # standing table of fresh events
    came: str                                # and of those of the batch
    touches: Statement | None = None
    fills: tuple[tuple[str, Statement], ...] = ()
    compiled: Statement | None = None        # `decides`, before it was planned
    decides: Statement | None = None

    def prepare(self, *, today: date, is_new_day: bool) -> None:
        """Make the statements for the lake as it is now, and for a business day."""
        standing, lake = self.standing, self.workspace.lake.on(self.standing.engine)
        events = fresh_schema(self.workspace)
        sources = {"rule_customers": lake.table("customers"), "rule_events": self._events(events)}
        if lake.exists(MONEY):
            sources["rule_money"] = self._owned(lake.table(MONEY))
        if is_new_day:
            standing.table(TOUCHED, ibis.schema({"customer_id": "string"}))
        touched, people = standing.there(TOUCHED), standing.there(PEOPLE)
        # Someone decided as of a day may stand elsewhere as of the next: whoever is still waiting is asked again.
        came = standing.there(self.came).inner_join(people, BY_PROFILE).select("customer_id").distinct()
        self.touches = standing.statement(came.anti_join(touched, "customer_id"))
        tables = {name: standing.table(name, rows.schema()) for name, rows in sources.items()}
        tables["rule_ledger"] = standing.table("rule_ledger", ibis.schema(TRANSITIONS))
        self.fills = tuple(
            (name, standing.statement(rows.semi_join(touched, "customer_id"))) for name, rows in sources.items()
        )
        if is_new_day or self.compiled is None:
            end = datetime.combine(today, time.max, tzinfo=ZoneInfo(self.workspace.zone))
            self.compiled = standing.statement(transitions(evaluate(
                self.workspace.project.segments,
                Tables(
                    customers=tables["rule_customers"], events=tables["rule_events"], money=tables.get("rule_money"),
                    transitions=tables["rule_ledger"],
                ),
                as_of=AsOf(at=end, zone=self.workspace.zone),
            )))
        self.decides = standing.prepared("decide", self.compiled)

    def touch(self) -> None:
        """Remember to whom the batch happened."""
        assert self.touches is not None
        self.standing.add(TOUCHED, self.touches)

    def decide(self) -> int:
        """Append to the ledger what changed for those to whom something happened; return how many changes.

        While a run is at work nothing is appended: it decides of everybody, and may be about to.
        """
        standing, book, now = self.standing, self.workspace.book, self.workspace.clock.now()
        held = book.lease.holder()
        if not standing.count(TOUCHED) or (held is not None and held.owner and held.expires_at > now):
            return 0
        assert self.decides is not None
        touched = standing.fetch(standing.all_of(TOUCHED))["customer_id"].to_pylist()
        for name, rows in self.fills:
            standing.put(name, rows)
        segments = [segment.name for segment in self.workspace.project.segments]
        standing.put("rule_ledger", book.memberships.transitions_of(touched, segments=segments))
        changes = standing.fetch(self.decides)
        at = pa.repeat(pa.scalar(now.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us")), len(changes))
        added = book.memberships.append(changes.set_column(changes.schema.get_field_index("at"), "at", at))
        standing.clear(TOUCHED)
        return added

    def _events(self, schema: ibis.Schema) -> ir.Table:
        """Return the lake's events and the fresh ones, with whose they are.

        The lake's are taken into memory: a file gives the few rows of a few people no faster than all rows.
        """
        lake = self.workspace.lake.on(self.standing.engine)
        there, own = lake.table("events"), lake.schema("events")
        known = there.select(*(
            (there[name] if name in own else ibis.null(kind)).cast(kind).name(name) for name, kind in schema.items()
        ))
        fresh = self.standing.there(self.fresh)
        owned, people = self._owned(known), self.standing.there(PEOPLE)
        held = self.standing.table("rule_known", owned.schema())
        self.standing.add("rule_known", self.standing.statement(owned))
        return ibis.union(held, fresh.inner_join(people, BY_PROFILE).select(*schema.names, "customer_id"))

    def _owned(self, rows: ir.Table) -> ir.Table:
        """Return rows of the lake with whose they are, those that are somebody's."""
        identity = self.workspace.lake.on(self.standing.engine).table("identity").select(*WHO.names)
        return rows.inner_join(identity, BY_PROFILE).select(*rows.columns, "customer_id")
