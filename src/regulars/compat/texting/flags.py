"""Contact flags of the reference: who opted out or is left alone; what is done with many contacts at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.result import Result, failure, success
from regulars.compat.texting.conversations import contact, customer_of, customers_known, missing
from regulars.consent.channel import CHANNELS, Channel
from regulars.consent.ledger import Entry
from regulars.consent.suppression import Reason
from regulars.pipeline.consent import Address, record, show_customer, suppress
from regulars.pipeline.find import customer_row
from regulars.pipeline.workspace import Workspace

Said = Mapping[str, Any]
Told = dict[str, Any]

APPLIES: Mapping[str, tuple[Channel, ...]] = {"sms": ("sms",), "email": ("email",), "both": CHANNELS}
LEFT_ALONE: Reason = "do not contact"
SUPPRESSED = ("do_not_contact", "office_number")
FLAGS = ("opted_out", *SUPPRESSED, "recently_texted")


def flag(workspace: Workspace, _: ABTestingService, said_id: str, said: Said) -> Result[Told]:
    """Flag a contact: flag_type, flag_reason, applies_to. It holds at once, and until it is taken back."""
    return _one(workspace, said_id, said, _flagged)


def unflag(workspace: Workspace, _: ABTestingService, said_id: str, said: Said) -> Result[Told]:
    """Take a flag back. An opt-out is not ours to take back: who opted out opts in."""
    return _one(workspace, said_id, said, _unflagged)


def bulk_action(workspace: Workspace, service: ABTestingService, _: str, said: Said) -> Result[Told]:
    """Do something with many contacts or their conversations: action, contact_ids or conversation_ids.

    A conversation has the id of its contact here. Nothing is unread here, so that `mark_read` changes nothing.
    """
    ids = said.get("contact_ids") or said.get("conversation_ids")
    if not isinstance(ids, list) or not ids:
        return failure("contact_ids is required", code="MISSING_CONTACT_IDS")
    known = customers_known(workspace, ids)
    told: Told = {"action": said.get("action"), "processed": len(known), "failed": len(ids) - len(known)}
    match said.get("action"):
        case "mark_read":
            return success(told)
        case "flag" | "unflag" | "flag_office" as action:
            act = _unflagged if action == "unflag" else _flagged
            kind = "office_number" if action == "flag_office" else said.get("flag_type")
            done = [act(workspace, each, {**said, "flag_type": kind}) for each in known]
            refused = next((one for one in done if one.is_failure), None)
            return success(told) if refused is None else refused
        case "add_to_campaign":
            return service.add_recipients(said.get("campaign_id"), known).map(lambda added: {**told, **added})
        case "export":
            people = workspace.table("customers")
            rows = workspace.rows(people.filter(people.customer_id.isin(known)).order_by("customer_id"))
            return success({**told, "contacts": [contact(row) for row in rows]})
    return failure(f"Invalid action {said.get('action')!r}", code="VALIDATION_ERROR")


def _one(
    workspace: Workspace, said_id: str, said: Said, act: Callable[[Workspace, str, Said], Result[Told]]
) -> Result[Told]:
    customer_id = customer_of(workspace, said_id)
    return missing(said_id) if customer_id is None else act(workspace, customer_id, said)


def _flagged(workspace: Workspace, customer_id: str, said: Said) -> Result[Told]:
    kind, addresses = said.get("flag_type"), _addresses(workspace, customer_id, said)
    if isinstance(addresses, Result):
        return addresses
    reason, by = str(said.get("flag_reason") or ""), str(said.get("_by", ""))
    if kind == "opted_out":
        now = workspace.clock.now()
        for one in addresses:
            record(workspace, one, Entry(
                address_hash=one.hashed or "", channel=one.channel, purpose="any", action="revoke", method="staff",
                at=now, source=f"flag:{by}", wording=reason, evidence=None, customer_id=customer_id,
            ))
    else:
        suppress(workspace, addresses, reason=LEFT_ALONE, source=f"flag:{kind}:{by}")
    return success(_told(customer_id, said, addresses))


def _unflagged(workspace: Workspace, customer_id: str, said: Said) -> Result[Told]:
    addresses = _addresses(workspace, customer_id, said)
    if isinstance(addresses, Result):
        return addresses
    if said.get("flag_type") == "opted_out":
        return failure("Who opted out opts in: by START, or with evidence of it", code="CONSENT_NEEDED")
    for one in addresses:
        workspace.book.consent.lift(
            str(one.hashed), channel=one.channel, reasons=(LEFT_ALONE,), at=workspace.clock.now(),
            by=str(said.get("_by", "")),
        )
    return success(_told(customer_id, said, addresses))


def _addresses(workspace: Workspace, customer_id: str, said: Said) -> list[Address] | Result[Told]:
    """Return the addresses that a flag is about, or what is wrong with it."""
    if said.get("flag_type") == "recently_texted":
        return failure("recently_texted follows from what was sent; caps of campaigns keep to it", code="INVALID_FLAG")
    if said.get("flag_type") not in FLAGS:
        return failure(f"Invalid flag type {said.get('flag_type')!r}: {', '.join(FLAGS)}", code="VALIDATION_ERROR")
    channels = APPLIES.get(str(said.get("applies_to", "sms")))
    if channels is None:
        return failure(f"applies_to is one of {', '.join(APPLIES)}", code="VALIDATION_ERROR")
    shown = [one.address for one in show_customer(workspace, customer_row(workspace, customer_id))]
    return [one for one in shown if one.channel in channels and one.hashed is not None]


def _told(customer_id: str, said: Said, addresses: Sequence[Address]) -> Told:
    return {
        "contact_id": customer_id, "flag_type": said.get("flag_type"), "applies_to": said.get("applies_to", "sms"),
        "addresses": len(addresses), "expires_at": None,
    }
