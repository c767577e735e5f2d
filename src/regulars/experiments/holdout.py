"""Holdouts: customers whom no experiment touches, so that what all of them did together can be told.

`everybody: {share: 5 %}` keeps out of every experiment, `prices: {share: 10 %, tags: [pricing]}` out of those with one
of these tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from regulars.errors import DeclarationError
from regulars.events.vocabulary import no_strangers
from regulars.experiments.experiment import Experiment
from regulars.setting import as_percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """A share of all units that is kept out of experiments."""

    name: str
    share: Fraction                          # of 1
    tags: tuple[str, ...] = ()               # of experiments; none: of all

    def holds(self, experiment: Experiment) -> bool:
        """Return whether it keeps its units out of an experiment."""
        return not self.tags or not set(self.tags).isdisjoint(experiment.tags)


def declare(data: Mapping[str, object]) -> tuple[Holdout, ...]:
    """Return the holdouts that `holdouts.yaml` declares, by name.

    Raises DeclarationError with the path of the first thing that is wrong.
    """
    return tuple(_holdout(name, data[name]) for name in sorted(data))


def holdouts_of(experiment: Experiment, holdouts: Iterable[Holdout]) -> tuple[Holdout, ...]:
    """Return the holdouts whose units an experiment must leave alone."""
    return tuple(holdout for holdout in holdouts if holdout.holds(experiment))


def _holdout(name: str, data: object) -> Holdout:
    if not isinstance(data, Mapping) or "share" not in data:
        raise DeclarationError(f"holdout {name!r} holds nobody", hint="`{share: 5 %}`", path=(name,))
    no_strangers(data, {"share", "tags"}, (name,))
    share = as_percent(data["share"], (name, "share"))
    if not 0 < share < 1:
        raise DeclarationError(
            f"a holdout of {data['share']} leaves no comparison", hint="such as 5 %", path=(name, "share")
        )
    tags = data.get("tags") or []
    if not isinstance(tags, list):
        raise DeclarationError(f"{tags!r} is no list of tags", hint="`tags: [pricing]`", path=(name, "tags"))
    return Holdout(name=name, share=share, tags=tuple(map(str, tags)))
