"""How fast and how often: caps that nobody is written to beyond, rates of a sender, and messages spread over a window.

A cap of n has n seats for each subject. Whether a seat is free is decided here (`free_before`); that two workers never
take the same one is the book's work (`storage.book.seats`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from regulars.consent.channel import CHANNELS, Channel, Purpose
from regulars.consent.permission import Permission
from regulars.later import np, npt

Subject = Literal["customer", "household", "address", "sender"]

DAY: Literal["day"] = "day"
"""A window that begins at local midnight, and not so long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most so many messages to one subject in a window. Raises ValueError for a limit or window that is none."""

    name: str
    of: Subject                              # sender: the number or address that we send from
    limit: int
    window: timedelta | Literal["day"]       # rolling, or the business day in `zone`
    channels: tuple[Channel, ...] = CHANNELS     # counted together
    is_of_all: bool = False                  # transactional messages count too: a provider's limit, not a courtesy

    def __post_init__(self) -> None:
        if self.limit < 1 or (isinstance(self.window, timedelta) and self.window <= timedelta(0)):
            raise ValueError(f"cap {self.name!r}: the limit is at least 1 and the window longer than nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """What one message takes under one cap: a place that nobody has, or had since long enough."""

    cap: str
    subject: str                             # "customer:c_1", "sender:+12545550100"
    limit: int
    free_before: datetime                    # taken at or before: free again


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatsOfOne:
    """How the seats of one subject under a cap stand."""

    reusable: Sequence[int] = ()             # those that are free again, in the order in which they are taken
    last: int = -1                           # the highest number there is
    in_use: int = 0                          # asked for only where `last` is beyond the limit

    def free(self, limit: int) -> Iterator[int]:
        """Yield the numbers of the seats that are free under a limit: those free for longest, then new ones."""
        if self.last < limit:
            yield from self.reusable
            yield from range(self.last + 1, limit)
        else:
            # Seats beyond the limit are there only after it was lowered: then those in use are counted.
            yield from self.reusable[:max(limit - self.in_use, 0)]


def allotted(
    wanted: Mapping[str, Sequence[Seat]], standing: Mapping[tuple[str, str], SeatsOfOne]
) -> tuple[list[tuple[str, Seat, int]], dict[str, str]]:
    """Give messages their seats in order, of each all or none: message, seat and its number, and whose cap is full.

    Args:
        wanted: By message.
        standing: By cap and subject, as it is before.

    """
    free: dict[tuple[str, str], Iterator[int]] = {}
    next_: dict[tuple[str, str], int | None] = {}
    given, full = [], dict[str, str]()
    for message, seats_ in wanted.items():
        for seat in seats_:
            key = seat.cap, seat.subject
            if key not in free:
                free[key] = standing.get(key, SeatsOfOne()).free(seat.limit)
                next_[key] = next(free[key], None)
        lacking = sorted(seat.cap for seat in seats_ if next_[seat.cap, seat.subject] is None)
        if lacking:
            full[message] = lacking[0]
            continue
        for seat in seats_:
            key = seat.cap, seat.subject
            number = next_[key]
            assert number is not None
            given.append((message, seat, number))
            next_[key] = next(free[key], None)
    return given, full


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What caps need to know of a message."""

    channel: Channel
    purpose: Purpose
    subjects: dict[Subject, str]             # who is written to, and from where; a missing one has no cap


def seats(caps: Iterable[Cap], message: Message, *, at: datetime, zone: str) -> list[Seat]:
    """Return the seats a message needs: one under every cap that counts it. `zone`: where a day begins."""
    return [
        Seat(
            cap=cap.name, subject=f"{cap.of}:{message.subjects[cap.of]}", limit=cap.limit,
            free_before=free_before(cap, at=at, zone=zone),
        )
        for cap in caps
        if message.channel in cap.channels and cap.of in message.subjects
        and (cap.is_of_all or message.purpose == "marketing")
    ]


def free_before(cap: Cap, *, at: datetime, zone: str) -> datetime:
    """Return the moment up to which a contact no longer counts, in UTC."""
    if isinstance(cap.window, timedelta):
        return (at - cap.window).astimezone(UTC)
    midnight = datetime.combine(at.astimezone(ZoneInfo(zone)).date(), time(), tzinfo=ZoneInfo(zone))
    # A contact at midnight is of the new day.
    return midnight.astimezone(UTC) - timedelta(microseconds=1)


def within(cap: Cap, taken: Sequence[datetime], *, at: datetime, zone: str) -> Permission:
    """Return whether one more message stays within a cap, as the book would decide; until when not, if it does not.

    Args:
        cap: Which one.
        taken: When the subject was written to before, in any order.
        at: When the message would go.
        zone: Where a day begins.

    """
    counted = sorted(moment for moment in taken if moment > free_before(cap, at=at, zone=zone))
    if len(counted) < cap.limit:
        return Permission(allowed=True, reason=f"{len(counted)} of {cap.limit} under {cap.name}")
    until = free_again(cap, since=counted[-cap.limit], at=at, zone=zone)
    return Permission(allowed=False, reason=f"{cap.name}: {len(counted)} of {cap.limit}", until=until)


def free_again(cap: Cap, *, since: datetime, at: datetime, zone: str) -> datetime:
    """Return when a full cap has a free seat; `since`: when the one was taken that makes it full, the limit-th last."""
    if isinstance(cap.window, timedelta):
        return since + cap.window
    tomorrow = at.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), tzinfo=ZoneInfo(zone))


def paced(ready: npt.NDArray[np.datetime64], *, per_second: float, burst: int = 1) -> npt.NDArray[np.datetime64]:
    """Return when messages go that are ready at some moments, so that no rate is exceeded; the order is kept.

    Args:
        ready: Shape (n,), datetime64[us], in the order of sending.
        per_second: Of the sender or its provider: 1 for a long code, 10 for a key.
        burst: How many may go at once after a pause, at least 1; a token bucket of that size.

    """
    gap = math.ceil(1_000_000 / per_second)
    microseconds = ready.astype("datetime64[us]").astype(np.int64)
    # The generic cell rate algorithm (ITU-T I.371): message i waits for ready[j] + (i - j - burst + 1) * gap of each j
    # before it, which is one running maximum.
    place = np.arange(len(microseconds), dtype=np.int64) * gap
    debt = np.maximum.accumulate(microseconds - place) + place - (burst - 1) * gap
    return np.maximum(np.maximum.accumulate(microseconds), debt).astype("datetime64[us]")


def spread(
    message_ids: Sequence[str], *, start: datetime, end: datetime, salt: str
) -> npt.NDArray[np.datetime64]:
    """Return a moment in [start, end) for each message, evenly strewn: the same one whenever it is asked.

    By hash and not by place in the list, so that adding a recipient moves nobody else. Returns datetime64[us] in UTC.
    """
    hashes = [hashlib.sha256(f"{salt}\0{key}".encode()).digest()[:8] for key in message_ids]
    share = np.frombuffer(b"".join(hashes), ">u8").astype(np.float64) / 2.0**64
    width = (end - start) // timedelta(microseconds=1)
    # The nearest fraction to 1 would round up to the end itself.
    offset = np.minimum((share * width).astype(np.int64), max(width - 1, 0))
    return np.datetime64(start.astimezone(UTC).replace(tzinfo=None), "us") + offset.astype("timedelta64[us]")


def spaced(sent: Iterable[datetime], *, at: datetime, least: timedelta) -> datetime:
    """Return the first moment from `at` on that is `least` after everything that was sent to somebody."""
    return max([at, *(moment + least for moment in sent)])
