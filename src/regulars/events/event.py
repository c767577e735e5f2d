"""An event type as a project declares it: which records are such an event, of whom, when, and what is kept of it.

```yaml
# events/check_in.yaml
from: capitan.check_ins          # a stream; `money` for the lines of the ledger, `transfers` for passes shared
who: customer_id                 # formula for the profile's id in that source, or {source: capitan, id: owner_id}
when: checked_in_at              # a time or date field
until: end_date                  # formula for a date: in force from `when` until then, exclusive; null is open
only_if: status == "DONE"
may_be_future: true              # bookings; without it an event more than a day ahead is held back
what: {method: entry_method}     # name -> formula
event: check_in                  # when several files feed one type; else the file's name
```
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.later import dt, ibis
from regulars.records.formula import Formula

MONEY = "money"
"""What `from` says to make events of lines of the money ledger."""

TRANSFERS = "transfers"
"""What `from` says to make events of passes that one person bought and another used."""

OWN = "regulars"
"""The source of events that are made of our own conclusions, such as transfers."""

EVENT = {
    "event_id": "string", "event_type": "string", "source": "string", "stream": "string", "record_key": "string",
    "profile_source": "string", "profile_id": "string", "occurred_at": "timestamp", "business_day": "date",
    "until_day": "date", "is_interval": "boolean", "recorded_at": "timestamp",
}
"""The columns every event has, before its declared attributes. Times are naive UTC, days are of the business zone."""

_KEYS = {"from", "who", "when", "until", "only_if", "what", "event", "description", "may_be_future"}
_RESERVED = {*EVENT, "customer_id", "month"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """One way in which records become events."""

    name: str                                # of the declaration: the file's stem
    event: str                               # the type its events have
    stream: str                              # "capitan.check_ins", MONEY or TRANSFERS
    who: Formula | None                      # None: of nobody, such as a till's opening
    who_source: str | None                   # None: the stream's own source
    when: str                                # a time or date field
    until: Formula | None
    only_if: Formula | None
    what: Mapping[str, Formula]
    may_be_future: bool
    description: str

    @property
    def is_interval(self) -> bool:
        """Say whether its events last: in force from a day until another."""
        return self.until is not None

    @property
    def names(self) -> frozenset[str]:
        """Return the fields of the stream that it reads."""
        formulas = [f for f in (self.who, self.until, self.only_if, *self.what.values()) if f is not None]
        return frozenset({self.when}).union(*(formula.names for formula in formulas))


def declare(name: str, data: Mapping[str, object]) -> EventType:
    """Return the event type that a mapping from YAML declares.

    Raises DeclarationError with the path of the first thing that is wrong.
    """
    for key in data:
        if key not in _KEYS:
            raise DeclarationError(f"{key!r} means nothing here", hint=did_you_mean(key, _KEYS), path=(key,))
    for key in ("from", "when"):
        if not isinstance(data.get(key), str):
            raise DeclarationError(f"an event needs {key!r}", hint=_EXAMPLES[key], path=(key,) if key in data else ())
    stream = str(data["from"])
    if stream not in {MONEY, TRANSFERS} and stream.count(".") != 1:
        raise DeclarationError(f"{stream!r} is no stream", hint="write `from: source.stream`", path=("from",))
    who, who_source = _who(data.get("who"))
    return EventType(
        name=name, event=str(data.get("event", name)), stream=stream, who=who, who_source=who_source,
        when=str(data["when"]), until=_formula(data, "until"), only_if=_formula(data, "only_if"),
        what=_what(data.get("what", {})), may_be_future=bool(data.get("may_be_future", False)),
        description=" ".join(str(data.get("description", "")).split()),
    )


def attributes(types: Iterable[EventType], schemas: Mapping[str, ibis.Schema]) -> ibis.Schema:
    """Return every declared attribute with its one type, in order of name: the wide part of the events table.

    Args:
        types: the project's event types.
        schemas: typed columns by stream, and of `money` and `transfers`.

    Raises DeclarationError when a stream is unknown, a formula does not go with its columns, `when` is no time, or two
    event types give one attribute two types.
    """
    found: dict[str, tuple[dt.DataType, str]] = {}
    for event_type in types:
        schema = _schema_of(event_type, schemas)
        _check(event_type, schema)
        for name, formula in event_type.what.items():
            kind = formula.kind(schema)
            kind = dt.string if kind.is_null() or kind.is_json() else kind
            before, by = found.setdefault(name, (kind, event_type.name))
            if type(before) is not type(kind):
                raise DeclarationError(
                    f"{event_type.name}: {name!r} is {kind} here and {before} in {by!r}",
                    hint="give one of them another name, or convert with text(…), integer(…), decimal(…)",
                    path=("what", name),
                )
    return ibis.schema({name: found[name][0] for name in sorted(found)})


_EXAMPLES = {"from": "write `from: capitan.check_ins`", "when": "write `when:` and a time field"}


def _schema_of(event_type: EventType, schemas: Mapping[str, ibis.Schema]) -> ibis.Schema:
    if event_type.stream not in schemas:
        hint = did_you_mean(event_type.stream, schemas)
        raise DeclarationError(f"there is no stream {event_type.stream!r}", hint=hint, path=("from",))
    return schemas[event_type.stream]


def _check(event_type: EventType, schema: ibis.Schema) -> None:
    if event_type.when not in schema.names:
        hint = did_you_mean(event_type.when, [n for n, kind in schema.items() if kind.is_temporal()])
        raise DeclarationError(f"there is no field {event_type.when!r}", hint=hint, path=("when",))
    if not schema[event_type.when].is_temporal():
        raise DeclarationError(f"{event_type.when!r} is no time", hint="declare it timestamp or date", path=("when",))
    for formula, kinds in ((event_type.only_if, ("boolean",)), (event_type.until, ("date", "null"))):
        if formula is None:
            continue
        found = formula.kind(schema)
        if not any(getattr(found, f"is_{kind}")() for kind in kinds):
            raise DeclarationError(f"{formula.text!r} is {found}, not {kinds[0]}", hint="day(…) makes a time a date"
                                   if kinds[0] == "date" else "compare it with something", path=formula.path)
    if event_type.who is not None and not event_type.who.kind(schema).is_string():
        message = f"{event_type.who.text!r} is no id"
        raise DeclarationError(message, hint="text(…) makes it one", path=event_type.who.path)


def _formula(data: Mapping[str, object], key: str) -> Formula | None:
    value = data.get(key)
    return None if value is None else Formula.parse(_text(value), path=(key,))


def _who(value: object) -> tuple[Formula | None, str | None]:
    if value is None:
        return None, None
    if not isinstance(value, Mapping):
        return Formula.parse(_text(value), path=("who",)), None
    if set(value) != {"source", "id"}:
        raise DeclarationError("`who` is a formula, or {source: …, id: …}", path=("who",))
    return Formula.parse(_text(value["id"]), path=("who", "id")), str(value["source"])


def _what(value: object) -> dict[str, Formula]:
    if not isinstance(value, Mapping):
        raise DeclarationError(f"expected `name: formula` lines, not {value!r}", path=("what",))
    for name in value:
        if name in _RESERVED:
            hint = f"call it {name}_of_record, or something that says what it is"
            raise DeclarationError(f"every event has {name!r} already", hint=hint, path=("what", str(name)))
    return {str(name): Formula.parse(_text(text), path=("what", str(name))) for name, text in value.items()}


def _text(value: object) -> str:
    """Return a formula's text as YAML gave it: true and 1 are formulas too."""
    return str(value).lower() if isinstance(value, bool) else str(value)
