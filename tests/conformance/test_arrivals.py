"""What came through the door lands on any files and in any book, once, and is read like any other stream."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from regulars.clock import SystemClock
from regulars.storage.door.arrival_store import Arrivals, ArrivalStore
from regulars.storage.door.generation import Generation, prefix_of
from regulars.storage.door.journal import Journal
from regulars.storage.door.landed import STREAM, ArrivalLanding
from regulars.storage.door.message_ids import message_hash
from regulars.storage.stores import Stores


def test_an_event_takes_at_most_80_bytes_once_its_day_is_compacted(stores: Stores, tmp_path: Path) -> None:
    chance, count = random.Random(3), 20_000
    landing = ArrivalLanding(files=stores.landing.files, book=stores.book, clock=SystemClock())
    store = ArrivalStore.open(tmp_path / "door")
    ids = [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(count)]
    store.commit([Arrivals(source="site", hashes=[message_hash(one.encode()) for one in ids], text=b"".join(
        b'{"door":{"id":"%b","type":"track","at":"2026-11-25T10:%02d:%02d.%06dZ","received_at":"2026-11-25T11:00:00.%06dZ",'
        b'"user":"user-%d","name":"Order Completed"},"type":"track","event":"Order Completed","userId":"user-%d",'
        b'"messageId":"%b","timestamp":"2026-11-25T10:30:55.976Z","properties":{"order_id":"o-%d","total":42.5},'
        b'"context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}}}\n'
        % (one.encode(), n % 60, n // 60 % 60, chance.randrange(10**6), n, n, n, one.encode(), n)
        for n, one in enumerate(ids)
    ))])

    store.turn()
    store.settle(landing.land)
    stores.landing.compact("site", STREAM, before=(datetime.now(UTC) + timedelta(days=1)).date())

    known = sum(path.stat().st_size for path in (tmp_path / "door" / "ids").iterdir())
    landed = sum(stores.landing.files.local(one.name).stat().st_size for one in stores.book.pages.segments("site", STREAM))
    assert (known + landed) / count <= 80


def test_arrivals_land_once_however_often_it_is_begun(stores: Stores, tmp_path: Path) -> None:
    landing = ArrivalLanding(files=stores.landing.files, book=stores.book, clock=SystemClock())
    store = ArrivalStore.open(tmp_path / "door")
    store.commit([Arrivals(
        source="site", hashes=[message_hash(prefix_of("site") + b"a")], text=b'{"door":{"id":"a"},"n":1}\n'
    )])

    def twice(generation: Generation) -> None:
        landing.land(generation)
        landing.land(generation)

    store.turn()
    store.settle(twice)
    stores.landing.tidy()

    rows = stores.border.fetch(stores.landing.rows("site", STREAM)).to_pylist()
    assert [row["payload"] for row in rows] == ['{"door":{"id":"a"},"n":1}']


def test_a_journal_that_is_given_back_twice_closes_nobody_elses_file(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "journal")
    journal.close()

    with (tmp_path / "other").open("wb", buffering=0) as other:        # takes the number that was freed
        journal.close()
        other.write(b"kept")

    assert (tmp_path / "other").read_bytes() == b"kept"
