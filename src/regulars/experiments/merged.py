"""Merged: whose variant is whose after two ids have turned out to be one customer; the first one given stays."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """Rows of units as they are called now."""

    rows: pa.Table                           # one a unit: its earliest row
    crossed: pa.Array                        # units of which there are rows of several variants


def inherited(rows: pa.Table, register: pa.Table, *, id_column: str, moment: str) -> Inherited:
    """Return assignments or exposures by the ids that are in force.

    Args:
        rows: With unit, variant and a moment.
        register: The ids that were given up at least: the id, and in `merged_into` the one that goes on; null of an
            id that is in force.
        id_column: What the register calls the id.
        moment: The column of rows by which the first one is told.

    """
    unit = in_force(rows["unit"].combine_chunks(), register, id_column=id_column)
    own = rows.set_column(rows.schema.get_field_index("unit"), "unit", unit)
    ordered = own.sort_by([("unit", "ascending"), (moment, "ascending"), ("variant", "ascending")]).combine_chunks()
    first = ordered.group_by("unit", use_threads=False).aggregate([([], "count_all"), ("variant", "count_distinct")])
    starts = pc.subtract(pc.cumulative_sum(first["count_all"]), first["count_all"])
    crossed = first["unit"].filter(pc.greater(first["variant_count_distinct"], 1))
    return Inherited(rows=ordered.take(starts), crossed=crossed.combine_chunks())


def in_force(ids: pa.Array, register: pa.Table, *, id_column: str) -> pa.Array:
    """Return for each id the one that goes on for it: itself, unless it was merged, perhaps several times."""
    gone = register.filter(pc.is_valid(register["merged_into"]))
    former, heirs = gone[id_column].combine_chunks(), gone["merged_into"].combine_chunks()
    while (at := pc.index_in(ids, former)).null_count < len(at):
        ids = pc.coalesce(heirs.take(at), ids)
    return ids
