"""Requests wait together for one write, and all of them hear what became of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from regulars.errors import StoreUnavailable
from regulars.storage.door.arrival_store import Arrivals, ArrivalStore, Land, Receipt
from regulars.storage.door.generation import Generation, prefix_of
from regulars.storage.door.message_ids import message_hash
from regulars.web.ingest.group_commit import MOST_WAITING, Busy, GroupCommit


def nowhere(generation: Generation) -> None:
    """Land nothing."""


def message(name: str) -> Arrivals:
    line = f'{{"door":{{"id":"{name}"}}}}\n'.encode()
    return Arrivals(source="site", hashes=[message_hash(prefix_of("site") + name.encode())], text=line)


def commits(folder: Path, *, land: Land = nowhere) -> GroupCommit:
    return GroupCommit(store=ArrivalStore.open(folder), land=land, every=3600, most=10**9)


def test_a_door_that_is_closed_under_load_counts_and_knows_all_it_wrote(tmp_path: Path) -> None:
    async def closed_while_writing() -> list[Receipt]:
        opened = commits(tmp_path)
        await opened.start()
        asked = [asyncio.create_task(opened.take(message(f"m{n}"))) for n in range(50)]
        while not opened.writing.locked():   # noqa: ASYNC110  nobody announces it
            await asyncio.sleep(0)
        asked += [asyncio.create_task(opened.take(message(f"late{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        await opened.stop()
        return await asyncio.gather(*asked)

    receipts = asyncio.run(closed_while_writing())

    store = ArrivalStore.open(tmp_path)
    assert [receipt.stored for receipt in receipts] == [1] * 100
    assert store.counts() == {("site", "stored"): 100}
    assert store.commit([message("m7"), message("late7")]) == [Receipt(stored=0, duplicate=1, quarantined=0)] * 2


def test_more_than_can_wait_is_told_to_come_again(tmp_path: Path) -> None:
    async def flooded() -> int:
        opened = commits(tmp_path)
        many = Arrivals(source="site", hashes=[b""] * (MOST_WAITING + 1), text=b"\n" * (MOST_WAITING + 1))
        waiting = asyncio.create_task(opened.take(many))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await opened.take(message("m1"))
        waiting.cancel()
        opened.store.close()
        return opened.messages

    assert asyncio.run(flooded()) > MOST_WAITING


def test_a_landing_that_is_away_keeps_nobody_from_being_answered(tmp_path: Path) -> None:
    def away(generation: Generation) -> None:
        raise StoreUnavailable("no answer")

    async def posted() -> list[Receipt]:
        opened = commits(tmp_path, land=away)
        opened.every = 0
        await opened.start()
        receipts = [await opened.take(message(f"m{n}")) for n in range(3)]
        await opened.stop()
        return receipts

    assert [receipt.stored for receipt in asyncio.run(posted())] == [1, 1, 1]
    assert ArrivalStore.open(tmp_path).counts() == {("site", "stored"): 3}
