"""`regulars forget`: one person leaves every store, with a proof; or what was forgotten is searched for."""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.run_command import finish
from regulars.cli.screen import Progress, command_line, project_options, show_json, show_table
from regulars.web.mask import mask

if TYPE_CHECKING:
    from regulars.pipeline.forget import Plan
    from regulars.pipeline.workspace import Workspace
    from regulars.storage.book.erasures import Erasure


@click.command("forget")
@click.argument("customer", required=False)
@project_options
@click.option("--apply", "is_applied", is_flag=True, help="Do it; it cannot be undone.")
@click.option("--verify", "is_verified", is_flag=True, help="Search every store for all who were forgotten.")
def command(customer: str | None, folder: Path, *, is_applied: bool, is_verified: bool, as_json: bool) -> None:
    """Forget CUSTOMER (an id, source/id, e-mail address, phone number or full name) in every store.

    Without --apply it prints what would go. Without CUSTOMER it lists who was forgotten, by number, with the proof of
    each. Killed anywhere, the next `forget --apply` or `run` goes on with it.
    """
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415  help must answer at once

    workspace = open_workspace(folder, with_workers=is_applied)
    try:
        if is_verified:
            _verified(workspace, as_json=as_json)
        elif is_applied:
            _applied(workspace, customer, folder, as_json=as_json)
        elif customer is None:
            _listed(workspace, as_json=as_json)
        else:
            _planned(workspace, customer, folder, as_json=as_json)
    finally:
        workspace.close()


def _verified(workspace: Workspace, *, as_json: bool) -> None:
    from regulars.pipeline.searched import proof_of, search  # noqa: PLC0415

    searches = search(workspace, workspace.book.erasures.keys())
    if as_json:
        show_json(proof_of(searches))
    else:
        show_table("Searched for everybody who was forgotten", ["store", "looked through", "found in"],
                   [(one.store, one.looked, ", ".join(one.found) or "nothing") for one in searches])
    if any(one.found for one in searches):
        sys.exit(1)


def _applied(workspace: Workspace, customer: str | None, folder: Path, *, as_json: bool) -> None:
    from regulars.pipeline.find import find_customer  # noqa: PLC0415
    from regulars.pipeline.flow import forget  # noqa: PLC0415
    from regulars.pipeline.forget import erasure_of  # noqa: PLC0415

    # Whoever was forgotten is found no more: the same command again goes on with it.
    is_new = customer is not None and erasure_of(workspace, customer) is None
    customer_id = find_customer(workspace, str(customer)) if is_new else None
    result = forget(workspace, customer_id, by=getpass.getuser(), observer=Progress(quiet=as_json))
    _listed(workspace, as_json=as_json)
    if not as_json:
        finish(result, folder, as_json=False)
    sys.exit(result.exit_code or int(bool(workspace.book.erasures.open())))


def _listed(workspace: Workspace, *, as_json: bool) -> None:
    erasures = workspace.book.erasures.listed()
    if as_json:
        show_json([_plain(one) for one in erasures])
        return
    show_table("Forgotten", ["number", "asked", "by", "finished", "proof"], [
        (one.erasure_id, f"{one.asked_at:%Y-%m-%d %H:%M}", one.asked_by,
         "not yet" if one.finished_at is None else f"{one.finished_at:%Y-%m-%d %H:%M}", _told(one))
        for one in erasures
    ])


def _planned(workspace: Workspace, customer: str, folder: Path, *, as_json: bool) -> None:
    from regulars.pipeline.find import find_customer  # noqa: PLC0415
    from regulars.pipeline.forget import plan  # noqa: PLC0415

    planned = plan(workspace, find_customer(workspace, customer))
    person = planned.person
    rows = [
        *(("landing", f"{one.source}.{one.stream}",
           f"{one.rows:,} rows go, {one.mentions:,} of others no longer name them, {one.segments:,} files anew")
          for one in planned.landing),
        *(("lake", name, f"{count:,} rows") for name, count in planned.lake.items()),
        ("book", "all tables", "identity and contacts go; what is counted stays without a name"),
        *(("kept out", channel, ", ".join(str(mask(text)) for text in texts))
          for channel, texts in person.contacts.items() if texts),
    ]
    if as_json:
        show_json(_plan(planned))
        return
    show_table(f"Would be forgotten: {person.customer_ids[0]}", ["store", "what", "how much"], rows)
    if person.shared:
        click.echo(f"{person.shared} of their addresses and numbers are somebody else's too, and stay.")
    click.echo(f"It cannot be undone. Next: {command_line(f'forget {person.customer_ids[0]} --apply', folder)}")


def _plan(planned: Plan) -> dict[str, Any]:
    person = planned.person
    return {
        "customer_ids": person.customer_ids,
        "profiles": [f"{source}/{profile}" for source, profile in person.profiles],
        "contacts": person.contacts, "shared_contacts": person.shared,
        "landing": [asdict(one) for one in planned.landing], "lake": planned.lake,
    }


def _plain(erasure: Erasure) -> dict[str, Any]:
    return {
        "erasure_id": erasure.erasure_id, "asked_at": erasure.asked_at, "asked_by": erasure.asked_by,
        "finished_at": erasure.finished_at, "proof": erasure.proof,
    }


def _told(erasure: Erasure) -> str:
    landed = [facts for step, facts in erasure.proof.items() if step.startswith("landing ")]
    found = erasure.proof.get("verified", erasure.proof.get("searched", {}))
    looked = sum(one["looked"] for one in found.values())
    left = sorted(name for one in found.values() for name in one["found"])
    return (
        f"{sum(one['rows'] for one in landed):,} rows landed, "
        f"{sum(erasure.proof.get('book', {}).values()):,} in the book; "
        f"searched {looked:,} tables and files: {', '.join(left) or 'nothing'} found"
    )
