"""Examples inside a segment's declaration: a few events make a customer, and the rule's own expressions say in or out.

    - given: [{check_in: 1 day ago, kind: day_pass}, {customer: {email: a@example.com}}]
      expect: in

Beside `EVENT: WHEN` with its attributes (and `until:` of an interval) there are `customer: {trait: value, id: ...}`,
`money: WHEN` with kind, amount and category, and `entered: SEGMENT` with `at: WHEN`. WHEN is `today`, `3 days ago`,
`in 7 days`, `2 hours ago` or a date; an attribute written so is a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa

from regulars.check import Finding, did_you_mean
from regulars.errors import DeclarationError
from regulars.events.engine import Engine
from regulars.events.measure import ROW_COLUMNS, DaysAhead, Measure
from regulars.events.value import Compared
from regulars.events.vocabulary import Vocabulary
from regulars.events.window import AsOf, Path
from regulars.rules.backtest import LEDGER
from regulars.rules.condition import Needs, together
from regulars.rules.evaluate import Evaluation, Tables, evaluate
from regulars.rules.explain import explained, read
from regulars.rules.segment import Example, Segment

EXAMPLE_DAY = date(2026, 3, 12)              # any day does: examples happen at noon, far from a change of clocks
_TYPED_TRAITS = {"birthday": pa.date32(), "has_parent": pa.bool_()}
_WHEN = re.compile(r"^(today|in \d+ days?|\d+ days? ago|\d+ hours? ago)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    """The rows some examples make."""

    customers: dict[str, dict[str, object]] = field(default_factory=dict)
    events: list[dict[str, object]] = field(default_factory=list)
    money: list[dict[str, object]] = field(default_factory=list)
    transitions: list[dict[str, object]] = field(default_factory=list)


def run_examples(
    segments: Iterable[Segment], *, engine: Engine, zone: str = "UTC", known: Vocabulary | None = None
) -> list[Finding]:
    """Return a finding per segment: whether its examples come out as they say, and why not.

    All examples of all segments are customers of one small world and are evaluated together.
    Raises DeclarationError with the path of an example that cannot be read.
    """
    segments = list(segments)
    as_of = AsOf(at=datetime.combine(EXAMPLE_DAY, time(18), ZoneInfo(zone)), zone=zone)
    wrong: dict[str, list[str]] = {}
    for batch in _batches(segments):
        tables = _tables(_world(batch, as_of, known or Vocabulary()), segments, engine)
        evaluation = evaluate(segments, tables, as_of=as_of)
        matched = {row["customer_id"]: row for row in engine.fetch(evaluation.matches).to_pylist()}
        for segment, example, customer in batch:
            if bool(matched[customer][segment.name]) != example.expect:
                wanted = "in" if example.expect else "out"
                why = _why(evaluation, segment, customer, engine)
                wrong.setdefault(segment.name, []).append(f"example {example.position + 1} should be {wanted}: {why}")
    return [_finding(segment, wrong.get(segment.name, [])) for segment in segments]


def _why(evaluation: Evaluation, segment: Segment, customer: str, engine: Engine) -> str:
    rows = explained(evaluation, segment.name)
    row, = engine.fetch(rows.filter(rows.customer_id == customer)).to_pylist()
    return read(row, segment, day=evaluation.facts.as_of.day).why


def _finding(segment: Segment, wrong: Sequence[str]) -> Finding:
    where, count = f"segments/{segment.name}.yaml", len(segment.examples)
    if not count:
        return Finding(
            name="segment-examples", status="warning", message=f"{segment.name} has no examples", where=where,
            hint="add one that is in and one that is out under `examples:`",
        )
    if wrong:
        return Finding(
            name="segment-examples", status="failed", message="; ".join(wrong), where=where,
            hint="correct the rule or the example", numbers={"examples": count, "wrong": len(wrong)},
        )
    message = f"{segment.name}: {count} examples come out as they say"
    return Finding(name="segment-examples", status="ok", message=message, where=where, numbers={"examples": count})


def _batches(segments: Iterable[Segment]) -> list[list[tuple[Segment, Example, str]]]:
    """Examples with the customer each is, in as few worlds as chosen ids allow."""
    batches: list[list[tuple[Segment, Example, str]]] = []
    for segment in segments:
        for example in segment.examples:
            chosen = [row["customer"] for row in example.given if isinstance(row.get("customer"), Mapping)]
            own = next((str(traits["id"]) for traits in chosen if "id" in traits), None)  # type: ignore[index,operator]  # mappings, checked above
            customer = own or f"{segment.name} {example.position}"
            for batch in batches:
                if all(customer != taken for _, _, taken in batch):
                    batch.append((segment, example, customer))
                    break
            else:
                batches.append([(segment, example, customer)])
    return batches


def _world(batch: Iterable[tuple[Segment, Example, str]], as_of: AsOf, known: Vocabulary) -> _World:
    world = _World()
    for _, example, customer in batch:
        world.customers[customer] = {"customer_id": customer}
        for n, row in enumerate(example.given):
            path: Path = ("examples", example.position, "given", n)
            _add(world, {str(key): v for key, v in row.items()}, customer, as_of=as_of, known=known, path=path)
    return world


def _add(
    world: _World, row: dict[str, object], customer: str, *, as_of: AsOf, known: Vocabulary, path: Path
) -> None:
    kind = next(iter(row), "")
    if kind == "customer":
        traits = row["customer"]
        if not isinstance(traits, Mapping):
            raise DeclarationError(f"{traits!r} is no customer", hint="`{customer: {email: …}}`", path=path)
        world.customers[customer] |= {str(k): v for k, v in traits.items() if k != "id"}
        return
    if kind == "entered":
        at = _moment(row.get("at"), as_of, (*path, "at"))
        entry = {"segment": row["entered"], "change": "entered", "reason": "", **_dated(at, as_of, "at")}
        world.transitions.append(entry | {"customer_id": customer})
        return
    at = _moment(row.pop(kind, None), as_of, (*path, kind))
    values = {name: _value(value, as_of) for name, value in row.items()}
    if kind == "money":
        world.money.append(values | _dated(at, as_of, "occurred_at") | {"customer_id": customer})
        return
    if known.events is not None and kind not in known.events:
        raise DeclarationError(f"no event {kind!r}", hint=did_you_mean(kind, known.events), path=(*path, kind))
    until = values.pop("until", None)
    event = {"customer_id": customer, "event_type": kind, "until_day": until, **_dated(at, as_of, "occurred_at")}
    world.events.append(values | event)


def _tables(world: _World, segments: Iterable[Segment], engine: Engine) -> Tables:
    segments = list(segments)
    needs = together(*(s.when.needs() for s in segments), *(q.needs() for s in segments for q in s.data.values()))
    kinds = _kinds(needs)
    times = {"occurred_at": pa.timestamp("us"), "business_day": pa.date32(), "until_day": pa.date32()}
    texts = {"customer_id": pa.string(), "event_type": pa.string(), "kind": pa.string(), "category": pa.string()}
    events = _arrow(world.events, texts | times | kinds)
    money = _arrow(world.money, texts | times | {"amount": pa.int64()})
    traits = {trait: _TYPED_TRAITS.get(trait, pa.string()) for trait in needs.traits}
    customers = _arrow(list(world.customers.values()), {"customer_id": pa.string()} | traits)
    ledger = pa.Table.from_pylist(world.transitions, schema=LEDGER)
    return Tables(
        customers=engine.arrow(customers), events=engine.arrow(events), money=engine.arrow(money),
        transitions=engine.arrow(ledger),
    )


def _kinds(needs: Needs) -> dict[str, pa.DataType]:
    """Type of each attribute a rule reads, for when no example gives it a value."""
    kinds: dict[str, pa.DataType] = {}
    for measure in needs.measures:
        for name in measure.columns() - ROW_COLUMNS:
            kinds[name] = _kind(measure, name) or kinds.get(name, pa.null())
    return kinds


def _kind(measure: Measure, name: str) -> pa.DataType | None:
    if isinstance(measure.when, DaysAhead) and measure.when.attribute == name:
        return pa.date32()
    if measure.of == name and measure.take in {"sum", "average"}:
        return pa.int64()
    if any(where.attribute == name and isinstance(where.test, Compared) for where in measure.where):
        return pa.int64()
    return None


def _arrow(rows: list[dict[str, object]], kinds: Mapping[str, pa.DataType]) -> pa.Table:
    """Rows as a table. Columns take the type of their values, or the kind given when they have none."""
    names = list(kinds) + sorted({name for row in rows for name in row} - set(kinds))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        given = pa.array(values) if any(value is not None for value in values) else None
        kind = kinds.get(name, pa.null())
        if given is None:
            kind = pa.string() if pa.types.is_null(kind) else kind
            columns[name] = pa.array(values, type=kind)
        else:
            columns[name] = given.cast(kind) if pa.types.is_temporal(kind) else given
    return pa.table(columns)


def _dated(at: datetime, as_of: AsOf, name: str) -> dict[str, object]:
    local = AsOf(at=at, zone=as_of.zone)
    return {name: local.moment, "business_day": local.day}


def _moment(value: object, as_of: AsOf, path: Path) -> datetime:
    """When an event happened: noon of a day, or hours before the as-of moment."""
    if isinstance(value, str) and value.endswith(("hour ago", "hours ago")) and _WHEN.match(value):
        return as_of.at - timedelta(hours=int(value.split()[0]))
    day = _value(value, as_of)
    if not isinstance(day, date):
        hint = "today, 3 days ago, in 7 days, 2 hours ago, or a date"
        raise DeclarationError(f"{value!r} does not say when", hint=hint, path=path)
    return datetime.combine(day, time(12), ZoneInfo(as_of.zone))


def _value(value: object, as_of: AsOf) -> object:
    if isinstance(value, float):
        return Decimal(str(value))
    if not isinstance(value, str) or not _WHEN.match(value):
        return value
    words = value.split()
    if value == "today":
        return as_of.day
    if words[0] == "in":
        return as_of.day + timedelta(int(words[1]))
    return as_of.day - timedelta(int(words[0]))
