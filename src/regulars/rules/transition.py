"""Who entered and who left since the ledger was last written, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import ibis
import ibis.expr.types as ir

from regulars.events.window import days
from regulars.rules.condition import All, Condition, Facts
from regulars.rules.evaluate import Evaluation
from regulars.rules.segment import Segment

HOLD_OVER = "its {} are over"
GONE = "no longer a customer: merged into another, or erased"


def transitions(evaluation: Evaluation) -> ir.Table:
    """Changes to append to the ledger: segment, customer_id, at (UTC), business_day, change (entered, left), reason.

    One row per segment and customer that is in now and was not, or the other way round. Asked twice about one moment,
    with the first answer in the ledger, it says nothing: every customer stands where the ledger says.
    """
    facts = evaluation.facts
    if not evaluation.segments:
        nobody = facts.table.limit(0).select("customer_id", segment=ibis.null("string"))
        return _dated(nobody.mutate(change=nobody.segment, reason=nobody.segment), evaluation)
    # Nearly nobody changes on a day: the reasons are written for those only. Two lists rather than a long or, which
    # Spark takes apart into a far longer and.
    now, was = (
        ibis.array([facts.table[f"{kind}_{segment.name}"] for segment in evaluation.segments]) for kind in ("in", "was")
    )
    few = facts.table.filter(now != was)
    those = Facts(table=few, names=facts.names, as_of=facts.as_of)
    rows = few.select("customer_id", change=ibis.array([_change(s, those) for s in evaluation.segments]).unnest())
    long = rows.select("customer_id", **{name: rows.change[name] for name in ("segment", "change", "reason")})
    real = long.filter(long.change.notnull())
    dated, gone = _dated(real, evaluation), _gone(evaluation)
    return dated if gone is None else ibis.union(dated, gone)


def memberships(transitions: ir.Table, segments: Iterable[Segment], *, customers: ir.Table | None = None) -> ir.Table:
    """Who is in now, by the ledger: segment, customer_id, entered_at (UTC), entered_day, until_day (missing: open).

    Until is exclusive. One row per stay that has begun and not ended. Segments no longer declared have no members.
    """
    holds = {segment.name: segment.holds_for for segment in segments}
    known = transitions.filter(transitions.segment.isin(list(holds)))
    last = known.group_by("segment", "customer_id").aggregate(
        entered_at=known["at"].max(where=known.change == "entered"),
        entered_day=known.business_day.max(where=known.change == "entered"),
        left_at=known["at"].max(where=known.change == "left"),
    )
    stays = last.filter(
        last.entered_at.notnull(), last.left_at.isnull() | (last.entered_at > last.left_at).fill_null(False)
    )
    if customers is not None:
        stays = stays.semi_join(customers, "customer_id")
    until = ibis.null("date")
    for name, length in holds.items():
        if length is not None:
            until = (stays.segment == name).ifelse(stays.entered_day + ibis.interval(days=length), until)
    return stays.select("segment", "customer_id", "entered_at", "entered_day", until_day=until.cast("date"))


def _change(segment: Segment, facts: Facts) -> ir.Value:
    """The change of one segment as a struct, its `change` missing where nothing changed."""
    now, was = facts.table[f"in_{segment.name}"], facts.table[f"was_{segment.name}"]
    stays = now == was
    change = ibis.cases((stays, ibis.null("string")), (now, "entered"), else_="left")
    # Only where there is a change: of all that is decided here, nearly everything stays as it was.
    reason = ibis.cases(
        (stays, ibis.null("string")), (now, _why_in(segment.when, facts)), else_=_why_out(segment, facts)
    )
    return ibis.struct({"segment": ibis.literal(segment.name), "change": change, "reason": reason})


def _why_in(when: Condition, facts: Facts) -> ir.Value:
    """The parts of the rule with the numbers that let the customer in, as one line of text."""
    # Texts that stand beside each other are one: every piece is planned for every segment, whoever changes.
    text, said = None, ""
    for n, part in enumerate(_parts(when)):
        actual, said = part.actual(facts), said + ("; " if n else "") + part.sentence()
        if actual is not None:
            number = ibis.literal(said + " (it is ") + actual.cast("string").fill_null("missing")
            text, said = number if text is None else text + number, ")"
    return ibis.literal(said) if text is None else text + said


def _why_out(segment: Segment, facts: Facts) -> ir.Value:
    if segment.holds_for is not None:
        return ibis.literal(HOLD_OVER.format(days(segment.holds_for)))
    branches = [
        (~part.holds(facts), ibis.literal("no longer so: " + part.sentence())) for part in _parts(segment.when)
    ]
    return ibis.cases(*branches, else_=ibis.literal("the rule no longer matches"))


def _parts(when: Condition) -> Sequence[Condition]:
    return when.parts if isinstance(when, All) else (when,)


def _dated(changes: ir.Table, evaluation: Evaluation) -> ir.Table:
    as_of = evaluation.facts.as_of
    return changes.select(
        "segment", "customer_id",
        at=ibis.literal(as_of.moment, type="timestamp(6)"),
        business_day=ibis.literal(as_of.day, type="date"),
        change=changes.change, reason=changes.reason,
    )


def _gone(evaluation: Evaluation) -> ir.Table | None:
    """Leaving of those the ledger has in and who are no customers any more."""
    ledger = evaluation.tables.transitions
    if ledger is None:
        return None
    known = ledger.filter(ledger["at"] <= evaluation.facts.as_of.moment)
    stays = memberships(known, evaluation.segments).anti_join(evaluation.tables.customers, "customer_id")
    changes = stays.select("segment", "customer_id", change=ibis.literal("left"), reason=ibis.literal(GONE))
    return _dated(changes, evaluation)
