"""What a feature payload says, as its decoder checks it: features, their rules and the experiments inside them.

The words are GrowthBook's, in camel case on the wire; null says as much as nothing, but for a forced value. Shares,
weights and ranges are of 1. Fields that a payload has beside these are passed over.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET

from regulars.flags.bucket import Range

Condition: TypeAlias = dict[str, Any]
"""See `flags.condition`."""


class _Said(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A part of a payload."""


def plain(said: object) -> Any:
    """Return parts of a payload as JSON decodes them: mappings and lists."""
    return msgspec.json.decode(msgspec.json.encode(said))


class Filter(_Said, frozen=True, kw_only=True):
    """Who may take part at all: the units that a hash of their own puts into some ranges. Namespaces are made of it."""

    seed: str
    ranges: list[Range]
    attribute: str | None = None             # whose value is hashed; "id" unless said
    hash_version: int | None = None          # 2 unless said


class VariationMeta(_Said, frozen=True, kw_only=True):
    """What a variation is called."""

    key: str | None = None
    name: str | None = None
    passthrough: bool = False                # in it the feature's next rules decide: the other side of a holdout


class ParentCondition(_Said, frozen=True, kw_only=True):
    """A feature whose value has to meet a condition first, as `{value: ...}`."""

    id: str
    condition: Condition | None = None
    gate: bool = False                       # when it does not: the feature has no value at all


class UrlTarget(_Said, frozen=True, kw_only=True):
    """An address on which an experiment runs, or does not."""

    type: str                                # simple or regex
    pattern: str
    include: bool = True


class ContextualBandit(_Said, frozen=True, kw_only=True):
    """Which leaf of a contextual bandit a unit was weighted by; -1 when none fitted."""

    leaf_id: int
    variation_weights: list[float]
    bandit_version: int | None = None


class Division(_Said, frozen=True, kw_only=True):
    """Who takes part in an experiment, and how those are divided."""

    coverage: float | None = None            # share of the units that take part
    weights: list[float] | None = None
    ranges: list[Range] | None = None        # instead of coverage and weights
    hash_attribute: str | None = None        # "id" unless said
    fallback_attribute: str | None = None    # of sticky buckets, when the first has no value
    hash_version: int | None = None          # 1 unless said; 3 is our own
    seed: str | None = None                  # the experiment's key unless said
    namespace: tuple[str, float, float] | None = None
    filters: list[Filter] | None = None      # instead of the namespace
    condition: Condition | None = None
    parent_conditions: list[ParentCondition] | None = None
    meta: list[VariationMeta] | None = None
    name: str | None = None
    phase: str | None = None
    disable_sticky_bucketing: bool = False
    bucket_version: int | None = None
    min_bucket_version: int | None = None


class Experiment(Division, frozen=True, kw_only=True):
    """Variations of a value, and who gets which."""

    key: str
    variations: list[Any]
    force: Any = UNSET                       # the place of a variation
    active: bool = True
    status: str | None = None                # draft, running or stopped
    url_patterns: list[UrlTarget] | None = None
    persist_query_string: bool = False
    contextual_bandit: ContextualBandit | None = None


class Rule(Division, frozen=True, kw_only=True):
    """One reason for a feature to have another value than its default: forced, or an experiment's."""

    id: str | None = None
    force: Any = UNSET                       # null is a value
    range: Range | None = None               # of a forced value, instead of the coverage
    key: str | None = None                   # of the experiment; the feature's unless said
    variations: list[Any] | None = None
    contextual_variations: list[Any] | None = None
    contextual_bandit_ref: str | None = None

    def experiment(self, feature: str) -> Experiment | None:
        """Return the experiment that the rule runs; None when it runs none."""
        variations = self.variations if self.contextual_variations is None else self.contextual_variations
        if variations is None:
            return None
        # Its prerequisites are the rule's, which are asked about before.
        division = {name: getattr(self, name) for name in Division.__struct_fields__ if name != "parent_conditions"}
        return Experiment(key=self.key or feature, variations=variations, **division)


class Feature(_Said, frozen=True, kw_only=True):
    """A value, and the rules that give some units another; the first rule that applies does."""

    default_value: Any = None
    rules: list[Rule] | None = None


class BanditContext(_Said, frozen=True, kw_only=True):
    """A leaf of a contextual bandit: whom it is about, and how it weights the variations for them."""

    leaf_id: int
    weights: list[float]
    condition: Condition | None = None


class BanditDefinition(_Said, frozen=True, kw_only=True):
    """The leaves of a contextual bandit; the first whose condition is met weights."""

    bandit_version: int | None = None
    contexts: list[BanditContext] | None = None
