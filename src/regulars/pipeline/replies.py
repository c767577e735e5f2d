"""A reply, once it was heard: tied to the message that it answers, kept for results, and answered if it must be."""

from __future__ import annotations

from regulars.campaigns.sentiment import read_sentiment
from regulars.destinations.destination import Destination
from regulars.destinations.sender import Reply
from regulars.pipeline.answer_back import ANSWERS, plan_answer
from regulars.pipeline.consent import Address, Heard
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.replies import Answered, KeptReply


def take_reply(workspace: Workspace, reply: Reply, address: Address, heard: Heard, *, is_answered: bool) -> None:
    """Keep a reply with the message that it answers, and plan what goes back; taken twice it is taken once.

    Args:
        workspace: Whose reply it is.
        reply: As it came.
        address: Who wrote.
        heard: How it was read, and what followed.
        is_answered: Whether the provider answered it already.

    """
    assert address.text is not None
    meant, now = read_sentiment(reply.text), workspace.clock.now()
    found = workspace.book.replies.answered(
        address.text, ours=reply.to, provider=reply.provider, at=reply.at, leaving_out=ANSWERS
    )
    if heard.answer.text is not None and not is_answered:
        way = _way_back(workspace, reply, address, found)
        if way is not None:
            plan_answer(workspace.book, heard.answer.text, to=address.text, by=way, reply=reply, at=now)
    # The last thing: what is kept was dealt with.
    workspace.book.replies.keep(KeptReply(
        provider=reply.provider, provider_id=reply.provider_id, address=address.text, ours=reply.to, text=reply.text,
        at=reply.at, status=heard.answer.status, mood=meant.mood, intent=meant.intent,
        campaign_id=None if found is None else found.campaign_id,
        customer_id=None if found is None else found.customer_id,
    ), at=now)


def _way_back(workspace: Workspace, reply: Reply, address: Address, found: Answered | None) -> Destination | None:
    """Return by which destination an answer goes: that of the message, else one of the number that was written to."""
    ways = [
        one for one in workspace.project.destinations
        if one.channel == address.channel == "sms" and one.dialect.name == reply.provider
    ]
    of_message = [one for one in ways if found is not None and one.name == found.destination]
    return next(iter([*of_message, *(one for one in ways if one.sender == reply.to)]), None)
