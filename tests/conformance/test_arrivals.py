"""What came through the door lands on any files and in any book, once, and is read like any other stream."""

from __future__ import annotations

from pathlib import Path

from regulars.clock import SystemClock
from regulars.storage.door.arrival_store import Arrivals, ArrivalStore
from regulars.storage.door.generation import Generation, prefix_of
from regulars.storage.door.landed import STREAM, ArrivalLanding
from regulars.storage.door.message_ids import message_hash
from regulars.storage.stores import Stores


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
