"""Whether an experiment can be: weights that add up, words that exist, a question that can be answered.

Everything that is wrong is told at once, each with what would be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from fractions import Fraction
from typing import get_args

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.experiments.experiment import BUCKETS, Allocation, Experiment, Layer, Method, MustNot, Unit, Variant

Path = tuple[str | int, ...]


def problems(
    experiment: Experiment, *, metrics: frozenset[str] | None = None, segments: frozenset[str] | None = None
) -> list[DeclarationError]:
    """Return everything that is wrong with an experiment, in the order of its keys.

    `metrics` and `segments` are the names there are; None: any, for experiments read without their project.
    """
    return [
        *_word_errors(experiment), *_audience_errors(experiment, segments), *variant_problems(experiment),
        *_control_errors(experiment), *_metric_errors(experiment, metrics), *_time_errors(experiment),
        *_analysis_errors(experiment), *_bandit_errors(experiment),
        *_layer_errors(experiment), *_ramp_errors(experiment),
    ]


def variant_problems(experiment: Experiment) -> Iterator[DeclarationError]:
    """Return what is wrong with the variants: their names, their weights, which is the control."""
    variants = experiment.variants
    names = [variant.name for variant in variants]
    if len(variants) < 2:
        yield DeclarationError("one variant can be compared with nothing", hint="add a control", path=("variants",))
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield DeclarationError(f"variant {name!r} stands here twice", hint="names are unique", path=("variants",))
    if experiment.control not in names:
        hint = did_you_mean(experiment.control, names)
        yield DeclarationError(f"the control {experiment.control!r} is no variant", hint=hint, path=("control",))
    for variant in variants:
        if variant.weight < 0:
            yield DeclarationError(
                f"the weight of {variant.name!r} is {_number(variant.weight)}", hint="0 at least",
                path=("variants", variant.name),
            )
    total = sum(variant.weight for variant in variants)
    if total != 100 and all(variant.weight >= 0 for variant in variants):
        hint = f"in these proportions: {in_percent(variants)}" if total > 0 else "such as {as_it_is: 50, new: 50}"
        yield DeclarationError(f"weights add up to {_number(Fraction(total))}, not 100", hint=hint, path=("variants",))


def layer_problems(experiments: Iterable[Experiment]) -> list[tuple[Experiment, DeclarationError]]:
    """Return experiments that take units of their layer which an earlier one by name has on the same days."""
    found, before = [], list[Experiment]()
    for one in sorted(experiments, key=lambda each: each.name):
        for other in before:
            if one.layer and other.layer and _share_units(one.layer, other.layer) and _share_days(one, other):
                free = _free(one.layer, [each.layer for each in before if each.layer and _share_days(one, each)])
                first, below = max(one.layer.first, other.layer.first), min(one.layer.below, other.layer.below)
                error = DeclarationError(
                    f"buckets {first} to {below} of the layer {one.layer.name!r} belong to {other.name!r} on the same "
                    "days",
                    hint=free, path=("layer",),
                )
                found.append((one, error))
                break
        before.append(one)
    return found


def in_percent(variants: Iterable[Variant]) -> str:
    """Return weights in the same proportions that add up to 100, whole percents by largest remainder."""
    each = list(variants)
    total = sum(variant.weight for variant in each)
    exact = [variant.weight * 100 / total for variant in each]
    whole = [int(share) for share in exact]
    rest = sorted(range(len(each)), key=lambda n: (whole[n] - exact[n], n))[: 100 - sum(whole)]
    return _weights(
        Variant(name=variant.name, weight=Fraction(whole[n] + (n in rest))) for n, variant in enumerate(each)
    )


def _weights(variants: Iterable[Variant]) -> str:
    return "{" + ", ".join(f"{variant.name}: {_number(variant.weight)}" for variant in variants) + "}"


def _number(value: Fraction) -> str:
    return f"{float(value):g}"


def _word_errors(experiment: Experiment) -> Iterator[DeclarationError]:
    words: tuple[tuple[Path, str, object], ...] = (
        (("unit",), experiment.unit, Unit), (("allocation",), experiment.allocation, Allocation),
        (("analysis", "method"), experiment.analysis.method, Method),
        *((("guardrails", n, "must_not"), each.must_not, MustNot) for n, each in enumerate(experiment.guardrails)),
    )
    for path, word, known in words:
        if word not in get_args(known):
            hint = did_you_mean(word, get_args(known))
            yield DeclarationError(f"{path[-1]} {word!r} is unknown", hint=hint, path=path)
    if experiment.allocation != "hash" and experiment.unit not in {"customer", "household"}:
        needs = "a bandit gives variants by runs" if experiment.allocation == "bandit" else "a quota needs a list"
        yield DeclarationError(
            f"{needs}, and each {experiment.unit} comes by itself", hint="allocation: hash", path=("allocation",)
        )


def _audience_errors(experiment: Experiment, segments: frozenset[str] | None) -> Iterator[DeclarationError]:
    name = experiment.audience
    if name is not None and segments is not None and name not in segments:
        yield DeclarationError(f"no segment {name!r}", hint=did_you_mean(name, segments), path=("audience",))
    for key, names in (("by", experiment.by), ("strata", experiment.strata)):
        for n, each in enumerate(names):
            if segments is not None and each not in segments:
                yield DeclarationError(f"no segment {each!r}", hint=did_you_mean(each, segments), path=(key, n))
    if experiment.strata and experiment.allocation != "quota":
        yield DeclarationError(
            f"strata are of a quota, and {experiment.allocation} deals nothing out", hint="allocation: quota",
            path=("strata",),
        )


def _control_errors(experiment: Experiment) -> Iterator[DeclarationError]:
    """A list may be dealt out without a control; an experiment compares with it."""
    for variant in experiment.variants:
        if variant.name == experiment.control and variant.weight == 0:
            yield DeclarationError(
                f"the control {variant.name!r} has the weight 0: nobody is left to compare with",
                hint="give it a weight, or name another: `control: NAME`", path=("variants", variant.name),
            )


def _metric_errors(experiment: Experiment, metrics: frozenset[str] | None) -> Iterator[DeclarationError]:
    if not experiment.primary:
        yield DeclarationError("nothing decides this experiment", hint="add `primary: METRIC`", path=())
    seen = set[str]()
    for key, each in (("primary", experiment.primary), ("secondary", experiment.secondary)):
        for n, goal in enumerate(each):
            if goal.metric in seen:
                hint = "a metric decides, or it is secondary"
                yield DeclarationError(f"{goal.metric!r} is named twice", hint=hint, path=(key, n))
            seen.add(goal.metric)
    if metrics is None:
        return
    for key, names in (
        ("primary", [goal.metric for goal in experiment.primary]),
        ("secondary", [goal.metric for goal in experiment.secondary]),
        ("guardrails", [guardrail.metric for guardrail in experiment.guardrails]),
    ):
        for n, name in enumerate(names):
            if name not in metrics:
                yield DeclarationError(f"no metric {name!r}", hint=did_you_mean(name, metrics), path=(key, n))


def _time_errors(experiment: Experiment) -> Iterator[DeclarationError]:
    begins, ends, stop = experiment.begins, experiment.ends, experiment.stop
    if begins and ends and ends < begins:
        yield DeclarationError(f"it ends on {ends}, before it begins", hint=f"`{ends} to {begins}`", path=("runs",))
    if stop.units is not None and stop.units < 1:
        yield DeclarationError(f"{stop.units} units are none", hint="such as 5000", path=("stop", "units"))
    if (stop.power is None) != (stop.lift is None):
        hint = "`stop: {power: 80 %, lift: 10 %}`"
        yield DeclarationError("power is for a lift of some size: both or neither", hint=hint, path=("stop",))
    if stop.power is not None and not 0 < stop.power < 1:
        yield DeclarationError("the power is a share between 0 and 100 %", hint="80 %", path=("stop", "power"))


def _analysis_errors(experiment: Experiment) -> Iterator[DeclarationError]:
    analysis, stop = experiment.analysis, experiment.stop
    if not 0 < analysis.alpha < Fraction(1, 2):
        yield DeclarationError(
            f"alpha of {_number(analysis.alpha * 100)} % is no chance of error", hint="5 %", path=("analysis", "alpha")
        )
    if analysis.winsor is not None and not Fraction(1, 2) < analysis.winsor < 1:
        yield DeclarationError("winsor cuts the highest values only", hint="99 %", path=("analysis", "winsor"))
    if (analysis.method == "group_sequential") != (analysis.looks is not None):
        wants = analysis.looks is None
        yield DeclarationError(
            "group_sequential plans its looks" if wants else f"{analysis.method} plans no looks",
            hint="`{method: group_sequential, looks: 5}`" if wants else "leave `looks:` out", path=("analysis",),
        )
    elif analysis.looks is not None and analysis.looks < 2:
        yield DeclarationError(f"{analysis.looks} looks are no group", hint="2 or more", path=("analysis", "looks"))
    if analysis.method == "fixed" and experiment.begins and not (experiment.ends or stop.units or stop.power):
        yield DeclarationError(
            "fixed looks once, and nothing says when", hint="`runs: … to …`, or `stop: {units: …}`", path=("analysis",)
        )


def _bandit_errors(experiment: Experiment) -> Iterator[DeclarationError]:
    if experiment.allocation != "bandit":
        return
    floor, most = experiment.floor, Fraction(1, max(len(experiment.variants), 1))
    if not 0 < floor < most:
        hint = f"5 %: above 0, and below {_number(most * 100)} % for {len(experiment.variants)} variants"
        yield DeclarationError("what is never given cannot be weighed, and not all can have more", hint=hint,
                               path=("floor",))
    for variant in experiment.variants:
        if 0 <= variant.weight < floor * 100:
            yield DeclarationError(
                f"{variant.name!r} begins below the floor of {_number(floor * 100)} %",
                hint="weights are those of the first units; all alike: `variants: [one, other]`",
                path=("variants", variant.name),
            )
    if experiment.analysis.method != "sequential":
        yield DeclarationError(
            f"a bandit is looked at by every run, and {experiment.analysis.method} is not for that",
            hint="analysis: sequential", path=("analysis", "method"),
        )
    if experiment.epoch != 1:
        yield DeclarationError("a bandit begins its epochs itself", hint="leave `epoch:` out", path=("epoch",))


def _layer_errors(experiment: Experiment) -> Iterator[DeclarationError]:
    layer = experiment.layer
    if layer is not None and not 0 <= layer.first < layer.below <= BUCKETS:
        yield DeclarationError(
            f"{layer.first} to {layer.below} is no range of buckets", hint=f"whole numbers, 0 to {BUCKETS}",
            path=("layer",),
        )


def _ramp_errors(experiment: Experiment) -> Iterator[DeclarationError]:
    for before, step in zip(experiment.ramp, experiment.ramp[1:], strict=False):
        if step.day <= before.day or step.share < before.share:
            yield DeclarationError(
                f"the step of {step.day} does not go up from {before.day}",
                hint="later days, larger shares: who is in stays in", path=("ramp", step.day.isoformat()),
            )
    for step in experiment.ramp:
        if not 0 < step.share <= 1:
            path = ("ramp", step.day.isoformat())
            yield DeclarationError("a step lets in more than nobody, at most all", hint="10 %", path=path)


def _share_units(one: Layer, other: Layer) -> bool:
    return one.name == other.name and max(one.first, other.first) < min(one.below, other.below)


def _share_days(one: Experiment, other: Experiment) -> bool:
    """Drafts have no days yet, and no units."""
    if one.begins is None or other.begins is None:
        return False
    first = max(one.begins, other.begins)
    return first <= min(one.ends or date.max, other.ends or date.max)


def _free(layer: Layer, taken: Iterable[Layer]) -> str:
    edge = max(each.below for each in taken if each.name == layer.name)
    if edge >= BUCKETS:
        return "narrow the other's range, or run them one after the other"
    return f"free: {{name: {layer.name}, from: {edge}, below: {BUCKETS}}}"
