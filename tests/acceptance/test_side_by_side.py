"""A run in several processes ends in the tables of a run in one, and its account reads like one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import ibis
import pytest

from regulars.clock import FixedClock
from regulars.pipeline.flow import due, run
from regulars.pipeline.read import quarantine_rows
from regulars.pipeline.workspace import Workspace, how_many, open_workspace
from regulars.project import Project
from regulars.records import quarantine
from regulars.runs.order import waited_for
from regulars.storage.stores import Stores
from regulars.testing.studio import DAYS, deliver, evening, write_studio

LEFT_OUT = ("recorded_at", "seq")            # pulls side by side take their numbers in any order


def opened(folder: Path, day: int = 1) -> Workspace:
    return open_workspace(folder, clock=FixedClock(evening(DAYS[day])))


def with_workers(folder: Path, number: int) -> Path:
    file = folder / "regulars.toml"
    file.write_text(file.read_text().replace("[engine]", f"[engine]\nworkers = {number}"))
    return folder


def typed(folder: Path, day: int) -> dict[str, Any]:
    """Return what `regulars run --json` says."""
    paths = os.pathsep.join(path for path in sys.path if path)
    said = subprocess.run(
        [sys.executable, "-m", "regulars", "run", "-p", folder, "--as-of", evening(DAYS[day]).isoformat(), "--json"],
        capture_output=True, check=True, env=os.environ | {"PYTHONPATH": paths},
    )
    assert said.stderr == b""
    return json.loads(said.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
def test_three_workers_end_in_the_tables_of_one_process_and_tell_of_it_in_the_same_order(tmp_path: Path) -> None:
    alone, beside = write_studio(tmp_path / "alone"), with_workers(write_studio(tmp_path / "beside"), 3)
    for day in (0, 1):
        for folder in (alone, beside):
            deliver(folder, DAYS[day])
        workspace = opened(alone, day)
        result = run(workspace)
        said = typed(beside, day)
        other = opened(beside, day)

        assert [(step["name"], step["outcome"]) for step in said["steps"]] == [
            (step.name, step.outcome) for step in result.steps
        ]
        assert [step["work"]["rows_out"] for step in said["steps"]] == [step.work.rows_out for step in result.steps]
        assert {name: other.lake.content_hash(name, leave_out=LEFT_OUT) for name in other.lake.tables()} == {
            name: workspace.lake.content_hash(name, leave_out=LEFT_OUT) for name in workspace.lake.tables()
        }
        written, steps = other.book.runs.steps(said["run_id"]), due(other)
        places, names = {row.step: place for place, row in enumerate(written)}, [step.name for step in steps]
        assert sorted(places) == sorted(names)
        assert {row.outcome for row in written} == {"done"}
        for place, step in enumerate(steps):
            assert all(places[name] < places[step.name] for name in waited_for(step, before=names[:place]))
        workspace.close()
        other.close()


def test_rows_that_several_put_into_the_quarantine_at_the_same_time_are_all_there(tmp_path: Path) -> None:
    folder, number = write_studio(tmp_path), 3
    opened(folder).close()
    barrier = Barrier(number)

    def put(who: int) -> None:
        workspace = opened(folder)
        border = workspace.stores.border
        barrier.wait()
        for n in range(4):
            row = dict.fromkeys(quarantine.SCHEMA) | {
                "source": f"s{who}", "stream": "visits", "record_key": str(n), "reason": "bad-date",
            }
            table = border.arrow(quarantine.SCHEMA.to_pyarrow().empty_table().from_pylist(
                [row], schema=quarantine.SCHEMA.to_pyarrow()
            ))
            quarantine_rows(workspace, table, answered=None)
        workspace.close()

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(put, range(number)))

    workspace = opened(folder)
    assert workspace.lake.rows("quarantine") == 4 * number
    assert len(workspace.lake.versions("quarantine")) == 4 * number
    workspace.close()


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Sequence[Stores]]:
    """The stores of a process alone, and those of two workers."""
    urls = (f"{tmp_path}/landing", f"{tmp_path}/lake", f"sqlite:///{tmp_path}/book.db")
    several = [
        Stores.open(*urls, home=tmp_path, worker=worker, sharers=sharers) for worker, sharers in ((0, 1), (1, 2), (2, 2))
    ]
    yield several
    for each in several:
        each.close()


def test_what_workers_spill_lies_apart_and_who_ends_takes_only_his_own_away(stores: Sequence[Stores]) -> None:
    """A process had taken away the folder in which those of the others lay, before one of them needed its own."""
    first, *others = (_spill(each) for each in stores)
    assert len({first, *others}) == 3

    stores[0].close()

    assert not first.exists()
    assert all(folder.is_dir() for folder in others)


def _spill(stores: Stores) -> Path:
    setting = stores.border.text("select current_setting('temp_directory') as f", ibis.schema({"f": "string"}))
    return Path(stores.border.fetch(setting)["f"][0].as_py())


def test_a_worker_waits_for_another_that_writes_long(stores: Sequence[Stores]) -> None:
    waits = []
    for each in stores:
        with each.book.database.reading() as connection:
            waits.append(connection.exec_driver_sql("pragma busy_timeout").scalar_one())

    assert waits == [30_000, 3_600_000, 3_600_000]


def test_as_many_workers_as_cores_and_no_more_than_are_at_work_at_once(tmp_path: Path) -> None:
    unsaid, said = Project.load(write_studio(tmp_path)), Project.load(with_workers(write_studio(tmp_path / "said"), 3))

    assert [how_many(unsaid, cores=cores) for cores in (1, 2, 16)] == [1, 2, 4]
    assert how_many(said, cores=16) == 3


def test_spark_has_workers_of_its_own(tmp_path: Path) -> None:
    stores = {"landing": "file:./l", "lake": "file:./k", "book": "sqlite:./b.db", "engine": "spark://local[2]"}
    folder = with_workers(write_studio(tmp_path, stores=stores), 3)

    assert how_many(Project.load(folder), cores=2) == 1
