"""What holds for every test: no deadline of their own, and what a machine lacks is skipped with what would bring it."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from regulars.storage.book import Book
from regulars.storage.engines.texts import SHARED
from regulars.testing.postgres import new_book, postgres_binaries, postgres_cluster

# How long an example takes says how busy the machine is; what is slow is measured in benchmarks/.
settings.register_profile("regulars", deadline=None)
settings.load_profile("regulars")


def pytest_configure(config: pytest.Config) -> None:
    """Let all projects of a session share what they compile: most of what a small project's first run does.

    A text is found by all of its expression, so whoever changes what is asked compiles anew. The workers of xdist
    inherit the folder; who names one himself finds it warm the next time. Garbage is looked for as seldom as a run's
    workers look for it: with Python's own thresholds that takes a fourteenth of a run in this process.
    """
    gc.set_threshold(50_000, 20, 50)
    if SHARED not in os.environ:
        os.environ[SHARED] = folder = tempfile.mkdtemp(prefix="regulars-texts-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs Spark where it cannot start, and begin with the files that need it where it can.

    Python's client of Spark starts it by a fork of this whole process, which the system refuses when the process has
    once held much memory: so before anything has.
    """
    starts = {item.path for item in items if item.get_closest_marker("spark")}
    items.sort(key=lambda item: item.path not in starts)
    lacks = [hint for hint, is_there in (
        ("REGULARS_EXTRAS=spark scripts/setup dev", find_spec("pyspark")),
        ("apt-get install openjdk-17-jre-headless", shutil.which("java")),
    ) if not is_there]
    if lacks:
        skip = pytest.mark.skip(reason=f"Spark is missing; type: {' and '.join(lacks)}")
        for item in items:
            if item.get_closest_marker("spark"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[Path]:
    """A private PostgreSQL, started for the session."""
    binaries = postgres_binaries()
    if binaries is None or find_spec("psycopg") is None:
        pytest.skip("PostgreSQL is missing; type: apt-get install postgresql, scripts/setup dev")
    with postgres_cluster(binaries) as socket:
        yield socket


@pytest.fixture(scope="session")
def new_database(postgres_socket: Path) -> Callable[[], str]:
    """Makes a database with the tables of a new book and returns its URL."""
    first = new_book(postgres_socket)
    Book.open(first, environment={}).close()
    name = first.partition("@/")[2].partition("?")[0]
    return lambda: new_book(postgres_socket, like=name)          # in a third of the time the tables take to make
