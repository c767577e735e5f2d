"""When a campaign starts for each of its people: at one moment, or at its wall time where each of them may be.

Of somebody who may be in several zones the latest counts: nobody is written to before that time anywhere they may be.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.campaign import Campaign
from regulars.campaigns.recurrence import instant
from regulars.consent.place import UNKNOWN_US
from regulars.pipeline.permitted import placed
from regulars.pipeline.workspace import Workspace

MOMENT = pa.timestamp("us")


def starts_of(
    workspace: Workspace, campaign: Campaign, found: pa.Table, *, run: datetime, at: datetime
) -> pa.ChunkedArray:
    """Return when messages may go at the earliest, in UTC, in the order of `found`; never before now.

    Args:
        workspace: Of whose zone the run is.
        campaign: Which.
        found: Its people: address, region.
        run: When it starts by the clock of the business.
        at: Now.

    """
    if campaign.zone == "business" or campaign.starts is None:
        return pa.chunked_array([pa.repeat(_plain(max(run, at)), found.num_rows)])
    day, clock = run.astimezone(ZoneInfo(workspace.zone)).date(), campaign.starts.time()
    which, places = placed(workspace, found)
    # Where nothing speaks for a place they are taken to be where the business is.
    zones = [(workspace.zone,) if place.zones == UNKNOWN_US else place.zones for place in places]
    moments = [max(at, *(instant(day, clock, zone=zone) for zone in of)) for of in zones]
    latest = pa.array([each.astimezone(UTC).replace(tzinfo=None) for each in moments], MOMENT)
    return pa.chunked_array([latest.take(pa.array(which))])


def first_of(starts: pa.ChunkedArray, *, run: datetime) -> datetime:
    """Return the first of some starts, aware; that of the run where there is none."""
    first = pc.min(starts).as_py()
    return run if first is None else first.replace(tzinfo=UTC)


def expires_of(campaign: Campaign, starts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return after when a message is no longer worth sending; null where the start of the campaign says it for all."""
    if campaign.zone == "business" or campaign.expires is None:
        return pa.chunked_array([pa.nulls(len(starts), MOMENT)])
    return pc.add(starts, pa.scalar(campaign.expires, pa.duration("us")))


def _plain(at: datetime) -> pa.Scalar:
    return pa.scalar(at.astimezone(UTC).replace(tzinfo=None), MOMENT)
