"""An A/B campaign is really sent: as a campaign of the engine, to customers; what became of it comes back as events.

The reference's contacts are our customers: a contact's id is a customer's, or the id of one of its profiles. Its texts
speak of `{first_name}`, which is Liquid's `{{ first_name }}` with nothing in its place where it is missing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.campaign import Campaign, campaign_id, message_id
from regulars.campaigns.template import Template
from regulars.compat.ab_tests.ab_testing import ABTestingService
from regulars.compat.ab_tests.campaign import VARIANTS, experiment_of, numbered
from regulars.compat.result import Result, failure, success
from regulars.errors import DeclarationError
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.workspace import Workspace
from regulars.project import Project
from regulars.storage.book import Book
from regulars.storage.book.ab_tests import ABCampaign, ABEvent

_GAP = re.compile(r"(?<!\{)\{(\w+)(?:\|([^{}]*))?\}(?!\})")
_LEAVE = " Reply STOP to opt out"
_ONCE = "once"
_REPLIES = {"positive": "positive", "negative": "negative"}


def with_ab_campaigns(project: Project, book: Book) -> Project:
    """Return a project to whose declared campaigns those A/B campaigns are added that it has a way to send."""
    ways = {one.name for one in project.destinations if one.channel == "sms"}
    if not ways:
        return project
    found = tuple(_campaign(one, ways) for one in book.ab_tests.campaigns())
    return replace(project, campaigns=(*project.campaigns, *found))


def send(workspace: Workspace, service: ABTestingService, campaign: object) -> Result[dict[str, Any]]:
    """Give every recipient a variant, and order their messages; whoever serves the project sends them. Twice is once.

    Words that cannot be filled in are a failure. Raises NotFound before the first run.
    """
    number = numbered(campaign)
    kept = None if number is None else service.store.campaign(number)
    if number is None or kept is None:
        return failure(f"Campaign not found: {campaign}", code="CAMPAIGN_NOT_FOUND")
    found = with_ab_campaigns(workspace.project, workspace.book)
    if found is workspace.project:
        return failure("There is no destination for text messages", code="SERVICE_UNAVAILABLE")
    recipients = service.store.recipients(number)
    people = customers_of(workspace, recipients)
    if not people.num_rows:
        return failure("No recipients: add contacts to the campaign first", code="NO_RECIPIENTS")
    assigned = service.assign_recipients_to_variants(number, people["unit"].to_pylist())
    if assigned.is_failure:
        return failure(str(assigned.error), code=str(assigned.error_code))
    variants = {str(row["contact_id"]): row["variant"] for row in assigned.unwrap()}
    chosen = pa.table({
        "customer_id": people["customer_id"], "variant": [variants[unit] for unit in people["unit"].to_pylist()],
    })
    try:
        plan = plan_campaign(replace(workspace, project=found), experiment_of(number), chosen=chosen)
    except DeclarationError as error:
        return failure(error.message, code="INVALID_TEMPLATE")
    write_plan(replace(workspace, project=found), plan)
    service.change_status(number, "running")
    counts, unknown = Counter(variants.values()), len(recipients) - people.num_rows
    others = [{"reason": "no such contact, or one person twice", "contacts": unknown}] if unknown else []
    return success({
        "campaign_id": number, "messages_queued": plan.sendable,
        "messages_skipped": plan.rows.num_rows - plan.sendable + unknown,
        "variant_assignments": {variant: counts[variant] for variant in VARIANTS},
        "skipped": [{"reason": reason, "contacts": people} for reason, people in plan.reasons] + others,
    })


def take_events(workspace: Workspace, service: ABTestingService, number: int) -> int:
    """Take what became of a campaign's messages into the log of its test; returns how many events were new."""
    key, name = campaign_id(experiment_of(number), _ONCE), experiment_of(number)
    ways = workspace.book.ways.of(key)
    if not ways.num_rows:
        return 0
    units = {row["customer_id"]: row["unit"] for row in customers_of(
        workspace, service.store.recipients(number)
    ).to_pylist()}
    epochs = {row["unit"]: row["epoch"] for row in service.experiments.assignments(name).to_pylist()}
    replies = {one.customer_id: one for one in reversed(workspace.book.replies.of(key))}
    events = []
    for row in ways.to_pylist():
        unit = units.get(row["customer"])
        if unit is None or unit not in epochs:
            continue
        for kind in ("sent", "opened", "clicked", "replied"):
            at = row[f"{kind}_at"]
            if at is not None:
                reply = replies.get(row["customer"]) if kind == "replied" else None
                events.append(ABEvent(
                    unit=unit, epoch=epochs[unit], variant=row["variant"], kind=kind,
                    at=at.replace(tzinfo=workspace.clock.now().tzinfo), activity=message_id(key, row["customer"]),
                    reply=None if reply is None else _REPLIES.get(reply.mood, "neutral"),
                ))
    return service.store.record(name, events)


def customers_of(workspace: Workspace, contacts: Sequence[str]) -> pa.Table:
    """unit, customer_id of those contacts that are customers, sorted by contact; of two that are one only the first."""
    asked = workspace.stores.engine.arrow(pa.table({"unit": pa.array(contacts, pa.string())}))
    customers, identity = workspace.table("customers"), workspace.table("identity")
    own = asked.inner_join(customers.select("customer_id"), asked.unit == customers.customer_id)
    known = identity.group_by("profile_id").aggregate(
        customer_id=identity.customer_id.min(), owners=identity.customer_id.nunique()
    )
    by_profile = asked.inner_join(known.filter(known.owners == 1), asked.unit == known.profile_id)
    both = own.select("unit", "customer_id").union(by_profile.select("unit", "customer_id"), distinct=True)
    found = workspace.fetch(both).sort_by("unit")
    if not found.num_rows:
        return found
    first = pc.index_in(found["customer_id"], pc.unique(found["customer_id"]))
    firsts = pa.table({"of": first, "place": pa.array(range(found.num_rows), pa.int64())})
    places = firsts.group_by("of").aggregate([("place", "min")])["place_min"].sort()
    return found.take(places)


def _campaign(kept: ABCampaign, ways: set[str]) -> Campaign:
    config = json.loads(kept.config)
    name = experiment_of(kept.number)
    is_marketing = config.get("purpose") != "transactional"
    wanted = config.get("destination")
    return Campaign(
        name=name, title=kept.name, audience=None, channel="sms",
        purpose="marketing" if is_marketing else "transactional",
        destination=wanted if wanted in ways else min(ways),
        templates={
            variant: Template(name=f"{name}.{variant}", channel="sms", text=_liquid(text, is_marketing=is_marketing))
            for variant, text in zip(VARIANTS, (kept.template_a, kept.template_b), strict=True)
        },
    )


def _liquid(text: str, *, is_marketing: bool) -> str:
    """Return a text of the reference as Liquid; one that sells and does not say how to leave says so."""
    def gap(found: re.Match[str]) -> str:
        fallback = (found[2] or "").replace("'", "\u2019")
        return "{{ " + found[1] + " | default: '" + fallback + "' }}"

    words = _GAP.sub(gap, text)
    return words + _LEAVE if is_marketing and "stop" not in words.lower() else words
