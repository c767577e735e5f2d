"""The winner of a campaign's test: told when it is time, by what people did, and written down with what it rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.campaign import Campaign, message_id
from regulars.campaigns.choice import Tally, choose
from regulars.campaigns.pace import spread
from regulars.campaigns.results import counted
from regulars.campaigns.subset import BY, REST
from regulars.check import did_you_mean
from regulars.errors import DeclarationError, GuardError
from regulars.pipeline.account import WAITING
from regulars.pipeline.brought import asked, did_by_variant, done
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.campaigns import Occurrence
from regulars.storage.book.winners import Winner

BY_TEST = "test"
"""Who decides where nobody has to."""


def settle_test(workspace: Workspace, one: Occurrence) -> Winner | None:
    """Decide about the test of an occurrence if it is time; a campaign that needs a person is paused until then.

    Returns the decision that holds, or None while there is none. Called again, or by several at once, it is one
    decision; killed, it is made anew.
    """
    campaign = _campaign(workspace, one)
    if campaign is None or campaign.test is None or not _is_time(workspace, campaign, one):
        return workspace.book.winners.find(one.campaign_id)
    told = standing(workspace, campaign, one)
    if told is None:
        return None
    choice, now = choose(told), workspace.clock.now()
    if choice.leading is not None and (choice.is_clear or campaign.test.unclear == "leading"):
        return _crown(workspace, campaign, one, told, variant=choice.leading, by=BY_TEST, reason=choice.reason)
    why = f"no winner: {choice.reason}; choose one of {', '.join(campaign.templates)}"
    workspace.book.campaigns.move(one.campaign_id, "paused", at=now, reason=why)
    return None


def choose_winner(workspace: Workspace, one: Occurrence, variant: str, *, by: str, reason: str) -> Winner:
    """Let a person decide about a test, and let the campaign go on if it was paused for that; twice is once.

    Raises DeclarationError for a variant that is none or a decision without a reason, GuardError where no test waits.
    """
    campaign, before = _campaign(workspace, one), workspace.book.winners.find(one.campaign_id)
    if before is not None and before.variant == variant:
        return before
    if campaign is None or campaign.test is None or not workspace.book.winners.is_open(one.campaign_id):
        hint = f"regulars campaign results {one.campaign}"
        raise GuardError(f"nobody waits for a winner of {one.campaign}", hint=hint)
    if variant not in campaign.templates:
        hint = did_you_mean(variant, campaign.templates)
        raise DeclarationError(f"{variant!r} is no variant of {one.campaign}", hint=hint)
    if not reason.strip():
        raise DeclarationError("a decision needs a reason", hint="whoever comes after you will ask")
    told = standing(workspace, campaign, one) or []
    found = _crown(workspace, campaign, one, told, variant=variant, by=by, reason=reason)
    if (one.reason or "").startswith("no winner"):
        workspace.book.campaigns.move(one.campaign_id, "sending", at=workspace.clock.now())
    return found


def standing(workspace: Workspace, campaign: Campaign, one: Occurrence) -> list[Tally] | None:
    """Return what the people of a test did so far; None while nobody can tell, because nothing was derived since."""
    assert campaign.test is not None
    ways = compared(workspace.book.ways.of(one.campaign_id), until=None)
    counts, by = counted(ways), campaign.test.winner_by
    if by in BY:
        return [
            Tally(variant=name, people=counts[name]["sent"], did=counts[name][by], left=counts[name]["left"])
            if name in counts else Tally(variant=name, people=0, did=0, left=0) for name in campaign.templates
        ]
    goal = next(each for each in campaign.goals if each.metric == by)
    found = done(workspace, asked(workspace, campaign, one, ways), goal)
    if found is None:
        return None
    metric = next(each for each in workspace.project.metrics if each.name == by)
    of = {each.variant: each for each in did_by_variant(found)}
    return [
        Tally(
            variant=name, people=of[name].people, did=of[name].converted, left=counts[name]["left"],
            value=of[name].value if metric.unit == "money" else None, squares=of[name].squares,
        ) if name in of else Tally(variant=name, people=0, did=0, left=0) for name in campaign.templates
    ]


def compared(ways: pa.Table, *, until: datetime | None) -> pa.Table:
    """Return the people that a test compares: those who were sent to before its winner was told, if it was."""
    tested = ways.filter(pc.not_equal(ways["variant"], REST))
    if until is None:
        return tested
    moment = pa.scalar(until.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us"))
    return tested.filter(pc.or_(pc.is_null(tested["sent_at"]), pc.less(tested["sent_at"], moment)))


def _campaign(workspace: Workspace, one: Occurrence) -> Campaign | None:
    return next((each for each in workspace.project.campaigns if each.name == one.campaign), None)


def _is_time(workspace: Workspace, campaign: Campaign, one: Occurrence) -> bool:
    """Whether people wait, all of the test were sent to, and had the time to do something."""
    assert campaign.test is not None
    book, now = workspace.book, workspace.clock.now()
    if now < one.starts_at + campaign.test.after or not book.winners.is_open(one.campaign_id):
        return False
    if any(state in WAITING for variant, state, _ in book.campaigns.variants(one.campaign_id) if variant != REST):
        return False
    last = book.winners.last_sent(one.campaign_id)
    if last is None or now < last + campaign.test.after:
        return False
    if campaign.test.winner_by in BY:
        return True
    # What people did is on the timeline only after a run.
    runs = [each for each in book.runs.last_runs(9) if each.outcome == "done"]
    return any(each.started_at >= last + campaign.test.after for each in runs)


def _crown(
    workspace: Workspace, campaign: Campaign, one: Occurrence, told: list[Tally], *, variant: str, by: str, reason: str
) -> Winner:
    assert campaign.test is not None
    now = workspace.clock.now()
    return workspace.book.winners.crown(Winner(
        campaign_id=one.campaign_id, variant=variant, by=by, measure=campaign.test.winner_by, reason=reason,
        evidence=json.dumps([asdict(each) for each in told]), decided_at=now,
    ), due=_strewn(workspace, campaign, one, now))


def _strewn(workspace: Workspace, campaign: Campaign, one: Occurrence, now: datetime) -> Mapping[str, datetime]:
    """When each message of the others goes, where the campaign strews them."""
    if campaign.spread is None:
        return {}
    customers = workspace.book.winners.waiting(one.campaign_id)
    ids = [message_id(one.campaign_id, each) for each in customers]
    moments = spread(ids, start=now, end=now + campaign.spread, salt=one.campaign_id)
    return {each: at.replace(tzinfo=UTC) for each, at in zip(customers, moments.tolist(), strict=True)}
