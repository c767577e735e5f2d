"""Why a customer is in a segment, or not: the very expressions of the bulk evaluation, for that one customer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis.expr.types as ir

from regulars.check import did_you_mean
from regulars.errors import NotFound
from regulars.events.engine import Engine
from regulars.events.window import AsOf, days
from regulars.rules.condition import lines
from regulars.rules.evaluate import Evaluation, Tables, evaluate, for_customer
from regulars.rules.segment import Segment, with_dependencies


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedLine:
    """One condition of the rule: what is required, what is so."""

    depth: int                               # 0 is the rule itself
    sentence: str                            # with what is required
    holds: bool
    actual: str | None                       # the number that decided, "missing", or None where there is none

    @property
    def mark(self) -> str:
        """Return a tick or a cross."""
        return "✓" if self.holds else "✗"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why one customer is in or out of one segment as of a day."""

    customer_id: str
    segment: str
    title: str
    description: str
    day: date
    is_in: bool
    matches: bool                            # the rule alone
    why: str                                 # one sentence
    lines: tuple[ExplainedLine, ...]
    entered_day: date | None                 # of the last entry by the ledger, today's included
    holds_until: date | None                 # first day out again, while a stay lasts
    may_reenter_on: date | None              # first day it may enter again, while that is ahead


def evaluation_of(segments: Iterable[Segment], name: str, *, tables: Tables, as_of: AsOf) -> Evaluation:
    """Return what a segment and those it asks about are evaluated by. Raises NotFound for one that is not there."""
    segments = list(segments)
    declared(segments, name)
    return evaluate(with_dependencies(segments, name), tables, as_of=as_of)


def explain(
    segments: Iterable[Segment], name: str, *, customer_id: str, tables: Tables, as_of: AsOf, engine: Engine
) -> Explanation:
    """Return why a customer is in a segment or not, every line with its numbers.

    Raises NotFound for a segment or customer that is not there.
    """
    segments = list(segments)
    evaluation = evaluation_of(segments, name, tables=for_customer(tables, customer_id), as_of=as_of)
    rows = engine.fetch(explained(evaluation, name)).to_pylist()
    return read_one(rows, declared(segments, name), day=as_of.day, customer_id=customer_id)


def declared(segments: Iterable[Segment], name: str) -> Segment:
    """Return the segment of a name. Raises NotFound for one that is not there."""
    by_name = {segment.name: segment for segment in segments}
    if name not in by_name:
        raise NotFound(f"no segment {name!r}", hint=did_you_mean(name, by_name))
    return by_name[name]


def read_one(
    rows: Sequence[Mapping[str, object]], segment: Segment, *, day: date, customer_id: str
) -> Explanation:
    """Return the explanation that rows of `explained` for one customer say. Raises NotFound where there are none."""
    if not rows:
        raise NotFound(f"no customer {customer_id!r}", hint="`regulars customer` finds one by name or address")
    return read(rows[0], segment, day=day)


def explained(evaluation: Evaluation, name: str) -> ir.Table:
    """What an explanation is read from. One row per customer of the evaluation.

    Columns: customer_id, matches, is_in, was_in, entered_day, left_day, and for each line holds_<n> and, where there is
    a number, actual_<n> (text).
    """
    facts = evaluation.facts
    columns: dict[str, ir.Value] = {}
    for n, line in enumerate(lines(declared(evaluation.segments, name).when)):
        actual = line.condition.actual(facts)
        columns[f"holds_{n}"] = line.condition.holds(facts)
        if actual is not None:
            columns[f"actual_{n}"] = actual.cast("string")
    states = {
        "matches": f"match_{name}", "is_in": f"in_{name}", "was_in": f"was_{name}",
        "entered_day": f"entered_{name}", "left_day": f"left_{name}",
    }
    return facts.table.select(
        "customer_id", **{label: facts.table[column] for label, column in states.items()}, **columns
    )


def read(row: Mapping[str, object], segment: Segment, *, day: date) -> Explanation:
    """Return the explanation that a row of `explained` says of a segment as of a day."""
    told = tuple(
        ExplainedLine(
            depth=line.depth,
            sentence=line.condition.sentence(),
            holds=bool(row[f"holds_{n}"]),
            actual=_actual(row, n),
        )
        for n, line in enumerate(lines(segment.when))
    )
    is_in, matches = bool(row["is_in"]), bool(row["matches"])
    entered = day if is_in and not row["was_in"] else row["entered_day"]
    assert entered is None or isinstance(entered, date)
    until = entered + timedelta(segment.holds_for) if entered and segment.holds_for and is_in else None
    again = entered + timedelta(segment.reenter_after) if entered and segment.reenter_after else None
    again = again if again and again > day else None
    if not is_in and row["left_day"] == day and segment.holds_for and again is None:
        again = day + timedelta(1)
    if not is_in and row["was_in"] and segment.holds_for and again is None:
        again = day + timedelta(1)
    return Explanation(
        customer_id=str(row["customer_id"]), segment=segment.name, title=segment.title, description=segment.description,
        day=day,
        is_in=is_in, matches=matches, lines=told, entered_day=entered, holds_until=until, may_reenter_on=again,
        why=_why(told, is_in=is_in, matches=matches, entered=entered, until=until, again=again),
    )


def _why(
    told: tuple[ExplainedLine, ...],
    *,
    is_in: bool,
    matches: bool,
    entered: date | None,
    until: date | None,
    again: date | None,
) -> str:
    match is_in, matches:
        case True, True:
            return f"in since {entered}: the rule matches" + (f"; in until {until}" if until else "")
        case True, False:
            return f"in since {entered}, and stays until {until}, although the rule no longer matches"
        case False, True:
            return f"out, although the rule matches: last entered {entered}, may enter again on {again}"
        case _:
            failed = [line for line in told if not line.holds]
            deepest = [line for line in failed if line.actual is not None] or failed
            return "out: " + "; ".join(
                line.sentence + ("" if line.actual is None else f" (it is {line.actual})") for line in deepest
            )


def _actual(row: Mapping[str, object], n: int) -> str | None:
    """The number for the reader; a condition without a number has None, a missing number says so."""
    if f"actual_{n}" not in row:
        return None
    value = row[f"actual_{n}"]
    return "missing" if value is None else str(value)


def as_text(explanation: Explanation) -> str:
    """Return an explanation as lines of text: the verdict, then every line with its mark and number."""
    head = f"{explanation.title} ({explanation.segment}), as of {explanation.day}: {explanation.why}"
    body = [
        "  " * (line.depth + 1) + f"{line.mark} {line.sentence}" + (f": it is {line.actual}" if line.actual else "")
        for line in explanation.lines
    ]
    wait = explanation.may_reenter_on
    tail = [] if wait is None else [f"  may enter again on {wait}, in {days((wait - explanation.day).days)}"]
    return "\n".join([head, *body, *tail])
