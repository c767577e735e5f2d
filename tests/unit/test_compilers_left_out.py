"""A process that speaks to DuckDB imports no compiler of another engine, and has them all when somebody asks."""

from __future__ import annotations

import subprocess
import sys

ALONE = """
import sys
from regulars.storage.engines.compilers_left_out import PACKAGE, compiler_alone
there = compiler_alone("duckdb").DuckDBCompiler
import ibis.backends.duckdb
print(sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith(PACKAGE + ".")))
"""


def printed(program: str) -> list[str]:
    """Return the lines that a program prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_duckdbs_compiler_comes_alone() -> None:
    assert printed(ALONE) == ["['_compat', 'base', 'duckdb']"]


def test_who_asks_for_another_compiler_gets_it_and_the_same_one_of_duckdb() -> None:
    asked = """
import ibis.backends.sql.compilers as sc
from ibis.backends.sql.compilers import PySparkCompiler
print(PySparkCompiler.__name__, sc.trino.TrinoCompiler.__name__, sc.DuckDBCompiler is there)
"""

    assert printed(ALONE + asked)[-1] == "PySparkCompiler TrinoCompiler True"


def test_what_there_is_not_is_still_missed() -> None:
    asked = """
import ibis.backends.sql.compilers as sc
print(hasattr(sc, "NoSuchCompiler"), hasattr(sc, "NorThisOne"))
"""

    assert printed(ALONE + asked)[-1] == "False False"
