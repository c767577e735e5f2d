"""Experiments out of YAML, with the path of whatever is wrong; `experiments.experiment` lists the keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from typing import TypeVar

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.events.vocabulary import no_strangers
from regulars.events.window import Path, whole_days
from regulars.experiments.experiment import (
    BUCKETS,
    Analysis,
    Experiment,
    Goal,
    Guardrail,
    Layer,
    RampStep,
    Stop,
    Variant,
)
from regulars.setting import as_percent

Data = Mapping[str, object]
Read = TypeVar("Read")

_KEYS = {
    "title", "description", "hypothesis", "owner", "unit", "audience", "variants", "control", "primary", "secondary",
    "guardrails", "runs", "stop", "analysis", "allocation", "strata", "floor", "layer", "by", "tags", "ramp", "epoch",
    "salt",
}
_DAY = r"(\d{4}-\d{2}-\d{2})"


def declare(name: str, data: Data) -> Experiment:
    """Return the experiment that a mapping from YAML declares, as it says; `checks.problems` tells whether it can be.

    Raises DeclarationError with the path of the first thing that cannot be read.
    """
    no_strangers(data, _KEYS, ())
    if "variants" not in data:
        hint = "`variants: {as_it_is: 50, new: 50}`"
        raise DeclarationError(f"experiment {name!r} compares nothing", hint=hint)
    variants = _variants(data["variants"])
    begins, ends = _runs(data.get("runs"))
    return Experiment(
        name=name,
        unit=str(data.get("unit", "customer")),  # type: ignore[arg-type]  # words are checked with all that is declared
        audience=None if data.get("audience") is None else str(data["audience"]),
        variants=variants,
        control=str(data.get("control") or variants[0].name),
        primary=_each("primary", data, _goal),
        secondary=_each("secondary", data, _goal),
        guardrails=_each("guardrails", data, _guardrail),
        begins=begins,
        ends=ends,
        stop=_stop(data.get("stop") or {}),
        analysis=_analysis(data.get("analysis") or {}),
        allocation=str(data.get("allocation", "hash")),  # type: ignore[arg-type]  # as unit
        strata=_each("strata", data, lambda value, _: str(value)),
        floor=as_percent(data["floor"], ("floor",)) if "floor" in data else Fraction(1, 20),
        layer=_layer(data["layer"]) if "layer" in data else None,
        by=_each("by", data, lambda value, _: str(value)),
        tags=_each("tags", data, lambda value, _: str(value)),
        ramp=_ramp(data.get("ramp") or {}),
        epoch=_whole(data.get("epoch", 1), ("epoch",)),
        salt=str(data.get("salt") or ""),
        title=str(data.get("title") or name.replace("_", " ").capitalize()),
        **{key: str(data.get(key) or "").strip() for key in ("description", "hypothesis", "owner")},
    )


def _variants(data: object) -> tuple[Variant, ...]:
    path: Path = ("variants",)
    if isinstance(data, list) and data:
        return tuple(Variant(name=str(name), weight=Fraction(100, len(data))) for name in data)
    if not isinstance(data, Mapping) or not data:
        raise DeclarationError(f"{data!r} are no variants", hint="`{as_it_is: 50, new: 50}`", path=path)
    return tuple(Variant(name=str(name), weight=_weight(weight, (*path, str(name)))) for name, weight in data.items())


def _weight(value: object, path: Path) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DeclarationError(f"{value!r} is no weight", hint="a number of percent: 50", path=path)
    # As it was written: 33.3 is meant in tenths, not in halves of halves.
    return Fraction(str(value))


def _runs(value: object) -> tuple[date | None, date | None]:
    if value is None:
        return None, None
    if isinstance(value, date):
        return value, None
    found = re.fullmatch(rf"(?:from )?{_DAY}(?: to {_DAY})?", str(value).strip())
    try:
        if found is not None:
            return date.fromisoformat(found[1]), date.fromisoformat(found[2]) if found[2] else None
    except ValueError as error:
        raise DeclarationError(f"{value!r}: {error}", hint="days are year-month-day", path=("runs",)) from error
    raise DeclarationError(f"{value!r} are no days", hint="`runs: 2026-01-05 to 2026-02-16`", path=("runs",))


def _each(key: str, data: Data, read: Callable[[object, Path], Read]) -> tuple[Read, ...]:
    value = data.get(key)
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(read(item, (key, n)) for n, item in enumerate(value))
    return (read(value, (key,)),)


def _goal(value: object, path: Path) -> Goal:
    said = _metric(value, path, {"within"})
    return Goal(metric=str(said["metric"]), within=_within(said, path))


def _guardrail(value: object, path: Path) -> Guardrail:
    said = _metric(value, path, {"must_not", "margin", "within"})
    return Guardrail(
        metric=str(said["metric"]),
        must_not=str(said.get("must_not", "move")),  # type: ignore[arg-type]  # checked with all that is declared
        margin=as_percent(said["margin"], (*path, "margin")) if "margin" in said else Fraction(0),
        within=_within(said, path),
    )


def _metric(value: object, path: Path, beside: set[str]) -> Data:
    said = {"metric": value} if isinstance(value, str) else value
    if not isinstance(said, Mapping) or "metric" not in said:
        raise DeclarationError(f"{value!r} names no metric", hint="a metric's name, or `{metric: NAME}`", path=path)
    no_strangers(said, {"metric"} | beside, path)
    return said


def _within(said: Data, path: Path) -> int | None:
    return whole_days(said["within"], (*path, "within")) if said.get("within") is not None else None


def _stop(data: object) -> Stop:
    said = _mapping("stop", data, {"units", "power", "lift", "at_guardrail"}, "{units: 5000}")
    return Stop(
        units=_whole(said["units"], ("stop", "units")) if "units" in said else None,
        power=as_percent(said["power"], ("stop", "power")) if "power" in said else None,
        lift=as_percent(said["lift"], ("stop", "lift")) if "lift" in said else None,
        at_guardrail=_truth(said.get("at_guardrail", True), ("stop", "at_guardrail")),
    )


def _analysis(data: object) -> Analysis:
    if isinstance(data, str):
        data = {"method": data}
    said = _mapping("analysis", data, {"method", "alpha", "looks", "cuped", "winsor"}, "{method: sequential}")
    return Analysis(
        method=str(said.get("method", "sequential")),  # type: ignore[arg-type]  # checked with all that is declared
        alpha=as_percent(said["alpha"], ("analysis", "alpha")) if "alpha" in said else Fraction(1, 20),
        looks=_whole(said["looks"], ("analysis", "looks")) if "looks" in said else None,
        has_cuped=_truth(said.get("cuped", True), ("analysis", "cuped")),
        winsor=as_percent(said["winsor"], ("analysis", "winsor")) if "winsor" in said else None,
    )


def _layer(data: object) -> Layer:
    said = _mapping("layer", data, {"name", "from", "below"}, "{name: checkout, from: 0, below: 5000}")
    if "name" not in said:
        raise DeclarationError("the layer has no name", hint="`{name: checkout}`", path=("layer",))
    return Layer(
        name=str(said["name"]),
        first=_whole(said.get("from", 0), ("layer", "from")),
        below=_whole(said.get("below", BUCKETS), ("layer", "below")),
    )


def _ramp(data: object) -> tuple[RampStep, ...]:
    said = _mapping("ramp", data, None, "{2026-01-05: 10 %, 2026-01-12: 100 %}")
    steps = []
    for day, share in said.items():
        try:
            first = date.fromisoformat(str(day))
        except ValueError as error:
            raise DeclarationError(f"{day!r} is no day", hint="`2026-01-05: 10 %`", path=("ramp", str(day))) from error
        steps.append(RampStep(day=first, share=as_percent(share, ("ramp", str(day)))))
    return tuple(steps)


def _mapping(key: str, data: object, allowed: set[str] | None, like: str) -> Data:
    if not isinstance(data, Mapping):
        hint = did_you_mean(str(data), allowed) if allowed and isinstance(data, str) else f"`{key}: {like}`"
        raise DeclarationError(f"{data!r} is no {key}", hint=hint, path=(key,))
    if allowed is not None:
        no_strangers(data, allowed, (key,))
    return data


def _whole(value: object, path: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise DeclarationError(f"{value!r} is no whole number", hint="such as 5", path=path)
    return value


def _truth(value: object, path: Path) -> bool:
    if not isinstance(value, bool):
        raise DeclarationError(f"{value!r} is neither", hint="true or false", path=path)
    return value
