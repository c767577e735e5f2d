"""Who an audience of the reference's filters would be, with a reason for each that is left out: nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from regulars.compat.ab_tests import ABTestingService
from regulars.compat.ab_tests.campaign import experiment_of, numbered
from regulars.compat.result import Result, failure, success
from regulars.compat.texting.conversations import contact
from regulars.compat.texting.number import whole_number
from regulars.pipeline.permitted import permitted_people
from regulars.pipeline.workspace import Workspace

Said = Mapping[str, Any]
SHOWN = 10
FILTERS = (
    "has_name_only", "has_email", "exclude_office_numbers", "exclude_opted_out", "exclude_do_not_contact",
    "exclude_recently_contacted", "exclude_current_campaign",
)
LONGEST = 36_500
DAYS = 30
"""Since when somebody counts as recently contacted, where it is not said."""


def preview_audience(workspace: Workspace, service: ABTestingService, _: str, said: Said) -> Result[dict[str, Any]]:
    """Count the contacts that filters leave, all of them together: FILTERS, min_days_since_contact, campaign_id."""
    filters = said.get("filters", said)
    if not isinstance(filters, Mapping):
        return failure("filters is an object", code="VALIDATION_ERROR")
    wanted = {name for name in FILTERS if filters.get(name) not in (None, False, "", "false")}
    days = whole_number(filters.get("min_days_since_contact", DAYS))
    if days is None or days > LONGEST:
        return failure(f"min_days_since_contact is a number of days, up to {LONGEST:,}", code="VALIDATION_ERROR")
    told = permitted_people(workspace, channel="sms", purpose="transactional", at=workspace.clock.now())
    people = workspace.fetch(workspace.table("customers").order_by("customer_id"))
    reason = _told(people, told)
    tests = _tests(workspace, service, people, told, days=days, campaign=filters.get("campaign_id"))
    for name, why, is_out in tests:
        if name in wanted:
            reason = pc.coalesce(reason, pc.if_else(is_out, why, None))
    left = people.filter(pc.is_null(reason))
    excluded = Counter(pc.drop_null(reason).to_pylist())
    return success({
        "total": left.num_rows, "audience_size": left.num_rows, "excluded": dict(sorted(excluded.items())),
        "sample": [contact(row) for row in left.slice(0, SHOWN).to_pylist()],
    })


def _told(people: pa.Table, told: pa.Table) -> pa.Array:
    """Whoever has no number is out of any audience of text messages."""
    place = pc.index_in(people["customer_id"].combine_chunks(), told["customer_id"].combine_chunks())
    address = told["address"].combine_chunks().take(place)
    return pc.if_else(pc.is_null(address), "no phone number", pa.scalar(None, pa.string()))


def _tests(
    workspace: Workspace, service: ABTestingService, people: pa.Table, told: pa.Table, *, days: int, campaign: object
) -> list[tuple[str, str, pa.Array]]:
    """Return each filter with its reason, and who it leaves out."""
    ids = people["customer_id"].combine_chunks()
    said = told["reason"].combine_chunks().take(pc.index_in(ids, told["customer_id"].combine_chunks()))
    since = workspace.clock.now() - timedelta(days=days)
    number = numbered(campaign)
    units = [] if number is None else service.experiments.assignments(experiment_of(number))["unit"].to_pylist()
    opted, alone = (pc.fill_null(pc.match_substring_regex(said, words), False) for words in (
        "^opted out", "^suppressed",
    ))
    return [
        ("has_name_only", "no name", pc.is_null(people["name"].combine_chunks())),
        ("has_email", "no e-mail address", pc.is_null(people["email"].combine_chunks())),
        ("exclude_opted_out", "opted out", opted), ("exclude_do_not_contact", "do not contact", alone),
        ("exclude_office_numbers", "do not contact", alone),
        ("exclude_recently_contacted", f"contacted in {days} days", pc.is_in(
            ids, pa.array(workspace.book.message_list.sent_since(since), pa.string())
        )),
        ("exclude_current_campaign", "in this campaign", pc.is_in(ids, pa.array(units, pa.string()))),
    ]
