"""The value of a feature for whoever is asked about: its rules in order, the first that applies, or its default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from regulars.flags import javascript
from regulars.flags.bucket import choose_variation, position, sound_weights
from regulars.flags.condition import Groups, meets
from regulars.flags.context import Context, Exposure, Result
from regulars.flags.definition import (
    BanditDefinition,
    ContextualBandit,
    Experiment,
    Feature,
    ParentCondition,
    Rule,
)
from regulars.flags.enrolment import Enrolment, is_let_in
from regulars.flags.sticky import Sticky, with_assignment
from regulars.flags.url import with_query_of

Source = Literal[
    "defaultValue", "force", "experiment", "override", "prerequisite", "cyclicPrerequisite", "unknownFeature"
]

FALLBACK_LEAF = -1
"""The leaf of a unit that no leaf of a contextual bandit is about."""


@dataclass(frozen=True, kw_only=True)
class Definitions:
    """Everything that features are evaluated with."""

    features: Mapping[str, Feature] = field(default_factory=dict)
    experiments: tuple[Experiment, ...] = ()             # outside of features: on addresses
    groups: Groups = field(default_factory=dict)
    bandits: Mapping[str, BanditDefinition] = field(default_factory=dict)

    @cached_property
    def trials(self) -> Mapping[str, list[tuple[Rule, Experiment | None]]]:
        """Return the rules of every feature with the experiments they run."""
        return {
            key: [(rule, rule.experiment(key)) for rule in feature.rules or ()]
            for key, feature in self.features.items()
        }


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The value of a feature, and where it comes from."""

    key: str
    value: Any                               # None: the feature says nothing; use the code's default
    source: Source
    rule: str = ""                           # its id
    is_rolled_out: bool = False              # a rule forced it on a share of the units
    experiment: Experiment | None = None     # the one that gave the value, and what it gave
    result: Result | None = None
    exposures: tuple[Exposure, ...] = ()     # all that came of asking, those of prerequisites and holdouts too
    sticky: Sticky | None = None             # the context's, with what was assigned

    @property
    def is_on(self) -> bool:
        """Return whether the value counts as true."""
        return javascript.is_truthy(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Where a variation sends who asked."""

    exposure: Exposure
    url: str                                 # as declared
    url_with_query: str                      # with the parameters of the address that was asked, where they persist


def evaluate(key: str, context: Context, *, definitions: Definitions) -> Evaluation:
    """Return the value of a feature for whoever a context is about."""
    asking = _Asking(definitions=definitions, context=context, sticky=context.sticky)
    return asking.finished(asking.value_of(key))


def run(experiment: Experiment, context: Context, *, definitions: Definitions) -> Evaluation:
    """Return what an experiment outside of a feature gives; its `result` says whether the unit takes part."""
    asking = _Asking(definitions=definitions, context=context, sticky=context.sticky)
    result = asking.enrolled(experiment, None)
    return asking.finished(
        Evaluation(key=experiment.key, value=result.value, source="experiment", experiment=experiment, result=result)
    )


def redirect(context: Context, *, definitions: Definitions) -> Redirect | None:
    """Return where the first experiment on this address sends who asks; None when nothing sends them anywhere."""
    for experiment in definitions.experiments:
        if experiment.url_patterns is None:
            continue
        result = run(experiment, context, definitions=definitions).result
        target = result.value.get("urlRedirect") if result and isinstance(result.value, Mapping) else None
        if result is not None and result.in_experiment and isinstance(target, str):
            url = with_query_of(context.url, target) if experiment.persist_query_string else target
            return Redirect(exposure=Exposure(experiment=experiment, result=result), url=target, url_with_query=url)
    return None


@dataclass(slots=True, kw_only=True)
class _Asking:
    """One question in the making: what it has met, so that circles end and every exposure is told."""

    definitions: Definitions
    context: Context
    sticky: Sticky | None
    asked: set[str] = field(default_factory=set)
    exposures: list[Exposure] = field(default_factory=list)

    def finished(self, found: Evaluation) -> Evaluation:
        exposures = tuple({exposure.identity: exposure for exposure in self.exposures}.values())
        if not exposures and self.sticky is None:
            return found
        return replace(found, exposures=exposures, sticky=self.sticky)

    def value_of(self, key: str) -> Evaluation:
        if key in self.asked:
            return Evaluation(key=key, value=None, source="cyclicPrerequisite")
        self.asked.add(key)
        try:
            return self._value_of(key)
        finally:
            self.asked.remove(key)           # two features may ask for one; only a circle has no end

    def _value_of(self, key: str) -> Evaluation:
        if key in self.context.forced_values:
            return Evaluation(key=key, value=self.context.forced_values[key], source="override")
        feature = self.definitions.features.get(key)
        if feature is None:
            return Evaluation(key=key, value=None, source="unknownFeature")
        for rule, experiment in self.definitions.trials[key]:
            found = self._by_rule(key, rule, experiment)
            if found is not None:
                return found
        return Evaluation(key=key, value=feature.default_value, source="defaultValue")

    def enrolled(self, experiment: Experiment, feature: str | None) -> Result:
        """Ask an experiment, and note the exposure and the sticky bucket that come of it."""
        enrolment = Enrolment(
            context=self.context, groups=self.definitions.groups, sticky=self.sticky, feature=feature,
            are_met=lambda parents: self._unmet(parents) is None,
        )
        result = enrolment.result(experiment)
        if not (result.in_experiment and result.hash_used):
            return result
        if self.sticky is not None and not experiment.disable_sticky_bucketing:
            self.sticky = with_assignment(
                self.sticky, experiment, attribute=result.hash_attribute, value=result.hash_value, key=result.key
            )
        self.exposures.append(Exposure(experiment=experiment, result=result))
        return result

    def _by_rule(self, key: str, rule: Rule, experiment: Experiment | None) -> Evaluation | None:
        """Return the value that a rule gives; None when it does not apply."""
        unmet = self._unmet(rule.parent_conditions or ())
        if unmet is not None and unmet != "condition":
            return Evaluation(key=key, value=None, source=unmet)
        if unmet is not None or (rule.filters and not is_let_in(rule.filters, self.context)):
            return None
        if rule.force is not UNSET:
            return self._by_force(key, rule)
        return None if experiment is None else self._by_experiment(key, rule, experiment)

    def _by_force(self, key: str, rule: Rule) -> Evaluation | None:
        if not self._is_targeted(rule) or not self._is_rolled_out(key, rule):
            return None
        is_share = rule.range is not None or rule.coverage is not None
        return Evaluation(key=key, value=rule.force, source="force", rule=rule.id or "", is_rolled_out=is_share)

    def _by_experiment(self, key: str, rule: Rule, experiment: Experiment) -> Evaluation | None:
        if rule.contextual_bandit_ref:
            experiment = self._weighted(experiment, rule.contextual_bandit_ref)
        result = self.enrolled(experiment, key)
        if not result.in_experiment or result.passthrough:
            return None
        if not result.hash_used:
            experiment = replace(experiment, contextual_bandit=None)
        return Evaluation(
            key=key, value=result.value, source="experiment", rule=rule.id or "", experiment=experiment, result=result
        )

    def _unmet(
        self, parents: Sequence[ParentCondition]
    ) -> Literal["cyclicPrerequisite", "prerequisite", "condition"] | None:
        """Return what becomes of a rule whose prerequisites are not met; None when they are."""
        for parent in parents:
            found = self.value_of(parent.id)
            if found.source == "cyclicPrerequisite":
                return "cyclicPrerequisite"
            if not meets({"value": found.value}, parent.condition or {}):
                return "prerequisite" if parent.gate else "condition"
        return None

    def _is_targeted(self, rule: Rule) -> bool:
        return not rule.condition or meets(self.context.attributes, rule.condition, groups=self.definitions.groups)

    def _is_rolled_out(self, key: str, rule: Rule) -> bool:
        """Return whether a unit is in the share that gets a forced value."""
        if rule.range is None and rule.coverage is None:
            return True
        if rule.range is None and rule.coverage == 0:
            return False
        is_sticky = self.sticky is not None and not rule.disable_sticky_bucketing
        _, unit = self.context.unit(rule.hash_attribute, rule.fallback_attribute if is_sticky else None)
        if not unit:
            return False
        place = position(javascript.text(unit), seed=rule.seed or key, version=rule.hash_version or 1)
        if place is None:
            return False
        if rule.range is not None:
            return choose_variation(place, [rule.range]) == 0
        return place <= (rule.coverage or 0.0)

    def _weighted(self, experiment: Experiment, reference: str) -> Experiment:
        """Return an experiment with the weights of the leaf that is about this unit; as it is without such a bandit."""
        bandit = self.definitions.bandits.get(reference)
        if bandit is None:
            return experiment
        attributes, groups = self.context.attributes, self.definitions.groups
        leaves = (leaf for leaf in bandit.contexts or () if meets(attributes, leaf.condition or {}, groups=groups))
        leaf = next(leaves, None)
        count = len(experiment.variations)
        if leaf is None or len(leaf.weights) != count:
            weights, leaf_id = list(sound_weights(count, experiment.weights)), FALLBACK_LEAF
        else:
            weights, leaf_id = leaf.weights, leaf.leaf_id
        chosen = ContextualBandit(
            leaf_id=leaf_id, variation_weights=weights, bandit_version=bandit.bandit_version
        )
        return replace(experiment, weights=weights, contextual_bandit=chosen)
