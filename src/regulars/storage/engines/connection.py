"""A connection to DuckDB in this process, and how what was compiled is carried out by it; without any expressions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import pyarrow as pa

from regulars.errors import StoreError
from regulars.storage.engines.engine import plain
from regulars.storage.engines.question import filled


def parts_of(url: str) -> tuple[str, str, dict[str, str]]:
    """Return the scheme, place and settings in the URL of an engine: `duckdb://?threads=2&memory_limit=2GB`."""
    # The `[2]` of Spark's master looks like half an IPv6 address to a URL parser, so the scheme is cut off first.
    scheme, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    return scheme, place, {name: values[-1] for name, values in parse_qs(urlsplit(f"?{query}").query).items()}


def connected(settings: Mapping[str, str] | None = None, *, scratch: Path | None = None) -> Any:
    """Return a new connection to a database in memory; what does not fit goes to the scratch folder.

    Raises StoreError when DuckDB does not know a setting.
    """
    spill = {"temp_directory": str(scratch)} if scratch else {}
    try:
        connection = duckdb.connect(config={**spill, **(settings or {})})
    except duckdb.Error as error:
        raise StoreError(f"DuckDB refused its settings: {error}", hint="threads=2, memory_limit=2GB") from error
    connection.execute("set timezone = 'UTC'")
    connection.execute("set python_enable_replacements = false")       # a name in a text is never a variable of ours
    connection.execute("set parquet_metadata_cache = true")            # files never change; footers are read once
    return connection


def answered(connection: Any, text: str, values: Mapping[str, object], *, schema: pa.Schema) -> pa.Table:
    """Carry out a compiled question with values in its places; an Arrow table is the value of a given table.

    Raises ColumnMissing when files that are told have not what the text asks for, StoreError when one cannot be read.
    """
    for name, value in values.items():
        if isinstance(value, pa.Table):
            connection.register(name, plain(value))
    with reading():
        try:
            found = connection.execute(filled(text, values)).to_arrow_table()
        except duckdb.BinderException as error:
            raise ColumnMissing(str(error)) from error
    return plain(found).cast(schema)


class ColumnMissing(Exception):
    """A text asks for a column that none of the files has which it was told: the table had it before they were."""


class reading:  # noqa: N801  reads as a phrase: `with reading():`
    """Turns DuckDB's complaints about files into ours; its complaints about expressions are faults of the program.

    A person's Ctrl-C in the middle of a statement comes out of DuckDB as a plain error: it is theirs again here.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RuntimeError) and "interrupted" in str(error).lower():
            raise KeyboardInterrupt from error
        if isinstance(error, (duckdb.IOException, duckdb.InvalidInputException)):
            text = str(error).splitlines()[0]
            raise StoreError(f"a stored file cannot be read: {text}", hint="type `regulars doctor`") from error
