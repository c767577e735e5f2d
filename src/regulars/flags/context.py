"""What is known when a flag is asked for, and what an experiment gave whoever was asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from regulars.flags import javascript
from regulars.flags.definition import Experiment, plain
from regulars.flags.sticky import Sticky

UNIT = "id"
"""The attribute that is hashed where a rule does not say another."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a flag is asked about, and under which circumstances."""

    attributes: Mapping[str, Any] = {}
    url: str = ""                            # where the asker is: for experiments on addresses, and for `?key=1`
    forced_variations: Mapping[str, int] = {}    # experiment -> place of a variation
    forced_values: Mapping[str, Any] = {}        # feature -> value
    is_enabled: bool = True                  # False: nobody takes part in an experiment
    is_rehearsal: bool = False               # True: only who is forced takes part
    sticky: Sticky | None = None             # earlier variations to keep; None: the hash alone decides

    def unit(self, attribute: str | None, fallback: str | None = None) -> tuple[str, Any]:
        """Return which attribute is hashed, and its value; "" when there is none to hash."""
        name = attribute or UNIT
        value = self.attributes.get(name)
        if not value and fallback and (other := self.attributes.get(fallback)):
            return fallback, other
        return name, value or ""


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which variation an experiment gave, in the words of GrowthBook's tracking callback."""

    key: str                                 # of the variation
    feature_id: str | None
    in_experiment: bool                      # False: left out; the variation is then the first, the control
    hash_used: bool                          # False with in_experiment: forced, which is no exposure
    variation_id: int                        # its place, from 0
    value: Any
    hash_attribute: str
    hash_value: Any                          # the unit
    sticky_bucket_used: bool
    name: str | None = None
    bucket: float | None = None              # the unit's place in [0, 1)
    passthrough: bool = False
    leaf_id: int | None = None               # of a contextual bandit, with the weights that decided
    variation_weights: list[float] | None = None
    bandit_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A unit met the variation that an experiment gives it."""

    experiment: Experiment
    result: Result

    @property
    def identity(self) -> tuple[str, str, str]:
        """Return what makes two exposures the same one: experiment, attribute and unit."""
        return self.experiment.key, self.result.hash_attribute, javascript.text(self.result.hash_value)

    def tracking(self) -> dict[str, Any]:
        """Return what GrowthBook's tracking callback is given: `{experiment, result}` as plain data."""
        told: dict[str, Any] = plain({"experiment": self.experiment, "result": self.result})
        return told
