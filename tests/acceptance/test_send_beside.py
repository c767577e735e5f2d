"""Several processes of one command send a campaign together, everybody once."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from regulars.cli.main import main_group
from regulars.pipeline.account import Desk
from regulars.testing.mailing import NAME, planned, write_mailing
from regulars.testing.sandbox.gateway import gateway

PEOPLE = 3_000
BROKEN_OFF = """\
import socket, sys, time
from regulars.cli.beside import beside
with beside(["serve", "--project", sys.argv[1], "--port", sys.argv[2]], processes=1):
    while True:
        try:
            socket.create_connection(("127.0.0.1", int(sys.argv[2]))).close()
            raise KeyError("broken off")
        except ConnectionRefusedError:
            time.sleep(0.05)
"""
"""Waits until another process answers at a port, and breaks off."""


def test_processes_side_by_side_send_everybody_one_message(tmp_path: Path) -> None:
    with gateway() as provider:
        write_mailing(tmp_path, url=provider.url)
        with Desk.open(tmp_path) as desk:
            planned(desk.project, desk.book, PEOPLE, at=desk.clock.now() - timedelta(minutes=1))

        said = CliRunner().invoke(
            main_group, ["campaign", "send", NAME, "--apply", "--json", "--workers", "3", "--project", str(tmp_path)]
        )

        assert said.exit_code == 0, said.output
        assert json.loads(said.stdout)["sent"] == PEOPLE
        taken = provider.summary()
        assert (taken["messages"], taken["repeated"]) == (PEOPLE, 0)


def test_further_processes_end_with_the_first(tmp_path: Path) -> None:
    write_mailing(tmp_path, url="http://127.0.0.1:9")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    said = subprocess.run(
        [sys.executable, "-c", BROKEN_OFF, str(tmp_path), str(port)], capture_output=True, text=True, timeout=120,
        check=False,
    )

    assert said.stderr.splitlines()[-1] == "KeyError: 'broken off'"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()
