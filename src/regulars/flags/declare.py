"""A flag as a project declares it: what it is worth, for whom else, and how it is divided.

    # flags/new_checkout.yaml
    title: The new checkout
    type: boolean                    # or string, integer, number, object
    default: false                   # for whom no rule applies; left out: the code's own default
    unit: id                         # the attribute whose value is given a place; id unless said
    hash: keyed                      # growthbook: for applications whose GrowthBook SDK decides by itself
    rules:                           # the first that applies decides
      - when: {country: {$in: [US, CA]}, plan: pro}      # as in a payload, see below; left out: everybody
        requires: {checkout: true}   # another flag has this value
        value: true
      - share: 25 %                  # of the units; a larger share keeps whom it had
        value: true
      - experiment: new_checkout_2026_01
        when: {plan: free}
        share: 50 %                  # who takes part
        namespace: {name: checkout, from: 0 %, to: 40 %}   # experiments that do not overlap in it exclude each other
        salt: second                 # another division of the same units; needed when an experiment begins again
        variants:                    # the first is the control
          old: {weight: 50, value: false}
          new: {weight: 50, value: true}

`name:` of a rule is the variant it answers, `rule_1` unless said. In attributes.yaml stands what applications tell of
whoever they ask about, `country: what it is` a line; where it is, a rule that asks about something else is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeAlias, get_args

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.vocabulary import no_strangers
from regulars.flags.bucket import KEYED
from regulars.flags.context import UNIT
from regulars.flags.definition import Feature, Filter, ParentCondition, Rule, VariationMeta
from regulars.flags.feature import Definitions
from regulars.flags.targeting import Path, check_attribute, check_targeting

FlagType: TypeAlias = Literal["boolean", "string", "integer", "number", "object"]
Attributes: TypeAlias = frozenset[str]

_HASHES: Mapping[str, int] = {"keyed": KEYED, "growthbook": 2}
_FLAG = {"title", "description", "type", "default", "unit", "hash", "rules"}
_FORCED = {"name", "when", "requires", "share", "value", "salt"}
_EXPERIMENT = {"name", "when", "requires", "share", "experiment", "namespace", "salt", "variants"}
_WRITTEN: Mapping[FlagType, str] = {
    "boolean": "true or false", "string": "a text, in quotes", "integer": "a whole number: 12",
    "number": "a number: 0.5", "object": "`{name: value}`",
}
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A value that applications ask for by name, and the rules it comes from."""

    name: str
    type: FlagType
    feature: Feature
    title: str = ""
    description: str = ""

    @property
    def requires(self) -> tuple[str, ...]:
        """Return the flags that its rules ask about."""
        parents = (parent.id for rule in self.feature.rules or () for parent in rule.parent_conditions or ())
        return tuple(sorted(set(parents)))


def declare(name: str, data: Mapping[str, object], *, attributes: Attributes | None = None) -> Flag:
    """Return the flag that a mapping from YAML declares.

    Raises DeclarationError with the path of the first thing that is wrong.
    """
    no_strangers(data, _FLAG, ())
    kind = data.get("type")
    if kind not in get_args(FlagType):
        hint = did_you_mean(str(kind), get_args(FlagType)) if kind else f"`type:` {', '.join(get_args(FlagType))}"
        raise DeclarationError(f"flag {name!r} has no type" if kind is None else f"no type {kind!r}", hint=hint,
                               path=("type",))
    hashes = data.get("hash", "keyed")
    if hashes not in _HASHES:
        raise DeclarationError(f"no hash {hashes!r}", hint=did_you_mean(str(hashes), _HASHES), path=("hash",))
    rules = data.get("rules") or []
    if not isinstance(rules, list):
        raise DeclarationError(f"{rules!r} is not a list of rules", hint="one `- value: …` a rule", path=("rules",))
    unit = str(data.get("unit", UNIT))
    if unit != UNIT:
        check_attribute(unit, ("unit",), attributes=attributes)
    reader = _Rules(flag=name, type=kind, unit=unit, version=_HASHES[str(hashes)], attributes=attributes)  # type: ignore[arg-type]  # checked above
    default = None if data.get("default") is None else reader.value(data["default"], ("default",))
    return Flag(
        name=name, type=reader.type, title=str(data.get("title") or name.replace("_", " ").capitalize()),
        description=str(data.get("description") or "").strip(),
        feature=Feature(default_value=default, rules=[reader.rule(rule, n) for n, rule in enumerate(rules)] or None),
    )


def definitions_of(flags: Iterable[Flag]) -> Definitions:
    """Return declared flags as what they are evaluated with."""
    return Definitions(features={flag.name: flag.feature for flag in flags})


def declare_attributes(data: Mapping[str, object]) -> Attributes:
    """Return the attributes that applications tell, `id` and the targeting key always among them."""
    return frozenset(data) | {UNIT, "targetingKey"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """The rules of one flag, read with what is said of all of them."""

    flag: str
    type: FlagType
    unit: str
    version: int
    attributes: Attributes | None

    def rule(self, data: object, n: int) -> Rule:
        path: Path = ("rules", n)
        if not isinstance(data, Mapping):
            raise DeclarationError(f"{data!r} is no rule", hint="`{when: …, value: …}`", path=path)
        if "experiment" not in data and "variants" not in data:
            return self._forced(data, n, path)
        return self._experiment(data, n, path)

    def _forced(self, data: Mapping[str, object], n: int, path: Path) -> Rule:
        no_strangers(data, _FORCED, path)
        if "value" not in data:
            raise DeclarationError("this rule gives nothing", hint="`value: …` or `experiment: …`", path=path)
        share = _share(data["share"], (*path, "share")) if "share" in data else None
        return Rule(
            id=str(data.get("name", f"rule_{n + 1}")),
            force=self.value(data["value"], (*path, "value")),
            condition=self._condition(data, path),
            parent_conditions=_requires(data, path),
            coverage=share,
            hash_attribute=None if share is None else self.unit,
            hash_version=None if share is None else self.version,
            seed=None if share is None else _salted(self.flag, data),
        )

    def _experiment(self, data: Mapping[str, object], n: int, path: Path) -> Rule:
        no_strangers(data, _EXPERIMENT, path)
        if not data.get("experiment"):
            raise DeclarationError("this experiment has no name", hint="`experiment: NAME`", path=path)
        name = str(data["experiment"])
        variants = self._variants(data.get("variants"), (*path, "variants"))
        total = math.fsum(weight for weight, _ in variants.values())
        return Rule(
            id=str(data.get("name", f"rule_{n + 1}")),
            key=name,
            seed=_salted(name, data),
            variations=[value for _, value in variants.values()],
            weights=[weight / total for weight, _ in variants.values()],
            meta=[VariationMeta(key=key) for key in variants],
            coverage=_share(data["share"], (*path, "share")) if "share" in data else 1.0,
            condition=self._condition(data, path),
            parent_conditions=_requires(data, path),
            filters=self._namespace(data["namespace"], (*path, "namespace")) if "namespace" in data else None,
            hash_attribute=self.unit,
            hash_version=self.version,
        )

    def _variants(self, data: object, path: Path) -> dict[str, tuple[float, Any]]:
        if not isinstance(data, Mapping) or len(data) < 2:
            hint = "`variants: {old: {weight: 50, value: …}, new: {weight: 50, value: …}}`"
            raise DeclarationError("an experiment has two variants or more", hint=hint, path=path)
        variants: dict[str, tuple[float, Any]] = {}
        for key, said in data.items():
            at = (*path, str(key))
            if not isinstance(said, Mapping) or "value" not in said:
                raise DeclarationError(f"variant {key!r} has no value", hint="`{weight: 50, value: …}`", path=at)
            no_strangers(said, {"weight", "value"}, at)
            weight = said.get("weight", 1)
            if isinstance(weight, bool) or not isinstance(weight, int | float) or weight < 0:
                raise DeclarationError(f"{weight!r} is no weight", hint="a number, 0 or more", path=(*at, "weight"))
            variants[str(key)] = (float(weight), self.value(said["value"], (*at, "value")))
        if not any(weight for weight, _ in variants.values()):
            raise DeclarationError("no variant has a weight", hint="`weight: 50`", path=path)
        return variants

    def _condition(self, data: Mapping[str, object], path: Path) -> dict[str, Any] | None:
        if "when" not in data:
            return None
        condition: dict[str, Any] = _plain(data["when"])
        check_targeting(condition, (*path, "when"), attributes=self.attributes)
        return condition

    def _namespace(self, data: object, path: Path) -> list[Filter]:
        if not isinstance(data, Mapping) or not {"name", "from", "to"} <= set(data):
            hint = "`{name: checkout, from: 0 %, to: 40 %}`"
            raise DeclarationError(f"{data!r} is no part of a namespace", hint=hint, path=path)
        no_strangers(data, {"name", "from", "to"}, path)
        begin, end = (_share(data[key], (*path, key)) for key in ("from", "to"))
        if begin >= end:
            raise DeclarationError("nobody is in this part", hint="`from:` below `to:`", path=path)
        seed = f"namespace.{data['name']}"
        return [Filter(seed=seed, ranges=[(begin, end)], attribute=self.unit, hash_version=self.version)]

    def value(self, data: object, path: Path) -> Any:
        """Return a value of the flag's type. Raises DeclarationError for another."""
        value = _plain(data)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = {
            "boolean": isinstance(value, bool), "string": isinstance(value, str),
            "integer": is_number and isinstance(value, int), "number": is_number, "object": isinstance(value, dict),
        }
        if not fits[self.type]:
            hint = _WRITTEN[self.type]
            raise DeclarationError(f"{value!r} is not of type {self.type}", hint=hint, path=path)
        # A whole number would reach clients of a number's flag as an integer, which some refuse.
        return float(value) if self.type == "number" else value


def _requires(data: Mapping[str, object], path: Path) -> list[ParentCondition] | None:
    said = data.get("requires", {})
    if not isinstance(said, Mapping):
        raise DeclarationError(f"{said!r} names no flags", hint="`requires: {flag: value}`", path=(*path, "requires"))
    return [ParentCondition(id=str(flag), condition={"value": _plain(value)}) for flag, value in said.items()] or None


def _salted(name: str, data: Mapping[str, object]) -> str:
    return f"{name}.{data['salt']}" if data.get("salt") else name


def _share(value: object, path: Path) -> float:
    found = _SHARE.fullmatch(str(value))
    if not found or float(found[1]) > 100:
        raise DeclarationError(f"{value!r} is no share", hint="a percentage: 25 %", path=path)
    return float(found[1]) / 100


def _plain(value: object) -> Any:
    """Return what JSON knows: days as text."""
    match value:
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case date():
            return value.isoformat()
        case _:
            return value
