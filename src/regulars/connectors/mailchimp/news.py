"""Mailchimp's webhooks: who left an audience, whose address is gone, who complained.

Source: https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/. Forms with `data[email]` and the
like. They are about an address and a campaign of Mailchimp's own, not about a message of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from regulars.destinations.sender import News, Receipt, Stage
from regulars.errors import WebhookUnreadable


def read(body: bytes, content_type: str, at: datetime) -> list[News]:  # noqa: ARG001  # every reader takes it
    """Return the receipt in what Mailchimp posted at a moment; none for profiles, subscriptions, sent campaigns.

    A receipt's provider_id is the campaign's, its code Mailchimp's reason (`manual`, `abuse`, `hard`).

    Raises WebhookUnreadable for what is no form of Mailchimp's.
    """
    try:
        said = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000))
    except ValueError as error:
        raise WebhookUnreadable("not a form of Mailchimp's") from error
    if "type" not in said:
        raise WebhookUnreadable("not a form of Mailchimp's: it has no type")
    reason, address = said.get("data[reason]", ""), said.get("data[email]", "")
    stage = _stage(said["type"], reason)
    if stage is None or not address:
        return []
    known = (said["type"], said.get("data[list_id]", ""), said.get("data[id]", ""), said.get("fired_at", ""))
    return [Receipt(
        provider="mailchimp",
        provider_id=said.get("data[campaign_id]", ""),
        stage=stage,
        at=_moment(said, at=at),
        event_id=".".join(known),
        address=address,
        code=reason,
    )]


def _stage(kind: str, reason: str) -> Stage | None:
    if kind not in {"unsubscribe", "cleaned"}:
        return None
    if reason == "abuse":
        return "complained"
    return "unsubscribed" if kind == "unsubscribe" else "bounced"


def _moment(said: Mapping[str, str], *, at: datetime) -> datetime:
    """Return when it was fired, which Mailchimp writes in UTC without saying so."""
    try:
        return datetime.fromisoformat(said.get("fired_at", "")).replace(tzinfo=UTC)
    except ValueError:
        return at
