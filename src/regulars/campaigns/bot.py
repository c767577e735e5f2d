"""Clicks that no person made: scanners and previewers, told by rules that are data and say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

CLICK = ibis.schema({
    "click_id": "string", "message": "string", "position": "int64", "at": "timestamp", "sent_at": "timestamp",
    "method": "string", "user_agent": "string",
})
"""What the door notes of a click. Times are UTC; `user_agent` is null where the request said none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRules:
    """What tells a scanner from a person."""

    agents: tuple[str, ...] = (              # parts of the user agent, in lower case
        "bot", "crawl", "spider", "preview", "scanner", "proofpoint", "mimecast", "barracuda", "safelinks",
        "bingpreview", "facebookexternalhit", "slackbot", "whatsapp", "twitterbot", "discord", "telegram",
        "skypeuripreview", "curl/",
        "wget/", "python-requests", "python-httpx", "go-http-client", "java/", "okhttp", "headless", "phantomjs",
        "googleimageproxy", "yahoomailproxy", "microsoft office", "cloudmark", "trendmicro", "symantec", "fortiguard",
    )
    sooner_than: int = 2                     # seconds after sending: nobody has read it by then
    links_at_once: int = 3                   # different links of one message, all within `burst`
    burst: int = 5                           # seconds


def marked(clicks: ir.Table, *, rules: BotRules | None = None) -> ir.Table:
    """Mark clicks that no person made. One row per click: its columns and bot_reason, null for a person's.

    Reasons, the first that holds: looks-only (no GET or POST), says-so (its user agent), no-agent, too-soon (after
    sending), all-links (of one message at once).
    """
    rules = rules or BotRules()
    agent = clicks.user_agent.lower()
    seconds = clicks.at.epoch_seconds() - clicks.sent_at.epoch_seconds()
    bursts = _bursts(clicks, rules)
    reason = ibis.cases(
        (clicks.method.upper().notin(["GET", "POST"]), "looks-only"),
        (_contains(agent, rules.agents), "says-so"),
        (clicks.user_agent.isnull() | (clicks.user_agent.strip() == ""), "no-agent"),
        (seconds < rules.sooner_than, "too-soon"),
        (clicks.click_id.isin(bursts.click_id), "all-links"),
        else_=ibis.null("string"),
    )
    return clicks.mutate(bot_reason=reason)


def _contains(agent: ir.StringColumn, parts: Sequence[str]) -> ir.BooleanValue:
    return ibis.or_(*[agent.contains(part) for part in parts]).fill_null(False)


def _bursts(clicks: ir.Table, rules: BotRules) -> ir.Table:
    """Return the clicks of bursts: many different links of one message within seconds, before or after. click_id."""
    other = clicks.select("message", other_position="position", other_at=clicks.at.epoch_seconds())
    pairs = clicks.join(other, "message")
    near = pairs.filter((pairs.at.epoch_seconds() - pairs.other_at).abs() <= rules.burst)
    counted = near.group_by("click_id").aggregate(links=near.other_position.nunique())
    return counted.filter(counted.links >= rules.links_at_once).select("click_id")
