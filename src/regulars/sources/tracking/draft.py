"""A draft of a tracking plan: what messages have looked like so far, as schemas that all of them keep.

Types, what is always there, formats, and the values themselves where they are few; no bounds of numbers or lengths,
which the next message may rightly pass. The order of messages makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from regulars.sources.tracking.plan import KINDS, TRACK, Part
from regulars.sources.tracking.schema import Schema, compiled

FEW = 8
"""Texts of one property that are taken for all it can be ..."""

OFTEN = 20
"""... when each came so many times on average."""

MOST_NAMES = 200
"""Names in one object; beyond it they are taken for data, such as ids, and not for properties."""

FORMATS = ("date-time", "date", "email", "uuid", "uri")
"""Formats that are looked for, the narrower before the wider."""

_PARTS: dict[str, Part] = {"identify": "traits", "group": "traits"}
_TYPES = {
    str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null", dict: "object", list: "array",
}


@dataclass(slots=True, kw_only=True)
class Seen:
    """What was seen at one place of messages."""

    times: int = 0
    types: set[str] = field(default_factory=set)
    texts: set[str] | None = field(default_factory=set)          # None: more than FEW
    formats: tuple[str, ...] = FORMATS       # that all texts so far have
    objects: int = 0
    names: dict[str, Seen] | None = field(default_factory=dict)  # of objects; None: more than MOST_NAMES
    items: Seen | None = None                # of lists

    def add(self, value: Any) -> None:
        """Take in one more value."""
        self.times += 1
        kind = _TYPES[type(value)]
        self.types.add(kind)
        if kind == "string":
            self._text(value)
        elif kind == "object":
            self._object(value)
        elif kind == "array":
            self.items = self.items or Seen()
            for one in value:
                self.items.add(one)

    def schema(self) -> Schema:
        """Return the schema that every value so far keeps."""
        types = sorted(self.types - ({"integer"} if "number" in self.types else set()))
        told: dict[str, Any] = {"type": types[0] if len(types) == 1 else types} if types else {}
        if "string" in self.types:
            told |= self._texts(is_alone=types == ["string"])
        if self.objects and self.names:
            required = sorted(name for name, seen in self.names.items() if seen.times == self.objects)
            told |= {"required": required} if required else {}
            told |= {"properties": {name: seen.schema() for name, seen in sorted(self.names.items())}}
        if self.items is not None and self.items.times:
            told |= {"items": self.items.schema()}
        return told

    def _text(self, value: str) -> None:
        if self.texts is not None:
            self.texts.add(value)
            if len(self.texts) > FEW:
                self.texts = None
        if self.formats:
            self.formats = tuple(one for one in self.formats if _IS[one](value))

    def _object(self, value: dict[str, Any]) -> None:
        self.objects += 1
        if self.names is None:
            return
        for name, inner in value.items():
            seen = self.names.get(name)
            if seen is None:
                seen = self.names[name] = Seen()
            seen.add(inner)
        if len(self.names) > MOST_NAMES:
            self.names = None

    def _texts(self, *, is_alone: bool) -> dict[str, Any]:
        if self.formats:
            return {"format": self.formats[0]}
        if is_alone and self.texts and self.times >= OFTEN * len(self.texts):
            return {"enum": sorted(self.texts)}
        return {}


class Known(msgspec.Struct, gc=False):
    """What the door says of a stored message, as far as plans look at it."""

    type: str
    name: str | None = None


class _Line(msgspec.Struct, gc=False):
    """A stored message."""

    door: Known
    properties: Any = None
    traits: Any = None


@dataclass(slots=True, kw_only=True)
class Draft:
    """What was seen of the messages of a source."""

    messages: int = 0
    track: dict[str, Seen] = field(default_factory=dict)
    kinds: dict[str, Seen] = field(default_factory=dict)

    def add(self, lines: Iterable[bytes]) -> None:
        """Take in stored messages."""
        for raw in lines:
            line = _LINE.decode(raw)
            kind, name = line.door.type, line.door.name
            group, key = (self.track, name or "") if kind == TRACK else (self.kinds, kind)
            seen = group.get(key)
            if seen is None:
                seen = group[key] = Seen()
            value = line.traits if kind in _PARTS else line.properties
            seen.add({} if value is None else value)
            self.messages += 1

    def plan(self, source: str) -> dict[str, Any]:
        """Return the plan as it would be declared: it marks, and turns nothing away."""
        told: dict[str, Any] = {"source": source, "on_violation": "allow", "on_unplanned": "allow"}
        if self.track:
            told[TRACK] = {name: {"properties": seen.schema()} for name, seen in sorted(self.track.items())}
        for kind in (kind for kind in KINDS if kind in self.kinds and kind != "alias"):
            told[kind] = {_PARTS.get(kind, "properties"): self.kinds[kind].schema()}
        return told


_LINE = msgspec.json.Decoder(_Line)


class _Formats(dict[str, Any]):
    """Each format's own check, as plans make it, compiled when it is first asked for."""

    def __missing__(self, name: str) -> Any:
        self[name] = compiled({"type": "string", "format": name}).is_valid
        return self[name]


_IS = _Formats()
