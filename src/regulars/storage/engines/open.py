"""Opens an engine by URL."""

from __future__ import annotations

from pathlib import Path

from regulars.errors import StoreError
from regulars.storage.engines.connection import parts_of
from regulars.storage.engines.cores import AtWork
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.engines.engine import Engine


def open_engine(
    url: str = "duckdb://", *, scratch: Path | None = None, sharers: int = 1, at_work: AtWork | None = None
) -> Engine:
    """Return the engine a URL names: `duckdb://?threads=2&memory_limit=2GB` or `spark://local[2]`.

    Options after `?` are the engine's own settings. Scratch is a folder for what does not fit in memory, this engine's
    alone. `sharers` engines work side by side in the memory that one would take, and share its threads when `at_work`
    says how many of them have something to do.
    Raises StoreError for another scheme, and when Spark's packages or Java are missing.
    """
    scheme, place, options = parts_of(url)
    if scheme == "duckdb" and not place:
        engine = DuckDBEngine.open(options, scratch=scratch)
        engine.share(sharers, at_work)
        return engine
    if scheme == "spark":
        # Spark's packages are an extra: a machine without them must still read this module.
        from regulars.storage.engines.spark import SparkEngine  # noqa: PLC0415

        return SparkEngine.open(place or "local[2]", options)
    raise StoreError(f"{url!r} is not an engine", hint="duckdb:// or spark://local[2]")
