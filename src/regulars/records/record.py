"""A stream of records as a project declares it: where its key, fields, people and money are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from regulars.check import did_you_mean
from regulars.errors import DeclarationError

FieldType = Literal["id", "text", "integer", "decimal", "money", "boolean", "timestamp", "date", "json"]
Mode = Literal["append", "snapshot", "snapshot_each"]
MoneyKind = Literal["sale", "discount", "tax", "tip", "refund", "dispute", "fee", "payout"]
Relation = Literal["child", "ward", "parent", "guardian", "sibling", "partner"]
Confidence = Literal["high", "medium"]

ROW_KEY = ("file", "line")
"""The key of rows that have none of their own: the file they came in and their line, from 1."""

WHOLE = "regulars_whole"
"""Member of a landed item that is no record: its set has all that the source has of whom the item names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One value of a record, read strictly at the border."""

    name: str                                # the column's name in Regulars
    path: str                                # dotted path in the payload; "^" in front: in the parent record
    type: FieldType
    is_required: bool = False                # a row without it is quarantined; a set without it is drift
    formats: tuple[str, ...] = ()            # strptime formats beside ISO 8601, tried in order
    zone: str | None = None                  # of times without an offset; None: the business zone
    is_minor: bool = False                   # money that comes in minor units already


COMPARED_TRAITS = ("address", "postcode", "city", "region", "personal_id")
"""Traits that are compared to tell who is who; may be written beside `email` too.

address is street and number, region a state, province or county, personal_id what an authority or insurer gave one
person: never a customer number.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileMapping:
    """Which formulas of a record's fields give a profile: one outside system's idea of a person."""

    id: str                                  # formula; the profile's id within its source
    email: str | None = None
    phone: str | None = None
    name: str | None = None                  # full name, or the two below
    first_name: str | None = None
    last_name: str | None = None
    birthday: str | None = None
    created_at: str | None = None
    same_as: Mapping[str, str] | None = None  # source -> formula giving that source's profile id
    is_exclusive: bool = False               # the source's ids prove that two profiles are two people
    traits: Mapping[str, str] | None = None  # further columns, name -> formula; COMPARED_TRAITS tell who is who


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyMapping:
    """Which formulas of a record's fields give one line of the money ledger."""

    kind: MoneyKind
    amount: str                              # formula, minor units, positive; the kind gives the sign
    when: str                                # a timestamp field
    who: str | None = None                   # formula, profile id in this source
    currency: str | None = None              # formula; None: the business currency
    only_if: str | None = None
    payment: str | None = None               # formula; id of the payment this line belongs to
    order: str | None = None
    refund_of: str | None = None             # formula; payment id a refund or dispute gives back
    payout: str | None = None                # formula; payout id
    description: str | None = None
    sku: str | None = None
    quantity: str | None = None              # formula, whole number; None: 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyMapping:
    """Which formulas of a record's fields say that somebody is another's family. Exactly one of whom, whom_email."""

    who: str                                 # formula, profile id in this source
    whom: str | None = None                  # formula, profile id in this source
    whom_email: str | None = None            # formula; counts only as the address of a minor's adult
    whom_is: str                             # what whom is to who: a relation, or with `words` a formula
    words: Mapping[str, Relation] | None = None  # the formula's values that mean family, and the relation each means
    confidence: Confidence = "high"
    only_if: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterMapping:
    """Which formulas of a record's fields put people together on one contract, one record a person."""

    id: str                                  # formula; the contract
    who: str                                 # formula, profile id in this source
    owner: str | None = None                 # formula, profile id of who pays, on the contract or not
    only_if: str | None = None               # leave out what no family shares, such as a company's contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One kind of record from one source."""

    source: str
    name: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ROW_KEY           # field names; together unique in the stream
    mode: Mode = "append"                    # snapshot: a pull is the whole; snapshot_each: an answer; absent keys go
    parent: str | None = None                # stream whose records hold these in a list ...
    each: str | None = None                  # ... at this dotted path
    profile: ProfileMapping | None = None
    money: tuple[MoneyMapping, ...] = ()
    family: tuple[FamilyMapping, ...] = ()
    roster: RosterMapping | None = None
    is_pushed: bool = False                  # comes by itself, message by message of many kinds: never asked for
    expect_every: timedelta = timedelta(days=1)
    shrink_guard: float = 0.2                # share of rows a snapshot or re-dropped file may lose
    keep_for: timedelta | None = None        # after which what came is forgotten; None: it is kept for ever

    @property
    def full_name(self) -> str:
        """Return `source.stream`, as events and commands name it."""
        return f"{self.source}.{self.name}"

    def field(self, name: str) -> Field:
        """Return the field of that name. Raises DeclarationError naming the closest one."""
        for field in self.fields:
            if field.name == name:
                return field
        raise DeclarationError(
            f"{self.full_name} has no field {name!r}", hint=did_you_mean(name, [f.name for f in self.fields])
        )


def declare_stream(source: str, name: str, data: Mapping[str, object]) -> Stream:
    """Return the stream that a mapping from YAML declares.

    Fields are written `name: type`, or `name: {type, from, required, formats, zone, minor}`.
    Raises DeclarationError with the path of the first thing that is wrong.
    """
    known = {
        "fields", "key", "mode", "parent", "each", "profile", "money", "family", "roster", "expect_every",
        "shrink_guard", "keep_for",
    }
    fields = tuple(_fields(_mapping(data.get("fields", {}), ("fields",))))
    if not fields:
        raise DeclarationError(f"stream {name!r} declares no fields", hint="add `fields:` with at least one")
    _no_strangers({k: v for k, v in data.items() if k not in STREAM_TRANSPORT}, known, ())
    key = data.get("key", list(ROW_KEY))
    key = tuple([key] if isinstance(key, str) else [str(part) for part in _list(key, ("key",))])
    names = {field.name for field in fields} | set(ROW_KEY)
    for part in key:
        if part not in names:
            raise DeclarationError(f"key {part!r} is not a field", hint=did_you_mean(part, names), path=("key",))
    mode = data.get("mode", "append")
    if mode not in get_args(Mode):
        hint = did_you_mean(str(mode), get_args(Mode))
        raise DeclarationError(f"mode {mode!r} is unknown", hint=hint, path=("mode",))
    if mode == "snapshot_each" and key[0] in ROW_KEY:
        raise DeclarationError("of `snapshot_each` the key begins with a field", hint="whose it is", path=("key",))
    profile = data.get("profile")
    money = _list(data.get("money", []), ("money",))
    family, roster = _list(data.get("family", []), ("family",)), data.get("roster")
    return Stream(
        source=source,
        name=name,
        fields=fields,
        key=key,
        mode=mode,  # type: ignore[arg-type]  # checked against the literal above
        parent=_text(data.get("parent")),
        each=_text(data.get("each")),
        profile=None if profile is None else _profile(_mapping(profile, ("profile",))),
        money=tuple(_money(_mapping(line, ("money", n)), n) for n, line in enumerate(money)),
        family=tuple(_family(_mapping(one, ("family", n)), n) for n, one in enumerate(family)),
        roster=None if roster is None else _roster(_mapping(roster, ("roster",))),
        expect_every=duration(data.get("expect_every", "1 day"), ("expect_every",)),
        shrink_guard=float(str(data.get("shrink_guard", 0.2))),
        keep_for=_keep_for(data),
    )


STREAM_TRANSPORT = frozenset({"files", "format", "encoding", "request", "header", "delimiter", "sheet"})
"""Keys of a stream's declaration that its source reads, not the record."""


_FIGURES = 9                                 # of a length of time, in whatever unit

_LONGEST = timedelta(days=36_525)            # a century: what is longer was mistyped, or would leave the calendar


def duration(value: object, path: tuple[str | int, ...] = ()) -> timedelta:
    """Return the length that `3 days`, `12 hours`, `30 minutes` or `1 week` means.

    Raises DeclarationError for anything else, and for more than a hundred years.
    """
    words = str(value).split()
    units = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800}
    unit = words[1].rstrip("s") if len(words) == 2 else ""
    if unit not in units or not words[0].isdecimal() or len(words[0]) > _FIGURES:
        raise DeclarationError(f"{value!r} is not a length of time", hint="write `3 days` or `12 hours`", path=path)
    seconds = int(words[0]) * units[unit]
    if seconds > _LONGEST.total_seconds():
        raise DeclarationError(f"{value!r} is longer than a hundred years", hint="write `3 days`", path=path)
    return timedelta(seconds=seconds)


def _keep_for(data: Mapping[str, object]) -> timedelta | None:
    if "keep_for" not in data:
        return None
    length, path = duration(data["keep_for"], ("keep_for",)), ("keep_for",)
    if length < timedelta(days=1):
        raise DeclarationError("rows are kept by whole days", hint="`keep_for: 400 days`", path=path)
    if "parent" in data:
        hint = f"write it beside the other keys of {data['parent']}"
        raise DeclarationError("records of a list are kept as long as the row they came in", hint=hint, path=path)
    return length


def _fields(data: Mapping[str, object]) -> Iterator[Field]:
    for name, value in data.items():
        path = ("fields", name)
        spec = {"type": value} if isinstance(value, str) else _mapping(value, path)
        _no_strangers(spec, {"type", "from", "required", "formats", "zone", "minor"}, path)
        kind = spec.get("type", "text")
        if kind not in get_args(FieldType):
            raise DeclarationError(
                f"field type {kind!r} is unknown", hint=did_you_mean(str(kind), get_args(FieldType)), path=path
            )
        formats = spec.get("formats", [])
        yield Field(
            name=name,
            path=str(spec.get("from", name)),
            type=kind,  # type: ignore[arg-type]  # checked against the literal above
            is_required=bool(spec.get("required", False)),
            formats=tuple(str(f) for f in ([formats] if isinstance(formats, str) else _list(formats, path))),
            zone=_text(spec.get("zone")),
            is_minor=bool(spec.get("minor", False)),
        )


def _profile(data: Mapping[str, object]) -> ProfileMapping:
    path = ("profile",)
    texts = {"id", "email", "phone", "name", "first_name", "last_name", "birthday", "created_at"}
    _no_strangers(data, texts | {"same_as", "exclusive", "traits", *COMPARED_TRAITS}, path)
    if "id" not in data:
        raise DeclarationError("a profile needs an id", hint="`id:` with the field that identifies it", path=path)
    same_as, traits = data.get("same_as"), data.get("traits")
    told = {name: str(data[name]) for name in COMPARED_TRAITS if name in data}
    if traits is not None or told:
        traits = {**_texts({} if traits is None else traits, (*path, "traits")), **told}
    return ProfileMapping(
        **{name: _text(data.get(name)) for name in texts - {"id"}},
        id=str(data["id"]),
        same_as=None if same_as is None else _texts(same_as, (*path, "same_as")),
        is_exclusive=bool(data.get("exclusive", False)),
        traits=traits,
    )


def _money(data: Mapping[str, object], n: int) -> MoneyMapping:
    path = ("money", n)
    optional = {
        "who", "currency", "only_if", "payment", "order", "refund_of", "payout", "description", "sku", "quantity",
    }
    _no_strangers(data, {"kind", "amount", "when"} | optional, path)
    for name in ("kind", "amount", "when"):
        if name not in data:
            raise DeclarationError(f"a money line needs {name!r}", path=path)
    if data["kind"] not in get_args(MoneyKind):
        hint = did_you_mean(str(data["kind"]), get_args(MoneyKind))
        raise DeclarationError(f"money kind {data['kind']!r} is unknown", hint=hint, path=path)
    return MoneyMapping(
        kind=data["kind"],  # type: ignore[arg-type]  # checked against the literal above
        amount=str(data["amount"]),
        when=str(data["when"]),
        **{name: _text(data.get(name)) for name in optional},
    )


def _family(data: Mapping[str, object], n: int) -> FamilyMapping:
    path = ("family", n)
    optional = {"whom", "whom_email", "only_if"}
    _no_strangers(data, {"who", "whom_is", "words", "confidence"} | optional, path)
    for name in ("who", "whom_is"):
        if name not in data:
            raise DeclarationError(f"a family relation needs {name!r}", path=path)
    if ("whom" in data) == ("whom_email" in data):
        raise DeclarationError("a family relation is to one other person", hint="`whom:` or `whom_email:`", path=path)
    words = None if "words" not in data else _texts(data["words"], (*path, "words"))
    for place, word in [("whom_is", str(data["whom_is"]))] if words is None else [("words", w) for w in words.values()]:
        if word not in get_args(Relation):
            hint = did_you_mean(word, get_args(Relation)) + (" Or translate with `words:`." if words is None else "")
            raise DeclarationError(f"relation {word!r} is unknown", hint=hint, path=(*path, place))
    confidence = data.get("confidence", "high")
    if confidence not in get_args(Confidence):
        raise DeclarationError(
            f"confidence {confidence!r} is unknown", hint="high or medium", path=(*path, "confidence")
        )
    return FamilyMapping(
        who=str(data["who"]),
        whom_is=str(data["whom_is"]),
        words=words,  # type: ignore[arg-type]  # checked against the literal above
        confidence=confidence,  # type: ignore[arg-type]  # checked against the literal above
        **{name: _text(data.get(name)) for name in optional},
    )


def _roster(data: Mapping[str, object]) -> RosterMapping:
    path = ("roster",)
    _no_strangers(data, {"id", "who", "owner", "only_if"}, path)
    for name in ("id", "who"):
        if name not in data:
            raise DeclarationError(f"a roster needs {name!r}", path=path)
    return RosterMapping(
        id=str(data["id"]), who=str(data["who"]), owner=_text(data.get("owner")), only_if=_text(data.get("only_if"))
    )


def _no_strangers(data: Mapping[str, object], known: set[str], path: tuple[str | int, ...]) -> None:
    for name in data:
        if name not in known:
            raise DeclarationError(f"{name!r} means nothing here", hint=did_you_mean(name, known), path=(*path, name))


def _mapping(value: object, path: tuple[str | int, ...]) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise DeclarationError(f"expected `name: value` lines, not {value!r}", path=path)
    return {str(k): v for k, v in value.items()}


def _list(value: object, path: tuple[str | int, ...]) -> list[object]:
    if not isinstance(value, list):
        raise DeclarationError(f"expected a list, not {value!r}", path=path)
    return value


def _texts(value: object, path: tuple[str | int, ...]) -> dict[str, str]:
    return {name: str(text) for name, text in _mapping(value, path).items()}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
