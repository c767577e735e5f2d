"""Answers to replies, such as that an opt-out was heard: each once, by the ledger of messages, at any hour.

An answer is no advertising and goes although its reader wants no messages any more: that is what it says. Whether the
provider took one that was lost on the way is not known; it is shown as unknown, and not sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import pyarrow as pa

from regulars.destinations.carry import Carrier
from regulars.destinations.destination import Destination
from regulars.destinations.hand_over import Line
from regulars.destinations.send import after_attempt
from regulars.destinations.sender import Outcome, Outgoing, Reply
from regulars.pipeline.workspace import Workspace
from regulars.runs.hold import is_gone
from regulars.storage.book import Book
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.messages import Attempt, Claimed, Settled
from regulars.storage.book.planned import PLANNED

ANSWERS = "answers to replies"
"""The campaign in whose account they are; no declared one can be called so. It has an occurrence per destination."""

LATEST = timedelta(hours=1)
"""An answer that could not go for so long is no answer any more."""

_CLAIM_LASTS = timedelta(minutes=2)
_AT_ONCE = 10


class _Words(msgspec.Struct):
    """What is kept of an answer beside where it goes."""

    text: str
    until: datetime                          # after which it is not sent any more


def plan_answer(book: Book, text: str, *, to: str, by: Destination, reply: Reply, at: datetime) -> None:
    """Write down that a reply is to be answered; the same reply twice is answered once."""
    one = book.campaigns.begin(
        ANSWERS, by.name, channel=by.channel, purpose="transactional", destination=by.name, version="", starts_at=at,
        at=at,
    )
    if one.state == "draft":
        book.campaigns.move(one.campaign_id, "sending", at=at)
    named = hashlib.sha256(f"{reply.provider}\0{reply.provider_id}".encode()).hexdigest()[:16]
    row = {
        "customer_id": f"r_{named}", "address": to, "variant": "", "household_id": None, "region": None,
        "gaps": msgspec.json.encode(_Words(text=text, until=at + LATEST)).decode(), "state": "planned", "reason": None,
        "due_at": at.replace(tzinfo=None),
    }
    book.messages.plan(one.campaign_id, pa.Table.from_pylist([row], schema=PLANNED), at=at)


def send_answers(workspace: Workspace, *, worker: str) -> int:
    """Send the answers that are due; return how many were dealt with.

    `worker` is the name of this process: see `runs.hold.owner_name`.
    """
    ways = {one.name: one for one in workspace.project.destinations}
    done = 0
    for one in workspace.book.campaigns.occurrences(ANSWERS):
        due = workspace.book.messages.next_due(one.campaign_id)
        if one.destination in ways and due is not None and due <= workspace.clock.now():
            done += _sent(workspace, one, ways[one.destination], worker)
    return done


def _sent(workspace: Workspace, one: Occurrence, way: Destination, worker: str) -> int:
    book, now = workspace.book.messages, workspace.clock.now()
    book.reclaim(one.campaign_id, now=now, is_gone=lambda name: name == worker or is_gone(name))
    lasts = _CLAIM_LASTS + 2 * way.limits.timeout
    claimed = book.claim(one.campaign_id, worker, now=now, lasts=lasts, limit=_AT_ONCE)
    if not claimed:
        return 0
    words = {each.customer_id: msgspec.json.decode(each.gaps, type=_Words) for each in claimed}
    late = [each for each in claimed if words[each.customer_id].until < now]
    book.settle(one.campaign_id, [
        Settled(customer_id=each.customer_id, n=each.attempts, state="skipped", reason="too late for an answer")
        for each in late
    ], worker=worker, at=now)
    texts = {each.customer_id: words[each.customer_id].text for each in claimed if each not in late}
    begun = book.begin(one.campaign_id, worker, [Attempt(
        customer_id=each.customer_id, n=each.attempts + 1, provider=way.dialect.name, sender=way.sender,
        text=texts[each.customer_id], attempted_at=now,
    ) for each in claimed if each.customer_id in texts], at=now)
    going = [each for each in claimed if each.customer_id in begun]
    with Carrier() as carrier:
        outcomes = Line(provider=way.dialect, limits=way.limits, carrier=carrier).hand_over([Outgoing(
            message_id=each.message_id, channel=way.channel, to=each.address, sender=way.sender,
            text=texts[each.customer_id], tags={"campaign": ANSWERS},
        ) for each in going], share=1.0, begins_within=_CLAIM_LASTS / 2)
    ended = workspace.clock.now()
    book.settle(one.campaign_id, _settled(going, outcomes, way, ended), worker=worker, at=ended)
    return len(claimed)


def _settled(
    going: Sequence[Claimed], outcomes: Sequence[Outcome], way: Destination, at: datetime
) -> list[Settled]:
    found = []
    for one, outcome in zip(going, outcomes, strict=True):
        n = one.attempts + 1
        then = after_attempt(outcome, n=n, at=at, tries=way.tries, ask_at=None)
        found.append(Settled(
            customer_id=one.customer_id, n=n, state=then.state, reason=then.reason, due_at=then.due_at,
            outcome=then.outcome, provider_id=then.provider_id, code=then.code,
        ))
    return found
