"""`regulars export`: tables as files, in the reference's layout or the product's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from regulars.cli.moment import MOMENT, clock_at
from regulars.cli.screen import console, project_options, show_json, show_table

if TYPE_CHECKING:
    from regulars.compat.export import Format, Plan
    from regulars.compat.files import ExportedFile
    from regulars.pipeline.workspace import Workspace

TODAY = "today"


@click.command("export")
@click.argument("tables", nargs=-1)
@project_options
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), help="The folder to write into.")
@click.option("--format", "format_", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@click.option("--layout", type=click.Choice(["reference", "lake", "statistics"]), default="reference",
              show_default=True, help="The reference's files, the product's own tables, or daily files of shops.")
@click.option("--as-of", type=MOMENT, help="Tables as they were then, days counted from then.")
@click.option("--snapshot", metavar="DATE|today", help="A kept day; `today` keeps this one. Names end in the day.")
@click.option("--person", metavar="CUSTOMER", help="Everything known of one customer, as a ZIP of JSON files.")
@click.option("--days", type=click.IntRange(1, 3660), help="Of statistics: so many days up to yesterday; fills gaps.")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="Of statistics: from this day on; fills gaps.")
@click.option("--end", type=click.DateTime(["%Y-%m-%d"]), help="Of statistics: up to this day.  [default: yesterday]")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and stop.")
@click.option("--describe", is_flag=True, help="Print what every file of the reference layout holds, and stop.")
def command(
    tables: tuple[str, ...], *, folder: Path, to: Path | None, format_: Format,
    layout: Literal["reference", "lake", "statistics"], days: int | None, start: datetime | None, end: datetime | None,
    as_of: datetime | None, snapshot: str | None, person: str | None, dry_run: bool, describe: bool, as_json: bool,
) -> None:
    """Write TABLES (all, when none is named) as files below a folder; what was there is replaced file by file.

    With --layout statistics TABLES are shops, and their files go where `[stores] exports` says: those of yesterday in
    UTC, again if they are there, or those that lack of some days.
    """
    if describe:
        from regulars.compat.describe import page  # noqa: PLC0415  help must answer at once

        click.echo(page(), nl=False)
        return
    if person is not None:
        _person(folder, person, to, as_json=as_json)
        return
    if layout == "statistics":
        from regulars.cli.statistic_files import DaysAsked, export_statistics  # noqa: PLC0415  the same

        if to is not None:
            raise click.UsageError("files of shops go where `[stores] exports` in regulars.toml says, not --to")
        asked = DaysAsked(days=days, start=start, end=end)
        export_statistics(folder, tables, asked=asked, dry_run=dry_run, as_json=as_json)
        return
    if days or start or end:
        raise click.UsageError("--days, --start and --end are of --layout statistics")
    if to is None and not dry_run:
        raise click.UsageError("say where to: regulars export --to FOLDER, or look first: regulars export --dry-run")
    if as_of and snapshot:
        raise click.UsageError("--as-of and --snapshot are two answers to one question: give one")
    from regulars.compat.export import plan_export  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder, clock=clock_at(as_of))
    try:
        day, is_new = _day(workspace, snapshot)
        if is_new and not dry_run:
            workspace.lake.snapshot(str(day))
        kept = None if is_new and dry_run else day
        plan = plan_export(workspace, tables, layout=layout, format=format_, as_of=as_of, snapshot=kept)
        if dry_run:
            _show_plan(replace(plan, dated=day), as_json=as_json)
            return
        assert to is not None
        written = list(_written(workspace, plan, to, quiet=as_json))
    finally:
        workspace.close()
    _show_written(plan, written, to, as_json=as_json)


def _person(folder: Path, person: str, to: Path | None, *, as_json: bool) -> None:
    from regulars.pipeline.find import find_customer  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.known import known_of, packed, write_known  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder)
    try:
        customer_id = find_customer(workspace, person)
        if to is None:
            click.echo(packed(known_of(workspace, customer_id), at=workspace.clock.now())["README.txt"], nl=False)
            return
        file = write_known(workspace, customer_id, to=to)
    finally:
        workspace.close()
    if as_json:
        show_json({"file": file.resolve()})
    else:
        click.echo(f"Written: {file.resolve()}")


def _day(workspace: Workspace, snapshot: str | None) -> tuple[date | None, bool]:
    """Return the day of a snapshot, and whether it is to be kept now."""
    if snapshot is None:
        return None, False
    if snapshot == TODAY:
        return workspace.clock.now().astimezone(workspace.project.config.business.zone).date(), True
    try:
        return date.fromisoformat(snapshot), False
    except ValueError as error:
        message = f"{snapshot!r} is no day; write 2026-01-31 or today"
        raise click.BadParameter(message, param_hint="--snapshot") from error


def _written(workspace: Workspace, plan: Plan, to: Path, *, quiet: bool) -> Iterator[ExportedFile]:
    """Write the files, showing how far it is: a bar at a terminal, nothing elsewhere."""
    from rich.progress import Progress  # noqa: PLC0415  only this command draws one

    from regulars.compat.files import write_export  # noqa: PLC0415

    with Progress(console=console(err=True), transient=True, disable=quiet or not sys.stderr.isatty()) as progress:
        task = progress.add_task(plan.tables[0].path, total=len(plan.tables))
        for file in write_export(workspace, plan, to=to):
            progress.update(task, advance=1, description=file.path)
            yield file


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    files = [{"file": plan.file(table), "made_of": list(table.needs)} for table in plan.tables]
    left: list[dict[str, Any]] = [asdict(left) for left in plan.left_out]
    if as_json:
        show_json({"would_write": files, "left_out": left, "as_of": plan.material.today})
        return
    show_table(f"Would be written, as of {plan.material.today}", ["file", "made of"],
               [(file["file"], ", ".join(file["made_of"])) for file in files])
    show_table("Left out", ["file", "why"], [(each["path"], each["reason"]) for each in left])
    click.echo("Next: regulars export --to FOLDER")


def _show_written(plan: Plan, written: list[ExportedFile], to: Path, *, as_json: bool) -> None:
    left = [asdict(each) for each in plan.left_out]
    if as_json:
        show_json({"folder": to.resolve(), "files": [asdict(file) for file in written], "left_out": left,
                   "as_of": plan.material.today})
        return
    show_table(f"Written, as of {plan.material.today}", ["file", "rows", "bytes"],
               [(file.path, f"{file.rows:,}", f"{file.bytes:,}") for file in written], right=["rows", "bytes"])
    if left:
        click.echo(f"{len(left)} files of the layout are left out: regulars export --dry-run says why")
    click.echo(f"The folder: {to.resolve()}")
