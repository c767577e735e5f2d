"""What holds for every test: no deadline of their own, and what a machine lacks is skipped with what would bring it."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

import pytest
from hypothesis import settings

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
