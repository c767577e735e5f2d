"""Enrol: which of the units that an experiment may have get in today, and with which variant.

Every step is a place under a salt of its own, so that none of them follows from another: holdouts, the layer, the ramp,
the variant. A unit that has a variant keeps it, whatever the declaration says by now.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.experiments.assign import STORED, allocate
from regulars.experiments.experiment import BUCKETS, Experiment
from regulars.experiments.holdout import Holdout, holdouts_of
from regulars.flags.bucket import bucketed, chosen_variations, positions

ENROLLED = pa.schema([
    ("unit", pa.string()), ("variant", pa.string()), ("epoch", pa.int64()), ("propensity", pa.float64()),
    ("how", pa.string()),                    # hash or quota; null where the variant was stored before
    ("left_out", pa.string()),               # why the unit has no variant
])
"""One row per unit asked about, each once, sorted by unit."""


def enrol(
    units: pa.Array, *, experiment: Experiment, day: date, holdouts: Iterable[Holdout] = (),
    stored: pa.Table | None = None, strata: pa.Table | None = None,
) -> pa.Table:
    """Return which variant each unit has from today on, as ENROLLED.

    Args:
        units: Ids of customers or households; each counts once.
        experiment: What they may get into.
        day: Business day.
        holdouts: All that are declared; those that concern the experiment keep their units out.
        stored: Everybody who has a variant of it, as assign.STORED.
        strata: Within which its quotas hold too, as assign.STRATA.

    """
    known = STORED.empty_table() if stored is None else stored.select(STORED.names)
    ids = pc.unique(units)
    ids = ids.take(pc.sort_indices(ids)).cast(pa.string())
    at = pc.index_in(ids, known["unit"].combine_chunks())
    reasons = _left_out(ids, experiment, day, list(holdouts))
    reasons = pc.if_else(pc.is_valid(at), pa.scalar(None, pa.string()), reasons)
    fresh = ids.filter(pc.and_(pc.is_null(at), pc.is_null(reasons)))
    given = _given(fresh, experiment, known, strata)
    own = pc.index_in(ids, fresh)
    weights = {variant.name: float(variant.weight) / 100 for variant in experiment.variants}
    variant = pc.coalesce(known["variant"].combine_chunks().take(at), given.take(own))
    return pa.table({
        "unit": ids, "variant": variant,
        "epoch": pc.coalesce(
            known["epoch"].combine_chunks().take(at),
            pc.if_else(pc.is_valid(own), pa.scalar(experiment.epoch, pa.int64()), None),
        ),
        "propensity": pa.array([weights.get(name) for name in variant.to_pylist()], pa.float64()),
        "how": pc.if_else(pc.is_valid(own), experiment.allocation, pa.scalar(None, pa.string())), "left_out": reasons,
    }, schema=ENROLLED)


def _given(fresh: pa.Array, experiment: Experiment, stored: pa.Table, strata: pa.Table | None) -> pa.Array:
    """Return the variant of each new unit."""
    names = pa.array([variant.name for variant in experiment.variants], pa.string())
    if experiment.allocation == "quota":
        return allocate(fresh, experiment=experiment, stored=stored, strata=strata)["variant"].combine_chunks()
    ends = np.cumsum([float(variant.weight) / 100 for variant in experiment.variants])
    ends[-1] = 1.0
    # Another epoch splits anew: its units are others, and their variants must not follow from the former weights.
    salt = experiment.key if experiment.epoch == 1 else f"{experiment.key}.{experiment.epoch}"
    places = positions(fresh, seed=salt, version=3)
    chosen = chosen_variations(places, list(zip([0.0, *ends[:-1]], ends, strict=True)))
    return names.take(pa.array(chosen))


def _left_out(ids: pa.Array, experiment: Experiment, day: date, holdouts: list[Holdout]) -> pa.Array:
    """Return why each new unit stays out, null where it gets in; the first reason of several."""
    reasons = pa.nulls(len(ids), pa.string())
    tests: list[tuple[NDArray[np.bool_], str]] = [
        (positions(ids, seed=f"holdout.{holdout.name}", version=3) < float(holdout.share), f"holdout {holdout.name}")
        for holdout in sorted(holdouts_of(experiment, holdouts), key=lambda each: each.name)
    ]
    if experiment.layer is not None:
        layer = experiment.layer
        place = bucketed(ids, salt=f"layer.{layer.name}", buckets=BUCKETS)
        tests.append(((place < layer.first) | (place >= layer.below), f"layer {layer.name}"))
    share = float(experiment.share_on(day))
    if share < 1:
        is_outside = positions(ids, seed=f"ramp.{experiment.key}", version=3) >= share
        tests.append((is_outside, f"ramp at {share:.0%}"))
    for holds, why in tests:
        reasons = pc.coalesce(reasons, pc.if_else(pa.array(holds), why, pa.scalar(None, pa.string())))
    return reasons
