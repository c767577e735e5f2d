"""`regulars connections`: who comes with whom, as tables and as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.screen import command_line, counted, project_options, show_json, show_mapping, show_table

if TYPE_CHECKING:
    from regulars.pipeline.workspace import Workspace
    from regulars.web.connections import Subject


@click.command("connections")
@click.argument("customer", required=False)
@project_options
@click.option("--community", "number", type=click.IntRange(min=1), help="The people of this community instead.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with the pictures.")
@click.option("--png", type=click.Path(dir_okay=False, path_type=Path), help="Write the picture alone.")
def command(
    customer: str | None, *, folder: Path, number: int | None, html: Path | None, png: Path | None, as_json: bool
) -> None:
    """Show who CUSTOMER comes with (an id, source/id, e-mail, phone or name), a community, or the whole at a glance."""
    if customer and number:
        raise click.UsageError("CUSTOMER and --community are two questions: ask one")
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415  help must answer at once

    workspace = open_workspace(folder)
    try:
        subject = _subject(workspace, customer, number)
        if subject.circle is None:
            _say_overview(workspace, folder, as_json=as_json)
        else:
            _say_circle(subject, as_json=as_json)
        if html or png:
            _draw(workspace, subject, html, png)
    finally:
        workspace.close()
    for file in (html, png):
        if file and not as_json:
            click.echo(f"Written: {file.resolve()}")


def _subject(workspace: Workspace, customer: str | None, number: int | None) -> Subject:
    from regulars.pipeline.connected import circle, community, community_of  # noqa: PLC0415
    from regulars.pipeline.find import find_customer  # noqa: PLC0415
    from regulars.web.connections import Subject  # noqa: PLC0415

    if customer is not None:
        about = find_customer(workspace, customer)
        return Subject(circle=circle(workspace, about), about=about, community=community_of(workspace, about))
    return Subject(circle=community(workspace, number) if number else None, community=number)


def _say_overview(workspace: Workspace, folder: Path, *, as_json: bool) -> None:
    """Say how strong connections are on the whole, and which communities there are."""
    from regulars.pipeline.connected import largest_communities, strengths  # noqa: PLC0415

    rows, groups = strengths(workspace), largest_communities(workspace)
    if as_json:
        show_json({"strengths": rows, "communities": groups})
        return
    columns = ["strength", "pairs", "companions"]
    show_table("Pairs by strength", columns, [[f"{row[c]:,}" for c in columns] for row in rows], right=columns)
    columns = ["community", "people", "ties", "centre"]
    show_table("The largest communities", columns, [[row[c] for c in columns] for row in groups], right=columns[:3])
    if groups:
        click.echo(f"Next: {command_line('connections --community 1 --png community.png', folder)}")


def _say_circle(subject: Subject, *, as_json: bool) -> None:
    """Say who is tied to whom around a customer or in a community."""
    from regulars.web.connections import TIES  # noqa: PLC0415
    from regulars.web.network import told  # noqa: PLC0415

    found = subject.circle
    assert found is not None
    if as_json:
        show_json({
            "about": subject.about, "community": subject.community, "people": found.people, "ties": found.ties,
        })
        return
    title = found.people[0]["name"] or "No name" if subject.about else f"Community {subject.community}"
    facts: dict[str, object] = {"people": len(found.people) + found.left_out}
    if subject.about:
        facts = {"customer": subject.about, "community": subject.community}
    show_mapping(f"{title}: {counted(len(found.ties), 'tie')}", facts)
    show_table("Ties, the strongest first", TIES, [[row[c] for c in TIES] for row in told(found)], right=TIES[3:])


def _draw(workspace: Workspace, subject: Subject, html: Path | None, png: Path | None) -> None:
    """Write the page and the picture."""
    from regulars.web.chart import png as drawn_as_png  # noqa: PLC0415
    from regulars.web.connections import connections_page, picture  # noqa: PLC0415
    from regulars.web.report import write  # noqa: PLC0415

    chart = picture(workspace, subject)
    if png:
        png.parent.mkdir(parents=True, exist_ok=True)
        png.write_bytes(drawn_as_png(chart))
    if html:
        write(connections_page(workspace, subject, chart), html)
