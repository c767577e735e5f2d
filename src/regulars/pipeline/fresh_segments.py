"""Fresh segments: who enters and leaves because of what just came, by the expressions that decide of everybody."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import accumulate
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regulars.events.event import MONEY
from regulars.events.measure import ENTERED, ROW_COLUMNS
from regulars.events.window import AsOf
from regulars.pipeline.fresh_known import Known, Owned, Stands
from regulars.pipeline.fresh_records import BY_PROFILE, PEOPLE, WHO, fresh_schema, widened
from regulars.pipeline.workspace import Workspace
from regulars.rules.condition import together
from regulars.rules.evaluate import Tables, evaluate
from regulars.rules.segment import Segment
from regulars.rules.transition import transitions
from regulars.storage.book.memberships import TRANSITIONS
from regulars.storage.engines.question import Statement
from regulars.storage.engines.standing import Standing

TOUCHED = "fresh_touched"
"""Standing table: customer_id of those to whom something happened that rules count and who were not decided since, and
the number of the batch it was in."""

ASKED = "rule_asked"
"""Standing table: customer_id of those who are decided now."""

MOST = 5_000
"""Customers that are decided at once, those first to whom something happened first; batches are not divided.

So whoever waits is waited for in order, and when more comes than can be decided, more are decided at once, which takes
less for each: what is behind catches up as soon as it can.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the rules of segments look at."""

    types: tuple[str, ...]                   # of events
    columns: tuple[str, ...]                 # of events
    entered: tuple[str, ...]                 # segments whose entries are counted
    dated: frozenset[str]                    # segments in which it matters when somebody entered and left
    traits: tuple[str, ...]                  # of customers
    has_money: bool                          # whether money is counted beside events

    @classmethod
    def by(cls, segments: Iterable[Segment]) -> Counted:
        """Return what the rules of some segments look at."""
        segments = list(segments)
        needs = together(*(each.when.needs() for each in segments))
        measures = [measure for measure in needs.measures if measure.rows == "events"]
        named = sorted({name for measure in measures for name in measure.events})
        return cls(
            types=tuple(name for name in named if not name.startswith(ENTERED)),
            columns=tuple(sorted({*ROW_COLUMNS - {"days_ago"}}.union(*(measure.columns() for measure in measures)))),
            entered=tuple(name.removeprefix(ENTERED) for name in named if name.startswith(ENTERED)),
            dated=frozenset(each.name for each in segments if each.holds_for or each.reenter_after),
            traits=needs.traits, has_money=len(measures) < len(needs.measures),
        )


@dataclass(slots=True, kw_only=True)
class Deciding:
    """What decides segments of a few customers: everything that is known of them, taken out of memory.

    Statements name standing tables only, and are made about once a business day. `decide` may be called from a thread
    of its own, so that no event waits for it; everything else is the thread's that takes events.
    """

    workspace: Workspace
    standing: Standing
    fresh: str                               # standing table of fresh events
    came: str                                # and of those of the batch
    counted: Counted
    known: Known | None = None
    stands: Stands | None = None
    followed: int = 0                        # the last batch of the ledger that `stands` is after
    made_for: tuple[object, ...] = ()        # business day and shape of what is known, that statements were made for
    touches: Statement | None = None
    happened: Statement | None = None        # fresh events of those who are decided
    decides: Statement | None = None
    batches: int = 0                         # that were touched
    undecided: dict[int, datetime] = field(default_factory=dict)     # of each batch: when the door was looked at for it
    most: int = MOST
    beside: Standing | None = None           # the tables for the thread that decides
    at_work: threading.Lock = field(default_factory=threading.Lock)      # held while any of it is made or used

    def look(self, events: ir.Table) -> Known:
        """Return what the lake knows: customers, and of their events (given) and money what rules look at."""
        engine = self.standing.engine
        lake = self.workspace.lake.on(engine)
        everybody, whose = lake.table("customers"), lake.table("identity").select(*WHO.names)
        traits = [trait for trait in self.counted.traits if trait in everybody.columns]
        customers = engine.fetch(everybody.select("customer_id", *traits))
        counts = widened(events, self._events())
        tables = {"events": counts.filter(counts.event_type.isin(self.counted.types))}
        if self.counted.has_money and lake.exists(MONEY):
            tables["money"] = lake.table(MONEY)
        known = Known.of(customers)
        for name, rows in tables.items():
            columns = dict.fromkeys([*rows.columns, "customer_id"])
            known.owned[name] = Owned.of(engine.fetch(rows.inner_join(whose, BY_PROFILE).select(*columns)), known)
        return known

    def prepare(self, known: Known, *, today: date) -> None:
        """Go on with what the lake knows now. Called while nobody is `at_work`.

        Statements are made when they were made for another day or other columns.
        """
        if self.stands is None or self.known is None:
            self.stands, self.followed = self._left_by_runs(known)
        else:
            self.stands = self.stands.moved(self.known, known)
            # What the ledger says of the new ones may have been passed by when nobody knew them.
            new = known.new_since(self.known)
            ledger = self.workspace.book.memberships.transitions_of(new, segments=self.stands.segments)
            self.stands.follow(ledger, known)
        self.known = known
        if (today, known.shape) != self.made_for:
            self._compile(known, today)
            self.made_for = (today, known.shape)

    def touch(self, *, at: datetime) -> None:
        """Remember to whom the batch happened that was there at a moment."""
        assert self.touches is not None
        self.batches += 1
        self.undecided[self.batches] = at    # first: it may be decided as soon as it stands in the table
        if not self.standing.add(TOUCHED, self.touches, number=self.batches):
            del self.undecided[self.batches]

    def waiting(self) -> list[datetime]:
        """Return from when the batches are of which nobody was decided yet."""
        return list(self.undecided.values())

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
        assert self.known is not None
        assert self.stands is not None
        assert self.decides is not None
        # What comes while this goes on is in a later batch, and is decided the next time.
        until = self._first(standing)
        if until is None:
            return 0
        touched = f"select distinct customer_id from {TOUCHED} where number <= {until}"
        standing.put(ASKED, Statement(text=touched, schema=standing.schemas[ASKED]))
        ledger, before = self.workspace.book.memberships, self._follow(self.stands, self.known)
        self._fill(standing, self.known, self.stands)
        changes = standing.fetch(self.decides)
        at = pa.repeat(pa.scalar(now.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us")), len(changes))
        changes = changes.set_column(changes.schema.get_field_index("at"), "at", at)
        added = ledger.append_fresh(changes) if len(changes) else 0
        if len(changes) and ledger.last_batch() == before + 1:
            # Nobody else has appended meanwhile: otherwise all of it is read from the ledger the next time.
            self.stands.follow(changes, self.known)
            self.followed = before + 1
        standing.clear(TOUCHED, until=until)
        for number in [number for number in list(self.undecided) if number <= until]:
            del self.undecided[number]
        return added

    def _first(self, standing: Standing) -> int | None:
        """Return up to which batch it is decided now; None when nothing happened to anybody."""
        counts = f"select number, count(*) as customers from {TOUCHED} group by number order by number"
        found = standing.fetch(Statement(text=counts, schema=_COUNTS)).to_pydict()
        if not found["number"]:
            return None
        sums = accumulate(found["customers"])
        fitting = [number for number, sum_ in zip(found["number"], sums, strict=True) if sum_ <= self.most]
        return int(max(fitting, default=found["number"][0]))

    def _follow(self, stands: Stands, known: Known) -> int:
        """Take up what others appended to the ledger; return its last batch."""
        ledger = self.workspace.book.memberships
        last = ledger.last_batch()
        if last != self.followed:
            stands.follow(ledger.since(self.followed), known)
            self.followed = last
        return last

    def _fill(self, standing: Standing, known: Known, stands: Stands) -> None:
        """Put what is known of those who are decided where the statement reads it."""
        assert self.happened is not None
        asked = standing.fetch(standing.all_of(ASKED))["customer_id"].combine_chunks()
        places = known.places(asked)
        standing.put("rule_customers", known.customers.take(pa.array(places)))
        standing.put("rule_stands", stands.at(places, known, dated=self.counted.dated))
        for name, owned in known.owned.items():
            standing.put(f"rule_{name}", owned.at(places))
        standing.add("rule_events", self.happened)
        if self.counted.entered:
            ledger = self.workspace.book.memberships.transitions_of(asked.to_pylist(), segments=self.counted.entered)
            standing.put("rule_ledger", ledger)

    def _left_by_runs(self, known: Known) -> tuple[Stands, int]:
        """Return where the ledger leaves customers, and after which of its batches.

        Out of the lake's copy, a tenth of the time that the book takes, and of the book what is newer.
        """
        stands = Stands.of([each.name for each in self.workspace.project.segments], len(known.ids))
        lake, engine = self.workspace.lake.on(self.standing.engine), self.standing.engine
        followed = 0
        if lake.exists("transitions"):
            followed = int(lake.meta("transitions").get("batch", 0))
            stands.follow(engine.fetch(lake.table("transitions")), known)
        return stands, followed

    def _events(self) -> ibis.Schema:
        """Return the columns of events that rules read, and whose they are by profile."""
        whole = fresh_schema(self.workspace)
        names = [*BY_PROFILE, *(name for name in self.counted.columns if name in whole)]
        return ibis.schema({name: whole[name] for name in names})

    def _compile(self, known: Known, today: date) -> None:
        """Make every statement; all of them name standing tables only."""
        standing, counted = self.standing, self.counted
        if TOUCHED not in standing.schemas:          # who was not decided yesterday is decided today
            standing.table(TOUCHED, ibis.schema({"customer_id": "string", "number": "int64"}))
        asked = standing.table(ASKED, ibis.schema({"customer_id": "string"}))
        came, people = standing.there(self.came), standing.there(PEOPLE)
        counts = came.filter(came.event_type.isin(counted.types))
        self.touches = standing.statement(counts.inner_join(people, BY_PROFILE).select("customer_id").distinct())
        filled = {"customers": known.customers, **{name: owned.rows for name, owned in known.owned.items()}}
        tables = {name: standing.table(f"rule_{name}", ibis.schema(rows.schema)) for name, rows in filled.items()}
        nowhere = Stands.of([each.name for each in self.workspace.project.segments], 0)
        empty = nowhere.at(known.places(pa.array([], pa.string())), known, dated=counted.dated)
        tables["stands"] = standing.table("rule_stands", ibis.schema(empty.schema))
        if counted.entered:
            tables["transitions"] = standing.table("rule_ledger", ibis.schema(TRANSITIONS))
        fresh = standing.there(self.fresh).inner_join(people, BY_PROFILE).semi_join(asked, "customer_id")
        fresh = fresh.filter(fresh.event_type.isin(counted.types))
        self.happened = standing.statement(fresh.select(*tables["events"].columns))
        # As of the end of the day, so that what is made holds for all of it: nothing has happened yet of what follows.
        end = datetime.combine(today, time.max, tzinfo=ZoneInfo(self.workspace.zone))
        as_of = AsOf(at=end, zone=self.workspace.zone)
        evaluation = evaluate(self.workspace.project.segments, Tables(**tables), as_of=as_of)
        self.decides = standing.statement(transitions(evaluation))
        self.beside = standing.beside()


_COUNTS = ibis.schema({"number": "int64", "customers": "int64"})
