"""A segment: who is in it, for how long, and when somebody may enter again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.vocabulary import Vocabulary, no_strangers
from regulars.events.window import whole_days
from regulars.rules.condition import Condition
from regulars.rules.declare import declare_condition
from regulars.rules.forms import Quantity
from regulars.rules.quantity import declare_quantity

Priority = Literal["high", "medium", "low"]
_KEYS = {"title", "description", "when", "priority", "holds_for", "reenter_after", "data", "examples"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A customer made of a few events, and whether the rule is to match: run by `regulars check`."""

    given: tuple[Mapping[str, object], ...]
    expect: bool                             # True: in
    position: int = 0                        # in the segment's list of examples


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The customers a rule selects.

    Without `holds_for` somebody is in exactly while the rule matches (the segment is persistent). With it, a stay lasts
    exactly that many business days from the day of entry, whatever happens, and never begins on the day one ended.
    `reenter_after` counts from the day of the last entry.
    """

    name: str
    when: Condition
    title: str = ""
    description: str = ""
    priority: Priority = "medium"
    holds_for: int | None = None             # days
    reenter_after: int | None = None         # days
    data: Mapping[str, Quantity] = field(default_factory=dict)     # numbers stored beside a member
    examples: tuple[Example, ...] = ()

    @property
    def is_persistent(self) -> bool:
        """Return whether membership lasts as long as the rule matches."""
        return self.holds_for is None

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Return the segments whose members it asks about."""
        return self.when.needs().segments


def declare(name: str, data: Mapping[str, object], *, known: Vocabulary | None = None) -> Segment:
    """Return the segment that a mapping from YAML declares.

    Raises DeclarationError with the path of the first thing that is wrong.
    """
    known = known or Vocabulary()
    no_strangers(data, _KEYS, ())
    if "when" not in data:
        raise DeclarationError(f"segment {name!r} says nobody", hint="add `when:` with a condition", path=())
    priority = data.get("priority", "medium")
    if priority not in get_args(Priority):
        hint = did_you_mean(str(priority), get_args(Priority))
        raise DeclarationError(f"priority {priority!r} is unknown", hint=hint, path=("priority",))
    numbers = data.get("data") or {}
    if not isinstance(numbers, Mapping):
        raise DeclarationError(f"{numbers!r} names no numbers", hint="`data: {visits: {count: …}}`", path=("data",))
    return Segment(
        name=name,
        when=declare_condition(data["when"], ("when",), known=known),
        title=str(data.get("title") or name.replace("_", " ").capitalize()),
        description=str(data.get("description") or "").strip(),
        priority=priority,  # type: ignore[arg-type]  # checked against the literal above
        holds_for=_length(data, "holds_for"),
        reenter_after=_length(data, "reenter_after"),
        data={str(key): declare_quantity(value, ("data", str(key)), known) for key, value in numbers.items()},
        examples=tuple(_examples(data.get("examples") or [])),
    )


def in_order(segments: Iterable[Segment]) -> list[Segment]:
    """Return the segments so that each comes after those whose members it asks about; else by name.

    Raises DeclarationError for a segment that is not there, or for a circle, naming it.
    """
    by_name = {segment.name: segment for segment in segments}
    done: dict[str, Segment] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in done:
            return
        if name in trail:
            circle = " -> ".join((*trail[trail.index(name):], name))
            raise DeclarationError(
                f"segments ask each other in a circle: {circle}",
                hint="one of them has to decide without `member_of`",
                path=("when",),
            )
        if name not in by_name:
            raise DeclarationError(
                f"segment {trail[-1]!r} asks about {name!r}", hint=did_you_mean(name, by_name), path=("when",)
            )
        for other in by_name[name].depends_on:
            visit(other, (*trail, name))
        done[name] = by_name[name]

    for name in sorted(by_name):
        visit(name, ())
    return list(done.values())


def with_dependencies(segments: Iterable[Segment], name: str) -> list[Segment]:
    """Return one segment and those it asks about, directly or not, in order.

    Raises DeclarationError if it is not there.
    """
    by_name = {segment.name: segment for segment in segments}
    if name not in by_name:
        raise DeclarationError(f"no segment {name!r}", hint=did_you_mean(name, by_name))
    wanted, waiting = set[str](), [name]
    while waiting:
        current = waiting.pop()
        if current not in wanted and current in by_name:
            wanted.add(current)
            waiting.extend(by_name[current].depends_on)
    return in_order(by_name[other] for other in wanted)


def _length(data: Mapping[str, object], key: str) -> int | None:
    if data.get(key) is None:
        return None
    length = whole_days(data[key], (key,))
    if length == 0:
        raise DeclarationError(f"{key} of no days does nothing", hint=f"leave `{key}:` out", path=(key,))
    return length


def _examples(data: object) -> list[Example]:
    if not isinstance(data, list):
        hint = "one `- {given: …}` a line"
        raise DeclarationError(f"{data!r} is not a list of examples", hint=hint, path=("examples",))
    examples = []
    for n, item in enumerate(data):
        path = ("examples", n)
        if not isinstance(item, Mapping):
            raise DeclarationError(f"{item!r} is no example", hint="`{given: [...], expect: in}`", path=path)
        no_strangers(item, {"given", "expect"}, path)
        given = item.get("given", [])
        if not isinstance(given, list) or not all(isinstance(row, Mapping) for row in given):
            raise DeclarationError(
                f"{given!r} is not a list of events", hint="`given: [{check_in: 1 day ago}]`", path=(*path, "given")
            )
        if item.get("expect") not in {"in", "out"}:
            raise DeclarationError(
                f"expect {item.get('expect')!r} is neither in nor out", hint="in or out", path=(*path, "expect")
            )
        examples.append(Example(given=tuple(given), expect=item["expect"] == "in", position=n))
    return examples
