"""A project's door, opened: its write keys, its store, and where arrivals land."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from regulars.clock import Clock
from regulars.config import Config
from regulars.project.shops import read_shops
from regulars.project.tracking import read_tracking_plans
from regulars.sources.tracking.judge import Judge
from regulars.storage.book.landing_book import LandingBook, Landings
from regulars.storage.door.arrival_store import ArrivalStore
from regulars.storage.door.landed import ArrivalLanding
from regulars.storage.files import open_files
from regulars.web.ingest.asgi import App
from regulars.web.ingest.group_commit import GroupCommit
from regulars.web.ingest.ingest_door import IngestDoor, new_id
from regulars.web.ingest.shop_pixels import PixelDoor, Shown, nothing_shown
from regulars.web.ingest.write_keys import WriteKeys

if TYPE_CHECKING:                            # see `posthog_flags`
    from regulars.flags import Flags

MOST = 200_000
"""Messages after which what came is landed, however short the time."""


def open_commits(config: Config, *, home: Path, clock: Clock, book: Landings | None = None) -> GroupCommit:
    """Return what takes arrivals of a project durably; it begins and ends with `start` and `stop`.

    Args:
        config: says the folder, and where the landing and the book are.
        home: folder of this machine for the key file and caches, as `Stores.open` has it.
        clock: by which arrivals are dated.
        book: the project's, where it is open already.

    Raises LeaseHeld while another process has the door open, StoreError when a store cannot be opened.

    """
    store = ArrivalStore.open(config.door.folder)
    book = book or LandingBook.open(config.stores.book)
    files = open_files(config.stores.landing, home / "cache" / "landing")
    landing = ArrivalLanding(files=files, book=book, clock=clock)
    for generation in store.waiting:
        landing.queue(generation)            # a killed door may have acknowledged deliveries that are not in it yet
    return GroupCommit(store=store, land=landing.land, every=config.door.land_every, most=MOST)


def open_door(
    config: Config, *, home: Path, clock: Clock, behind: App | None = None, book: Landings | None = None,
    commits: GroupCommit | None = None, flags: Callable[[], Flags] | None = None, shown: Shown = nothing_shown,
) -> IngestDoor:
    """Return the door of a project as an ASGI app; it begins and ends with the server's lifespan.

    Args:
        config: says the keys, and where the tracking plans are, besides what `open_commits` looks at.
        home: see `open_commits`.
        clock: by which arrivals are dated.
        behind: the app that answers everything else.
        book: the project's, where it is open already.
        commits: what takes arrivals, where others take them too.
        flags: gives those of the moment, for clients that ask a door for them.
        shown: says to pixels what a product shows; the door alone knows no experiments, and says of none.

    Raises what `open_commits` raises, and DeclarationError for a tracking plan or shop with a mistake.

    """
    judges = {source: Judge.of(plan) for source, plan in read_tracking_plans(config.folder).items()}
    shops, keys = read_shops(config.folder, business=config.business), WriteKeys(_sources(config.door.keys))
    commits = commits or open_commits(config, home=home, clock=clock, book=book)
    pixels = PixelDoor(shops=shops, keys=keys, judges=judges, shown=shown, mint=new_id) if shops.every else None
    return IngestDoor(
        keys=keys, commits=commits, clock=clock, behind=behind, judges=judges, pixels=pixels, flags=flags
    )


def _sources(keys: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {one: source for source, hashes in keys.items() for one in hashes}
