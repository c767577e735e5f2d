"""Seen: variants that applications showed, written into the book as assignments and exposures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

import pyarrow as pa

from regulars.pipeline.assign import PLANNED, begin
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
        epoch = 1
        if name in declared:
            begin(workspace, declared[name], at=seen[0].at, planned=declared[name].stop.units or PLANNED)
            epoch = declared[name].epoch
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
