"""The three stores and the engine of one project, opened by URL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regulars.clock import Clock, SystemClock
from regulars.storage.book import Book
from regulars.storage.engines import Engine, open_engine
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.files import open_files
from regulars.storage.lake import Lake
from regulars.storage.landing import Landing


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where a project keeps everything."""

    landing: Landing
    lake: Lake                               # on the engine; `lake.on(border)` for what the border writes
    book: Book
    engine: Engine
    border: DuckDBEngine                     # the engine itself when that is DuckDB

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

        Raises:
            StoreError: A URL means nothing, or an extra is not installed.
            StoreUnavailable: A store does not answer.

        """
        clock = clock or SystemClock()
        home.mkdir(parents=True, exist_ok=True)
        cache, spill = home / "cache", home / "spill"
        book = Book.open(book_url, home=home, tenant=tenant)
        engine = open_engine(engine_url, scratch=spill)
        border = engine if isinstance(engine, DuckDBEngine) else DuckDBEngine.open(scratch=spill)
        border.texts.folder = home / "texts"
        return cls(
            landing=Landing(files=open_files(landing_url, cache / "landing"), book=book, border=border, clock=clock),
            lake=Lake(files=open_files(lake_url, cache / "lake"), book=book, engine=engine, border=border, clock=clock),
            book=book,
            engine=engine,
            border=border,
        )

    def close(self) -> None:
        """Give back connections, memory and processes."""
        self.book.close()
        self.engine.close()
        if self.border is not self.engine:
            self.border.close()
