"""A campaign half sent, so that its page has everything: both variants, receipts, replies, an unknown message, a todo."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from api_server import asked

from regulars.destinations.sender import Receipt
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.messages import Attempt, Settled
from regulars.storage.book.replies import KeptReply

SPRING = """\
title: Spring open house
audience: everybody
channel: sms
purpose: transactional
by: texts
costs: {each: 0.0079, fixed: 20.00}
hours: {weekdays: 09:00-18:00, saturday: 10:00-16:00}
caps: [{of: customer, limit: 2, window: 7 days, name: courtesy}]
test: {share: 60 %, winner_by: clicked, after: 4 hours}
variants:
  short: {text: "{{ first_name | default: 'Hi' }}, come by on Sunday."}
  long: {text: "{{ first_name | default: 'Hi' }}, the new wall opens on Sunday at ten. Bring whoever you like."}
"""


def declared(folder: Path) -> str:
    """Write the campaign into a project and return its name."""
    (folder / "campaigns").mkdir(exist_ok=True)
    (folder / "campaigns" / "spring.yaml").write_text(SPRING, encoding="utf-8")
    return "spring"


def half_sent(workspace: Workspace, name: str) -> None:
    """Plan a campaign, and let some of it be sent, answered, clicked, refused and lost."""
    book, now = workspace.book, workspace.clock.now()
    one = write_plan(workspace, plan_campaign(workspace, name))
    due = now + timedelta(hours=1)
    claimed = book.messages.claim(one.campaign_id, "w", now=due, lasts=timedelta(minutes=5), limit=60)
    book.messages.begin(one.campaign_id, "w", [Attempt(
        customer_id=each.customer_id, n=1, provider="http", sender="+12545550100", text="Hi", attempted_at=due,
    ) for each in claimed], at=due)
    ends = {0: ("failed", "a landline", "refused"), 1: ("unknown", "the provider cannot be asked", "unknown")}
    book.messages.settle(one.campaign_id, [Settled(
        customer_id=each.customer_id, n=1, state=state, reason=reason, outcome=outcome, provider_id=f"p-{each.customer_id}",  # type: ignore[arg-type]  # states
    ) for n, each in enumerate(claimed) for state, reason, outcome in [ends.get(n, ("sent", None, "accepted"))]], worker="w", at=due)
    book.receipts.keep([
        Receipt(provider="http", provider_id=f"p-{each.customer_id}", stage=stage, at=due)
        for n, each in enumerate(claimed) if n > 1
        for stage in ("delivered", *(("clicked",) if n % (3 if each.variant == "long" else 7) == 0 else ()))
    ], at=due)
    for n, each in enumerate(claimed[2:8]):
        book.replies.keep(KeptReply(
            provider="http", provider_id=f"r-{n}", address=each.address, ours="+12545550100", text="yes, see you there",
            at=due, status="none", mood="positive", intent="interested", campaign_id=one.campaign_id,
            customer_id=each.customer_id,
        ), at=due)
    asked(workspace)
