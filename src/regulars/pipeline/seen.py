"""Seen: variants that applications showed, written into the book as assignments and exposures."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

import pyarrow as pa

from regulars.errors import DeclarationError
from regulars.experiments.experiment import Experiment
from regulars.pipeline.assign import PLANNED, begin, in_force
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.experiments import ASSIGNMENTS, EXPOSURES


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A unit was shown a variant of an experiment."""

    experiment: str
    unit: str
    variant: str
    propensity: float                        # the chance the unit had of it, in (0, 1]
    at: datetime                             # aware


def write_sights(workspace: Workspace, sights: Iterable[Sight]) -> int:
    """Keep what was seen; a unit's first variant is its own, and every other one it saw is told of. Returns new ones.

    An experiment that the project declares begins with its first sight.
    """
    ordered = sorted(sights, key=lambda sight: (sight.experiment, sight.at))
    declared = {each.name: each for each in workspace.project.experiments}
    book, added = workspace.book.experiments, 0
    for name, each in groupby(ordered, key=lambda sight: sight.experiment):
        seen = list(each)
        epoch = _epoch(workspace, declared[name], at=seen[0].at) if name in declared else 1
        shared = {
            "unit": [sight.unit for sight in seen], "variant": [sight.variant for sight in seen],
        }
        at = pa.array([sight.at.astimezone(UTC).replace(tzinfo=None) for sight in seen], pa.timestamp("us"))
        book.assign(name, pa.table({
            **shared, "epoch": [epoch] * len(seen), "propensity": [sight.propensity for sight in seen],
            "assigned_at": at, "how": ["hash"] * len(seen),
        }, schema=ASSIGNMENTS))
        added += book.expose(name, pa.table({**shared, "exposed_at": at, "by": ["flag"] * len(seen)}, schema=EXPOSURES))
    return added


def _epoch(workspace: Workspace, experiment: Experiment, *, at: datetime) -> int:
    """Return the epoch in which units are assigned now; of a change that is refused, the one it would have changed."""
    experiment = in_force(workspace, experiment)
    try:
        begin(workspace, experiment, at=at, planned=experiment.stop.units or PLANNED)
    except DeclarationError:
        # The run says what is wrong with the declaration; what people saw is kept all the same.
        return int(json.loads(workspace.book.experiments.epochs(experiment.name)[-1].setup)["epoch"])
    return experiment.epoch
