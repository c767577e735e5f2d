"""Offers of campaigns: nobody gets the same one twice too soon; what each came to, over all campaigns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.audience import WITHOUT_EXPERIMENT
from regulars.campaigns.offered import Offered
from regulars.campaigns.results import MEASURES, Share, counted, share
from regulars.pipeline.merged import as_they_are_now
from regulars.pipeline.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferResult:
    """What one offer came to, in whatever words and campaigns it was made."""

    offer: str                               # the same of the same offer
    kind: str | None
    amount: str | None
    code: str | None
    description: str | None                  # of the latest campaign that made it
    campaigns: list[str]
    last_at: datetime                        # aware: when that began
    sent: int                                # people
    shares: dict[str, Share]                 # clicked, replied, agreed, left, complained


def without_repeated(
    workspace: Workspace, found: pa.Table, offers: Sequence[Offered], *, since: datetime, besides: str
) -> pa.Table:
    """Leave those out who got since then what they would get, or will by another campaign: `had this offer on …`.

    `found`: customer_id, variant, reason. Of a campaign whose variants are not given yet any of its offers counts.
    """
    named = [one for one in offers if one.offer_key is not None]
    if not named:
        return found
    got = workspace.book.offers.got([str(one.offer_key) for one in named], since=since, besides=besides)
    got = got.set_column(0, "customer", as_they_are_now(workspace, got["customer"]))
    days = pc.local_timestamp(pc.assume_timezone(got["at"], "UTC").cast(pa.timestamp("us", workspace.zone)))
    got = got.append_column("why", pc.binary_join_element_wise(
        "had this offer on", days.cast(pa.date32(), safe=False).cast(pa.string()), " "
    ))
    reason = found["reason"]
    for one in named:
        mine = got.filter(pc.equal(got["offer_key"], one.offer_key))
        why = mine["why"].take(pc.index_in(found["customer_id"], mine["customer"].combine_chunks()))
        gets_it = pc.is_in(found["variant"], pa.array([one.variant, WITHOUT_EXPERIMENT]))
        reason = pc.coalesce(reason, pc.if_else(gets_it, why, None))
    return found.set_column(found.column_names.index("reason"), "reason", reason)


def offers_told(workspace: Workspace, *, within: timedelta = timedelta(days=365)) -> list[OfferResult]:
    """Return every offer of the last days with what people did, the one most people got first."""
    book = workspace.book
    told: dict[str, list[tuple[datetime, str, Offered, dict[str, int]]]] = defaultdict(list)
    for campaign_id in book.offers.occurrences(since=workspace.clock.now() - within):
        one, counts = book.campaigns.get(campaign_id), counted(book.ways.of(campaign_id))
        assert one is not None
        for each in book.offers.of(campaign_id):
            if each.offer_key is not None and each.variant in counts:
                told[each.offer_key].append((one.starts_at, one.campaign, each, counts[each.variant]))
    found = [_result(key, rows) for key, rows in told.items()]
    return sorted(found, key=lambda one: (-one.sent, one.offer))


def _result(key: str, rows: list[tuple[datetime, str, Offered, dict[str, int]]]) -> OfferResult:
    at, _, latest, _ = max(rows, key=lambda row: (row[0], row[1], row[2].variant))
    people = sum(counts["sent"] for *_, counts in rows)
    return OfferResult(
        offer=key, kind=latest.offer_type, amount=latest.offer_amount, code=latest.offer_code,
        description=latest.offer_description, campaigns=sorted({campaign for _, campaign, *_ in rows}), last_at=at,
        sent=people,
        shares={name: share(sum(counts[name] for *_, counts in rows), of=people) for name in MEASURES},
    )
