"""A person answers who is who: asked with evidence, heard for ever, taken back without a trace."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from regulars.clock import FixedClock
from regulars.errors import NotFound, RegularsError
from regulars.pipeline.flow import run
from regulars.pipeline.review import count_questions, open_questions, rule, take_back
from regulars.pipeline.workspace import Workspace, open_workspace

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
TOML = """\
[business]
name = "Corner Studio"
timezone = "America/Chicago"
currency = "USD"
country = "US"

[stores]
landing = "file:./data/landing"
lake = "file:./data/lake"
book = "sqlite:./data/book.db"
"""
SOURCE = """\
kind: files
folder: {folder}
streams:
  people:
    files: "people.csv"
    key: [id]
    fields: {{id: {{type: id, required: true}}, name: text, email: text, phone: text, joined_at: timestamp}}
    profile: {{id: id, exclusive: {exclusive}, email: email, phone: phone, name: name, created_at: joined_at}}
"""
EVENT = "from: {source}.people\nwho: id\nwhen: joined_at\nwhat: {{via: \"'{source}'\"}}\nevent: joined\n"
FILES = {
    "regulars.toml": TOML,
    "sources/desk.yaml": SOURCE.format(folder="desk", exclusive="true"),
    "sources/shop.yaml": SOURCE.format(folder="shop", exclusive="false"),
    "events/joined_desk.yaml": EVENT.format(source="desk"),
    "events/joined_shop.yaml": EVENT.format(source="shop"),
    # Ann's address and Ben's number on one account of the shop: it is one of them, and nothing says whose.
    "desk/people.csv": "id,name,email,phone,joined_at\n"
                       "1,Ann Lee,ann@lee.example,(254) 867-5301,2025-01-05T10:00:00-06:00\n"
                       "2,Ben Ray,ben@ray.example,(254) 867-5302,2025-01-06T10:00:00-06:00\n",
    "shop/people.csv": "id,name,email,phone,joined_at\n"
                       "x,,ann@lee.example,(254) 867-5302,2025-02-07T10:00:00-06:00\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def studio(folder: Path) -> Iterator[Workspace]:
    workspace = open_workspace(folder, clock=FixedClock(NOW), environment={})
    assert run(workspace).exit_code == 0
    yield workspace
    workspace.close()


def tables(workspace: Workspace) -> dict[str, list[dict[str, object]]]:
    """Return everything that says who is who and what they did, row by row."""
    return {
        name: workspace.rows(workspace.table(name).order_by(workspace.table(name).columns))
        for name in ("identity", "events", "customers")
    }


def test_an_account_between_two_people_is_a_question_about_each(studio: Workspace) -> None:
    asked = open_questions(studio, limit=10)

    assert [(q.kind, q.left["profile_id"], q.right["profile_id"]) for q in asked] == [
        ("conflict", "1", "x"), ("conflict", "2", "x"),
    ]
    assert "but phone equal to desk/2" in asked[0].evidence[0]["outcome"]
    assert asked[0].same.keeps == asked[0].left["customer_id"]
    assert asked[0].same.sentence.endswith(f"{asked[0].right['customer_id']} will lead to it")
    assert (asked[0].left["events"], asked[0].right["events"]) == (1, 1)


def test_an_answer_does_what_it_said_it_would_and_is_not_asked_again(studio: Workspace) -> None:
    question = open_questions(studio, limit=1)[0]

    rule(studio, ("desk/1", "shop/x"), "same", reason="asked her", by="owner")
    assert run(studio).exit_code == 0

    who = {row["profile_id"]: row["customer_id"] for row in tables(studio)["identity"]}
    assert who["x"] == who["1"] == question.same.keeps
    register = {row["customer_id"]: row["merged_into"] for row in studio.book.identity.customers().to_pylist()}
    assert register[question.same.retires] == question.same.keeps
    assert count_questions(studio) == 0


def test_an_answer_that_is_taken_back_leaves_every_table_as_it_was(studio: Workspace) -> None:
    before = tables(studio)
    ruling = rule(studio, ("desk/1", "shop/x"), "same", reason="", by="owner")
    run(studio)
    assert tables(studio) != before

    take_back(studio, ruling.ruling_id)
    assert run(studio).exit_code == 0

    assert tables(studio) == before
    history = studio.book.identity.ruling_history()
    assert [(row["ruling_id"], row["revoked_at"] is not None) for row in history] == [(ruling.ruling_id, True)]


def test_no_evidence_overrules_an_answer(studio: Workspace, folder: Path) -> None:
    rule(studio, ("desk/1", "shop/x"), "different", reason="", by="owner")
    rule(studio, ("desk/2", "shop/x"), "different", reason="", by="owner")
    (folder / "shop/people.csv").write_text(
        FILES["shop/people.csv"] + "y,Ann Lee,ann@lee.example,(254) 867-5301,2025-02-08T10:00:00-06:00\n"
    )

    later = open_workspace(folder, clock=FixedClock(NOW + timedelta(days=1)), environment={})
    assert run(later).exit_code == 0

    who = {row["profile_id"]: row["customer_id"] for row in tables(later)["identity"]}
    later.close()
    assert who["x"] not in {who["1"], who["2"]}
    assert who["y"] == who["1"]


def test_a_ruling_on_somebody_unknown_says_how_to_name_them(studio: Workspace) -> None:
    with pytest.raises(NotFound, match="desk/9"):
        rule(studio, ("desk/1", "desk/9"), "same", reason="", by="owner")


@pytest.mark.parametrize("verdict", ["same", "different"])
def test_a_ruling_on_one_profile_with_itself_is_refused(studio: Workspace, verdict: Literal["same", "different"]) -> None:
    with pytest.raises(RegularsError, match="shop/x"):
        rule(studio, ("shop/x", "shop/x"), verdict, reason="", by="owner")

    assert studio.book.identity.ruling_history() == []


@pytest.mark.usefixtures("studio")
@pytest.mark.parametrize("limit", ["0", "-5"])
def test_no_question_or_fewer_are_no_limit(folder: Path, limit: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        regulars(folder, "review", "--limit", limit)

    assert (refused.value.returncode, "--limit" in refused.value.stderr) == (2, True)


def regulars(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "regulars", *words, "-p", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True)


@pytest.mark.usefixtures("studio")
def test_questions_are_answered_with_one_key_each_at_a_terminal(folder: Path) -> None:
    here, there = pty.openpty()
    command = [sys.executable, "-m", "regulars", "review", "-p", str(folder), "--by", "owner", "--reason", "asked"]
    process = subprocess.Popen(command, stdin=there, stdout=there, stderr=there, env={**os.environ, "TERM": "dumb"})
    os.close(there)

    assert "1 of 2" in until(here, "q stop: ", process)
    for key, answer in (("d", "2 of 2"), ("u", "1 of 2"), ("s", "2 of 2"), ("k", "1 answer kept")):
        press(here, key, answer, process)
    process.wait(timeout=30)

    history = json.loads(regulars(folder, "review", "--history", "--json").stdout)
    assert sorted((row["verdict"], row["ruled_by"], row["reason"], row["revoked_at"] is None) for row in history) == [
        ("different", "owner", "asked", False), ("same", "owner", "asked", True),
    ]
    assert len({(row["left_id"], row["right_id"]) for row in history}) == 1      # what is undone is asked again


def press(terminal: int, key: str, answer: str, process: subprocess.Popen[bytes]) -> None:
    """Press a key until it is answered: what is typed before a program listens is lost, as at any terminal."""
    for _ in range(20):
        os.write(terminal, key.encode())
        if answer in until(terminal, answer, process, seconds=3):
            return
    raise AssertionError(f"{key!r} was never answered with {answer!r}")


def until(terminal: int, text: str, process: subprocess.Popen[bytes], *, seconds: float = 60) -> str:
    """Read a terminal until it shows a text, its program ends, or the time is over."""
    said, end = "", time.monotonic() + seconds
    while text not in said and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                said += os.read(terminal, 65536).decode()
            except OSError:
                break
        elif process.poll() is not None:
            break
    return said


@pytest.mark.usefixtures("studio")
def test_what_is_asked_can_be_read_by_programs_with_addresses_masked(folder: Path) -> None:
    asked = json.loads(regulars(folder, "review", "--json").stdout)

    assert [q["kind"] for q in asked] == ["conflict", "conflict"]
    assert asked[0]["left"]["email"] == "a•••@lee.example"
