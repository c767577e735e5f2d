"""A campaign that is planned goes out at once: its sender loads nothing that computes."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from regulars.pipeline.account import Desk
from regulars.testing.mailing import NAME, planned, write_flow, write_mailing
from regulars.testing.sandbox.gateway import gateway

HEAVY = ("ibis", "duckdb", "sqlglot", "pyarrow", "numpy", "pandas", "scipy", "httpx", "phonenumbers")
SEND = (
    "import sys; from regulars.cli.main import main_group; "
    "main_group(['campaign', 'send', sys.argv[1], '--apply', '--project', sys.argv[2]], standalone_mode=False); "
    f"print([name for name in {HEAVY} if name in sys.modules])"
)


def test_a_sender_of_what_is_planned_loads_neither_expressions_nor_columns(tmp_path: Path) -> None:
    with gateway() as provider:
        write_flow(write_mailing(tmp_path, url=provider.url))
        Desk.open(tmp_path).book.close()     # makes the project's home
        with Desk.open(tmp_path) as desk:    # and finds that the declarations hold, which takes them
            planned(desk.project, desk.book, 3, at=desk.clock.now() - timedelta(minutes=1))

        said = subprocess.run(
            [sys.executable, "-c", SEND, NAME, str(tmp_path)], capture_output=True, text=True, check=True
        )

        assert said.stdout.splitlines()[-1] == "[]"
        assert provider.summary()["messages"] == 3
