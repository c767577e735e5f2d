"""A tracking plan: what the messages of a door are to look like, and what becomes of those that do not.

```yaml
# tracking_plans/site.yaml
source: site                       # a door; the file's name where it is left out
on_violation: allow                # allow (stored with a mark), omit, quarantine, block (counted, not kept)
on_unplanned: quarantine           # a track whose event the plan does not name: allow, quarantine, block
needs_consent: [analytics]         # categories; a plan's hold for every message, an event's beside them
on_no_consent: block               # `context.consent.categoryPreferences` denies one of them
on_unknown_consent: allow          # ... or does not say
every:                             # what all messages are to look like
  context: {required: [library]}   # JSON Schema, draft 2020-12
track:
  Order Completed:
    on_violation: quarantine       # an event's own word goes before the plan's
    properties:
      required: [order_id, total]
      properties:
        order_id: {type: string}
        total: {type: number, minimum: 0}
  Signed Up:
    versions:                      # a message says its own in `context.protocols.event_version`, or means the last
      1: {properties: {required: [plan]}}
      2: {properties: {required: [plan, seats]}}
identify:                          # likewise page, screen, group and alias; a type left out is not looked at
  traits: {properties: {email: {type: string, format: email}}}
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from regulars.errors import DeclarationError
from regulars.sources.declared import Path, as_mapping, no_strangers
from regulars.sources.tracking.schema import Schema, read_schema

Policy = Literal["allow", "omit", "quarantine", "block"]
"""What becomes of a message: stored with a mark, stored without what is wrong, set aside, or counted and not kept."""

Problem = Literal["violation", "unplanned", "no_consent", "unknown_consent"]
"""What can be wrong with a message, as far as its policy goes."""

Part = Literal["properties", "traits", "context"]
"""A member of a message that a schema describes."""

POLICIES, PROBLEMS, PARTS = get_args(Policy), get_args(Problem), get_args(Part)
TRACK = "track"
KINDS = ("identify", "page", "screen", "group", "alias")
"""Types of messages whose rule has no name."""

DEFAULT: Mapping[Problem, Policy] = {
    "violation": "allow", "unplanned": "allow", "no_consent": "block", "unknown_consent": "allow",
}
"""What happens where a plan says nothing: nothing is turned away but what a person has forbidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is expected of one event, or of one type of message."""

    versions: Mapping[str, Mapping[Part, Schema]]      # oldest first; "" is the only one of a rule without versions
    needs_consent: tuple[str, ...] = ()      # categories
    policies: Mapping[Problem, Policy]       # of every problem, the plan's where the rule has none of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingPlan:
    """What is expected of the messages of a door."""

    name: str
    source: str
    track: Mapping[str, Rule] | None         # by event; None: no event is unplanned
    kinds: Mapping[str, Rule]                # by type of message, of KINDS
    every: Rule                              # holds for all messages, the unplanned too


def declare(name: str, data: Mapping[str, object]) -> TrackingPlan:
    """Return the tracking plan that a mapping from YAML declares.

    Raises DeclarationError with the path of the first thing that is wrong.
    """
    no_strangers(data, {"source", "every", "needs_consent", TRACK, *_words(PROBLEMS), *KINDS}, path=())
    policies = {**DEFAULT, **_policies(data, PROBLEMS, path=())}
    common = as_mapping(data.get("every", {}), path=("every",))
    no_strangers(common, set(PARTS), path=("every",))
    every = Rule(
        versions={"": _parts(common, path=("every",))}, policies=policies, needs_consent=_categories(data, path=()),
    )
    named = as_mapping(data[TRACK], path=(TRACK,)) if TRACK in data else None
    return TrackingPlan(
        name=name, source=str(data.get("source", name)), every=every,
        track=None if named is None else {
            event: _rule(told, policies, path=(TRACK, event)) for event, told in named.items()
        },
        kinds={kind: _rule(data[kind], policies, path=(kind,)) for kind in KINDS if kind in data},
    )


def _rule(told: object, common: Mapping[Problem, Policy], *, path: Path) -> Rule:
    data = as_mapping({} if told is None else told, path=path)
    own: tuple[Problem, ...] = tuple(problem for problem in PROBLEMS if problem != "unplanned")
    no_strangers(data, {*PARTS, "versions", "needs_consent", *_words(own)}, path=path)
    if "versions" not in data:
        versions = {"": _parts(data, path=path)}
    else:
        for part in (part for part in PARTS if part in data):
            raise DeclarationError(
                f"{part!r} stands beside `versions`", hint="write it under each version", path=(*path, part)
            )
        versions = {}
        for version, of_version in as_mapping(data["versions"], path=(*path, "versions")).items():
            place = (*path, "versions", version)
            parts = as_mapping(of_version, path=place)
            no_strangers(parts, set(PARTS), path=place)
            versions[version] = _parts(parts, path=place)
        if not versions:
            raise DeclarationError("no version is declared", hint="versions: {1: …}", path=(*path, "versions"))
    return Rule(
        versions=versions, needs_consent=_categories(data, path=path),
        policies={**common, **_policies(data, own, path=path)},
    )


def _parts(data: Mapping[str, object], *, path: Path) -> dict[Part, Schema]:
    return {part: read_schema(data[part], path=(*path, part)) for part in PARTS if part in data}


def _words(problems: tuple[Problem, ...]) -> list[str]:
    return [f"on_{problem}" for problem in problems]


def _policies(data: Mapping[str, object], problems: tuple[Problem, ...], *, path: Path) -> dict[Problem, Policy]:
    found: dict[Problem, Policy] = {}
    for problem, word in zip(problems, _words(problems), strict=True):
        if word not in data:
            continue
        # Only what breaks a schema has a property that can be left out.
        allowed = [policy for policy in POLICIES if policy != "omit" or problem == "violation"]
        if data[word] not in allowed:
            hint = f"known: {', '.join(allowed)}"
            raise DeclarationError(f"{data[word]!r} is no policy of `{word}`", hint=hint, path=(*path, word))
        found[problem] = cast("Policy", data[word])
    return found


def _categories(data: Mapping[str, object], *, path: Path) -> tuple[str, ...]:
    told = data.get("needs_consent", [])
    if not isinstance(told, list) or not all(isinstance(one, str) and one for one in told):
        hint = "needs_consent: [analytics, advertising]"
        raise DeclarationError(f"{told!r} is no list of categories", hint=hint, path=(*path, "needs_consent"))
    return tuple(dict.fromkeys(told))
