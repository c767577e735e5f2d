"""Sticky buckets: what a unit was given before, kept although weights or conditions have changed since.

    {"id||i123": {"checkout__0": "treatment"}}       attribute and value -> experiment and bucket version -> variation

A new bucket version forgets; a least version shuts those out who were given anything below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from regulars.flags import javascript
from regulars.flags.definition import Experiment

Assignments: TypeAlias = Mapping[str, str]
Sticky: TypeAlias = Mapping[str, Assignments]


def kept_assignments(sticky: Sticky, units: list[tuple[str, Any]]) -> Assignments:
    """Return what units were given; of several the first one's word counts most."""
    kept: dict[str, str] = {}
    for attribute, value in reversed(units):
        kept |= sticky.get(unit_key(attribute, value), {})
    return kept


def is_blocked(assignments: Assignments, experiment: Experiment) -> bool:
    """Return whether a unit was given something below the experiment's least bucket version."""
    least = experiment.min_bucket_version or 0
    return any(f"{experiment.key}__{version}" in assignments for version in range(least))


def kept_variation(assignments: Assignments, experiment: Experiment) -> int | None:
    """Return the place of the variation that a unit was given before; None when there is none to keep."""
    key = assignments.get(experiment_key(experiment))
    keys = [meta.key for meta in experiment.meta or ()]
    return keys.index(key) if key is not None and key in keys else None


def with_assignment(sticky: Sticky, experiment: Experiment, *, attribute: str, value: Any, key: str) -> Sticky:
    """Return sticky buckets in which a unit has a variation; the same object when it had it."""
    unit = unit_key(attribute, value)
    held = sticky.get(unit, {})
    name = experiment_key(experiment)
    if held.get(name) == key:
        return sticky
    return {**sticky, unit: {**held, name: key}}


def unit_key(attribute: str, value: Any) -> str:
    """Return the key of a unit: `id||i123`."""
    return f"{attribute}||{javascript.text(value)}"


def experiment_key(experiment: Experiment) -> str:
    """Return the key of an experiment and its bucket version: `checkout__0`."""
    return f"{experiment.key}__{experiment.bucket_version or 0}"
