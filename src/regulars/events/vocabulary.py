"""The names that rules and metrics may use, and reading them out of YAML with the closest name for a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.value import Where, declare_where
from regulars.events.window import Path

DeclaresCondition = Callable[[Mapping[str, object], Path], object]
"""A plug-in's way from the keys beside `condition: NAME` to a condition (see `rules.condition`)."""

SPEND_KINDS = {
    "gross": ("sale", "tax", "tip", "discount"),
    "net": ("sale", "tax", "tip", "discount", "refund", "dispute"),
}
"""Kinds of money lines: gross is what the customer paid, net is less what was given back."""

OF_EVERY_EVENT = frozenset({"business_day", "occurred_at", "until_day"})
"""What a rule may read of any event beside its attributes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The names a rule may use. None: whatever it says, for rules read without their project."""

    events: Mapping[str, frozenset[str]] | None = None      # event type -> its attributes
    segments: frozenset[str] | None = None
    traits: frozenset[str] | None = None                    # columns of customers
    conditions: Mapping[str, DeclaresCondition] = field(default_factory=dict)   # plug-ins

    def event_names(self, value: object, path: Path) -> tuple[str, ...]:
        """Return one event type or several. Raises DeclarationError for one that is not declared."""
        names = value if isinstance(value, list) else [value]
        if not names:
            raise DeclarationError("no event is named", hint="name one or a list", path=path)
        for n, name in enumerate(names):
            where = (*path, n) if isinstance(value, list) else path
            if not isinstance(name, str):
                raise DeclarationError(f"{name!r} is not an event type", hint="write its name", path=where)
            if self.events is not None and name not in self.events:
                raise DeclarationError(f"no event {name!r}", hint=did_you_mean(name, self.events), path=where)
        return tuple(sorted(set(names)))

    def attributes(self, events: tuple[str, ...]) -> frozenset[str] | None:
        """Return the attributes any of the events carries."""
        if self.events is None:
            return None
        return OF_EVERY_EVENT.union(*(self.events[name] for name in events))

    def attribute(self, value: object, events: tuple[str, ...], path: Path) -> str:
        """Return an attribute's name. Raises DeclarationError for one that none of the events carries."""
        known = self.attributes(events)
        if not isinstance(value, str):
            raise DeclarationError(f"{value!r} is not an attribute", hint="write its name", path=path)
        if known is not None and value not in known:
            raise DeclarationError(f"these events carry no {value!r}", hint=did_you_mean(value, known), path=path)
        return value

    def segment(self, value: object, path: Path) -> str:
        """Return a segment's name. Raises DeclarationError for one that is not declared."""
        if not isinstance(value, str):
            raise DeclarationError(f"{value!r} is not a segment", hint="write its name", path=path)
        if self.segments is not None and value not in self.segments:
            raise DeclarationError(f"no segment {value!r}", hint=did_you_mean(value, self.segments), path=path)
        return value


def rows(
    key: str, data: Mapping[str, object], path: Path, known: Vocabulary
) -> tuple[tuple[str, ...], tuple[Where, ...]]:
    """Return the event types named under a key and the tests of `where:` beside it."""
    if key not in data:
        raise DeclarationError(f"{key!r} is missing", hint=f"`{key}:` with the event it is about", path=path)
    events = known.event_names(data[key], (*path, key))
    if "where" not in data:
        return events, ()
    return events, declare_where(data["where"], (*path, "where"), known=known.attributes(events))


def no_strangers(data: Mapping[str, object], allowed: frozenset[str] | set[str], path: Path) -> None:
    """Raise DeclarationError for the first key that means nothing here."""
    for key in data:
        if key not in allowed:
            raise DeclarationError(f"{key!r} means nothing here", hint=did_you_mean(key, allowed), path=(*path, key))
