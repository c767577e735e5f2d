"""The three stores and the engine of one project, opened by URL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from regulars.clock import Clock, SystemClock
from regulars.storage.book import Book
from regulars.storage.book.database import BUSY_SECONDS
from regulars.storage.engines import Engine, open_engine
from regulars.storage.engines.cores import AtWork
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.files import open_files
from regulars.storage.lake import Lake
from regulars.storage.landing import Landing
from regulars.storage.scratch import SPILL, Scratch

PATIENCE_OF_SHARERS = 3600.0
"""Seconds: one step may write a million people in one transaction, and that is no reason for another to fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where a project keeps everything."""

    landing: Landing
    lake: Lake                               # on the engine; `lake.on(border)` for what the border writes
    book: Book
    engine: Engine
    border: DuckDBEngine                     # the engine itself when that is DuckDB
    scratch: Scratch                         # what does not fit in memory: two engines in it would mix their rows

    @classmethod
    def open(
        cls,
        landing_url: str,
        lake_url: str,
        book_url: str,
        engine_url: str = "duckdb://",
        *,
        home: Path,
        tenant: str = "default",
        clock: Clock | None = None,
        worker: int = 0,
        sharers: int = 1,
        at_work: AtWork | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> Stores:
        """Open all of them, making what is new.

        Args:
            landing_url: A folder, or `s3://bucket/prefix?endpoint=...`.
            lake_url: The same.
            book_url: `sqlite:///folder/book.db` or `postgresql://user@host/database`.
            engine_url: `duckdb://?threads=2` or `spark://local[2]`.
            home: Folder of this machine for the key file, caches of object stores, and what does not fit in memory.
            tenant: Whose data it is.
            clock: What now is; the machine's clock when not given.
            worker: Number of the worker whose they are; 0: they are no worker's.
            sharers: How many work side by side, each with an engine that takes its part of the memory.
            at_work: Says how many of them have something to do now; their engines then share the threads of one.
            environment: Where REGULARS_TEXTS is looked for: a folder for what was compiled, in place of one in `home`.

        Raises:
            StoreError: A URL means nothing, or an extra is not installed.
            StoreUnavailable: A store does not answer.

        """
        clock = clock or SystemClock()
        home.mkdir(parents=True, exist_ok=True)
        cache, scratch = home / "cache", Scratch.open(home / SPILL)
        patience = BUSY_SECONDS if sharers == 1 else PATIENCE_OF_SHARERS
        book = Book.open(book_url, home=home, tenant=tenant, patience=patience)
        engine = open_engine(engine_url, scratch=scratch.folder, sharers=sharers, at_work=at_work)
        border = engine if isinstance(engine, DuckDBEngine) else DuckDBEngine.open(scratch=scratch.folder)
        border.texts.settle(home, environment=environment)
        border.texts.is_open = worker > 0        # workers do a run's steps, no more
        return cls(
            landing=Landing(files=open_files(landing_url, cache / "landing"), book=book, border=border, clock=clock),
            lake=Lake(files=open_files(lake_url, cache / "lake"), book=book, engine=engine, border=border, clock=clock),
            book=book,
            engine=engine,
            border=border,
            scratch=scratch,
        )

    def close(self) -> None:
        """Give back connections, memory and processes."""
        self.book.close()
        self.engine.close()
        if self.border is not self.engine:
            self.border.close()
        self.scratch.close()
