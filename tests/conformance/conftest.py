"""Every implementation of every seam, each with what it needs and why it may be missing here.

A test that asks for `files`, `book`, `engine` runs once per implementation; one that asks for `stores` runs once per
combination in COMBINATIONS. To run a test on chosen ones:

    @pytest.mark.parametrize("stores", [Combination("s3", "postgres", "duckdb")], indirect=True)
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from regulars.clock import FixedClock
from regulars.storage.book import Book
from regulars.storage.engines import Engine, open_engine
from regulars.storage.engines.duckdb import DuckDBEngine
from regulars.storage.files import FileStore, open_files
from regulars.storage.stores import Stores
from regulars.testing.postgres import postgres_binaries

sys.path.insert(0, str(Path(__file__).parent))

from tenant_watch import watch

watch()
NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


class Combination(NamedTuple):
    """Which files, book and engine a project stands on."""

    files: str
    book: str
    engine: str


COMBINATIONS = [
    Combination("local", "sqlite", "duckdb"),
    Combination("s3", "postgres", "duckdb"),
    Combination("local", "sqlite", "spark"),
    Combination("s3", "postgres", "spark"),
]
"""Each implementation with both of the others' kinds; together they meet every pair that touches."""


# --- what each implementation needs --------------------------------------------------------------------------------


class LocalFolder:
    """Files in a folder: always there."""

    marks = ()

    def missing(self) -> str:
        return ""

    def url(self, request: pytest.FixtureRequest) -> str:
        return str(request.getfixturevalue("tmp_path") / f"files-{uuid4().hex[:8]}")


class ObjectStore:
    """Files behind the S3 protocol, spoken over HTTP to a server of the dev group."""

    marks = (pytest.mark.s3,)

    def missing(self) -> str:
        absent = [name for name in ("obstore", "moto", "flask") if importlib.util.find_spec(name) is None]
        return f"{', '.join(absent)} missing; type: scripts/setup dev" if absent else ""

    def url(self, request: pytest.FixtureRequest) -> str:
        return str(request.getfixturevalue("new_bucket")())


class SQLite:
    """A book in a file: always there."""

    marks = ()

    def missing(self) -> str:
        return ""

    def url(self, request: pytest.FixtureRequest) -> str:
        return f"sqlite:///{request.getfixturevalue('tmp_path')}/book-{uuid4().hex[:8]}.db"


class PostgreSQL:
    """A book in a private PostgreSQL that is started for the session."""

    marks = (pytest.mark.postgres,)

    def missing(self) -> str:
        if importlib.util.find_spec("psycopg") is None:
            return "psycopg is missing; type: scripts/setup dev"
        return "" if postgres_binaries() else "PostgreSQL's binaries are missing; type: apt-get install postgresql"

    def url(self, request: pytest.FixtureRequest) -> str:
        return str(request.getfixturevalue("new_database")())


class DuckDB:
    """The engine in this process: always there."""

    marks = ()
    url = "duckdb://"

    def missing(self) -> str:
        return ""


class Spark:
    """Spark in this process; one session serves all tests."""

    marks = (pytest.mark.spark,)
    url = "spark://local[2]"

    def missing(self) -> str:
        if shutil.which("java") is None:
            return "Java is missing; type: apt-get install openjdk-17-jre-headless"
        if importlib.util.find_spec("pyspark") is None:
            return "pyspark is missing; type: REGULARS_EXTRAS=spark scripts/setup dev"
        pandas = importlib.import_module("pandas")
        if int(pandas.__version__.split(".")[0]) >= 3:
            return f"pandas {pandas.__version__} is too new for pyspark; type: REGULARS_EXTRAS=spark scripts/setup dev"
        return ""


FILES = {"local": LocalFolder(), "s3": ObjectStore()}
BOOKS = {"sqlite": SQLite(), "postgres": PostgreSQL()}
ENGINES = {"duckdb": DuckDB(), "spark": Spark()}


def _params(kinds: dict[str, Any]) -> list[Any]:
    return [pytest.param(name, marks=kind.marks) for name, kind in kinds.items()]


def _present(kind: Any) -> Any:
    if kind.missing():
        pytest.skip(kind.missing())
    return kind


# --- one of each ---------------------------------------------------------------------------------------------------


@pytest.fixture(params=_params(FILES))
def new_files(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], FileStore]:
    """Opens the same place anew, with an empty cache, as another machine would."""
    url = _present(FILES[request.param]).url(request)
    return lambda: open_files(url, tmp_path / f"cache-{uuid4().hex[:8]}")


@pytest.fixture
def files(new_files: Callable[[], FileStore]) -> FileStore:
    return new_files()


@pytest.fixture(params=_params(BOOKS))
def book_url(request: pytest.FixtureRequest) -> str:
    return str(_present(BOOKS[request.param]).url(request))


@pytest.fixture
def book(book_url: str, tmp_path: Path) -> Iterator[Book]:
    opened = Book.open(book_url, home=tmp_path, environment={})
    yield opened
    opened.close()


@pytest.fixture(params=_params(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    return open_engine(_present(ENGINES[request.param]).url)


@pytest.fixture
def duck() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine.open()
    yield engine
    engine.close()


@pytest.fixture
def new_stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Combination], Stores]]:
    """Opens new empty stores of any combination; skips when a part of it is missing here."""
    opened: list[Stores] = []

    def open_stores(combination: Combination) -> Stores:
        files, book, engine = FILES[combination.files], BOOKS[combination.book], ENGINES[combination.engine]
        for kind in (files, book, engine):
            _present(kind)
        stores = Stores.open(
            files.url(request), files.url(request), book.url(request), engine.url,
            home=tmp_path / uuid4().hex[:8], clock=FixedClock(NOW),
        )
        opened.append(stores)
        return stores

    yield open_stores
    for stores in opened:
        stores.book.close()                  # Spark's session goes on: starting it is most of a test's time


def _marks(combination: Combination) -> list[pytest.MarkDecorator]:
    kinds = (FILES[combination.files], BOOKS[combination.book], ENGINES[combination.engine])
    return [mark for kind in kinds for mark in kind.marks]


@pytest.fixture(params=[pytest.param(c, marks=_marks(c), id="-".join(c)) for c in COMBINATIONS])
def stores(request: pytest.FixtureRequest, new_stores: Callable[[Combination], Stores]) -> Stores:
    return new_stores(request.param)


PIPELINES = [
    Combination("local", "postgres", "duckdb"),
    Combination("s3", "sqlite", "duckdb"),
    Combination("local", "sqlite", "spark"),
    Combination("s3", "postgres", "spark"),
]
"""On what the whole pipeline must come to the same as on a stranger's machine: one part changed, then all."""


@pytest.fixture(params=[pytest.param(c, marks=_marks(c), id="-".join(c)) for c in PIPELINES])
def store_urls(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where a project's landing, lake, book and engine are; skips when a part is missing here."""
    files, book, engine = (_present(kind) for kind in (
        FILES[request.param.files], BOOKS[request.param.book], ENGINES[request.param.engine]
    ))
    return {"landing": files.url(request), "lake": files.url(request), "book": book.url(request), "engine": engine.url}


@pytest.fixture
def default_stores(new_stores: Callable[[Combination], Stores]) -> Stores:
    """What a stranger's machine has: a folder, SQLite and DuckDB."""
    return new_stores(COMBINATIONS[0])


# --- servers -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The S3 protocol over real HTTP."""
    # A process of its own: a thread's server would wait a minute and a half for the client's idle connections.
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], stderr=subprocess.PIPE, text=True
    )
    assert server.stderr is not None
    endpoint = next(found[0] for line in server.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
    # Its log is read to the end, or it would stop at a full pipe.
    threading.Thread(target=server.stderr.read, daemon=True).start()
    before = {name: os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    os.environ.update(dict.fromkeys(before, "testing"))
    yield endpoint
    server.kill()
    server.wait()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="session")
def new_bucket(s3_endpoint: str) -> Callable[[], str]:
    """Makes an empty bucket and returns its URL."""

    def make() -> str:
        name = f"bucket-{uuid4().hex}"
        httpx.put(f"{s3_endpoint}/{name}").raise_for_status()
        return f"s3://{name}/prefix?endpoint={s3_endpoint}"

    return make
