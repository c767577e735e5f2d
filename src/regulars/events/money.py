"""Typed records become lines of the money ledger: integers in minor units, signed, each with its payment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.currency import CURRENCIES
from regulars.records import quarantine
from regulars.records.formula import Formula
from regulars.records.record import MoneyKind, MoneyMapping, Stream

LINE = ibis.schema({
    "line_id": "string", "source": "string", "stream": "string", "record_key": "string", "profile_source": "string",
    "profile_id": "string", "kind": "string", "amount": "int64", "currency": "string", "occurred_at": "timestamp",
    "business_day": "date", "payment_id": "string", "order_id": "string", "refund_of": "string", "payout_id": "string",
    "category": "string", "category_rule": "string", "quantity": "int64", "units": "int64", "description": "string",
    "sku": "string", "recorded_at": "timestamp",
})
"""The money ledger. `amount` is signed minor units: a payment's sale, tax, tip and discount sum to what was paid."""

SIGN: Mapping[MoneyKind, int] = {
    "sale": 1, "tax": 1, "tip": 1, "discount": -1, "refund": -1, "dispute": -1, "fee": -1, "payout": -1,
}
_REVERSIBLE = {"fee", "payout", "dispute"}   # a fee given back, a payout drawn back, a dispute won: negative is meant
_OPTIONAL = {"tax", "tip", "discount", "fee"}   # not there, or 0, means there was none: no line


DRAFT = ibis.schema({
    "source": "string", "stream": "string", "label": "string", "record_key": "string", "record_n": "int64",
    "profile_id": "string", "kind": "string", "size": "int64", "currency": "string", "occurred_at": "timestamp",
    "business_day": "date", "payment_id": "string", "order_id": "string", "refund_of": "string", "payout_id": "string",
    "quantity": "int64", "description": "string", "sku": "string", "field": "string", "recorded_at": "timestamp",
    "seq": "int64",
})
"""What each money mapping alone says of a record. `size` is minor units before the sign, `field` its formula."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What records came to as money."""

    ledger: ir.Table                         # LINE columns; category, category_rule and units are still null
    bad: ir.Table                            # quarantine rows of the stage "money"


def drafts(records: ir.Table, stream: Stream) -> list[ir.Table]:
    """Return what each money mapping of a stream makes of its typed records: columns of DRAFT.

    A column that says nothing is left out: gathered as one table, it is null in those rows.
    """
    return [_draft(records, stream, mapping, label=label) for label, mapping in _numbered(stream.money)]


def lines(draft: ir.Table, *, currency: str, largest: int, now: datetime) -> Lines:
    """Make money lines of gathered drafts.

    Args:
        draft: columns of DRAFT.
        currency: of the business, where a mapping names none.
        largest: minor units; a line beyond it is held back and somebody is told.
        now: the moment of the run, aware; lines more than a day later are held back.

    """
    taken = sorted(kind for kind, sign in SIGN.items() if sign < 0)
    found = draft.mutate(
        line_id=_line_id(draft),
        profile_source=ibis.ifelse(draft.profile_id.notnull(), draft.source, ibis.null("string")),
        amount=ibis.ifelse(draft.kind.isin(taken), -draft["size"], draft["size"]),
        currency=draft.currency.strip().upper().nullif("").fill_null(currency),
        category=ibis.null("string"), category_rule=ibis.null("string"), units=ibis.null("int64"),
    )
    found = found.mutate(reason=_reason(found, largest=largest, latest=now + timedelta(days=1)))
    held = found.filter(found.reason.notnull())
    return Lines(
        ledger=found.filter(found.reason.isnull()).select(*LINE.names),
        bad=quarantine.shaped(
            held.mutate(payload=ibis.null("string"), fingerprint=held.line_id), source=held.source,
            stream=held.stream, reason=held.reason, field=held.field, value=_refused_value(held),
        ),
    )


def elements(records: ir.Table, stream: Stream) -> ir.Table:
    """Return which element of its record each line of a stream belongs to. One row per line that can be.

    line_id, record_n (the element's position; the lines of one element are the sale, tax and discount of one thing).
    """
    labels = [label for label, _ in _numbered(stream.money)]
    parts = [
        records.select(
            "record_key", "record_n", source=ibis.literal(stream.source), stream=ibis.literal(stream.name),
            label=ibis.literal(label),
        )
        for label in labels
    ]
    found = parts[0] if len(parts) == 1 else ibis.union(*parts)
    return found.select("record_n", line_id=_line_id(found))


def check(stream: Stream, schema: ibis.Schema) -> None:
    """Check a stream's money mappings against its typed columns. Raises DeclarationError with the mapping's path."""
    for n, mapping in enumerate(stream.money):
        if mapping.when not in schema.names or not schema[mapping.when].is_temporal():
            hint = did_you_mean(mapping.when, [name for name, kind in schema.items() if kind.is_temporal()])
            raise DeclarationError(f"{mapping.when!r} is no time field", hint=hint, path=("money", n, "when"))
        for name, wanted in _KINDS.items():
            text = getattr(mapping, name)
            if text is None:
                continue
            found = Formula.parse(text, path=("money", n, name)).kind(schema)
            if not (getattr(found, f"is_{wanted}")() or found.is_null()):
                hint = "integer(round(… * 100)) makes minor units" if name == "amount" else f"make it {wanted}"
                raise DeclarationError(f"{text!r} is {found}, not {wanted}", hint=hint, path=("money", n, name))


_KINDS = {
    "amount": "integer", "who": "string", "currency": "string", "only_if": "boolean", "payment": "string",
    "order": "string", "refund_of": "string", "payout": "string", "description": "string", "sku": "string",
    "quantity": "integer",
}


def _line_id(rows: ir.Table) -> ir.Value:
    """Name a line by its record, the element and the mapping: the same line keeps its id for ever."""
    place = rows.source + "." + rows.stream + "|" + rows.record_key + "|" + rows.record_n.cast("string")
    return (place + "|" + rows.label).hexdigest("md5")


def _numbered(mappings: Iterable[MoneyMapping]) -> list[tuple[str, MoneyMapping]]:
    """Label each mapping by kind and turn, "tax1": a line keeps its id when a mapping of another kind is added."""
    turns: dict[str, int] = {}
    labelled = []
    for mapping in mappings:
        turns[mapping.kind] = turns.get(mapping.kind, 0) + 1
        labelled.append((f"{mapping.kind}{turns[mapping.kind]}", mapping))
    return labelled


def _draft(records: ir.Table, stream: Stream, mapping: MoneyMapping, *, label: str) -> ir.Table:
    """Return one mapping's rows. Ids, signs and refusals are worked out once for all mappings, in `lines`."""
    rows = records
    if mapping.only_if is not None:
        rows = records.filter(Formula.parse(mapping.only_if).column(records))
    when = rows[mapping.when]
    said = {
        "size": mapping.amount, "profile_id": mapping.who, "currency": mapping.currency, "payment_id": mapping.payment,
        "order_id": mapping.order, "refund_of": mapping.refund_of, "payout_id": mapping.payout,
        "quantity": "1" if mapping.quantity is None else mapping.quantity, "description": mapping.description,
        "sku": mapping.sku,
    }
    values = {name: Formula.parse(text).column(rows) for name, text in said.items() if text is not None}
    made = rows.select(
        source=ibis.literal(stream.source), stream=ibis.literal(stream.name), label=ibis.literal(label),
        kind=ibis.literal(mapping.kind), field=ibis.literal(mapping.amount), record_key=rows.record_key,
        record_n=rows.record_n, seq=rows.seq, recorded_at=rows.recorded_at,
        occurred_at=when if when.type().is_timestamp() else when.cast("timestamp"),
        business_day=rows[f"{mapping.when}_day"] if when.type().is_timestamp() else when,
        **{name: value for name, value in values.items() if not value.type().is_null()},
    )
    if mapping.kind not in _OPTIONAL:
        return made
    return made.filter(made["size"].fill_null(0) != 0) if "size" in made.columns else made.limit(0)


def _reason(found: ir.Table, *, largest: int, latest: datetime) -> ir.Value:
    size = found["size"]
    return ibis.cases(
        (size.isnull(), "no_amount"),
        (size.abs() > largest, "amount_out_of_bounds"),
        ((size < 0) & found.kind.notin(sorted(_REVERSIBLE)), "negative_amount"),
        ((found.quantity < 0) & (found.kind == "sale") & (size > 0), "negative_quantity"),
        (found.quantity.isnull(), "no_quantity"),
        (found.currency.notin(sorted(CURRENCIES)), "unknown_currency"),
        (found.occurred_at.isnull(), "no_time_of_money"),
        (found.occurred_at > ibis.literal(latest.replace(tzinfo=None)), "future_money"),
    )


def _refused_value(held: ir.Table) -> ir.Value:
    return ibis.cases(
        (held.reason == "unknown_currency", held.currency),
        (held.reason == "negative_quantity", held.quantity.cast("string")),
        (held.reason == "future_money", held.occurred_at.cast("date").cast("string")),
        else_=held["size"].cast("string"),
    )
