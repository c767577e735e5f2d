"""Collect: before a run reads, what was acknowledged until now is landed, by the door or in its place."""

from __future__ import annotations

import time
from pathlib import Path

from regulars.errors import LeaseHeld, StoreUnavailable
from regulars.storage.door.arrival_store import ArrivalStore, Land

WANTED = "wanted"
"""A file of this name in the store asks the process that takes arrivals to land what it has; it takes it away then."""


def collect(folder: Path, land: Land, *, patience: float = 10.0) -> None:
    """Land everything that was acknowledged before this call.

    The door does it where one is open, within `patience` seconds; else it is done here. A folder that is not there
    means that nothing ever came. Raises StoreUnavailable when the door does not do it in time.
    """
    if not folder.is_dir():
        return
    try:
        store = ArrivalStore.open(folder)
    except LeaseHeld:
        _asked(folder, patience)
        return
    try:
        store.turn()
        store.settle(land)
    finally:
        store.close()


def _asked(folder: Path, patience: float) -> None:
    (folder / WANTED).touch()
    until = time.monotonic() + patience
    while (folder / WANTED).exists():
        if time.monotonic() > until:
            raise StoreUnavailable("the door did not land what it has", hint="look at the log of `regulars serve`")
        time.sleep(0.02)
