"""What holds for every test: no deadline of their own, and what a machine lacks is skipped with what would bring it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from regulars.testing.postgres import new_book, postgres_binaries, postgres_cluster

# How long an example takes says how busy the machine is; what is slow is measured in benchmarks/.
settings.register_profile("regulars", deadline=None)
settings.load_profile("regulars")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs Spark where it cannot start."""
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
    """Makes an empty database and returns its URL."""
    return lambda: new_book(postgres_socket)
