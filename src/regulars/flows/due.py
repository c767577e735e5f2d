"""When a step is due: waits by the business calendar, for all journeys at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.flows.flow import Clock, DayOf, Delay, Length

Moments = NDArray[np.datetime64]
"""Of microseconds, UTC; NaT: never."""

Days = NDArray[np.datetime64]
"""Business days."""

_UTC = pa.timestamp("us", tz="UTC")


def due_after(delays: Sequence[Delay], base: Moments, *, anchor: Days, zone: str) -> Moments:
    """Return when what follows is due, in order of base.

    Args:
        delays: What has to pass, one after the other.
        base: When the step before was due. A step that was taken late moves nothing that follows.
        anchor: The business day of each occasion.
        zone: Of the business.

    """
    for delay in delays:
        match delay:
            case Length() if delay.days is not None:
                base = at_local(local_days(base, zone=zone) + np.timedelta64(delay.days, "D"), zone=zone)
            case Length():
                base = base + np.timedelta64(delay.length)
            case DayOf():
                base = at_local(anchor + np.timedelta64(delay.offset, "D"), zone=zone)
            case Clock():
                base = next_at(delay.at, base, zone=zone)
    return base


def local_days(moments: Moments, *, zone: str) -> Days:
    """Return the business day of each moment."""
    here = pa.array(moments.astype("datetime64[us]")).cast(_UTC).cast(pa.timestamp("us", tz=zone))
    found: Days = pc.local_timestamp(here).to_numpy(zero_copy_only=False).astype("datetime64[D]")
    return found


def at_local(days: Days, at: time = time(), *, zone: str) -> Moments:
    """Return when the clock of the business shows a time on each day: the first time it does, or just after a gap."""
    seconds = np.timedelta64(at.hour * 3600 + at.minute * 60 + at.second, "s")
    wall = pa.array((days.astype("datetime64[D]") + seconds).astype("datetime64[us]"))
    here = pc.assume_timezone(wall, zone, ambiguous="earliest", nonexistent="latest")
    found: Moments = here.cast(_UTC).cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
    return found


def next_at(at: time, base: Moments, *, zone: str) -> Moments:
    """Return the first moment, not before base, at which the clock of the business shows a time."""
    days = local_days(base, zone=zone)
    today = at_local(days, at, zone=zone)
    return np.where(today >= base, today, at_local(days + np.timedelta64(1, "D"), at, zone=zone))
