"""Drift: new rows are compared with what a stream looked like; relied-on fields never go silently."""

from __future__ import annotations

import re
from typing import Any

from regulars.pipeline.workspace import Workspace
from regulars.records import drift
from regulars.records.border import Bench
from regulars.records.formula import Formula
from regulars.records.record import Stream
from regulars.records.versions import Keyed


def refuse_drift(workspace: Workspace, keyed: Keyed, *, bench: Bench, is_anew: bool) -> None:
    """Compare new rows with what is known of their stream, write down what differs, and refuse what would lose data.

    Raises SourceChanged when a field that something relies on is gone or became something else: the rows stay landed,
    and are read once the declaration or the source is repaired.
    """
    stream = keyed.stream
    facts: dict[str, Any] = workspace.book.facts.load(stream.source, stream.name) or {}
    known = {} if is_anew else facts.get("shape", {})

    def look(share: float) -> list[tuple[str, int]]:
        found = bench.fetch(drift.structures(keyed.table, bench=bench, share=share))
        return [(row["structure"], row["rows"]) for row in found.to_pylist()]

    drifts, seen, count = drift.looked_over(
        stream, look, known=known, rows=keyed.rows, used=relied_on(workspace, stream)
    )
    told = [d.message for d in drifts if d.severity != "info"]
    grave = any(d.severity == "refuse" for d in drifts)
    facts = {"shape": facts.get("shape", {}) if grave else drift.merged(known, seen), "drift": told}
    if count:
        workspace.book.facts.save(stream.source, stream.name, facts, at=workspace.clock.now())
    drift.refuse(drifts)


def relied_on(workspace: Workspace, stream: Stream) -> frozenset[str]:
    """Return the fields of a stream that its profile, its money or any event type is computed from."""
    names = set[str]()
    for text in (_texts(stream.profile) if stream.profile else []):
        names |= _names(text)
    for mapping in stream.money:
        names |= {mapping.when}.union(*(_names(text) for text in _texts(mapping)))
    for event in workspace.project.events:
        if event.stream == stream.full_name:
            names |= {re.sub("_day$", "", name) for name in event.names}
    return frozenset(names & {field.name for field in stream.fields})


def _texts(mapping: object) -> list[str]:
    values = (getattr(mapping, name) for name in type(mapping).__dataclass_fields__ if name not in {"kind", "when"})  # type: ignore[attr-defined]  # a declaration's dataclass
    return [text for value in values for text in (value.values() if isinstance(value, dict) else [value])
            if isinstance(text, str)]


def _names(text: str) -> frozenset[str]:
    return Formula.parse(text).names
