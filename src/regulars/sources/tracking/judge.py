"""A message held against its tracking plan: nothing to say, or marks of what is wrong and what becomes of it.

Marks are words that name places, never values: `missing properties.total`, `wrong_type properties.products[].price`,
`unplanned_property traits.nick`, `invalid properties.plan`, `omitted properties.plan`, `unplanned Order Complted`,
`no_consent analytics`, `unknown_consent analytics`; `more 7` of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from regulars.sources.tracking.plan import POLICIES, TRACK, Part, Policy, Problem, Rule, TrackingPlan
from regulars.sources.tracking.schema import Violation, compiled, violations

if TYPE_CHECKING:
    import jsonschema_rs

MOST, LONGEST = 20, 100
"""Marks of one message, and characters of one: what anybody sends is not to fill our disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a plan says of a message that is not as it should be."""

    policy: Policy                           # the strictest of all that is wrong with it
    problem: Problem                         # the first to which this policy belongs
    marks: tuple[str, ...]                   # sorted
    message: bytes                           # to be stored, when it is; what was to be omitted is not in it

    @property
    def is_forbidden(self) -> bool:
        """Return whether a person's consent is missing that the message cannot be kept without, however it looks."""
        return self.policy == "block" and self.problem in {"no_consent", "unknown_consent"}


class _Message(msgspec.Struct, gc=False):
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    traits: msgspec.Raw = msgspec.Raw(b"{}")
    context: msgspec.Raw = msgspec.Raw(b"{}")


class _Consent(msgspec.Struct):
    preferences: Any = msgspec.field(default=None, name="categoryPreferences")


class _Protocols(msgspec.Struct):
    event_version: Any = None


class _Told(msgspec.Struct):
    """What a context says for itself that a plan looks at."""

    consent: _Consent | None = None
    protocols: _Protocols | None = None


@dataclass(frozen=True, slots=True)
class _Check:
    """Whether one part of a message is as a schema says."""

    part: Part
    validator: jsonschema_rs.Draft202012Validator
    is_valid: Callable[[Any], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """A rule, ready to be asked."""

    versions: Mapping[str, tuple[_Check, ...]]         # the plan's for every message among them
    latest: str
    needs_consent: tuple[str, ...]
    policies: Mapping[Problem, Policy]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wrong:
    """One thing that is wrong with a message."""

    problem: Problem
    mark: str
    path: tuple[str | int, ...] = ()         # of a violation


_MESSAGE = msgspec.json.Decoder(_Message)
_TOLD = msgspec.json.Decoder(_Told)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_decode = msgspec.json.decode
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A tracking plan, compiled once."""

    track: Mapping[str, _Expected] | None
    kinds: Mapping[str, _Expected]
    every: _Expected

    @classmethod
    def of(cls, plan: TrackingPlan) -> Judge:
        """Compile a plan."""
        every = _checks(plan.every.versions[""])

        def ready(rule: Rule) -> _Expected:
            return _Expected(
                versions={version: every + _checks(parts) for version, parts in rule.versions.items()},
                latest=list(rule.versions)[-1], policies=rule.policies,
                needs_consent=tuple(dict.fromkeys((*plan.every.needs_consent, *rule.needs_consent))),
            )

        return cls(
            track=None if plan.track is None else {event: ready(rule) for event, rule in plan.track.items()},
            kinds={kind: ready(rule) for kind, rule in plan.kinds.items()},
            every=_Expected(
                versions={"": every}, latest="", policies=plan.every.policies, needs_consent=plan.every.needs_consent,
            ),
        )

    def verdict(self, raw: bytes, *, kind: str, event: str | None) -> Verdict | None:
        """Return what is wrong with a message; None for one that is as planned.

        Args:
            raw: JSON of the message, an object.
            kind: its type.
            event: what happened, of a track.

        """
        named = self.kinds if kind != TRACK else self.track
        expected = self.every if named is None else named.get(kind if kind != TRACK else event or "", self.every)
        parts = _MESSAGE.decode(raw)
        wrong: list[_Wrong] = []
        version = expected.latest
        if expected.needs_consent or len(expected.versions) > 1:
            said = _told(parts.context)
            version = _version(said, expected)
            wrong += _without_consent(said, expected)      # first: of what is equally strict it is told
        if kind == TRACK and named is not None and expected is self.every:
            wrong.append(_Wrong(problem="unplanned", mark=f"unplanned {event}"))
        checks = expected.versions.get(version)
        if checks is None:
            wrong.append(_Wrong(problem="violation", mark=f"unplanned {event or kind} version {version}"))
            checks = self.every.versions[""]
        values: dict[Part, Any] = {}
        for check in checks:
            try:
                if check.part not in values:
                    values[check.part] = _value(getattr(parts, check.part))
                wrong += _violations(check, values[check.part])
            except (ValueError, RecursionError):      # half a character, or nested beyond all reading
                wrong.append(_Wrong(problem="violation", mark=f"invalid {check.part}", path=(check.part,)))
        return _judged(wrong, raw, values=values, policies=expected.policies) if wrong else None


def _checks(parts: Mapping[Part, Any]) -> tuple[_Check, ...]:
    made = ((part, compiled(schema)) for part, schema in parts.items())
    return tuple(_Check(part, validator, validator.is_valid) for part, validator in made)


def _value(raw: msgspec.Raw) -> Any:
    """Return what a part says; a client that has nothing to say leaves it out or says null."""
    value = _decode(raw)
    return {} if value is None else value


def _violations(check: _Check, value: Any) -> Iterable[_Wrong]:
    if check.is_valid(value):
        return ()
    found = violations(value, check.validator, part=check.part)
    return [_Wrong(problem="violation", mark=f"{one.kind} {_place(one)}", path=one.path) for one in found]


def _place(violation: Violation) -> str:
    """Return a path in words: `properties.products[].price`."""
    return "".join("[]" if isinstance(key, int) else f".{key}" for key in violation.path).removeprefix(".")


def _told(context: msgspec.Raw) -> _Told:
    try:
        return _TOLD.decode(context)
    except (msgspec.DecodeError, RecursionError):
        return _Told()


def _version(said: _Told, expected: _Expected) -> str:
    version = None if said.protocols is None else said.protocols.event_version
    return expected.latest if version is None or len(expected.versions) == 1 else str(version)


def _without_consent(said: _Told, expected: _Expected) -> Iterable[_Wrong]:
    preferences = None if said.consent is None else said.consent.preferences
    given = preferences if isinstance(preferences, dict) else {}
    for category in expected.needs_consent:
        answer = given.get(category)
        if answer is not True:
            problem: Problem = "no_consent" if answer is False else "unknown_consent"
            yield _Wrong(problem=problem, mark=f"{problem} {category}")


def _judged(
    wrong: Sequence[_Wrong], raw: bytes, *, values: dict[Part, Any], policies: Mapping[Problem, Policy]
) -> Verdict:
    strictest = max(wrong, key=lambda one: POLICIES.index(policies[one.problem]))
    policy = policies[strictest.problem]
    marks = {one.mark for one in wrong}
    if policies["violation"] == "omit" and policy in {"allow", "omit"}:
        kept = dict(values)
        left_out = {_left_out(one.path, kept) for one in wrong if one.path} - {""}
        if left_out:
            marks |= {f"omitted {place}" for place in left_out}
            raw = _remade(raw, kept, judged=values)
    return Verdict(policy=policy, problem=strictest.problem, marks=_short(marks), message=raw)


def _left_out(path: tuple[str | int, ...], values: dict[Part, Any]) -> str:
    """Take what is at a path out of the values; return its place, "" when there is nothing to take out.

    Of a list the property is left out that holds it: the positions of the rest keep their meaning.
    """
    while isinstance(path[-1], int):
        path = path[:-1]
    within: Any = values
    for key in path[:-1]:
        try:
            within = within[key]
        except (KeyError, IndexError, TypeError):
            return ""                        # it went with what held it
    if not isinstance(within, dict) or path[-1] not in within:
        return ""
    del within[path[-1]]
    return _place(Violation(kind="invalid", path=path))


def _remade(raw: bytes, kept: Mapping[Part, Any], *, judged: Iterable[Part]) -> bytes:
    members = _MEMBERS.decode(raw)
    for part in (part for part in judged if part in members):
        if part in kept:
            members[part] = msgspec.Raw(_encode(kept[part]))
        else:
            del members[part]
    return _encode(members)


def _short(marks: Iterable[str]) -> tuple[str, ...]:
    told = sorted({mark[:LONGEST] for mark in marks})
    return tuple(told) if len(told) <= MOST else (*told[:MOST - 1], f"more {len(told) - MOST + 1}")
