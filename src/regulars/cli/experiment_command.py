"""`regulars experiment`: plan one, rehearse it on the past, read it, decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.moment import MOMENT, clock_at
from regulars.cli.screen import command_line, console, project_options, show_findings, show_json, show_table

if TYPE_CHECKING:
    from regulars.pipeline.workspace import Workspace
    from regulars.web.answers import Shown
    from regulars.web.experiment import ExperimentPage

NEW = """\
title: {title}
hypothesis: What changes for people, and why that should move the metric.
owner: {owner}
unit: customer                    # or household: what is split between the variants
audience:                         # a segment; left out: everybody
variants: {{as_it_is: 50, new: 50}} # percent; the first is the control
primary: {metric}
guardrails: []                    # {{metric: NAME, must_not: fall, margin: 2 %}}
runs:                             # 2026-01-05 to 2026-02-16; left out: a draft
"""


as_of_option = click.option("--as-of", type=MOMENT, help="Ask about then, not now: 2026-01-05 or 2026-01-05T09:00.")


@click.group("experiment", invoke_without_command=True)
@project_options
@as_of_option
@click.pass_context
def command(context: click.Context, folder: Path, as_of: datetime | None, *, as_json: bool) -> None:
    """List the experiments; plan, rehearse, read and decide them with the commands below."""
    if context.invoked_subcommand is None:
        _list(folder, as_of, as_json=as_json)


def _list(folder: Path, as_of: datetime | None, *, as_json: bool) -> None:
    from regulars.pipeline.experiment import experiment_list  # noqa: PLC0415  help must answer at once

    rows = _with(folder, experiment_list, as_of)
    if as_json:
        show_json(rows)
        return
    columns = ["experiment", "title", "state", "unit", "audience", "begins", "ends", "units"]
    show_table("Experiments", columns, [[row[c] for c in columns] for row in rows], right=["units"])
    if rows:
        click.echo(f"Next: {command_line('experiment report ' + rows[0]['experiment'], folder)}")
    else:
        click.echo(f"Next: {command_line('experiment new NAME', folder)}")


@command.command("new")
@click.argument("name")
@project_options
def new(name: str, folder: Path, *, as_json: bool) -> None:
    """Write experiments/NAME.yaml, a draft to be filled in."""
    from regulars.errors import DeclarationError  # noqa: PLC0415
    from regulars.project import Project  # noqa: PLC0415
    from regulars.project.declared import is_name  # noqa: PLC0415

    if not is_name(name):
        raise DeclarationError(f"{name!r} is no name", hint="letters, digits and underscores, such as letter_2026_01")
    project = Project.read(folder)
    path = folder / "experiments" / f"{name}.yaml"
    if path.exists():
        raise DeclarationError(f"{path} is there already", hint=f"regulars experiment check {name}")
    metric = project.metrics[0].name if project.metrics else "METRIC"
    path.parent.mkdir(exist_ok=True)
    title = name.replace("_", " ").capitalize()
    path.write_text(NEW.format(title=title, owner=getuser(), metric=metric), encoding="utf-8")
    show_json({"written": str(path)}) if as_json else click.echo(f"Wrote {path}. Next: fill it in, then "
                                                                 f"{command_line(f'experiment check {name}', folder)}")


@command.command("check")
@click.argument("name")
@project_options
@click.pass_context
def check(context: click.Context, name: str, folder: Path, *, as_json: bool) -> None:
    """Say everything that is wrong with NAME, and what would be right."""
    from regulars.check import did_you_mean  # noqa: PLC0415
    from regulars.errors import NotFound  # noqa: PLC0415
    from regulars.project import Project  # noqa: PLC0415

    project = Project.read(folder)
    found = [each for each in project.problems if f"experiments/{name}." in each.where.replace("\\", "/")]
    declared = [each.name for each in project.experiments]
    if not found and name not in declared:
        hint = did_you_mean(name, declared) if declared else command_line(f"experiment new {name}", folder)
        raise NotFound(f"there is no experiment {name!r}", hint=hint)
    if as_json:
        show_json([asdict(each) for each in found])
    elif found:
        show_findings(found)
    else:
        click.echo(f"{name} can be carried out. Next: {command_line(f'experiment power {name}', folder)}")
    context.exit(1 if found else 0)


@command.command("power")
@click.argument("name")
@click.option("--power", default=0.8, show_default=True, type=click.FloatRange(0.5, 0.99), help="Chance to find it.")
@project_options
@as_of_option
def power(name: str, power: float, folder: Path, as_of: datetime | None, *, as_json: bool) -> None:
    """Say how many units and days NAME needs to find a lift, from the own past."""
    from regulars.pipeline.rehearse import prospect  # noqa: PLC0415

    found = _with(folder, lambda workspace: prospect(workspace, name, power=power), as_of)
    if as_json:
        show_json(asdict(found))
        return
    click.echo(
        f"{found.metric} was {found.level:.4g} a unit ({found.basis}); what units did before explains "
        f"{found.explained:.0%} of how they differ.\n"
        f"{found.waiting:,} units wait, {sum(found.daily) / len(found.daily):.1f} come a day.\n"
    )
    show_table(
        f"To find a lift with a chance of {found.power:.0%}", ["lift", "units", "days"],
        [(f"{each.lift:+.0%}", _count(each.units), _days(each.days)) for each in found.needed],
        right=["lift", "units", "days"],
    )
    if found.detectable is not None:
        click.echo(f"With the units planned, a lift of {found.detectable:+.1%} is found.")
    click.echo(f"Next: {command_line(f'experiment simulate {name}', folder)}")


@command.command("simulate")
@click.argument("name")
@click.option("--runs", default=500, show_default=True, type=click.IntRange(20, 20_000), help="How many times.")
@click.option("--looks", default=20, show_default=True, type=click.IntRange(1, 500), help="How often people look.")
@click.option("--lift", default=0.1, show_default=True, help="A true lift to look for, beside none.")
@click.option("--seed", default=1, show_default=True, help="The same seed is the same answer.")
@project_options
@as_of_option
def simulate(  # noqa: PLR0917  click calls by name
    name: str, runs: int, looks: int, lift: float, seed: int, folder: Path, as_of: datetime | None, *, as_json: bool
) -> None:
    """Carry NAME out many times on the own past, with no effect and with one, and count right and wrong answers."""
    from regulars.pipeline.rehearse import rehearsals  # noqa: PLC0415

    with console(err=True).status(f"{runs:,} runs"):
        found = _with(folder, lambda workspace: rehearsals(
            workspace, name, lifts=(0.0, lift), runs=runs, looks=looks, seed=seed
        ), as_of)
    if as_json:
        show_json([asdict(each) for each in found])
        return
    show_table(
        f"A difference is named, of {runs:,} runs of {found[0].units:,} units looked at {looks} times",
        ["true lift", "as declared", "plain test, once at the end", "plain test, at every look"],
        [(f"{each.lift:+.0%}", f"{each.declared:.1%}", f"{each.single:.1%}", f"{each.peeked:.1%}") for each in found],
        right=["true lift", "as declared", "plain test, once at the end", "plain test, at every look"],
    )
    click.echo("The first line is false alarms. The last column is what looking at a plain test does.")


@command.command("report")
@click.argument("name")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page that needs no network.")
@click.option("--csv", type=click.Path(dir_okay=False, path_type=Path), help="Write a line per metric and variant.")
@click.option("--png", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the intervals as a picture, and beside it the days of each variant.")
@project_options
@as_of_option
def report(  # noqa: PLR0917  click calls by name
    name: str, html: Path | None, csv: Path | None, png: Path | None, folder: Path, as_of: datetime | None, *,
    as_json: bool,
) -> None:
    """Say whether NAME can be trusted, what it says, and what to do."""
    from regulars.cli.experiment_screen import show_report  # noqa: PLC0415  help must answer at once
    from regulars.web.experiment import gather, page_of  # noqa: PLC0415

    shown, page = _with(folder, lambda workspace: (
        found := gather(workspace, name), page_of(workspace, found) if html else None
    ), as_of)
    if as_json:
        show_json(shown.report.to_dict())
    else:
        show_report(shown)
    for file in _written(shown, page, html=html, csv=csv, png=png):
        click.echo(f"Written: {file.resolve()}", err=as_json)
    if not as_json and shown.report.verdict.decision in {"ship", "keep_control", "stop", "no_difference"}:
        winner = shown.report.verdict.winner
        verb = f"--winner {winner}" if winner else "--stop"
        click.echo(f"Next: {command_line(f'experiment decide {name} {verb} --reason WHY', folder)}")


@command.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@project_options
def import_(name: str, file: Path, folder: Path, *, as_json: bool) -> None:
    """Bring in assignments made elsewhere: a CSV of source, id, variant, at; or customer_id, variant, at."""
    from regulars.pipeline.imported import import_assignments, read_rows  # noqa: PLC0415

    done = _with(folder, lambda workspace: import_assignments(workspace, name, read_rows(file)))
    if as_json:
        show_json(asdict(done))
        return
    click.echo(f"{done.added:,} units added, {done.known:,} known before.")
    show_table("Refused", ["why", "rows"], list(done.refused.items()), right=["rows"])


@command.command("decide")
@click.argument("name")
@click.option("--winner", metavar="VARIANT", help="Everybody is to get this variant.")
@click.option("--stop", is_flag=True, help="Nobody new gets in.")
@click.option("--undo", is_flag=True, help="The last decision no longer stands.")
@click.option("--reason", default="", help="Why: kept for ever, with the report as it is now.")
@click.option("--by", default=getuser, show_default="you", help="Who decides.")
@project_options
@as_of_option
def decide(  # noqa: PLR0917  click calls by name
    name: str, winner: str | None, reason: str, by: str, folder: Path, as_of: datetime | None, *, stop: bool,
    undo: bool, as_json: bool,
) -> None:
    """Write a decision about NAME into its log; without an option show the log."""
    from regulars.pipeline.experiment import decide as write  # noqa: PLC0415
    from regulars.pipeline.experiment import decisions  # noqa: PLC0415

    chosen = [kind for kind, is_asked in (("winner", winner), ("stopped", stop), ("undone", undo)) if is_asked]
    if len(chosen) > 1:
        raise click.UsageError("one decision at a time: --winner VARIANT, --stop or --undo")
    if chosen:
        _with(folder, lambda workspace: write(
            workspace, name, kind=chosen[0], by=by, reason=reason, variant=winner
        ), as_of)
    log = _with(folder, lambda workspace: decisions(workspace, name))
    if as_json:
        show_json([asdict(each) for each in log])
        return
    rows = [(each.number, f"{each.at:%Y-%m-%d %H:%M}", each.kind, each.by, each.reason) for each in log]
    show_table(f"Decisions about {name}", ["", "when (UTC)", "what", "who", "why"], rows)


def _with(folder: Path, ask: Callable[[Workspace], Any], as_of: datetime | None = None) -> Any:
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415  help must answer at once

    workspace = open_workspace(folder, clock=clock_at(as_of))
    try:
        return ask(workspace)
    finally:
        workspace.close()


def _written(
    shown: Shown, page: ExperimentPage | None, *, html: Path | None, csv: Path | None, png: Path | None
) -> list[Path]:
    """Write what was asked for and return the files. Raises NotFound for a picture of what may not be shown."""
    from regulars.errors import NotFound  # noqa: PLC0415  help must answer at once
    from regulars.web.answers import to_csv  # noqa: PLC0415
    from regulars.web.chart import png as drawn  # noqa: PLC0415
    from regulars.web.experiment import render  # noqa: PLC0415
    from regulars.web.experiment_charts import no_course, pictures  # noqa: PLC0415
    from regulars.web.report import put  # noqa: PLC0415

    files = []
    if html and page:
        files.append(put(render(page), html))
    if csv:
        files.append(put(to_csv(shown), csv))
    if png:
        charts = pictures(shown)
        if not charts:
            raise NotFound(f"there is no picture: {no_course(shown)}", hint="the page says it too: --html FILE")
        png.parent.mkdir(parents=True, exist_ok=True)
        for about, chart in charts.items():
            file = png.with_stem(f"{png.stem}-{about}") if about else png
            file.write_bytes(drawn(chart))
            files.append(file)
    return files


def _count(units: float) -> str:
    return "no number" if units == float("inf") else f"{units:,.0f}"


def _days(days: int | None) -> str:
    return "never" if days is None else f"{days:,}"
