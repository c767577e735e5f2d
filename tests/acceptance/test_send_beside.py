"""Several processes of one command send a campaign together, everybody once."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from regulars.cli.beside import beside
from regulars.cli.main import main_group
from regulars.pipeline.account import Desk
from regulars.testing.mailing import NAME, planned, write_mailing
from regulars.testing.sandbox.gateway import gateway

PEOPLE = 3_000


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


def test_further_processes_end_with_the_first() -> None:
    with pytest.raises(KeyError), beside(["serve", "--port", "0"], processes=1):
        raise KeyError
