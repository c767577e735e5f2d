"""Drift: what a stream's new rows look like against what they looked like, so that nothing goes silently missing.

The shape of rows is how often each path has each type. A field that the declaration relies on and that vanished from a
whole set, or turned from a value into an object, refuses the set; everything else is reported.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir

from regulars.errors import SourceChanged
from regulars.records.border import Bench, json_path, literal, path_parts
from regulars.records.record import Stream

Shape = Mapping[str, Mapping[str, int]]
"""Dotted path -> type (number, text, boolean, object, list, null) -> rows."""

Kind = Literal["gone", "new", "retyped", "renamed"]
Severity = Literal["refuse", "warning", "info"]

ENOUGH = 20                                  # rows from which an optional field's absence says something
MANY = 2_000                                 # rows from which a part is looked at before all: it takes 5-50 s a million
_DEPTH = 3                                   # names in a path: deeper values belong to children or are json
_TYPES = {"UBIGINT": "number", "BIGINT": "number", "HUGEINT": "number", "DOUBLE": "number", "VARCHAR": "text",
          "BOOLEAN": "boolean", "NULL": "null"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One difference between what a stream looked like and what it looks like now."""

    kind: Kind
    stream: str                              # full name
    path: str                                # in the payload, as it was known
    before: str                              # type, or the old name
    now: str                                 # type, or the new name; empty when gone
    severity: Severity
    message: str
    hint: str


def structures(rows: ir.Table, *, bench: Bench, each: str | None = None, share: float = 1.0) -> ir.Table:
    """Return how often each structure of payload occurs: structure (JSON text), rows. Few rows, whatever comes in.

    `rows` have a payload, a fingerprint and `is_object`; what is no JSON object is left out. With `each`, the elements
    of the list there are looked at instead. A share below 1 looks at the rows with the lowest fingerprints: the same
    ones whenever and in whatever order they come.
    """
    sound = "select payload from looked where is_object"
    if share < 1:
        sound += f" and fingerprint < {literal(f'{int(share * 16**8):08x}')}"
    if each is not None:
        place = json_path([*path_parts(each), "*"]).replace('."*"', "[*]")
        sound = f"select unnest(json_extract(payload, {literal(place)})) as payload from ({sound})"
    return bench.select(
        f"""
        select structure, count(*) as rows from (select json_structure(payload)::varchar as structure from ({sound}))
        where starts_with(structure, '{{') group by structure""",
        ibis.schema({"structure": "string", "rows": "int64"}), looked=rows,
    )


def looked_over(
    stream: Stream, look: Callable[[float], Iterable[tuple[str, int]]], *, known: Shape, rows: int,
    used: Iterable[str] = (),
) -> tuple[list[Drift], dict[str, dict[str, int]], int]:
    """Return how rows differ from what is known, their shape, and how many were looked at.

    `look` gives the structures of a share of the rows. Of many rows a part is looked at first. A field that all rows
    lack every part lacks too, so no loss is missed; and because a part may lack what others have, nothing graver than
    news is said before all rows were looked at.
    """
    for share in (min(1.0, MANY / max(rows, 1)), 1.0):
        found = list(look(share))
        seen, count = shape(found), sum(times for _, times in found)
        drifts = compare(stream, known=known, seen=seen, rows=count, used=used)
        # Far fewer than asked for: the rows are much alike, or no objects.
        if share < 1 and (count < MANY // 2 or any(drift.severity != "info" for drift in drifts)):
            continue
        break
    return drifts, seen, count


def shape(found: Iterable[tuple[str, int]]) -> dict[str, dict[str, int]]:
    """Return the shape of rows whose structures (as `structures` gives them) occur so often."""
    counted: dict[str, dict[str, int]] = {}
    for structure, rows in found:
        for path, kind in _flat(json.loads(structure), ()):
            types = counted.setdefault(path, {})
            types[kind] = types.get(kind, 0) + rows
    return counted


def merged(known: Shape, seen: Shape) -> dict[str, dict[str, int]]:
    """Return what is known once new rows were seen: counts added up. The order never matters."""
    return {
        path: {kind: known.get(path, {}).get(kind, 0) + seen.get(path, {}).get(kind, 0)
               for kind in sorted({*known.get(path, {}), *seen.get(path, {})})}
        for path in sorted({*known, *seen})
    }


def compare(
    stream: Stream, *, known: Shape, seen: Shape, rows: int, used: Iterable[str] = (),
    samples: Mapping[str, frozenset[str]] | None = None,
) -> list[Drift]:
    """Return how rows differ from what is known and declared, gravest first.

    Args:
        stream: whose rows; its parent's paths ("^…") are the parent's to compare.
        known: the shape so far; empty at first.
        seen: the shape of the new rows.
        rows: how many new rows there are; 0 says nothing about any field.
        used: names of fields that formulas rely on, beside the required ones and the key.
        samples: some values of gone and new paths, to know a renamed field by what is in it.

    """
    if not rows:
        return []
    relied = {*used, *stream.key, *(field.name for field in stream.fields if field.is_required)}
    declared = {_plain(field.path): field.name for field in stream.fields if not field.path.startswith("^")}
    absent = [path for path in sorted({*known, *declared}) if not _has_values(seen.get(path, {})) and path not in seen]
    absent = [path for path in absent if path in known or declared[path] in relied]
    fresh = [path for path in sorted(seen) if path not in known and path not in declared] if known else []
    found: list[Drift] = []
    for path in absent:
        name = declared.get(path)
        successor = _successor(path, fresh, seen=seen, known=known, samples=samples or {})
        severity = _gone_severity(stream, path, name, known=known, rows=rows, relied=relied)
        found.append(_gone(stream, path, severity=severity, successor=successor, rows=rows))
        fresh = [other for other in fresh if other != successor]
    found += [_new(stream, path, seen[path]) for path in fresh]
    for path in sorted({*known} & {*seen}):
        before, now = _main_type(known[path]), _main_type(seen[path])
        if before and now and before != now:
            # Each event of its own may call something else by the same name.
            is_relied = declared.get(path) in relied and not stream.is_pushed
            found.append(_retyped(stream, path, before, now, is_relied=is_relied))
    return sorted(found, key=lambda drift: (("refuse", "warning", "info").index(drift.severity), drift.path))


def refuse(drifts: Iterable[Drift]) -> None:
    """Raise SourceChanged when a drift would make a relied-on field silently null."""
    grave = [drift for drift in drifts if drift.severity == "refuse"]
    if grave:
        raise SourceChanged("; ".join(drift.message for drift in grave), hint=grave[0].hint)


def _flat(structure: object, path: tuple[str, ...]) -> list[tuple[str, str]]:
    if isinstance(structure, dict):
        inner = [pair for name, below in structure.items() for pair in _flat(below, (*path, name))]
        own = [(".".join(path), "object")] if path else []
        return own + (inner if len(path) < _DEPTH else [])
    kind = "list" if isinstance(structure, list) else _TYPES.get(str(structure), "text")
    return [(".".join(path), kind)]


def _plain(path: str) -> str:
    """Return a declared path as shapes write it, so far as they go; a position in a list stands for the list."""
    parts = re.split(r"\.[0-9]+(?:\.|$)", path, maxsplit=1)[0].replace('"', "").split(".")
    return ".".join(parts[:_DEPTH])


def _has_values(types: Mapping[str, int]) -> bool:
    return any(rows for kind, rows in types.items() if kind != "null")


def _main_type(types: Mapping[str, int]) -> str | None:
    kinds = {kind: rows for kind, rows in types.items() if kind != "null" and rows}
    return max(kinds, key=lambda kind: (kinds[kind], kind)) if kinds else None


def _gone_severity(
    stream: Stream, path: str, name: str | None, *, known: Shape, rows: int, relied: set[str],
) -> Severity:
    if name is None:
        return "info"
    if name not in relied:
        return "info" if stream.is_pushed else "warning"
    # APIs leave out what is empty: a relied-on but optional field is gone only when many rows lack it.
    is_required = name in stream.key or stream.field(name).is_required
    if stream.is_pushed and not is_required:
        return "info"                        # the messages of a minute need not be of every kind
    return "refuse" if is_required or (path in known and rows >= ENOUGH) else "warning"


def _successor(
    path: str, fresh: list[str], *, seen: Shape, known: Shape, samples: Mapping[str, frozenset[str]],
) -> str | None:
    """Return the new path that a gone one most probably became: a similar name of like type, or the same values."""
    before = _main_type(known.get(path, {}))
    alike = [other for other in fresh if before is None or _main_type(seen[other]) == before]
    best = max(alike, key=lambda other: _likeness(path, other, samples), default=None)
    return best if best is not None and _likeness(path, best, samples) >= 0.6 else None


def _likeness(old: str, new: str, samples: Mapping[str, frozenset[str]]) -> float:
    def plain(path: str) -> str:
        return re.sub(r"[^a-z0-9]", "", path.casefold())

    names = difflib.SequenceMatcher(a=plain(old), b=plain(new)).ratio()
    a, b = samples.get(old, frozenset()), samples.get(new, frozenset())
    return max(names, len(a & b) / min(len(a), len(b)) if a and b else 0.0)


def _gone(stream: Stream, path: str, *, severity: Severity, successor: str | None, rows: int) -> Drift:
    if successor is not None:
        return Drift(
            kind="renamed", stream=stream.full_name, path=path, before=path, now=successor, severity=severity,
            message=f"{stream.full_name}: {path!r} is gone from all {rows:,} rows, and {successor!r} is new",
            hint=f"if it was renamed, write `from: {successor}`",
        )
    return Drift(
        kind="gone", stream=stream.full_name, path=path, before=path, now="", severity=severity,
        message=f"{stream.full_name}: {path!r} is gone from all {rows:,} rows",
        hint="ask the source; if it is meant to be gone, take the field out of the declaration",
    )


def _new(stream: Stream, path: str, types: Mapping[str, int]) -> Drift:
    kind = _main_type(types) or "null"
    return Drift(
        kind="new", stream=stream.full_name, path=path, before="", now=kind, severity="info",
        message=f"{stream.full_name}: {path!r} ({kind}) is new", hint="declare it as a field to use it",
    )


def _retyped(stream: Stream, path: str, before: str, now: str, *, is_relied: bool) -> Drift:
    nests = {before, now} & {"object", "list"}
    return Drift(
        kind="retyped", stream=stream.full_name, path=path, before=before, now=now,
        severity="refuse" if nests and is_relied else "warning",
        message=f"{stream.full_name}: {path!r} was {before} and is {now} now",
        hint="point `from` at the value inside" if nests else "rows that do not read are in quarantine",
    )
