"""`regulars purge`: messages of a door, or one property of them, leave every store, with a proof of each."""

from __future__ import annotations

import getpass
import shlex
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.moment import SPAN
from regulars.cli.run_command import finish
from regulars.cli.screen import Progress, command_line, project_options, show_json, show_table

if TYPE_CHECKING:
    from regulars.pipeline.purge import Plan
    from regulars.pipeline.workspace import Workspace
    from regulars.records.purged import Wanted
    from regulars.storage.book.purges import Purge

_Moments = tuple[datetime, datetime]


@click.command("purge")
@click.argument("source", required=False)
@click.option("--event", metavar="NAME", help="Only what was sent under this name: an event, a page, a screen.")
@click.option("--property", "name", metavar="NAME", help="Take only this out of messages: total, traits.ssn.")
@click.option("--from", "first", type=SPAN, help="Only from then on: 2026-01-05 or 2026-01-05T09:00 (UTC).")
@click.option("--to", "last", type=SPAN, help="Only until then, a day to its end.  [default: now]")
@project_options
@click.option("--apply", "is_applied", is_flag=True, help="Do it; it cannot be undone.")
@click.option("--verify", "is_verified", is_flag=True, help="Search every store for all that was purged.")
def command(
    source: str | None, folder: Path, *, event: str | None, name: str | None, first: _Moments | None,
    last: _Moments | None, is_applied: bool, is_verified: bool, as_json: bool,
) -> None:
    """Purge what was sent to the door SOURCE, narrowed by name, property or time, in every store.

    Without --apply it prints what would go. Without SOURCE it lists what was purged, with the proof of each. Killed
    anywhere, the next `purge --apply` or `run` goes on with it.
    """
    from regulars.pipeline.purge import plan, wanted_of  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    if source is None and any((event, name, first, last)):
        raise click.UsageError("say of which source: regulars purge SOURCE --event NAME")
    workspace = open_workspace(folder, with_workers=is_applied)
    try:
        wanted = None if source is None else wanted_of(
            workspace, source, event=event, name=name, since=first and first[0], until=last and _end(last)
        )
        if is_verified:
            _verified(workspace, as_json=as_json)
        elif is_applied:
            _applied(workspace, source, wanted, folder, as_json=as_json)
        elif source is None or wanted is None:
            _listed(workspace, as_json=as_json)
        else:
            _planned(plan(workspace, source, wanted), as_json=as_json)
    finally:
        workspace.close()


def _end(moments: _Moments) -> datetime:
    """Return the first moment after a day, or the moment itself."""
    first, last = moments
    return last if first == last else last + timedelta(seconds=1)


def _verified(workspace: Workspace, *, as_json: bool) -> None:
    from regulars.pipeline.purge import searched_again  # noqa: PLC0415

    told = searched_again(workspace)
    if as_json:
        show_json(told)
    else:
        show_table("Searched for everything that was purged", ["purge", "store", "looked through", "found in"], [
            (number, store, one["looked"], ", ".join(one["found"]) or "nothing")
            for number, stores in told.items() for store, one in stores.items()
        ])
    if any(one["found"] for stores in told.values() for one in stores.values()):
        sys.exit(1)


def _applied(
    workspace: Workspace, source: str | None, wanted: Wanted | None, folder: Path, *, as_json: bool
) -> None:
    from regulars.pipeline.flow import purge  # noqa: PLC0415
    from regulars.pipeline.purge import begun, plan  # noqa: PLC0415

    # What is begun already is gone on with by the same command again, though less of it may be left than nothing.
    if source is not None and wanted is not None and begun(workspace, source, wanted) is None:
        plan(workspace, source, wanted)
    result = purge(workspace, source, wanted, by=getpass.getuser(), observer=Progress(quiet=as_json))
    _listed(workspace, as_json=as_json)
    if not as_json:
        finish(result, folder, as_json=False)
    sys.exit(result.exit_code or int(bool(workspace.book.purges.open())))


def _listed(workspace: Workspace, *, as_json: bool) -> None:
    purges = workspace.book.purges.listed()
    if as_json:
        show_json([_plain(one) for one in purges])
        return
    show_table("Purged", ["number", "what", "asked", "by", "finished", "proof"], [
        (one.purge_id, f"{one.source}: {one.wanted.sentence()}", f"{one.asked_at:%Y-%m-%d %H:%M}", one.asked_by,
         "not yet" if one.finished_at is None else f"{one.finished_at:%Y-%m-%d %H:%M}", _told(one))
        for one in purges
    ])


def _planned(planned: Plan, *, as_json: bool) -> None:
    rows = [
        *(("landing", f"{planned.source}.{one.stream}", f"{one.rows:,} rows, {len(one.parts):,} files anew")
          for one in planned.landing),
        *([("door", planned.source, f"{planned.door:,} messages that are not landed yet")] if planned.door else []),
        *(("lake", table, f"{count:,} rows") for table, count in planned.lake.items()),
        *(("declared", event, "reads it: its value is missing afterwards") for event in planned.reads),
    ]
    if as_json:
        show_json(_plan(planned))
        return
    show_table(f"Would be purged of {planned.source}: {planned.wanted.sentence()}", ["store", "what", "how much"], rows)
    again = command_line(f"{shlex.join(sys.argv[1:])} --apply")
    click.echo(f"Everything derived is made again. It cannot be undone. Next: {again}")


def _plan(planned: Plan) -> dict[str, Any]:
    return {
        "source": planned.source, **_wanted(planned.wanted),
        "landing": [
            {"stream": one.stream, "rows": one.rows, "segments": len(one.parts)} for one in planned.landing
        ],
        "door": planned.door, "lake": planned.lake, "reads": planned.reads,
    }


def _plain(one: Purge) -> dict[str, Any]:
    return {
        "purge_id": one.purge_id, "source": one.source, **_wanted(one.wanted), "asked_at": one.asked_at,
        "asked_by": one.asked_by, "finished_at": one.finished_at, "rows": one.rows, "gone": one.gone,
        "proof": one.proof,
    }


def _wanted(wanted: Wanted) -> dict[str, Any]:
    return {"event": wanted.event, "property": wanted.path, "from": wanted.since, "to": wanted.until}


def _told(one: Purge) -> str:
    found = one.proof.get("verified", one.proof.get("searched", {}))
    left = sorted(name for store in found.values() for name in store["found"])
    return f"{one.rows:,} rows purged; {', '.join(left) or 'nothing'} found" if found else f"{one.rows:,} rows purged"
