"""Consent at scale: quiet hours that are never broken, caps that are never exceeded: `python benchmarks/consent.py`.

Quiet hours are checked against the rule as it is said, one clock after the other, in plain zoneinfo.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from regulars.campaigns.pace import DAY, Cap, Message, seats
from regulars.consent.everybody import permissions
from regulars.consent.ledger import ENTRIES
from regulars.consent.place import UNKNOWN_US, Place, place_of
from regulars.consent.quiet_hours import EVERYWHERE, next_allowed, next_allowed_of, quiet_windows, sending_hours
from regulars.consent.suppression import SUPPRESSIONS
from regulars.storage.book import Book, bulk
from regulars.storage.engines.duckdb import DuckDBEngine

CASES = 1_000_000
CONTACTS = 10_000
PEOPLE = 1_000_000
NOW = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)


def main() -> None:
    _quiet_hours()
    _one_by_one()
    _everybody()
    _seats()


def _quiet_hours() -> None:
    """Random moments of three years, zone sets and states: no answer may lie outside any window."""
    rng = Random(11)
    places = [_place(rng) for _ in range(400)]
    windows = [quiet_windows(place) for place in places]
    begin = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())
    seconds = np.random.default_rng(11).integers(begin, begin + 3 * 365 * 86_400, CASES)
    which = np.random.default_rng(12).integers(0, len(places), CASES)
    began = perf_counter()
    found = next_allowed_of(seconds.astype("datetime64[s]"), which, windows)
    took = perf_counter() - began
    moments = found.astype(np.int64)
    never = np.isnat(found)
    outside = sum(
        not _is_open(second, places[place])
        for second, place in zip(moments[~never].tolist(), which[~never].tolist(), strict=True)
    )
    wrongly_put_off = sum(
        _is_open(second, places[place])
        for second, place in zip(seconds[moments != seconds].tolist(), which[moments != seconds].tolist(), strict=True)
    )
    print(
        f"quiet hours: {CASES:,} cases, {outside} outside, {wrongly_put_off} put off in open hours, "
        f"{np.count_nonzero(moments != seconds):,} deferred, {CASES / took:,.0f} checks/s"
    )


def _one_by_one() -> None:
    rng = Random(13)
    windows = [quiet_windows(_place(rng)) for _ in range(400)]
    moments = [NOW + timedelta(seconds=rng.randrange(86_400)) for _ in range(100_000)]
    began = perf_counter()
    for number, moment in enumerate(moments):
        next_allowed(moment, windows[number % 400])
    print(f"quiet hours at the moment of sending: {len(moments) / (perf_counter() - began):,.0f} checks/s")


def _everybody() -> None:
    """A million people with an entry each: who may be written to and why."""
    engine = DuckDBEngine.open()
    hashes = np.char.mod("%064x", np.arange(PEOPLE))
    at = np.full(PEOPLE, np.datetime64("2026-01-01T00:00:00", "us"))
    own = pa.array(["own"]).take(pa.array(np.zeros(PEOPLE, np.int64)))
    people = pa.table({"customer_id": hashes, "address_hash": hashes, "address_reason": own})
    choice: dict[str, list[str | None]] = {
        "channel": ["sms"], "purpose": ["marketing"], "action": ["grant", "grant", "revoke"],
        "method": ["web_form", "import"], "evidence": ["form", None],
    }
    columns = {
        name: pa.array(values).take(pa.array(np.arange(PEOPLE) % len(values))) for name, values in choice.items()
    }
    rest = {"seq": np.arange(PEOPLE), "address_hash": hashes, "at": at, "recorded_at": at, **columns}
    schema = bulk.schema(ENTRIES)
    rest |= {field.name: pa.nulls(PEOPLE, field.type) for field in schema if field.name not in rest}
    entries = pa.table(rest).select(schema.names).cast(schema)
    began = perf_counter()
    told = engine.fetch(permissions(
        engine.arrow(people), engine.arrow(entries), engine.arrow(bulk.schema(SUPPRESSIONS).empty_table()),
        channel="sms", purpose="marketing", at=NOW,
    ))
    took = perf_counter() - began
    counts = told.group_by("reason").aggregate([([], "count_all")]).num_rows
    print(f"permissions of {told.num_rows:,} people: {took:.1f} s, {counts} reasons")
    engine.close()


def _seats() -> None:
    """Four workers, a batch of a hundred each time, under a cap for each customer and a daily limit."""
    week = Cap(name="week", of="customer", limit=2, window=timedelta(days=7))
    day = Cap(name="day", of="sender", limit=CONTACTS // 4, window=DAY)
    people = CONTACTS // 3
    with tempfile.TemporaryDirectory() as folder:
        book = Book.open(f"sqlite:///{folder}/book.db", home=Path(folder), environment={})

        def take(batch: int) -> Counter[str]:
            wanted = {
                f"m{number}": seats([week, day], Message(
                    channel="sms", purpose="marketing", subjects={"customer": f"c{number % people}", "sender": "n"}
                ), at=NOW, zone="UTC")
                for number in range(100 * batch, 100 * batch + 100)
            }
            return Counter(full or "granted" for full in book.seats.take_all(wanted, at=NOW).values())

        began = perf_counter()
        with ThreadPoolExecutor(4) as pool:
            answers = sum(pool.map(take, range(CONTACTS // 100)), Counter[str]())
        took = perf_counter() - began
        beyond = sum(len(book.seats.taken("week", f"customer:c{n}")) > 2 for n in range(people))
        print(
            f"seats: {CONTACTS:,} contacts by 4 workers, {CONTACTS / took:,.0f}/s, {dict(answers)}; {beyond} customers "
            f"beyond their cap, {len(book.seats.taken('day', 'sender:n')):,} of {day.limit:,} a day"
        )
        book.close()


def _place(rng: Random) -> Place:
    if rng.random() < 0.5:
        return place_of(phone=f"+1{rng.randrange(201, 990)}4325678", business_zone="America/Chicago")
    states = tuple(sorted(rng.sample([*sorted(sending_hours()), "NY", "NV"], rng.randrange(3))))
    return Place(zones=tuple(sorted(rng.sample(UNKNOWN_US, rng.randrange(1, 4)))), states=states)


def _is_open(second: int, place: Place) -> bool:
    at = datetime.fromtimestamp(second, UTC)
    rules = [sending_hours()[rule] for rule in (EVERYWHERE, *place.states) if rule in sending_hours()]
    for local in (at.astimezone(ZoneInfo(zone)) for zone in place.zones):
        minute = 60 * local.hour + local.minute
        if not all(week[local.weekday()][0] <= minute < week[local.weekday()][1] for week in rules):
            return False
    return True

if __name__ == "__main__":
    main()
