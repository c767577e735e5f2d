"""Known: everything that is on record of one person, to be handed to them: JSON a program and a person can read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from regulars.consent.channel import CHANNELS, CONTACTS
from regulars.consent.suppression import address_hash
from regulars.pipeline.consent import salt
from regulars.pipeline.erased import owned_rows
from regulars.pipeline.find import customer_row, family_of
from regulars.pipeline.merged import merged_into
from regulars.pipeline.own import Own, ask_own, profile_keys
from regulars.pipeline.workspace import Workspace

FILES: Mapping[str, str] = {
    "customer": "What is concluded of you from all that follows.",
    "profiles": "You as each system knows you, and why these are taken to be one person.",
    "records": "What each system told us of you, unchanged, with the moment we learned of it.",
    "events": "What you did, in order of time.",
    "money": "What you paid and what was given back, in minor units of the currency.",
    "segments": "Groups you are or were in: when you entered and left, and why.",
    "experiments": "Comparisons you were part of: which variant you were given and saw.",
    "messages": "Messages that were counted for you, and what you did with them.",
    "consent": "What you allowed and forbade, in the words that were shown or said, with the evidence.",
    "household": "Who is taken to live with you, and how you are reached; others by their number alone.",
}
"""Each file of an export and its one sentence."""


def known_of(workspace: Workspace, customer_id: str) -> dict[str, Any]:
    """Return everything known of a customer by the names of FILES. Raises NotFound for an id that nobody has."""
    customer, profiles = customer_row(workspace, customer_id), profile_keys(workspace, customer_id)
    ids = (customer_id, *merged_into(workspace, customer_id))
    told = _of(workspace, "profiles", profiles, by=("profile_source", "profile_id"))
    workspace.book.memberships.file()        # what is fresh is a stay like others
    book = workspace.book.known.of(ids, addresses=_addresses(workspace, told))
    family = family_of(workspace, customer_id)
    return {
        "customer": customer,
        "profiles": {"profiles": told, "identity": book["identity_map"], "numbers": book["number_answers"]},
        "records": _records(workspace, profiles),
        "events": _of(workspace, "events", profiles, by=("occurred_at", "event_id")),
        "money": _of(workspace, "money", profiles, by=("occurred_at", "record_key")),
        "segments": {"stays": book["memberships"], "transitions": book["transitions"]},
        "experiments": {"assignments": book["assignments"], "exposures": book["exposures"]},
        "messages": {name: book[name] for name in ("ab_recipients", "ab_events", "contact_seats")},
        "consent": {name: book[name] for name in ("consent_entries", "suppressions", "consent_reviews")},
        "household": {
            "household_id": family.household_id, "reached": _own(family.reached),
            "members": [_nameless(row) for row in family.members],
            "guardians": [_nameless(row) for row in family.guardians],
            "children": [_nameless(row) for row in family.children],
        },
    }


def write_known(workspace: Workspace, customer_id: str, *, to: Path) -> Path:
    """Write everything known of a customer into a folder as `<customer_id>.zip`: JSON files and what they are."""
    known = known_of(workspace, customer_id)
    to.mkdir(parents=True, exist_ok=True)
    file = to / f"{customer_id}.zip"
    part = file.with_suffix(".part")
    with zipfile.ZipFile(part, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for name, text in packed(known, at=workspace.clock.now()).items():
            archive.writestr(name, text)
    part.replace(file)
    return file


def packed(known: Mapping[str, Any], *, at: datetime) -> dict[str, str]:
    """Return the files of an export: name and text."""
    lines = [f"Everything on record as of {at:%Y-%m-%d %H:%M} UTC.", ""]
    lines += [f"{name}.json  {_counted(known[name])}\n    {sentence}" for name, sentence in FILES.items()]
    texts = {f"{name}.json": json.dumps(known[name], default=_plain, indent=2, ensure_ascii=False) for name in FILES}
    return {"README.txt": "\n".join(lines) + "\n", **texts}


def _of(
    workspace: Workspace, table: str, profiles: list[tuple[str, str]], *, by: Sequence[str]
) -> list[dict[str, Any]]:
    rows = ask_own(workspace, _all_of, table, profiles=profiles)
    return list(rows.sort_by([(name, "ascending") for name in by]).to_pylist())


def _all_of(own: Own, table: str) -> ir.Table:
    return own.rows(table)


def _records(workspace: Workspace, profiles: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return what came from outside about a person, as it came, stream by stream."""
    return [
        {
            "source": stream.source, "stream": stream.name, "recorded_at": row["recorded_at"],
            "item": json.loads(row["payload"]),
        }
        for stream, _, rows in owned_rows(workspace, profiles) for row in rows.to_pylist()
    ]


def _addresses(workspace: Workspace, profiles: Sequence[Mapping[str, Any]]) -> list[str]:
    key = salt(workspace)
    return sorted({
        address_hash(row[CONTACTS[channel]], channel=channel, salt=key)
        for channel in CHANNELS for row in profiles if row[CONTACTS[channel]] is not None
    })


def _nameless(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of a bond without the other's name, which is theirs."""
    return {name: value for name, value in row.items() if name not in {"name", "evidence"}}


def _own(reached: Mapping[str, Any]) -> dict[str, Any]:
    """Return how somebody is reached, without an address that is a guardian's."""
    others = {contact for contact in CONTACTS.values() if reached.get(f"{contact}_reason") != "own"}
    return {name: value for name, value in reached.items() if name not in others}


def _counted(value: object) -> str:
    if isinstance(value, list):
        return f"({len(value):,})"
    if isinstance(value, dict) and all(isinstance(one, list) for one in value.values()):
        return "(" + ", ".join(f"{name} {len(one):,}" for name, one in value.items()) + ")"
    return ""


def _plain(value: object) -> object:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case bytes():
            return value.hex()
    raise TypeError(f"{type(value).__name__} has no JSON")
