"""The door alone is light: it holds nothing in memory that only a run needs."""

from __future__ import annotations

import subprocess
import sys

_HEAVY = ("duckdb", "ibis", "pyarrow", "scipy", "splink")


def test_the_door_alone_loads_no_engine_and_no_tables_in_memory() -> None:
    script = f"import sys, regulars.web.ingest.__main__; print(*(name for name in {_HEAVY} if name in sys.modules))"

    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()

    assert loaded == []
