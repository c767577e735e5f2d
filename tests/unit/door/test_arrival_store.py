"""What the door's store promises: durable, once, all or nothing, by one process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from full_disk import full_disk
from regulars.clock import FixedClock
from regulars.errors import LeaseHeld, StoreUnavailable
from regulars.storage.door.arrival_store import Arrivals, ArrivalStore, Receipt
from regulars.storage.door.collect import collect
from regulars.storage.door.generation import Generation, prefix_of
from regulars.storage.door.landed import ArrivalLanding
from regulars.storage.door.message_ids import message_hash
from regulars.storage.stores import Stores

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def arrivals(*ids: str, source: str = "site", bad: int = 0) -> Arrivals:
    return Arrivals(
        source=source,
        hashes=[message_hash(prefix_of(source) + one.encode()) for one in ids],
        text="".join(f'{{"door":{{"id":"{one}"}}}}\n' for one in ids).encode(),
        rejects=[b'{"file":"door-x","line":1,"reason":"no_person","message":"","raw":"{}"}\n'] * bad,
    )


def nowhere(generation: Generation) -> None:
    """Land nothing."""


def stored(store: ArrivalStore) -> int:
    return store.counts().get(("site", "stored"), 0)


def test_a_message_is_stored_once_within_a_request_a_group_and_for_ever(tmp_path: Path) -> None:
    store = ArrivalStore.open(tmp_path)

    first = store.commit([arrivals("a", "b", "a"), arrivals("b", "c")])
    again = store.commit([arrivals("c", "d")])

    assert first == [
        Receipt(stored=2, duplicate=1, quarantined=0), Receipt(stored=1, duplicate=1, quarantined=0)
    ]
    assert again == [Receipt(stored=1, duplicate=1, quarantined=0)]


def test_the_same_id_from_two_sources_is_two_messages(tmp_path: Path) -> None:
    store = ArrivalStore.open(tmp_path)

    receipts = store.commit([arrivals("a"), arrivals("a", source="shop")])

    assert [receipt.stored for receipt in receipts] == [1, 1]


@pytest.mark.parametrize("is_settled", [False, True])
def test_a_message_is_known_after_a_restart(tmp_path: Path, *, is_settled: bool) -> None:
    store = ArrivalStore.open(tmp_path)
    store.commit([arrivals("a", "b", bad=1), arrivals("b")])
    if is_settled:
        store.turn()
        store.settle(nowhere)
    before = dict(store.counts())
    store.lock.close()                       # as when it is killed: nothing else is given back

    opened = ArrivalStore.open(tmp_path)

    assert opened.counts() == before == {("site", "stored"): 2, ("site", "duplicate"): 1, ("site", "quarantined"): 1}
    assert opened.commit([arrivals("a", "c")]) == [Receipt(stored=1, duplicate=1, quarantined=0)]


@pytest.mark.parametrize("left", [b'{"door":{"id":"b"', bytes(20) + b'"}}\n{"door":{"id":"b"}}\n'], ids=["cut", "zeros"])
def test_what_a_kill_or_a_power_cut_left_half_written_is_cut_off_and_its_message_taken_again(
    left: bytes, tmp_path: Path
) -> None:
    store = ArrivalStore.open(tmp_path)
    store.commit([arrivals("a")])
    journal = store.current.journals["site", "stored"].path
    with journal.open("ab") as file:
        file.write(left)
    store.lock.close()

    opened = ArrivalStore.open(tmp_path)

    assert stored(opened) == 1
    assert opened.commit([arrivals("a", "b")]) == [Receipt(stored=1, duplicate=1, quarantined=0)]


def test_a_full_disk_takes_nothing_of_a_group_and_everything_once_there_is_room(tmp_path: Path) -> None:
    store = ArrivalStore.open(tmp_path)
    store.commit([arrivals("a")])
    before = store.current.journals["site", "stored"].path.read_bytes()
    many = arrivals(*(f"m{n}" for n in range(100)), bad=100)

    with full_disk(len(before) + 100), pytest.raises(StoreUnavailable):
        store.commit([many])

    assert store.current.journals["site", "stored"].path.read_bytes() == before
    assert stored(store) == 1
    assert store.commit([many]) == [Receipt(stored=100, duplicate=0, quarantined=100)]


def test_two_processes_never_take_arrivals(tmp_path: Path) -> None:
    store = ArrivalStore.open(tmp_path)

    with pytest.raises(LeaseHeld):
        ArrivalStore.open(tmp_path)
    store.close()

    ArrivalStore.open(tmp_path).close()


@pytest.fixture
def landing(tmp_path: Path) -> Iterator[tuple[Stores, ArrivalLanding]]:
    stores = Stores.open(
        f"file://{tmp_path}/landing", f"file://{tmp_path}/lake", f"sqlite:///{tmp_path}/book.db", home=tmp_path / "home"
    )
    yield stores, ArrivalLanding(files=stores.landing.files, book=stores.book, clock=FixedClock(NOW))
    stores.close()


def landed(stores: Stores, stream: str = "events") -> list[str]:
    rows = stores.border.fetch(stores.landing.rows("site", stream)).to_pylist()
    return sorted(row["payload"] for row in rows)


def test_what_the_door_took_is_read_like_any_other_stream(
    tmp_path: Path, landing: tuple[Stores, ArrivalLanding]
) -> None:
    stores, arrival_landing = landing
    store = ArrivalStore.open(tmp_path / "door")
    store.commit([arrivals("a", "b", bad=1)])

    store.turn()
    store.settle(arrival_landing.land)

    assert landed(stores) == ['{"door":{"id":"a"}}', '{"door":{"id":"b"}}']
    assert len(landed(stores, "events.rejects")) == 1


def test_a_door_killed_while_it_lands_lands_each_message_once(
    tmp_path: Path, landing: tuple[Stores, ArrivalLanding]
) -> None:
    stores, arrival_landing = landing
    store = ArrivalStore.open(tmp_path / "door")
    store.commit([arrivals("a", "b")])

    def killed(generation: Generation) -> None:
        arrival_landing.land(generation)
        raise KeyboardInterrupt

    store.turn()
    with pytest.raises(KeyboardInterrupt):
        store.settle(killed)
    store.commit([arrivals("c")])
    store.lock.close()
    collect(tmp_path / "door", arrival_landing.land)
    stores.landing.tidy()

    assert landed(stores) == ['{"door":{"id":"a"}}', '{"door":{"id":"b"}}', '{"door":{"id":"c"}}']
    assert stored(ArrivalStore.open(tmp_path / "door")) == 3


def test_a_landing_that_does_not_answer_costs_nothing(tmp_path: Path) -> None:
    store = ArrivalStore.open(tmp_path)
    store.commit([arrivals("a")])

    def away(generation: Generation) -> None:
        raise StoreUnavailable("no answer")

    store.turn()
    with pytest.raises(StoreUnavailable):
        store.settle(away)

    assert store.commit([arrivals("a", "b")]) == [Receipt(stored=1, duplicate=1, quarantined=0)]
    store.turn()
    assert store.settle(nowhere) == 2
    assert stored(store) == 2
