"""Fresh segments: who enters and leaves because of what just came, by the expressions that decide of everybody."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
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
from regulars.storage.engines.question import Statement
from regulars.storage.engines.standing import Standing

TOUCHED = "fresh_touched"
"""Standing table: customer_id of those to whom something happened and who were not decided since, and the number of the
batch it was in."""

ASKED = "rule_asked"
"""Standing table: customer_id of those who are decided now."""


@dataclass(slots=True, kw_only=True)
class Deciding:
    """What decides segments of a few customers: standing tables of everything that is known of them.

    Statements name standing tables only, and are made once a business day. `decide` may be called from a thread of its
    own, so that no event waits for it; everything else is the thread's that takes events.
    """

    workspace: Workspace
    standing: Standing
    fresh: str                               # standing table of fresh events
    came: str                                # and of those of the batch
    touches: Statement | None = None
    asks: Statement | None = None
    fills: tuple[tuple[str, Statement], ...] = ()
    decides: Statement | None = None
    batches: int = 0                         # that were touched
    beside: Standing | None = None           # the tables for the thread that decides
    at_work: threading.Lock = field(default_factory=threading.Lock)      # held while statements are made or used

    def prepare(self, *, today: date, is_new_day: bool) -> None:
        """Take in the lake as it is now; and make the statements, when they were made for another day."""
        with self.at_work:
            known = {f"known_{name}": rows for name, rows in self._known().items()}
            for name, rows in known.items():
                # Into memory: a file gives the few rows of a few people no faster than all of them.
                self.standing.table(name, rows.schema())
                self.standing.add(name, self.standing.statement(rows))
            if is_new_day or self.decides is None:
                self._compile(today)

    def touch(self) -> None:
        """Remember to whom the batch happened."""
        assert self.touches is not None
        self.batches += 1
        self.standing.add(TOUCHED, self.touches, number=self.batches)

    def decide(self) -> int:
        """Append to the ledger what changed for those to whom something happened; return how many changes.

        While a run is at work nothing is appended: it decides of everybody, and may be about to.
        """
        now = self.workspace.clock.now()
        held = self.workspace.book.lease.holder()
        if held is not None and held.owner and held.expires_at > now:
            return 0
        with self.at_work:
            return 0 if self.beside is None else self._decide(self.beside, now)

    def _decide(self, standing: Standing, now: datetime) -> int:
        assert self.asks is not None
        assert self.decides is not None
        ledger = self.workspace.book.memberships
        # What comes while this goes on is in a later batch, and is decided the next time.
        until = self.batches
        standing.put(ASKED, self.asks)
        asked = standing.fetch(standing.all_of(ASKED))["customer_id"].to_pylist()
        if not asked:
            return 0
        for name, rows in self.fills:
            standing.put(name, rows)
        segments = [segment.name for segment in self.workspace.project.segments]
        standing.put("rule_ledger", ledger.transitions_of(asked, segments=segments))
        changes = standing.fetch(self.decides)
        at = pa.repeat(pa.scalar(now.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us")), len(changes))
        added = ledger.append(changes.set_column(changes.schema.get_field_index("at"), "at", at))
        standing.clear(TOUCHED, until=until)
        return added

    def _known(self) -> dict[str, ir.Table]:
        """Return what the lake knows: customers, and events and money with whose they are."""
        lake, schema = self.workspace.lake.on(self.standing.engine), fresh_schema(self.workspace)
        events, own = lake.table("events"), lake.schema("events")
        same = events.select(*(
            (events[name] if name in own else ibis.null(kind)).cast(kind).name(name) for name, kind in schema.items()
        ))
        found = {"customers": lake.table("customers"), "events": self._owned(same)}
        return found | ({"money": self._owned(lake.table(MONEY))} if lake.exists(MONEY) else {})

    def _owned(self, rows: ir.Table) -> ir.Table:
        identity = self.workspace.lake.on(self.standing.engine).table("identity").select(*WHO.names)
        return rows.inner_join(identity, BY_PROFILE).select(*rows.columns, "customer_id")

    def _compile(self, today: date) -> None:
        """Make every statement; all of them name standing tables only."""
        standing = self.standing
        touched = standing.table(TOUCHED, ibis.schema({"customer_id": "string", "number": "int64"}))
        asked = standing.table(ASKED, ibis.schema({"customer_id": "string"}))
        came, people = standing.there(self.came), standing.there(PEOPLE)
        self.touches = standing.statement(came.inner_join(people, BY_PROFILE).select("customer_id").distinct())
        self.asks = standing.statement(touched.select("customer_id").distinct())
        sources = {name: standing.there(f"known_{name}") for name in self._known()}
        fresh = standing.there(self.fresh).inner_join(people, BY_PROFILE)
        sources["events"] = ibis.union(sources["events"], fresh.select(*sources["events"].columns))
        self.fills = tuple(
            (f"rule_{name}", standing.statement(rows.semi_join(asked, "customer_id"))) for name, rows in sources.items()
        )
        tables = {name: standing.table(f"rule_{name}", rows.schema()) for name, rows in sources.items()}
        tables["transitions"] = standing.table("rule_ledger", ibis.schema(TRANSITIONS))
        # As of the end of the day, so that what is made holds for all of it: nothing has happened yet of what follows.
        end = datetime.combine(today, time.max, tzinfo=ZoneInfo(self.workspace.zone))
        as_of = AsOf(at=end, zone=self.workspace.zone)
        evaluation = evaluate(self.workspace.project.segments, Tables(**tables), as_of=as_of)
        self.decides = standing.statement(transitions(evaluation))
        self.beside = standing.beside()
