"""A process that works for itself does without pandas and takes it from nobody; one for programs draws no tables."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT = """
import sys
from regulars.storage.pandas_left_out import leave_pandas_out
leave_pandas_out()
import pyarrow as pa
print(pa.array([1, 2]).to_pylist(), "pandas" in sys.modules)
"""


def printed(program: str) -> list[str]:
    """Return the lines that a program prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_arrow_makes_values_without_pandas() -> None:
    assert printed(WITHOUT) == ["[1, 2] False"]


def test_who_asks_arrow_for_tables_of_pandas_gets_them() -> None:
    pytest.importorskip("pandas")

    assert printed(WITHOUT + "print(type(pa.table({'n': [1]}).to_pandas()).__name__)")[-1] == "DataFrame"


def test_nothing_that_a_run_imports_asks_arrow_for_pandas_before_it_is_left_out() -> None:
    asked = """
import sys
import regulars.pipeline.flow, regulars.pipeline.workspace
print("pandas" in sys.modules)
"""

    assert printed(asked) == ["False"]


def test_a_command_that_answers_a_program_takes_no_tables_for_people_along() -> None:
    run = """
import sys
from regulars.cli.main import main_group
from regulars.cli.screen import Progress
assert main_group.get_command(None, "run") is not None
Progress(quiet=True)
print("rich.console" in sys.modules, "rich.traceback" in sys.modules)
"""

    assert printed(run) == ["False False"]
