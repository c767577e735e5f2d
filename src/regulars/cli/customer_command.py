"""`regulars customer`: one person on one screen."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.screen import command_line, project_options, show_json, show_mapping, show_table
from regulars.web.mask import mask
from regulars.web.number import money

if TYPE_CHECKING:
    from regulars.pipeline.asked import Asked
    from regulars.pipeline.find import CustomerCard

PLAIN = {
    "event_id",
    "event_type",
    "source",
    "stream",
    "record_key",
    "profile_source",
    "profile_id",
    "occurred_at",
    "business_day",
    "until_day",
    "is_interval",
    "recorded_at",
    "month",
}


@click.command("customer")
@click.argument("customer")
@project_options
@click.option("--events", default=20, show_default=True, help="How many of the newest events.")
@click.option("--reveal", is_flag=True, help="Print addresses and numbers in full.")
def command(customer: str, folder: Path, events: int, *, as_json: bool, reveal: bool) -> None:
    """Show CUSTOMER (an id, source/id, e-mail address, phone number or full name): profiles, segments, timeline."""
    card, segments = _known(folder, customer, events=events)
    shown = card if reveal else _masked(card)
    if as_json:
        show_json(asdict(shown))
        return
    who = shown.customer
    show_mapping(f"{who['name'] or 'No name'}  {who['customer_id']}", {k: v for k, v in who.items() if k != "name"})
    show_table(
        "Profiles",
        ["source", "id", "name", "e-mail", "phone", "why it is this customer"],
        [list(profile.values()) for profile in shown.profiles],
    )
    _show_family(shown)
    show_table("In these segments", ["segment", "since", "until"], [list(row.values()) for row in shown.segments])
    _show_ties(shown.connections)
    show_table(
        "Money",
        ["kind", "lines", "amount"],
        [(m["kind"], m["lines"], money(m["amount"], m["currency"])) for m in shown.money],
        right=["lines", "amount"],
    )
    show_table(
        "Timeline, newest first",
        ["when (UTC)", "what", "from", "details"],
        [(e["occurred_at"], e["event_type"], e["source"], _details(e)) for e in shown.timeline],
    )
    if segments:
        next_ = f"explain {who['customer_id']} {segments[0]}"
        click.echo(f"Next: {command_line(next_, folder)}")


def _known(folder: Path, customer: str, *, events: int) -> tuple[CustomerCard, list[str]]:
    """Return what is known of a customer, and the declared segments."""
    from regulars.pipeline.find import customer_card, find_customer  # noqa: PLC0415  help must answer at once
    from regulars.pipeline.glance import NotKept, glance  # noqa: PLC0415

    def look(asked: Asked) -> tuple[CustomerCard, list[str]]:
        return customer_card(asked, find_customer(asked, customer), events=events), list(asked.lasting)

    try:
        with glance(folder) as found:
            return look(found)
    except NotKept:
        from regulars.pipeline.workspace import open_workspace  # noqa: PLC0415  a second that is seldom needed

    workspace = open_workspace(folder)
    try:
        return look(workspace)
    finally:
        workspace.close()


def _show_family(card: CustomerCard) -> None:
    family, of = card.family, {"guardian": card.family.guardians, "child": card.family.children}
    show_table(
        f"Household {family.household_id or ''}".rstrip(),
        ["customer", "name", "role", "guardian", "why in this household"],
        [[*member.values()] for member in family.members],
    )
    if any(of.values()):
        show_table(
            "Family",
            ["is their", "customer", "name", "relationship", "confidence", "says who"],
            [[word, *other.values()] for word, others in of.items() for other in others],
        )
    channels = [(name, *(family.reached.get(key) for key in (name, f"{name}_customer_id", f"{name}_reason")))
                for name in ("email", "phone")]
    show_table("Reached by", ["channel", "at", "whose", "why"], channels)


def _show_ties(ties: list[dict[str, Any]]) -> None:
    columns = ["who", "name", "tie", "days together", "by chance", "why"]
    show_table("Comes with, the strongest ties first", columns, [_tie(tie) for tie in ties], right=columns[2:5])


def _tie(tie: dict[str, Any]) -> tuple[object, ...]:
    """Return a tie as a line: what it rests on in words, the days with what chance would have given."""
    passes = (("gave", tie["passes_given"]), ("got", tie["passes_got"]))
    why = [word for word, holds in (("family", tie["is_family"]), ("companions", tie["is_companion"])) if holds]
    why += [f"{verb} {number} {'pass' if number == 1 else 'passes'}" for verb, number in passes if number]
    chance = None if tie["expected_days"] is None else f"{tie['expected_days']:.1f}"
    return tie["other_id"], tie["other_name"], f"{tie['tie']:.1f}", tie["days_together"], chance, ", ".join(why)


def _details(event: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in event.items() if name not in PLAIN)


def _masked(card: CustomerCard) -> CustomerCard:
    def hide(row: dict[str, Any]) -> dict[str, Any]:
        return {name: mask(value) if name in {"email", "phone"} else value for name, value in row.items()}

    family = replace(card.family, reached=hide(card.family.reached))
    profiles = [hide(profile) for profile in card.profiles]
    return replace(card, customer=hide(card.customer), profiles=profiles, family=family)
