"""What changes from one tracking plan to the next, and which of it breaks: what was as planned may be so no longer.

A word of JSON Schema that is not compared by what it means here counts as breaking when it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from regulars.sources.tracking.plan import DEFAULT, KINDS, PARTS, POLICIES, PROBLEMS, TRACK, Rule, TrackingPlan
from regulars.sources.tracking.schema import Schema

_SAID_ONLY = frozenset({"$comment", "$id", "$schema", "default", "deprecated", "description", "examples", "title"})
_LEAST = frozenset({"exclusiveMinimum", "minContains", "minItems", "minLength", "minProperties", "minimum"})
_MOST = frozenset({"exclusiveMaximum", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum"})
_OWN = frozenset({"additionalProperties", "const", "enum", "items", "properties", "required", "type"})
_ANYTHING: Schema = {"type": "object"}
"""What holds of a part of a message that a rule says nothing of."""

_DONE = {"allow": "allowed", "quarantine": "set aside", "block": "not kept"}
_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is otherwise in the new plan."""

    is_breaking: bool                        # a message that was as planned may be off plan, or treated more strictly
    where: str                               # `every`, a type of message, or `track EVENT`; with its version
    place: str                               # path behind it, `properties.total`; "" for all of it
    said: str                                # what changed, in words


def differences(old: TrackingPlan, new: TrackingPlan) -> list[Difference]:
    """Return what changes from an old plan of a door to a new one, what breaks first."""
    found = [*_of_policies("every", old.every, new.every), *_of_rule("every", old.every, new.every)]
    found += _of_events(old, new)
    for kind in KINDS:
        found += _of_own(kind, old.kinds.get(kind, _anything(old)), new.kinds.get(kind, _anything(new)), old, new)
    return sorted(found, key=lambda one: not one.is_breaking)


def _anything(plan: TrackingPlan) -> Rule:
    """What holds of messages that a plan says nothing of: no schema, the plan's own policies."""
    return Rule(versions={"": {}}, policies=plan.every.policies)


def _of_own(where: str, was: Rule, is_: Rule, old: TrackingPlan, new: TrackingPlan) -> Iterator[Difference]:
    """What changes in a rule, but for the policies that it has of its plan before and after."""
    common = [problem for problem in PROBLEMS if (was.policies[problem], is_.policies[problem])
              == (old.every.policies[problem], new.every.policies[problem])]
    yield from (one for one in _of_policies(where, was, is_) if one.place.removeprefix("on_") not in common)
    yield from _of_rule(where, was, is_)


def _of_events(old: TrackingPlan, new: TrackingPlan) -> Iterator[Difference]:
    before, after = old.track or {}, new.track or {}
    policy = new.every.policies["unplanned"]
    stricter = policy != DEFAULT["unplanned"]
    if old.track is None and new.track is not None:
        yield Difference(
            is_breaking=stricter, where=TRACK, place="", said="events that the plan does not name are unplanned now"
        )
    for event in sorted(before.keys() | after.keys()):
        where = f"{TRACK} {event}"
        if event not in after:
            is_free = new.track is None
            said = "is planned no longer" + ("" if is_free else f", and {_DONE[policy]} as unplanned")
            yield Difference(is_breaking=not is_free and stricter, where=where, place="", said=said)
        elif event not in before:
            yield Difference(is_breaking=False, where=where, place="", said="is planned now")
            if old.track is None:            # it came all the same, and nothing was asked of it
                yield from _of_own(where, _anything(old), after[event], old, new)
        else:
            yield from _of_own(where, before[event], after[event], old, new)


def _of_policies(where: str, old: Rule, new: Rule) -> Iterator[Difference]:
    for problem in PROBLEMS:
        was, is_ = old.policies[problem], new.policies[problem]
        if was != is_:
            is_breaking = POLICIES.index(is_) > POLICIES.index(was)
            yield Difference(is_breaking=is_breaking, where=where, place=f"on_{problem}", said=f"{was} became {is_}")


def _of_rule(where: str, old: Rule, new: Rule) -> Iterator[Difference]:
    """What changes in consent, versions and schemas."""
    for category in sorted({*old.needs_consent} ^ {*new.needs_consent}):
        is_new = category in new.needs_consent
        said = f"{category} is needed {'now' if is_new else 'no longer'}"
        yield Difference(is_breaking=is_new, where=where, place="needs_consent", said=said)
    for version in dict.fromkeys((*old.versions, *new.versions)):
        named = f"{where}, version {version}" if version else where
        if version not in new.versions:
            said = "is gone: its messages mean the last version"
            yield Difference(is_breaking=True, where=named, place="", said=said)
        elif version not in old.versions:
            yield Difference(is_breaking=False, where=named, place="", said="is new")
        else:
            for part in PARTS:
                yield from (
                    Difference(is_breaking=breaks, where=named, place=place, said=said)
                    for breaks, place, said in _of_schema(
                        old.versions[version].get(part, _ANYTHING), new.versions[version].get(part, _ANYTHING), part
                    )
                )


Told = tuple[bool, str, str]
"""Whether it breaks, the place, and what changed."""


def _of_schema(was: Schema, is_: Schema, place: str) -> Iterator[Told]:
    if was == is_:
        return
    old, new = _as_words(was), _as_words(is_)
    if old is None or new is None:
        yield new is None, place, "nothing is allowed now" if new is None else "something is allowed now"
        return
    yield from _of_types(old, new, place)
    yield from _of_values(old, new, place)
    yield from _of_names(old, new, place)
    if "items" in old or "items" in new:
        yield from _of_schema(old.get("items", {}), new.get("items", {}), f"{place}[]")
    for word in sorted((old.keys() | new.keys()) - _OWN - _SAID_ONLY):
        if old.get(word) != new.get(word):
            yield _is_narrower(word, old.get(word), new.get(word)), place, _changed(word, old.get(word), new.get(word))


def _as_words(schema: Schema) -> dict[str, Any] | None:
    """Return a schema as its words; None for the one that nothing satisfies."""
    if isinstance(schema, bool):
        return {} if schema else None
    return schema


def _of_types(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Told]:
    was, is_ = _types(old), _types(new)
    if was != is_:
        yield not was <= is_, place, f"{_listed(was)} became {_listed(is_)}"


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    told = schema.get("type", _TYPES)
    named = frozenset({told} if isinstance(told, str) else told)
    return named | {"integer"} if "number" in named else named


def _listed(types: frozenset[str]) -> str:
    if types == _TYPES:
        return "any type"
    return " or ".join(sorted(types - {"integer"} if "number" in types else types))


def _of_values(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Told]:
    was, is_ = _values(old), _values(new)
    if was == is_:
        return
    if is_ is None:
        yield False, place, "any value is allowed now"
    elif was is None:
        yield True, place, f"only {_said(is_)} {'is' if len(is_) == 1 else 'are'} allowed now"
    else:
        gone, more = [one for one in was if one not in is_], [one for one in is_ if one not in was]
        if gone:
            yield True, place, f"{_said(gone)} {'is' if len(gone) == 1 else 'are'} allowed no longer"
        if more:
            yield False, place, f"{_said(more)} {'is' if len(more) == 1 else 'are'} allowed too"


def _values(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return list(schema["enum"]) if "enum" in schema else None


def _said(values: Iterable[Any]) -> str:
    return ", ".join(map(repr, values))


def _of_names(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Told]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed, needs = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(needed ^ needs):
        is_new = name in needs
        yield is_new, f"{place}.{name}", f"is required {'now' if is_new else 'no longer'}"
    was_free, is_free = (words.get("additionalProperties", True) for words in (old, new))
    if was_free != is_free:
        yield is_free is not True, f"{place}.*", _changed("additionalProperties", was_free, is_free)
    for name in sorted(before.keys() | after.keys()):
        inner = f"{place}.{name}"
        if name not in after:
            yield is_free is not True, inner, "is planned no longer"
        elif name not in before:
            yield False, inner, "is planned now"
        else:
            yield from _of_schema(before[name], after[name], inner)


def _is_narrower(word: str, was: Any, is_: Any) -> bool:
    if is_ is None:
        return False
    if word in _LEAST | _MOST and was is not None:
        return bool(is_ > was if word in _LEAST else is_ < was)
    return True


def _changed(word: str, was: Any, is_: Any) -> str:
    if was is None:
        return f"{word} is {is_!r} now"
    return f"{word} {was!r} is gone" if is_ is None else f"{word} {was!r} became {is_!r}"
