"""From flagged to converted: how many people came how far, and why the others did not."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

STAGES = ("flagged", "tagged", "sent", "delivered", "opened", "clicked", "replied", "converted")
"""The way of a person through a campaign, in order."""

WAY = pa.schema([
    *(pa.field(name, pa.string()) for name in ("campaign", "customer", "channel")),
    *(pa.field(f"{stage}_at", pa.timestamp("us")) for stage in STAGES), pa.field("reason", pa.string()),
])
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How many people of a campaign and channel came to a stage."""

    campaign: str
    channel: str
    place: int                               # of the stage, from 1
    stage: str
    people: int | None                       # null where the channel cannot tell
    of: int                                  # people of the stage that has to come before
    lost: int | None                         # of those who did not come on; null as people


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAt:
    """How many people were lost at a stage for a reason."""

    campaign: str
    channel: str
    stage: str                               # the first of tagged, sent and delivered that was not reached
    reason: str                              # `unknown` where nobody said one
    people: int


def funnel(ways: pa.Table) -> list[Reached]:
    """Count how far people came, by campaign, channel and stage, in that order; `ways` has the columns of WAY.

    People are counted once, by the furthest they ever came: a reply does not take somebody out of those who got the
    message.
    """
    came = _came(ways)
    told = {stage: (came[stage], came[_NEEDED.get(stage, stage)]) for stage in STAGES}
    columns = {}
    for stage, (reached, needed) in told.items():
        columns[stage] = reached.cast(pa.int64())
        columns[f"{stage} of"] = needed.cast(pa.int64())
        columns[f"{stage} lost"] = pc.and_(needed, pc.invert(reached)).cast(pa.int64())
    keys = ["campaign", "channel"]
    counted = pa.table({key: ways[key] for key in keys} | columns).group_by(keys).aggregate(
        [(name, "sum") for name in columns]
    ).sort_by([(key, "ascending") for key in keys])
    return [
        Reached(
            campaign=row["campaign"], channel=row["channel"], place=place, stage=stage, of=row[f"{stage} of_sum"],
            people=row[f"{stage}_sum"] if is_seen else None, lost=row[f"{stage} lost_sum"] if is_seen else None,
        )
        for row in counted.to_pylist() for place, stage in enumerate(STAGES, start=1)
        for is_seen in (stage not in _UNSEEN.get(row["channel"], ()),)
    ]


def lost(ways: pa.Table) -> list[LostAt]:
    """Say why people did not come further, the most first; `ways` has the columns of WAY.

    What is not known is never shared out among what is.
    """
    came = _came(ways)
    stage = pc.if_else(
        came["tagged"], pc.if_else(came["sent"], pc.if_else(came["delivered"], None, "delivered"), "sent"), "tagged"
    )
    said = pc.utf8_trim_whitespace(ways["reason"])
    reason = pc.if_else(pc.fill_null(pc.equal(said, ""), True), "unknown", said)
    keys = ["campaign", "channel", "stage", "reason"]
    told = pa.table({"campaign": ways["campaign"], "channel": ways["channel"], "stage": stage, "reason": reason})
    counted = told.filter(pc.is_valid(told["stage"])).group_by(keys).aggregate([([], "count_all")])
    found = [LostAt(**{key: row[key] for key in keys}, people=row["count_all"]) for row in counted.to_pylist()]
    return sorted(found, key=lambda one: (-one.people, one.campaign, one.channel, one.stage, one.reason))


def _came(ways: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return of each stage whether a person reached it, or something that proves it."""
    came = {}
    for stage in STAGES:
        found = pc.is_valid(ways[f"{stage}_at"])
        for proof in _PROVED_BY[stage]:
            found = pc.or_(found, pc.is_valid(ways[f"{proof}_at"]))
        came[stage] = found
    return came
