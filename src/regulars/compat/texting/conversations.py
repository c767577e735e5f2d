"""Contacts and what was written to and by them; one text from the desk; in the fields of the reference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.ab_tests.sending import customers_of
from regulars.compat.result import Result, failure, success
from regulars.compat.texting.number import whole_number
from regulars.destinations.sender import Reply
from regulars.pipeline.answer_back import plan_answer
from regulars.pipeline.consent import Shown, show_customer
from regulars.pipeline.find import customer_row
from regulars.pipeline.named import names_of
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.message_list import MessageLine, Wanted
from regulars.storage.book.replies import KeptReply

Said = Mapping[str, Any]
Told = dict[str, Any]

LONGEST = 1600
"""Characters of one text from the desk: ten segments."""

SHOWN, MOST = 50, 1_000
STATUS: Mapping[str, str] = {
    "planned": "pending", "deferred": "pending", "claimed": "pending", "sent": "sent", "failed": "failed",
    "skipped": "skipped", "unknown": "unknown",
}
"""What the reference calls where a message is; of those nobody knows of it has no word."""


def contacts(workspace: Workspace, _: ABTestingService, __: str, said: Said) -> Result[Told]:
    """List contacts, by id: page, per_page, search."""
    found = _paged(said)
    if isinstance(found, Result):
        return found
    page, per_page = found
    people = workspace.table("customers")
    if said.get("search"):
        part = str(said["search"]).lower()
        people = people.filter(
            people.name.lower().contains(part) | people.email.contains(part) | people.phone.contains(part)
        )
    total = int(workspace.fetch(people.count().as_table())[0][0].as_py())
    rows = workspace.rows(people.order_by("customer_id").limit(per_page, offset=(page - 1) * per_page))
    return success({
        "contacts": [contact(row) for row in rows], "total": total, "page": page, "per_page": per_page,
        "total_pages": math.ceil(total / per_page),
    })


def messages(workspace: Workspace, _: ABTestingService, said_id: str, __: Said) -> Result[Told]:
    """Return what was written to a contact and what the contact wrote, the oldest first."""
    customer_id = customer_of(workspace, said_id)
    if customer_id is None:
        return missing(said_id)
    shown = show_customer(workspace, customer_row(workspace, customer_id))
    places = sorted({str(one.address.text) for one in shown if one.address.text})
    wanted = [Wanted(customer_id=customer_id), *(Wanted(address=place) for place in places)]
    sent = {
        (one.campaign_id, one.customer_id): one
        for each in wanted for one in workspace.book.message_list.page(each, limit=MOST)
    }
    heard = [reply for place in places for reply in workspace.book.replies.of_address(place)]
    told = [_sent(one) for one in sent.values()] + [_heard(one) for one in heard]
    return success({"contact_id": customer_id, "messages": sorted(told, key=lambda one: str(one["created_at"]))})


def latest(workspace: Workspace, _: ABTestingService, __: str, said: Said) -> Result[Told]:
    """Return the conversations in which something was said last, the newest first: limit."""
    limit = whole_number(said.get("limit", SHOWN))
    if limit is None:
        return failure("limit is a whole number", code="VALIDATION_ERROR")
    sent = [(one.customer_id, _sent(one)) for one in workspace.book.message_list.newest(limit=MOST)]
    heard = [(line.reply.customer_id, _heard(line.reply)) for line in workspace.book.replies.page(limit=MOST)]
    newest: dict[str, Told] = {}
    for customer, one in sorted([*sent, *heard], key=lambda each: str(each[1]["created_at"]), reverse=True):
        newest.setdefault(str(customer or one["from_number"]), one)
    some = list(newest.items())[:limit]
    names = names_of(workspace, [customer for customer, _one in some]) if workspace.lake.exists("customers") else {}
    return success({"conversations": [{
        "id": customer, "contact_id": customer, "name": names.get(customer), "last_activity_at": one["created_at"],
        "last_activity_type": one["activity_type"], "last_message": one["body"], "direction": one["direction"],
    } for customer, one in some]})


def send_message(workspace: Workspace, _: ABTestingService, said_id: str, said: Said) -> Result[Told]:
    """Send one text to a contact, if it may be written to: message, or body."""
    text = str(said.get("message") or said.get("body") or "").strip()
    if not text or len(text) > LONGEST:
        return failure(f"Message body is required, up to {LONGEST} characters", code="VALIDATION_ERROR")
    customer_id = customer_of(workspace, said_id)
    if customer_id is None:
        return missing(said_id)
    ways = [one for one in workspace.project.destinations if one.channel == "sms"]
    if not ways:
        return failure("There is no destination for text messages", code="SERVICE_UNAVAILABLE")
    known = show_customer(workspace, customer_row(workspace, customer_id))
    shown = next(one for one in known if one.address.channel == "sms")
    refused = _refused(shown)
    if refused is not None:
        return refused
    now, named = workspace.clock.now(), str(said.get("idempotency_key") or uuid4().hex)
    plan_answer(workspace.book, text, to=str(shown.address.text), by=ways[0], at=now, reply=Reply(
        provider="desk", provider_id=f"{customer_id}/{named}", sender=str(shown.address.text), to=ways[0].sender,
        text="", at=now,
    ))
    return success({"contact_id": customer_id, "status": "queued"})


def contact(row: Mapping[str, Any]) -> Told:
    """Return a customer as the reference has a contact."""
    first, _, last = str(row["name"] or "").partition(" ")
    since = row["first_seen"]
    return {
        "id": row["customer_id"], "first_name": row.get("first_name") or first,
        "last_name": row.get("last_name") or last, "name": row["name"] or "", "email": row["email"],
        "phone": row["phone"], "customer_since": None if since is None else since.isoformat(),
    }


def customer_of(workspace: Workspace, said_id: object) -> str | None:
    """Return the customer of a contact's id; None where nobody has it."""
    found = customers_of(workspace, [str(said_id)])["customer_id"].to_pylist()
    return found[0] if found else None


def customers_known(workspace: Workspace, ids: Iterable[object]) -> list[str]:
    """Return the customers of contacts' ids, those that there are."""
    found: list[str] = customers_of(workspace, [str(each) for each in ids])["customer_id"].to_pylist()
    return found


def missing(said_id: object) -> Result[Told]:
    """Return that nobody has an id."""
    return failure(f"Contact not found: {said_id}", code="CONTACT_NOT_FOUND")


def _refused(shown: Shown) -> Result[Told] | None:
    if shown.address.text is None:
        return failure("Contact has no phone number", code="MISSING_PHONE")
    permission = shown.permissions["transactional"]
    return None if permission.allowed else failure(f"Not sent: {permission.reason}", code="NOT_PERMITTED")


def _paged(said: Said) -> tuple[int, int] | Result[Told]:
    page, per_page = (whole_number(said.get(name, usual)) for name, usual in (("page", 1), ("per_page", SHOWN)))
    if not page or not per_page:
        return failure("page and per_page are whole numbers", code="INVALID_PAGE")
    return page, min(per_page, 500)


def _sent(one: MessageLine) -> Told:
    at = one.attempted_at or one.due_at or one.changed_at
    return {
        "id": one.message_id, "activity_type": "message" if one.channel == "sms" else "email",
        "direction": "outgoing", "status": STATUS[one.state], "body": one.text, "to_numbers": [one.address],
        "from_number": None, "campaign_id": one.campaign, "created_at": at.isoformat(),
    }


def _heard(one: KeptReply) -> Told:
    return {
        "id": f"{one.provider}/{one.provider_id}", "activity_type": "message", "direction": "incoming",
        "status": "received", "body": one.text, "to_numbers": [one.ours], "from_number": one.address,
        "campaign_id": one.campaign_id, "created_at": one.at.isoformat(),
    }
