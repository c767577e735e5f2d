"""Which variation of an experiment a unit gets, and whether it takes part at all.

The order of the questions is that of GrowthBook's SDKs, so that both come to the same end (specification 0.8.0).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import UNSET

from regulars.flags import javascript
from regulars.flags.bucket import bucket_ranges, choose_variation, position
from regulars.flags.condition import Groups, meets
from regulars.flags.context import Context, Result
from regulars.flags.definition import Experiment, Filter, ParentCondition, VariationMeta
from regulars.flags.sticky import Assignments, Sticky, is_blocked, kept_assignments, kept_variation
from regulars.flags.url import forced_by_query, is_targeted

_OUT = -1


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What an experiment has to know of who is asked about, beside itself."""

    context: Context
    groups: Groups
    sticky: Sticky | None                    # as it is by now
    are_met: Callable[[list[ParentCondition]], bool]   # prerequisites of an experiment outside of a feature
    feature: str | None = None

    def result(self, experiment: Experiment) -> Result:
        """Return which variation the unit gets; not `in_experiment` for one that is left out."""
        if not self._is_asked(experiment):
            return self._given(experiment, _OUT)
        if (forced := self._forced(experiment)) is not None:
            return self._given(experiment, forced)
        _, unit = self._unit(experiment)
        if experiment.status == "draft" or not experiment.active or not unit:
            return self._given(experiment, _OUT)
        return self._assigned(experiment, unit)

    def _is_asked(self, experiment: Experiment) -> bool:
        """Return whether there is anything to ask: variations, a context that allows it, an address it runs on."""
        if len(experiment.variations) < 2 or not self.context.is_enabled:
            return False
        return experiment.url_patterns is None or is_targeted(self.context.url, experiment.url_patterns)

    def _assigned(self, experiment: Experiment, unit: object) -> Result:
        """Return the variation that was kept, or that the unit's place falls to."""
        kept = self._kept(experiment)
        before = None if kept is None else kept_variation(kept, experiment)
        if before is None and not self._is_eligible(experiment, unit):
            return self._given(experiment, _OUT)
        seed = experiment.seed or experiment.key
        place = position(javascript.text(unit), seed=seed, version=experiment.hash_version or 1)
        if kept is not None and place is not None and is_blocked(kept, experiment):
            return self._given(experiment, _OUT, is_sticky=True)
        variation = choose_variation(place, _ranges(experiment)) if place is not None and before is None else before
        if place is None or variation is None or variation < 0:
            return self._given(experiment, _OUT)
        if experiment.force is not UNSET:
            return self._given(experiment, experiment.force)
        if self.context.is_rehearsal or experiment.status == "stopped":
            return self._given(experiment, _OUT)
        return self._given(experiment, variation, place=place, is_sticky=before is not None)

    def _forced(self, experiment: Experiment) -> int | None:
        asked = forced_by_query(experiment.key, self.context.url, len(experiment.variations))
        return self.context.forced_variations.get(experiment.key) if asked is None else asked

    def _unit(self, experiment: Experiment) -> tuple[str, Any]:
        is_sticky = self.sticky is not None and not experiment.disable_sticky_bucketing
        return self.context.unit(experiment.hash_attribute, experiment.fallback_attribute if is_sticky else None)

    def _kept(self, experiment: Experiment) -> Assignments | None:
        if self.sticky is None or experiment.disable_sticky_bucketing:
            return None
        units = [self.context.unit(experiment.hash_attribute)]
        if experiment.fallback_attribute:
            units.append(self.context.unit(experiment.fallback_attribute))
        return kept_assignments(self.sticky, units)

    def _is_eligible(self, experiment: Experiment, unit: object) -> bool:
        """Return whether a unit may take part: namespace, condition, prerequisites. Who took part before may stay."""
        if experiment.filters is not None:
            if not is_let_in(experiment.filters, self.context):
                return False
        elif experiment.namespace is not None and not is_in_namespace(javascript.text(unit), experiment.namespace):
            return False
        if experiment.condition and not meets(
            self.context.attributes, experiment.condition, groups=self.groups
        ):
            return False
        return not experiment.parent_conditions or self.are_met(experiment.parent_conditions)

    def _given(
        self, experiment: Experiment, variation: int, *, place: float | None = None, is_sticky: bool = False
    ) -> Result:
        """Return a variation as a result; one that there is not is the control, and left out."""
        is_in = 0 <= variation < len(experiment.variations)
        variation = variation if is_in else 0
        attribute, unit = self._unit(experiment)
        metas = experiment.meta or []
        meta = metas[variation] if variation < len(metas) else VariationMeta()
        bandit = experiment.contextual_bandit if is_in and place is not None else None
        return Result(
            key=meta.key or str(variation),
            feature_id=self.feature,
            in_experiment=is_in,
            hash_used=place is not None,
            variation_id=variation,
            value=experiment.variations[variation] if experiment.variations else None,
            hash_attribute=attribute,
            hash_value=unit,
            sticky_bucket_used=is_sticky,
            name=meta.name,
            bucket=place,
            passthrough=meta.passthrough,
            leaf_id=bandit.leaf_id if bandit else None,
            variation_weights=bandit.variation_weights if bandit else None,
            bandit_version=bandit.bandit_version if bandit else None,
        )


def is_let_in(filters: Iterable[Filter], context: Context) -> bool:
    """Return whether a unit lies in the ranges of every filter."""
    for each in filters:
        _, unit = context.unit(each.attribute)
        place = position(javascript.text(unit), seed=each.seed, version=each.hash_version or 2) if unit else None
        if place is None or choose_variation(place, each.ranges) < 0:
            return False
    return True


def is_in_namespace(unit: str, namespace: tuple[str, float, float]) -> bool:
    """Return whether a unit lies in a range of a namespace, by hash version 1: similarly named ones overlap."""
    name, begin, end = namespace
    place = position(unit, seed=f"__{name}", version=1)
    return place is not None and begin <= place < end


def _ranges(experiment: Experiment) -> list[tuple[float, float]]:
    if experiment.ranges is not None:
        return experiment.ranges
    coverage = 1.0 if experiment.coverage is None else experiment.coverage
    return bucket_ranges(len(experiment.variations), coverage=coverage, weights=experiment.weights)
