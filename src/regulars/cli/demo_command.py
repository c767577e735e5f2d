"""`regulars demo`: the whole product on an invented gym, from its vendors' answers to the report."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.screen import Progress, command_line, console, show_json, show_table
from regulars.errors import RegularsError

if TYPE_CHECKING:
    from regulars.pipeline.workspace import Workspace
    from regulars.runs.run import RunResult
    from regulars.testing.gym.stage import Stage


@click.command("demo")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path("regulars-demo"))
@click.option("--scale", default=0.2, show_default=True, help="Size of the gym; 1 is 11,300 customers.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another gym.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
def command(folder: Path, scale: float, seed: int, *, as_json: bool) -> None:
    """Build an invented gym in FOLDER, start its vendors, run two days, and show what came of it.

    Nothing leaves this machine. The folder holds the world with its truth, the project, and report.html.
    """
    if (folder / "project").exists():
        raise RegularsError(f"{folder} holds a demo already", hint=f"rm -r {folder}   or give another folder")
    try:
        _play(folder, scale=scale, seed=seed, as_json=as_json)
    except KeyboardInterrupt:
        # Unlike a run, half a demo is not gone on with: its two days are told as one story.
        click.echo(f"\nStopped. To begin again: rm -r {folder}", err=True)
        sys.exit(130)


def _play(folder: Path, *, scale: float, seed: int, as_json: bool) -> None:
    from regulars.testing.gym import generate  # noqa: PLC0415  help must answer at once
    from regulars.testing.gym.stage import staged  # noqa: PLC0415

    out = console(err=True)
    out.print(f"[bold]1. An invented gym[/], scale {scale:g}, seed {seed}")
    world = generate(folder / "world", seed=seed, scale=scale)
    day = world.last_day - timedelta(days=1)
    out.print(f"   {world.first_day} to {world.last_day}, with its truth, in {folder / 'world'}")
    with staged(world, folder, day=day) as stage:
        out.print(
            f"[bold]2. Its vendors answer[/] on {stage.vendors.url}: Capitan, Stripe, Square; sheets in {stage.files}"
        )
        out.print(f"[bold]3. The first load[/], as of the evening of {day}")
        first = _run(stage, day, quiet=as_json)
        stage.move_to(world.last_day)
        out.print(f"[bold]4. The next day[/], {world.last_day}")
        second = _run(stage, world.last_day, quiet=as_json)
        workspace = stage.open(world.last_day)
        try:
            _show(workspace, folder, (first, second), as_json=as_json)
        finally:
            workspace.close()
    if first.exit_code or second.exit_code:
        sys.exit(1)


def _run(stage: Stage, day: date, *, quiet: bool) -> RunResult:
    from regulars.pipeline.flow import run  # noqa: PLC0415

    workspace = stage.open(day)
    try:
        return run(workspace, observer=Progress(quiet=quiet))
    finally:
        workspace.close()


def _show(workspace: Workspace, folder: Path, runs: tuple[RunResult, RunResult], *, as_json: bool) -> None:
    from regulars.pipeline.segment import segment_counts  # noqa: PLC0415
    from regulars.web.overview import gather  # noqa: PLC0415
    from regulars.web.report import write  # noqa: PLC0415

    report = gather(workspace)
    page = write(report, folder / "report.html")
    counts = segment_counts(workspace)
    if as_json:
        show_json(
            {
                "headline": report.headline,
                "numbers": {n.label: n.value for n in report.numbers},
                "page": page.resolve(),
                "segments": {c["segment"]: c["members"] for c in counts},
                "project": folder / "project",
                "runs": [{"run": r.run_id, "outcome": r.outcome, "seconds": round(r.seconds, 2)} for r in runs],
            }
        )
        return
    click.echo()
    click.echo(report.headline)
    show_table("", ["", "value", "of"], [(n.label, n.value, n.note) for n in report.numbers], right=["value"])
    rows = [(c["segment"], f"{c['members']:,}", c["description"]) for c in counts]
    show_table("Segments", ["segment", "members", "who"], rows, right=["members"])
    click.echo(f"First load {runs[0].seconds:.1f} s, next day {runs[1].seconds:.1f} s.")
    click.echo(f"The page: {page.resolve()}")
    _show_next(workspace, folder / "project")


def _show_next(workspace: Workspace, project: Path) -> None:
    member = workspace.table("memberships").order_by("segment", "customer_id").limit(1)
    example = (workspace.rows(member) or [{"customer_id": "ID", "segment": "active_membership"}])[0]
    click.echo("Next, try:")
    for line in (
        f"customer {example['customer_id']}",
        f"explain {example['customer_id']} {example['segment']}",
        "segment",
        "quarantine",
        "serve --without-sign-in",           # the pages, for a browser on this machine
    ):
        click.echo(f"  {command_line(line, project)}")
