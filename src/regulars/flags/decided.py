"""Decided: what a flag gives after an experiment in it was decided; everybody it concerned gets the same variant."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from msgspec.structs import replace

from regulars.flags.definition import Feature, Rule
from regulars.flags.feature import Definitions


def decided(definitions: Definitions, served: Mapping[str, str]) -> Definitions:
    """Return definitions in which decided experiments divide nobody any more.

    Args:
        definitions: As declared.
        served: Experiment -> the variant that everybody gets: its winner, or the control it went back to. A variant
            that the rule does not know leaves the rule as it is.

    Targeting and prerequisites stay; shares and namespaces, which said who takes part, go.

    """
    if not served:
        return definitions
    features = {name: _settled(name, feature, served) for name, feature in definitions.features.items()}
    return dataclasses.replace(definitions, features=features)


def _settled(name: str, feature: Feature, served: Mapping[str, str]) -> Feature:
    rules = [_rule(rule, served.get(rule.key or name)) for rule in feature.rules or []]
    return feature if rules == (feature.rules or []) else replace(feature, rules=rules)


def _rule(rule: Rule, variant: str | None) -> Rule:
    if variant is None or rule.variations is None or rule.meta is None:
        return rule
    names = [meta.key for meta in rule.meta]
    if variant not in names:
        return rule
    value = rule.variations[names.index(variant)]
    return Rule(id=rule.id, force=value, condition=rule.condition, parent_conditions=rule.parent_conditions)
