"""`kill -9` at fifty random moments: the next run ends in the tables of a run that nobody killed.

The command line itself is killed, `regulars run` in a process of its own; only the imports are shared between those.
Every other run has workers, which end with it. And a worker is killed in each step.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from regulars.clock import FixedClock
from regulars.config import HOME
from regulars.pipeline.flow import due
from regulars.pipeline.workspace import open_workspace
from regulars.storage.engines.texts import SHARED
from regulars.testing.studio import DAYS, deliver, evening, write_studio

KILLS = 50
LEFT_OUT = ("recorded_at", "seq")            # a killed pull used up numbers
TELLER = """
import os, signal, sys
import alembic.command, alembic.autogenerate, ibis.backends.duckdb, pyarrow
import regulars.pipeline.flow, regulars.cli.run_command, regulars.cli.screen, regulars.sources.files
from regulars.cli.main import main
from regulars.runs import workers
from regulars.runs.run import StepResult
pyarrow.array([1])
print("ready", flush=True)
done = workers.carried_out
def carried_out(step):
    for told in done(step):
        if step.name == lost and isinstance(told, StepResult):
            os.kill(os.getpid(), signal.SIGKILL)             # all of it is done and none of it told
        yield told
workers.carried_out = carried_out
for line in sys.stdin:                       # one run per line: the step whose worker dies, and what is typed
    lost, *typed = line.split()
    child = os.fork()
    if not child:
        os.dup2(2, 1)
        try:
            main(typed)
        except SystemExit as end:
            os._exit(end.code)               # what was imported before the fork cannot be torn down in its child
    print(child, flush=True)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status), flush=True)
"""

pytestmark = pytest.mark.slow


class Runs:
    """Starts `regulars run` on request, without importing everything anew each time."""

    def __init__(self) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        self.process = subprocess.Popen(
            [sys.executable, "-c", TELLER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**os.environ, "PYTHONPATH": paths, SHARED: ""},      # each project compiles for itself
        )
        assert self.said() == "ready"

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def run(self, project: Path, at: str, *, kill_after: float | None = None, losing: str = "-") -> str:
        """Return the exit code of a run, or "killed"; `losing`: the step whose worker is killed."""
        assert self.process.stdin is not None
        print(losing, "run", "--project", project, "--as-of", at, file=self.process.stdin, flush=True)
        child = int(self.said())
        if kill_after is not None:
            time.sleep(kill_after)           # a moment is what the test is about: no event stands for it
            with contextlib.suppress(ProcessLookupError):    # it was done already
                os.kill(child, signal.SIGKILL)
        return self.said()


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    runs = Runs()
    yield runs
    assert runs.process.stdin is not None
    runs.process.stdin.close()
    runs.process.wait()


def set_workers(project: Path, number: int) -> None:
    file = project / "regulars.toml"
    file.write_text(file.read_text().replace("[engine]", f"[engine]\nworkers = {number}"))


def give_texts(project: Path, *, of: Path) -> None:
    """Let a project have what another one compiled, as one has that ran before."""
    shutil.copytree(of / HOME / "texts", project / HOME / "texts", dirs_exist_ok=True)


def failed_steps(project: Path) -> list[str]:
    """Return the names of the steps that failed in the newest run."""
    workspace = open_workspace(project)
    try:
        runs = workspace.book.runs
        return [step.step for step in runs.steps(runs.last_runs(1)[0].run_id) if step.outcome == "failed"]
    finally:
        workspace.close()


def steps_of(project: Path) -> list[str]:
    """Return the names of the steps of a project's run."""
    workspace = open_workspace(project)
    try:
        return [step.name for step in due(workspace)]
    finally:
        workspace.close()


def is_told(table: str) -> bool:
    return table.startswith("records.") or table in ("profiles", "events", "money", "quarantine")


def moment(day: int) -> str:
    return evening(DAYS[day]).isoformat()


def content(project: Path) -> dict[str, str]:
    workspace = open_workspace(project, clock=FixedClock(evening(DAYS[1])))
    try:
        return {table: workspace.lake.content_hash(table, leave_out=LEFT_OUT) for table in workspace.lake.tables()}
    finally:
        workspace.close()


def faults(project: Path) -> list[str]:
    """Everything half-written that a reader could see: files the book names and that are torn or not there."""
    if not (project / "data" / "book.db").exists():
        return []
    book = sqlite3.connect(f"file:{project}/data/book.db?mode=ro", uri=True)
    try:
        tables = {name for (name,) in book.execute("select name from sqlite_master where type = 'table'")}
        if not tables:
            return []                        # killed before the migration: all tables or none
        landed = [name for (name,) in book.execute(
            "select name from segments union select segment from staged_pages where segment is not null"
        )]
        manifests = book.execute("select table_name, manifest from lake_versions").fetchall()
    finally:
        book.close()
    found = [f"landing/{name} is gone" for name in landed if not (project / "data" / "landing" / name).is_file()]
    for table, manifest in manifests:
        said = json.loads(manifest)
        for file in [file for file, *_ in said["files"]] + ([said["marks"]] if said["marks"] else []):
            path = project / "data" / "lake" / file
            if not path.is_file() or not path.read_bytes().endswith(b"PAR1"):
                found.append(f"{table}: {file} is gone or torn")
    return found


def test_killed_at_50_random_moments_the_next_run_ends_alike(runs: Runs, tmp_path: Path) -> None:
    rng = random.Random(20260120)
    starts, lengths, ends = [], [], []
    calm = write_studio(tmp_path / "calm")
    for day in (0, 1):
        deliver(calm, DAYS[day])
        starts.append(shutil.copytree(calm, tmp_path / f"before-{day}"))
        began = time.perf_counter()
        assert runs.run(calm, moment(day)) == "0"
        lengths.append(time.perf_counter() - began)
        ends.append(content(calm))
    outcomes = []

    # A run that is quicker than any before it is done before it can be killed: the next one is killed in its place.
    while outcomes.count("killed") < KILLS and len(outcomes) < 2 * KILLS:
        kill = len(outcomes)
        day = kill % 2                       # the first load, and a day with changes
        project = shutil.copytree(starts[day], tmp_path / "killed")
        set_workers(project, 1 + kill // 2 % 2)
        if kill % 5:                         # every fifth is killed while it compiles, too
            give_texts(project, of=calm)
        began = time.perf_counter()
        outcomes.append(runs.run(project, moment(day), kill_after=rng.uniform(0, lengths[day])))
        if outcomes[-1] != "killed":
            # It was quicker than the calm one, which a busy machine had held up: the next is killed within its time.
            lengths[day] = min(lengths[day], time.perf_counter() - began)

        assert faults(project) == [], f"kill {kill}"
        assert runs.run(project, moment(day)) == "0", f"kill {kill}"
        assert content(project) == ends[day], f"kill {kill}"
        assert faults(project) == [], f"kill {kill}"
        shutil.rmtree(project)

    assert outcomes.count("killed") == KILLS


def test_when_the_worker_of_any_step_is_killed_the_run_says_so_and_the_next_ends_alike(
    runs: Runs, tmp_path: Path
) -> None:
    before = write_studio(tmp_path / "before")
    deliver(before, DAYS[0])
    set_workers(before, 2)
    calm = shutil.copytree(before, tmp_path / "calm")
    assert runs.run(calm, moment(0)) == "0"
    end = content(calm)
    give_texts(before, of=calm)

    for step in steps_of(calm):
        project = shutil.copytree(before, tmp_path / "killed")

        assert runs.run(project, moment(0), losing=step) == "1", step
        assert failed_steps(project) == [step]
        assert faults(project) == [], step
        assert runs.run(project, moment(0)) == "0", step
        found, expected = content(project), dict(end)
        if step.startswith(("pull:", "read:")):
            # A run goes on without a source: ids and stays given by what the others say last. What was told is alike.
            found, expected = ({k: v for k, v in each.items() if is_told(k)} for each in (found, expected))
        assert found == expected, step
        shutil.rmtree(project)
