"""Imported: assignments that were made elsewhere, brought in with what tells who got which variant and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from regulars.errors import DeclarationError
from regulars.experiments.experiment import Experiment
from regulars.pipeline.assign import PLANNED, begin, expose_assigned
from regulars.pipeline.experiment import experiment_named
from regulars.pipeline.tables import HOUSEHOLD_MEMBERS
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.experiments import ASSIGNMENTS

COLUMNS = ("source", "id", "variant", "at")
"""source and id of a profile, or `customer_id` instead of both; the variant; when it was assigned (UTC)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of the rows."""

    added: int                               # units that had no variant before
    known: int                               # units that had one, which stays
    refused: Mapping[str, int]               # reason -> rows


def read_rows(file: Path) -> pa.Table:
    """Return the rows of a CSV, every value as text; what is empty is missing. Raises DeclarationError for no CSV."""
    from pyarrow import csv  # noqa: PLC0415  a command of its own

    with file.open("rb") as text:
        names = text.readline().decode("utf-8-sig", "replace").strip().split(",")
    types = {name.strip('" '): pa.string() for name in names}
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""])
    try:
        return csv.read_csv(file, convert_options=options)
    except pa.ArrowInvalid as error:
        raise DeclarationError(f"{file} cannot be read: {error}", hint="a CSV with a line of column names") from error


def import_assignments(workspace: Workspace, name: str, rows: pa.Table) -> Imported:
    """Keep assignments made elsewhere; of several rows of one unit the earliest counts. Nothing stored changes.

    Takes COLUMNS; raises DeclarationError when one is missing. Rows of unknown people or variants are refused and
    counted by reason; the rest is kept.
    """
    experiment = experiment_named(workspace, name)
    if experiment.allocation == "bandit":
        raise DeclarationError(
            f"{name!r} is a bandit: with which chances a list was made elsewhere, nobody here knows",
            hint="allocation: hash", path=("allocation",),
        )
    told = _with_units(workspace, experiment, _checked(rows))
    names = pa.array([variant.name for variant in experiment.variants])
    is_variant = pc.is_in(told["variant"], names).fill_null(False)
    reasons = pc.case_when(
        pc.make_struct(pc.is_null(told["unit"]), pc.is_null(told["at"]), pc.invert(is_variant)),
        "nobody here is called so", "there is no moment", "the experiment has no such variant",
    )
    kept = told.filter(pc.is_null(reasons)).sort_by([("unit", "ascending"), ("at", "ascending")])
    first = kept.take(_first_of_each(kept["unit"].combine_chunks()))
    moment = pc.min(first["at"]).as_py() if len(first) else workspace.clock.now()
    begin(workspace, experiment, at=moment, planned=experiment.stop.units or len(first) or PLANNED)
    weights = {variant.name: float(variant.weight) / 100 for variant in experiment.variants}
    assignments = pa.table({
        "unit": first["unit"], "variant": first["variant"],
        "epoch": pa.repeat(pa.scalar(experiment.epoch, pa.int64()), len(first)),
        "propensity": pa.array([weights[each] for each in first["variant"].to_pylist()], pa.float64()),
        "assigned_at": first["at"], "how": pa.repeat("imported", len(first)),
    }, schema=ASSIGNMENTS)
    added = workspace.book.experiments.assign(name, assignments)
    expose_assigned(workspace, experiment)
    counts = pc.value_counts(pc.drop_null(reasons)).to_pylist()
    refused = {each["values"]: each["counts"] for each in counts}
    return Imported(added=added, known=len(first) - added, refused=refused)


def _checked(rows: pa.Table) -> pa.Table:
    who = ["customer_id"] if "customer_id" in rows.column_names else ["source", "id"]
    missing = [name for name in (*who, "variant", "at") if name not in rows.column_names]
    if missing:
        raise DeclarationError(
            f"the table has no column {', '.join(missing)}",
            hint="columns are source, id, variant, at; or customer_id, variant, at",
        )
    texts = {name: rows[name].cast(pa.string()) for name in (*who, "variant")}
    try:
        moments = rows["at"].cast(pa.timestamp("us", "UTC") if _is_text(rows["at"]) else rows["at"].type)
        return pa.table({**texts, "at": moments.cast(pa.timestamp("us"))})
    except pa.ArrowInvalid as error:
        raise DeclarationError(f"`at`: {error}", hint="moments are like 2026-01-05T09:30:00Z", path=("at",)) from error


def _is_text(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_string(column.type))


def _with_units(workspace: Workspace, experiment: Experiment, rows: pa.Table) -> pa.Table:
    """Return the rows with `unit`, null where nobody is called so."""
    table = workspace.stores.engine.arrow(rows)
    if "customer_id" in rows.column_names:
        customers = workspace.table("customers").select("customer_id", known=ibis.literal(True))
        named = table.left_join(customers, "customer_id")
        named = named.mutate(customer=ibis.ifelse(named.known.notnull(), named.customer_id, ibis.null("string")))
    else:
        identity = workspace.table("identity")
        own = identity.select(source=identity.profile_source, id=identity.profile_id, customer=identity.customer_id)
        named = table.left_join(own, ["source", "id"])
    found = named.select("variant", "at", unit=named.customer)
    if experiment.unit == "household":
        members = workspace.table(HOUSEHOLD_MEMBERS)
        homes = members.select(unit=members.customer_id, home=members.household_id)
        joined = found.left_join(homes, "unit")
        found = joined.select("variant", "at", unit=joined.home)
    return workspace.fetch(found)


def _first_of_each(units: pa.Array) -> pa.Array:
    """Return the places of the first row of each run of equal units."""
    if not len(units):
        return pa.array([], pa.int64())
    is_first = pc.not_equal(units.slice(1), units.slice(0, len(units) - 1))
    starts = pa.concat_arrays([pa.array([True]), is_first])
    return pc.indices_nonzero(starts)
