"""From flagged to converted: how many people came how far, and why the others did not."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

STAGES = ("flagged", "tagged", "sent", "delivered", "opened", "clicked", "replied", "converted")
"""The way of a person through a campaign, in order."""

WAY = ibis.schema({
    "campaign": "string", "customer": "string", "channel": "string",
    **{f"{stage}_at": "timestamp" for stage in STAGES}, "reason": "string",
})
"""One row per person of a campaign: when each stage was first reached, null where it was not, and why it went no
further, where somebody said so. Times are UTC.
"""

_UNSEEN = {"sms": ("opened",)}               # what a channel cannot tell: a text message has no receipt of reading
_PROVED_BY = {
    # Who clicked has the message open, and who has it open got it. A conversion proves nothing: people also just come.
    "flagged": ("tagged", "sent", "delivered", "opened", "clicked", "replied", "converted"),
    "tagged": ("sent", "delivered", "opened", "clicked", "replied"),
    "sent": ("delivered", "opened", "clicked", "replied"),
    "delivered": ("opened", "clicked", "replied"), "opened": ("clicked",), "clicked": (), "replied": (),
    "converted": (),
}
_NEEDED = {
    # The stage that has to come before. A reply needs no click, a conversion no reply.
    "tagged": "flagged", "sent": "tagged", "delivered": "sent", "opened": "delivered", "clicked": "delivered",
    "replied": "delivered", "converted": "delivered",
}


def funnel(ways: ir.Table) -> ir.Table:
    """Count how far people came. One row per campaign, channel and stage, in `place` order from 1.

    Columns: campaign, channel, place, stage, people (null where the channel cannot tell), of (people of the stage that
    has to come before), lost (of those who did not come on; null as people). People are counted once, by the furthest
    they ever came: a reply does not take somebody out of those who got the message.
    """
    came = _came(ways)
    return ibis.union(*[_stage(came, stage, place) for place, stage in enumerate(STAGES, start=1)])


def lost(ways: ir.Table) -> ir.Table:
    """Say why people did not come further. One row per campaign, channel, stage and reason: people.

    A person is lost at the first of tagged, sent and delivered that was not reached. The reason is `unknown` where
    nobody said one: what is not known is never shared out among what is.
    """
    came = _came(ways)
    at = ibis.cases(
        (~came.came_tagged, "tagged"), (~came.came_sent, "sent"), (~came.came_delivered, "delivered"),
        else_=ibis.null("string"),
    )
    named = came.mutate(stage=at, why=came.reason.strip().nullif("").fill_null("unknown"))
    named = named.filter(named.stage.notnull())
    return named.group_by("campaign", "channel", "stage", reason=named.why).aggregate(people=named.customer.nunique())


def _came(ways: ir.Table) -> ir.Table:
    """Add came_<stage>: whether a person reached it, or something that proves it."""
    return ways.mutate(**{
        f"came_{stage}": ibis.or_(*[ways[f"{proof}_at"].notnull() for proof in (stage, *_PROVED_BY[stage])])
        for stage in STAGES
    })


def _stage(came: ir.Table, stage: str, place: int) -> ir.Table:
    before = _NEEDED.get(stage, stage)
    reached, needed = came[f"came_{stage}"], came[f"came_{before}"]
    blind = [channel for channel, unseen in _UNSEEN.items() if stage in unseen]
    counted = came.group_by("campaign", "channel").aggregate(
        reached=came.customer.nunique(where=reached), of=came.customer.nunique(where=needed),
        gone=came.customer.nunique(where=needed & ~reached),
    )
    is_seen = counted.channel.notin(blind) if blind else ibis.literal(True)
    return counted.select(
        "campaign", "channel", place=ibis.literal(place, "int64"), stage=ibis.literal(stage),
        people=ibis.ifelse(is_seen, counted.reached, ibis.null("int64")), of=counted.of,
        lost=ibis.ifelse(is_seen, counted.gone, ibis.null("int64")),
    )
