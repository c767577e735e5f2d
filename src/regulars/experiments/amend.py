"""What may change in an experiment after it has begun, and what would make its answer worthless."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from regulars.errors import DeclarationError
from regulars.experiments.experiment import Experiment

_FIXED = {
    "unit": "the unit", "control": "the control", "allocation": "the allocation", "salt": "the salt",
    "layer": "the layer",
}


def amendment_problems(before: Experiment, after: Experiment, *, on: date) -> list[DeclarationError]:
    """Return what must not change any more on a day, each with what to do instead; nothing before it has begun.

    Titles, owner, secondary metrics, guardrails, a later end, another step of the ramp and new variants may change;
    weights may with a new epoch.
    """
    return list(_problems(before, after)) if before.has_begun(on) else []


def _problems(before: Experiment, after: Experiment) -> Iterator[DeclarationError]:
    since = f"after the start on {before.begins}"
    for key, words in _FIXED.items():
        if getattr(before, key) != getattr(after, key):
            yield DeclarationError(
                f"{words} changed {since}: units would change their variant",
                hint="put it back, or begin another experiment", path=(key,),
            )
    if before.primary != after.primary:
        yield DeclarationError(
            f"what decides changed {since}", hint="add the new metric to `secondary:`", path=("primary",)
        )
    kept = {variant.name for variant in after.variants}
    for variant in before.variants:
        if variant.name not in kept:
            yield DeclarationError(
                f"variant {variant.name!r} vanished {since}, and units are in it",
                hint=f"`{variant.name}: 0` takes no more units and keeps those it has", path=("variants",),
            )
    old, new = ({v.name: v.weight for v in each.variants if v.weight} for each in (before, after))
    if old != new and after.epoch <= before.epoch:
        yield DeclarationError(
            f"weights changed {since}: units from before and after are not alike",
            hint=f"`epoch: {before.epoch + 1}`: who is in keeps the variant, and epochs are analysed apart",
            path=("variants",),
        )
    if before.ramp and after.ramp and after.ramp[-1].share < before.ramp[-1].share:
        yield DeclarationError(f"the ramp shrank {since}", hint="who is in stays in: steps only go up", path=("ramp",))
