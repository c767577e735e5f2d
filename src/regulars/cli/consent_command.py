"""`regulars consent`: who may be written to and why, what was said and its proof, and who is left alone."""

from __future__ import annotations

import getpass
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.moment import MOMENT, SPAN, clock_at
from regulars.cli.screen import command_line, counted, project_options, show_json, show_table
from regulars.web.mask import mask

if TYPE_CHECKING:
    from regulars.consent.channel import Channel, Purpose
    from regulars.consent.ledger import Action, Method
    from regulars.consent.permission import Permission
    from regulars.consent.suppression import Reason
    from regulars.pipeline.consent import Address, Heard, Shown
    from regulars.pipeline.consent_files import ImportPlan
    from regulars.storage.book.consent import Verdict

CHANNELS = click.Choice(["email", "sms"])
PURPOSES = click.Choice(["marketing", "transactional"])
METHODS = click.Choice([
    "web_form", "keyword", "in_person", "qr_code", "double_opt_in", "reply", "unsubscribe_link", "account_box",
    "import", "staff",
])
REASONS = click.Choice(["bounced", "complained", "do not contact", "erased", "wrong number"])
SHOWN = 20
"""How many lines of a list are shown."""


@click.group("consent")
def command() -> None:
    """Show, write down, bring in and prove consent; leave people alone. Addresses are masked without --reveal."""


@command.command("show")
@click.argument("who", required=False)
@project_options
@click.option("--purpose", type=PURPOSES, default="marketing", show_default=True, help="Of the count of everybody.")
@click.option("--as-of", type=MOMENT, help="As it was then.")
@click.option("--reveal", is_flag=True, help="Print addresses and numbers in full.")
def show_command(
    who: str | None, *, folder: Path, purpose: Purpose, as_of: datetime | None, reveal: bool, as_json: bool
) -> None:
    """Show whether WHO may be written to, and why; without WHO, how many may, and why the others may not.

    WHO is an address, a number, or a customer as `regulars customer` takes it.
    """
    from regulars.pipeline.consent import show  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder, clock=clock_at(as_of))
    try:
        if who is None:
            _everybody(workspace, purpose, as_json=as_json)
            return
        shown = show(workspace, who)
        if as_json:
            show_json([_plain(one, reveal=reveal) for one in shown])
            return
        for one in shown:
            _one(one, reveal=reveal)
    finally:
        workspace.close()


@command.command("record")
@click.argument("address")
@project_options
@click.option("--grant", "action", flag_value="grant", help="They may be written to.")
@click.option("--revoke", "action", flag_value="revoke", help="They must not be written to.")
@click.option("--reply", metavar="TEXT", help="What they answered: it is read, and what follows is written down.")
@click.option("--channel", type=CHANNELS, help="[default: what the address looks like]")
@click.option("--purpose", type=click.Choice(["marketing", "transactional", "any"]), default="marketing",
              show_default=True, help="any: of a revocation.")
@click.option("--method", type=METHODS, default="staff", show_default=True, help="How it was said.")
@click.option("--wording", default="", help="Exactly what they were shown, or wrote.")
@click.option("--evidence", help="What proves it: the id of a message, a form, a scan.")
@click.option("--source", default="staff", show_default=True, help="Where it was said.")
@click.option("--at", "said", type=SPAN, help="When.  [default: now]")
def record_command(
    address: str, *, folder: Path, action: Action | None, reply: str | None, channel: Channel | None, purpose: str,
    method: Method, wording: str, evidence: str | None, source: str,
    said: tuple[datetime, datetime] | None, as_json: bool,
) -> None:
    """Write down what somebody at ADDRESS said. A grant without --evidence is kept, and permits nothing."""
    from regulars.consent.ledger import Entry  # noqa: PLC0415
    from regulars.pipeline.consent import address_of, hear, record  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    if (action is None) == (reply is None):
        raise click.UsageError("say what: --grant, --revoke or --reply TEXT")
    workspace = open_workspace(folder)
    try:
        found, now = address_of(workspace, address, channel=channel), workspace.clock.now()
        first, last = said or (now, now)
        if first > now:
            # Once its moment has come it would lift a STOP that was said before it.
            raise click.UsageError(f"{first:%Y-%m-%d %H:%M} UTC is still to come")
        # Of a day alone a grant is its first moment and a refusal its last: in doubt the refusal came later.
        at = first if action == "grant" else min(last, now)
        if reply is not None:
            proof = evidence or f"{source} {now.isoformat()}"
            _heard(hear(workspace, found, reply, source=source, evidence=proof, at=at), as_json=as_json)
            return
        assert action is not None
        try:
            entry = Entry(
                address_hash=found.hashed or "", channel=found.channel, purpose=purpose, action=action,  # type: ignore[arg-type]  # checked there
                method=method, at=at, source=source, wording=wording, evidence=evidence,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        is_new = record(workspace, found, entry)
        if as_json:
            show_json({"entry_id": entry.entry_id, "is_new": is_new})
        else:
            lack = "" if action == "revoke" or evidence else ", without evidence: it permits nothing"
            state = "written down" if is_new else "known already"
            click.echo(f"{action} of {purpose} by {found.channel}: {state}{lack}.")
    finally:
        workspace.close()


@command.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@project_options
@click.option("--channel", type=CHANNELS, help="Of lines that do not say.")
@click.option("--wording", default="", help="What people were shown, of lines that do not say.")
@click.option("--evidence", help="What proves it, of lines that do not say.")
@click.option("--apply", is_flag=True, help="Do it; else it is only shown.")
def import_command(
    file: Path, *, folder: Path, channel: Channel | None, wording: str, evidence: str | None, apply: bool, as_json: bool
) -> None:
    """Bring in a list of consents as CSV with a column `address`; who has no evidence cannot be sent to.

    Further columns: channel, purpose, action, method, at, wording, source, evidence.
    """
    from regulars.pipeline.consent_files import read_list, write_list  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder)
    try:
        plan = read_list(workspace, file, channel=channel, wording=wording, evidence=evidence)
        added = write_list(workspace, plan) if apply else None
    finally:
        workspace.close()
    if as_json:
        show_json(_counts(plan) | {"rejected": [asdict(one) for one in plan.rejected], "added": added})
        return
    _planned(plan)
    if added is None:
        click.echo(f"Nothing is written yet. Next: {command_line(f'consent import {file} --apply', folder)}")
    else:
        click.echo(f"{counted(added, 'new line')} in the ledger.")


@command.command("export")
@project_options
@click.option("--since", type=SPAN, help="What was said from then on.")
@click.option("--until", type=MOMENT, help="What was said until then.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), help="The file.  [default: printed]")
@click.option("--reveal", is_flag=True, help="Write addresses and numbers in full: an auditor needs them.")
def export_command(
    *, folder: Path, since: tuple[datetime, datetime] | None, until: datetime | None, to: Path | None, reveal: bool,
    as_json: bool,
) -> None:
    """Write the ledger as CSV: who, channel, purpose, exact wording, source, evidence, time; and check its chain."""
    from regulars.pipeline.consent_files import evidence_csv  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(folder)
    try:
        rows = workspace.book.consent.evidence(since=since and since[0], until=until)
        broken = workspace.book.consent.first_broken()
    finally:
        workspace.close()
    told = [row if reveal else {**row, "address": mask(row["address"])} for row in rows]
    if as_json:
        show_json({"entries": told, "first_broken": broken})
    elif to is None:
        click.echo(evidence_csv(told), nl=False)
    else:
        to.write_text(evidence_csv(told), encoding="utf-8")
        state = "the chain is whole" if broken is None else f"entry {broken} is not as it was written"
        click.echo(f"{counted(len(told), 'line')} in {to}; {state}.")
    if broken is not None:
        raise click.exceptions.Exit(1)


@command.command("suppress")
@click.argument("addresses", nargs=-1)
@project_options
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Addresses, one a line.")
@click.option("--reason", type=REASONS, default="do not contact", show_default=True)
@click.option("--lift", is_flag=True, help="End the suppression for that reason instead.")
@click.option("--apply", is_flag=True, help="Do it; else it is only shown.")
def suppress_command(
    addresses: tuple[str, ...], *, folder: Path, file: Path | None, reason: Reason, lift: bool, apply: bool,
    as_json: bool,
) -> None:
    """Leave ADDRESSES alone, whatever consent says; only their salted hashes are kept."""
    from regulars.pipeline.consent import Address, read_addresses, suppress  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    lines = [*addresses, *(file.read_text(encoding="utf-8-sig").splitlines() if file else ())]
    told = [line.strip() for line in lines if line.strip()]
    if not told:
        raise click.UsageError("say whom: addresses, or --file FILE")
    workspace = open_workspace(folder)
    try:
        read = read_addresses(workspace, [(text, None) for text in told])
        good = [one for one in read if isinstance(one, Address)]
        if not apply:
            changed = None
        elif lift:
            changed = _lifted(workspace, good, reason)
        else:
            changed = suppress(workspace, good, reason=reason, source=getpass.getuser())
    finally:
        workspace.close()
    wrong = [one for one in read if isinstance(one, str)]
    if as_json:
        show_json({"addresses": len(good), "rejected": wrong, "changed": changed})
        return
    for sentence in wrong[:SHOWN]:
        click.echo(f"  not taken: {sentence}")
    verb = "no longer suppressed" if lift else "suppressed"
    if changed is None:
        click.echo(f"{len(good):,} of {len(told):,} would be {verb}: {reason}. Nothing is changed yet: add --apply.")
    else:
        click.echo(f"{changed:,} of {len(good):,} newly {verb}: {reason}.")


@command.command("review")
@click.argument("review", required=False)
@project_options
@click.option("--opt-out", "verdict", flag_value="opt_out", help="It was an opt-out.")
@click.option("--keep", "verdict", flag_value="keep", help="It was none: consent stays as it was.")
@click.option("--by", help="Who decides.  [default: who is logged in here]")
@click.option("--limit", type=click.IntRange(min=1), default=SHOWN, show_default=True, help="How many replies.")
@click.option("--reveal", is_flag=True, help="Print addresses and numbers in full.")
def review_command(
    review: str | None, *, folder: Path, verdict: Verdict | None, by: str | None, limit: int, reveal: bool,
    as_json: bool,
) -> None:
    """Show the replies that no rule could tell, or decide one; their senders are suppressed until then."""
    from regulars.pipeline.consent import settle  # noqa: PLC0415
    from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415

    if (review is None) != (verdict is None):
        raise click.UsageError("decide one with its id and --opt-out or --keep")
    workspace = open_workspace(folder)
    try:
        if review is not None and verdict is not None:
            found = [settle(workspace, review, verdict, by=by or getpass.getuser())]
        else:
            found = workspace.book.consent.reviews(limit=limit)
    finally:
        workspace.close()
    rows = [asdict(one) if reveal else asdict(one) | {"address": mask(one.address)} for one in found]
    if as_json:
        show_json(rows)
    elif verdict is not None:
        click.echo(f"{review}: {verdict.replace('_', ' ')}.")
    else:
        columns = ("review_id", "address", "text", "reason", "asked_at")
        show_table("Replies to read, oldest first", columns, [[row[name] for name in columns] for row in rows])


def _everybody(workspace: Any, purpose: Purpose, *, as_json: bool) -> None:
    from regulars.consent.channel import CHANNELS as ALL  # noqa: PLC0415
    from regulars.pipeline.permitted import permitted_people  # noqa: PLC0415

    rows = []
    for channel in ALL:
        table = permitted_people(workspace, channel=channel, purpose=purpose, at=workspace.clock.now())
        counts = table.group_by(["allowed", "reason"]).aggregate([([], "count_all")]).to_pylist()
        # Of dates only what they are dates of: the count of each day would be a page.
        by_reason: Counter[tuple[bool, str]] = Counter()
        for row in counts:
            by_reason[row["allowed"], _undated(row["reason"])] += row["count_all"]
        rows += [
            {"channel": channel, "allowed": allowed, "reason": reason, "customers": count}
            for (allowed, reason), count in sorted(by_reason.items(), key=lambda each: (not each[0][0], -each[1]))
        ]
    if as_json:
        show_json(rows)
        return
    show_table(f"Who may be written to now: {purpose}", ("channel", "", "reason", "customers"), [
        (row["channel"], "may" if row["allowed"] else "may not", row["reason"], f"{row['customers']:,}") for row in rows
    ], right=["customers"])


def _undated(reason: str) -> str:
    head, _, tail = reason.rpartition(" ")
    return head.removesuffix(" on").removesuffix(" since") if tail[:1].isdigit() else reason


def _one(shown: Shown, *, reveal: bool) -> None:
    address = shown.address
    text = address.text if reveal else mask(address.text)
    rows = [(purpose, *_said(permission)) for purpose, permission in shown.permissions.items()]
    title = f"{address.channel}: {text or 'none'} ({address.reason})"
    show_table(title, ("purpose", "", "reason", "until (UTC)"), rows)
    if shown.on_record.entries:
        show_table("", ("said (UTC)", "what", "of", "how", "wording", "evidence", "source"), [
            (f"{e.at:%Y-%m-%d %H:%M}", e.action, e.purpose, e.method, e.wording or None, e.evidence, e.source)
            for e in shown.on_record.entries
        ])
    if shown.on_record.suppressions:
        show_table("", ("suppressed since (UTC)", "reason", "by", "lifted (UTC)"), [
            (f"{s.since:%Y-%m-%d %H:%M}", s.reason, s.source, f"{s.lifted_at:%Y-%m-%d %H:%M}" if s.lifted_at else None)
            for s in shown.on_record.suppressions
        ])


def _said(permission: Permission) -> tuple[str, str, str | None]:
    until = f"{permission.until:%Y-%m-%d %H:%M}" if permission.until else None
    return ("may" if permission.allowed else "may not", permission.reason, until)


def _plain(shown: Shown, *, reveal: bool) -> dict[str, Any]:
    told = asdict(shown)
    return told if reveal else told | {"address": told["address"] | {"text": mask(shown.address.text)}}


def _heard(heard: Heard, *, as_json: bool) -> None:
    if as_json:
        show_json(asdict(heard))
        return
    click.echo(f"{heard.answer.status.replace('_', ' ')}: {heard.reading.reason}.")
    if heard.answer.text:
        click.echo(f"  to be answered: {heard.answer.text}")


def _counts(plan: ImportPlan) -> dict[str, Any]:
    return {"entries": len(plan.entries), "unproven": plan.unproven, "repeated": plan.repeated}


def _planned(plan: ImportPlan) -> None:
    click.echo(f"{counted(len(plan.entries), 'line')} to take, of which {plan.unproven:,} without evidence: those")
    click.echo(f"cannot be sent to. {plan.repeated:,} repeated, {len(plan.rejected):,} rejected.")
    for one in plan.rejected[:SHOWN]:
        click.echo(f"  line {one.line}: {one.reason}")


def _lifted(workspace: Any, addresses: list[Address], reason: Reason) -> int:
    by, now = getpass.getuser(), workspace.clock.now()
    return sum(
        workspace.book.consent.lift(one.hashed, channel=one.channel, reasons=[reason], at=now, by=by)
        for one in addresses
    )
