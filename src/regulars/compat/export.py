"""What an export will write, decided before anything is: which tables, as of when, and why some are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

import ibis
import ibis.expr.types as ir

from regulars.check import did_you_mean
from regulars.compat.layout import LATER, REFERENCE, ExportTable
from regulars.compat.material import Material
from regulars.errors import NotFound
from regulars.events.currency import minor_digits
from regulars.events.window import AsOf
from regulars.pipeline.workspace import Workspace

Layout = Literal["reference", "lake"]
Format = Literal["csv", "parquet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A file that is not written, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be written where, below whatever folder, and of what."""

    tables: tuple[ExportTable, ...]
    left_out: tuple[LeftOut, ...]
    material: Material
    layout: Layout
    format: Format
    dated: date | None = None                # file names end in it: members_2026-01-31.csv

    def file(self, table: ExportTable) -> str:
        """Return the path of a table's file below the folder."""
        return f"{table.path}{f'_{self.dated}' if self.dated else ''}.{self.format}"


def plan_export(
    workspace: Workspace, names: Sequence[str] = (), *, layout: Layout = "reference", format: Format = "csv",  # noqa: A002  the reader's word
    as_of: datetime | None = None, snapshot: date | None = None,
) -> Plan:
    """Decide what an export of some tables (none named: all) writes.

    Args:
        workspace: The project.
        names: Tables or paths of the layout: members, capitan/members.
        layout: The reference's files, or the product's own tables.
        format: Of the files.
        as_of: An aware moment: tables as they were then, days counted from then.
        snapshot: The day of a kept snapshot: its tables, days counted from it, names that end in it.

    Raises:
        NotFound: No such table or snapshot; a table that was named cannot be made yet; or nothing can.

    """
    material = material_of(workspace, as_of=as_of, snapshot=snapshot)
    known = REFERENCE if layout == "reference" else own_tables(material)
    chosen = [_named(name, known, layout) for name in names] or list(known)
    missing = {table.path: [need for need in table.needs if need not in material.tables] for table in chosen}
    for table in chosen:
        if names and missing[table.path]:
            raise NotFound(f"{table.name} is made of {_listed(missing[table.path])}, which is not there yet",
                           hint="regulars run, with a source that has it")
    can = tuple(dict.fromkeys(table for table in chosen if not missing[table.path]))
    if not can:
        when = f"at {as_of.isoformat()}" if as_of else "yet"
        raise NotFound(f"there is nothing to export {when}", hint="regulars run" if not as_of else "a later --as-of")
    left = [LeftOut(path=path, reason=f"there is no {_listed(needs)}") for path, needs in missing.items() if needs]
    if layout == "reference" and not names:
        left += [LeftOut(path=later.path, reason=f"comes with {later.comes_with}") for later in LATER]
    return Plan(tables=can, left_out=tuple(left), material=material, layout=layout, format=format, dated=snapshot)


def material_of(workspace: Workspace, *, as_of: datetime | None = None, snapshot: date | None = None) -> Material:
    """Return the lake as it is, as it was at a moment (aware), or as a snapshot kept it."""
    project, business = workspace.project, workspace.project.config.business
    tables, read = _versions(workspace, as_of, snapshot)
    at = as_of or workspace.clock.now()
    if snapshot is not None:
        at = datetime.combine(snapshot + timedelta(days=1), time(0), tzinfo=business.zone) - timedelta(seconds=1)

    def empty(schema: ibis.Schema) -> ir.Table:
        return workspace.stores.engine.arrow(schema.to_pyarrow().empty_table())

    return Material(
        tables=frozenset(tables), read=read, empty=empty, as_of=AsOf(at=at, zone=business.timezone),
        plans=project.plans, subcategories=project.subcategories, streams=tuple(project.streams.values()),
        priorities={segment.name: segment.priority for segment in project.segments},
        digits=minor_digits(business.currency),
    )


def own_tables(material: Material) -> tuple[ExportTable, ...]:
    """Return every table of the lake as a file: records.capitan.check_ins is records/capitan/check_ins."""
    return tuple(
        ExportTable(path=name.replace(".", "/"), build=_reads(name), needs=(name,),
                    order_by=tuple(material.table(name).columns))
        for name in sorted(material.tables)
    )


def _reads(name: str) -> Callable[[Material], ir.Table]:
    return lambda material: material.table(name)


def _versions(
    workspace: Workspace, as_of: datetime | None, snapshot: date | None
) -> tuple[Iterable[str], Callable[[str], ir.Table]]:
    lake = workspace.lake
    if snapshot is not None:
        kept = workspace.book.versions.tagged(str(snapshot))
        if not kept:
            hint = did_you_mean(str(snapshot), workspace.book.versions.tags())
            hint = f"{hint}; regulars export --snapshot today keeps one"
            raise NotFound(f"there is no snapshot of {snapshot}", hint=hint)
        return kept, lambda name: lake.at_snapshot(name, snapshot)
    if as_of is not None:
        then = [name for name in lake.tables() if _was_there(workspace, name, as_of)]
        return then, lambda name: lake.table(name, as_of=as_of)
    return lake.tables(), lake.table


def _was_there(workspace: Workspace, name: str, at: datetime) -> bool:
    return any(version.published_at <= at for version in workspace.lake.versions(name))


def _named(name: str, known: Sequence[ExportTable], layout: Layout) -> ExportTable:
    wanted = name.replace(".", "/") if layout == "lake" else name
    for table in known:
        if wanted in {table.path, table.name} and (layout == "reference" or wanted == table.path):
            return table
    for later in LATER:
        if layout == "reference" and wanted in {later.path, later.name}:
            raise NotFound(f"{later.name} cannot be given yet", hint=f"it comes with {later.comes_with}")
    names = [table.name if layout == "reference" else table.needs[0] for table in known]
    raise NotFound(f"there is no table {name!r} in the {layout} layout", hint=did_you_mean(name, names))


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)
