"""What sources say of families: relations between two people, and contracts with several people on them.

Both are read from records by formula, as profiles are. People are still ids of their source here; who they are is
looked up later, so that a merge of customers moves their family along.
"""

from __future__ import annotations

from collections.abc import Iterator

import ibis
import ibis.expr.types as ir

from regulars.errors import DeclarationError
from regulars.records.formula import Formula
from regulars.records.record import FamilyMapping, Stream

RELATIONS = ibis.schema({
    "source": "string", "stream": "string", "record_key": "string", "recorded_at": "timestamp", "who": "string",
    "whom": "string", "whom_email": "string", "relation": "string", "confidence": "string",
})
"""One row a relation: what `whom` is to `who`, both profile ids in `source`; or whose address whom_email is."""

ROSTERS = ibis.schema({
    "source": "string", "stream": "string", "roster": "string", "who": "string", "is_owner": "boolean",
})
"""One row a person on a contract, or who pays for it; `who` is a profile id in `source`."""


def relation_rows(records: ir.Table, *, stream: Stream) -> list[ir.Table]:
    """Return what each family mapping of a stream makes of its typed records, as RELATIONS; other words make nothing.

    Raises DeclarationError, with the path in the stream, when a formula does not fit the records.
    """
    return [_relations(records, stream, mapping, n) for n, mapping in enumerate(stream.family)]


def roster_rows(records: ir.Table, *, stream: Stream) -> ir.Table:
    """Return the people on a stream's contracts, and who pays for each, as ROSTERS.

    Raises DeclarationError, with the path in the stream, when a formula does not fit the records or there is none.
    """
    mapping = stream.roster
    if mapping is None:
        raise DeclarationError(f"{stream.full_name} has no roster", hint="add `roster:` with id and who")
    rows = _only(records, mapping.only_if, "roster", "only_if")
    people = [("who", mapping.who, False)] + ([] if mapping.owner is None else [("owner", mapping.owner, True)])
    found = ibis.union(*_people(rows, stream, people), distinct=True)
    return found.filter(found.roster.notnull(), found.who.notnull()).cast(ROSTERS)


def _people(rows: ir.Table, stream: Stream, people: list[tuple[str, str, bool]]) -> Iterator[ir.Table]:
    roster = stream.roster
    assert roster is not None
    for name, formula, is_owner in people:
        yield rows.select(
            source=ibis.literal(stream.source), stream=ibis.literal(stream.name),
            roster=_text(rows, roster.id, "roster", "id"), who=_text(rows, formula, "roster", name),
            is_owner=ibis.literal(is_owner),
        )


def _relations(records: ir.Table, stream: Stream, mapping: FamilyMapping, n: int) -> ir.Table:
    path = ("family", n)
    rows = _only(records, mapping.only_if, *path, "only_if")
    relation: ir.Value = ibis.literal(mapping.whom_is)
    if mapping.words is not None:
        said = _text(rows, mapping.whom_is, *path, "whom_is")
        relation = ibis.cases(*((said == word, ibis.literal(means)) for word, means in mapping.words.items()))
    found = rows.select(
        source=ibis.literal(stream.source), stream=ibis.literal(stream.name), record_key=rows.record_key,
        recorded_at=rows.recorded_at, who=_text(rows, mapping.who, *path, "who"),
        whom=_text(rows, mapping.whom, *path, "whom"), whom_email=_text(rows, mapping.whom_email, *path, "whom_email"),
        relation=relation, confidence=ibis.literal(mapping.confidence),
    )
    is_whole = found.who.notnull() & (found.whom.notnull() | found.whom_email.notnull()) & found.relation.notnull()
    return found.filter(is_whole).cast(RELATIONS)


def _only(records: ir.Table, formula: str | None, *path: str | int) -> ir.Table:
    if formula is None:
        return records
    condition = Formula.parse(formula, path=path).column(records)
    if not condition.type().is_boolean():
        hint = 'a condition, such as `status == "ACT"`'
        raise DeclarationError(f"{formula!r} is {condition.type()}, not boolean", hint=hint, path=path)
    return records.filter(condition)


def _text(rows: ir.Table, formula: str | None, *path: str | int) -> ir.Value:
    if formula is None:
        return ibis.null("string")
    return Formula.parse(formula, path=path).column(rows).cast("string").strip().nullif("")
