"""Who is in which segment as of a moment: all segments over all customers, as one expression.

The measures of every rule are computed in one grouped pass over the events (and one over the money, if asked); then
every rule is a boolean column, and the ledger of transitions turns a match into being in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import ibis.expr.types as ir

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.engine import Engine
from regulars.events.measure import Measure, is_zero_when_empty, measured, rows_of_events, rows_of_money
from regulars.events.window import AsOf
from regulars.rules.condition import Facts, Needs, together
from regulars.rules.forms import bucket
from regulars.rules.segment import Segment, in_order
from regulars.rules.standing import is_in, standing, stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What rules are asked of.

    customers: customer_id and traits (email, birthday date, sources, ...), one row per customer.
    events: customer_id, event_type, occurred_at (UTC), business_day, until_day (date, may be absent), and attributes.
    money: customer_id, kind, amount (minor units, signed), category, occurred_at, business_day.
    transitions: segment, customer_id, at (UTC), business_day, change (entered, left). None: nobody ever entered.
    stands: what `regulars.rules.standing.stands` makes of transitions, where that is known already.
    Rows of events and money without a customer count for nobody.
    """

    customers: ir.Table
    events: ir.Table
    money: ir.Table | None = None
    transitions: ir.Table | None = None
    stands: ir.Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Every segment over every customer as of a moment.

    `facts.table` has one row per customer: customer_id, traits, measures, and for every segment `match_<name>` (the
    rule holds), `was_<name>` (in by the ledger before), `in_<name>` (in now), `entered_<name>` (day of the last entry).
    """

    segments: tuple[Segment, ...]            # in order of dependence
    facts: Facts
    tables: Tables

    @property
    def matches(self) -> ir.Table:
        """Return one row per customer: customer_id and a boolean per segment, whether its rule holds."""
        return self._columns("match")

    @property
    def members(self) -> ir.Table:
        """Return one row per customer: customer_id and a boolean per segment, whether the customer is in it."""
        return self._columns("in")

    def data(self, segment: str) -> ir.Table:
        """Return the numbers a segment stores: one row per member, customer_id and a column per name in its `data`."""
        found = next(s for s in self.segments if s.name == segment)
        needs = together(*(number.needs() for number in found.data.values()))
        members = self.facts.table.filter(self.facts.table[f"in_{segment}"]).select("customer_id")
        customers = self.tables.customers.semi_join(members, "customer_id")
        facts = _facts(replace(self.tables, customers=customers), needs, as_of=self.facts.as_of)
        return facts.table.select("customer_id", **{name: number.value(facts) for name, number in found.data.items()})

    def _columns(self, kind: str) -> ir.Table:
        table = self.facts.table
        return table.select("customer_id", **{s.name: table[f"{kind}_{s.name}"] for s in self.segments})


def evaluate(segments: Iterable[Segment], tables: Tables, *, as_of: AsOf) -> Evaluation:
    """Return who matches and who is in every segment as of a moment, as expressions nothing has run yet.

    Pure: the same tables and moment give the same answer, and a moment in the past gives what history up to it gives.
    Raises DeclarationError for a circle of segments or for a column that is not there.
    """
    ordered = tuple(in_order(segments))
    facts = _facts(tables, together(*(s.when.needs() for s in ordered)), as_of=as_of)
    known = tables.stands
    if known is None and tables.transitions is not None:
        known = stands(tables.transitions, ordered, as_of=as_of)
    facts = replace(facts, table=standing(facts.table, known, ordered))
    for level in _levels(ordered):
        matched = facts.table.mutate(**{f"match_{s.name}": s.when.holds(facts) for s in level})
        decided = matched.mutate(**{f"in_{s.name}": is_in(matched, s, as_of=as_of) for s in level})
        facts = replace(facts, table=decided)
    return Evaluation(segments=ordered, facts=facts, tables=tables)


def settled(evaluation: Evaluation, *, engine: Engine) -> Evaluation:
    """Return the evaluation with its answer computed once: matches, members, data and transitions then read that.

    Worth it where several are asked of one evaluation, and needed on Spark, which plans the rules anew for every use.
    Holds one row per customer in memory.
    """
    facts = evaluation.facts
    return replace(evaluation, facts=replace(facts, table=engine.arrow(engine.fetch(facts.table))))


def for_customer(tables: Tables, customer_id: str) -> Tables:
    """Return the tables with this one customer only."""
    def own(table: ir.Table | None) -> ir.Table | None:
        return None if table is None else table.filter(table.customer_id == customer_id)

    return Tables(
        customers=tables.customers.filter(tables.customers.customer_id == customer_id),
        events=tables.events.filter(tables.events.customer_id == customer_id),
        money=own(tables.money),
        transitions=own(tables.transitions),
        stands=own(tables.stands),
    )


def _facts(tables: Tables, needs: Needs, *, as_of: AsOf) -> Facts:
    """Everything some conditions read, of every customer."""
    names = {measure: f"measure_{n}" for n, measure in enumerate(needs.measures)}
    wide = _with_measures(_base(tables.customers, needs), tables, names, as_of=as_of)
    return Facts(table=wide, names=names, as_of=as_of)


def _base(customers: ir.Table, needs: Needs) -> ir.Table:
    for trait in needs.traits:
        if trait not in customers.columns:
            raise DeclarationError(f"customers have no {trait!r}", hint=did_you_mean(trait, customers.columns))
    return customers.select(
        "customer_id",
        **{f"trait_{trait}": customers[trait] for trait in needs.traits},
        **{f"bucket_{key}": bucket(customers.customer_id, key) for key in needs.buckets},
    )


def _with_measures(base: ir.Table, tables: Tables, names: Mapping[Measure, str], *, as_of: AsOf) -> ir.Table:
    """Add every measure to every customer: 0 or missing, as the measure says, for customers without rows."""
    about_events = {measure: name for measure, name in names.items() if measure.rows == "events"}
    about_money = {measure: name for measure, name in names.items() if measure.rows == "money"}
    wide = base
    if about_events:
        rows = rows_of_events(tables.events, tables.transitions, about_events, as_of=as_of)
        wide = _joined(wide, measured(rows, about_events, as_of=as_of))
    if about_money:
        if tables.money is None:
            raise DeclarationError("a rule asks about spend, and there is no money", hint="declare a stream's `money:`")
        wide = _joined(wide, measured(rows_of_money(tables.money, as_of=as_of), about_money, as_of=as_of))
    return wide.mutate(
        **{name: wide[name].fill_null(0) for measure, name in names.items() if is_zero_when_empty(measure)}
    )


def _joined(wide: ir.Table, numbers: ir.Table) -> ir.Table:
    return wide.left_join(numbers, "customer_id").drop("customer_id_right")


def _levels(ordered: Sequence[Segment]) -> list[list[Segment]]:
    """Segments in as few rounds as their questions about each other allow."""
    level_of: dict[str, int] = {}
    for segment in ordered:
        level_of[segment.name] = 1 + max((level_of[name] for name in segment.depends_on), default=-1)
    return [[s for s in ordered if level_of[s.name] == n] for n in range(max(level_of.values(), default=-1) + 1)]
