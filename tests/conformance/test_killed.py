"""Killed with signal 9 at any moment, the stores hold all of a change or nothing, and the next run ends alike.

A child process does two days of work. Before its n-th action that reaches the disk (a link, an fsync, a removal, a commit) it
kills itself; and at random moments its parent kills it. Then the same work is started again.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

STORY = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import alembic.command, alembic.autogenerate, ibis.backends.duckdb  # now, and not in each of the children
import pyarrow as pa
import sqlalchemy as sa
from regulars.clock import FixedClock
from regulars.storage.stores import Stores

pa.array([1])                                # Arrow imports pandas, where there is one, at its first list
actions = 0

def counted(do):
    def wrapped(*args, **kwargs):
        global actions
        actions += 1
        if actions == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return do(*args, **kwargs)
    return wrapped

def story(home):
    stores = Stores.open(
        f"{home}/landing", f"{home}/lake", f"sqlite:///{home}/book.db", home=home,
        clock=FixedClock(datetime(2026, 1, 5, tzinfo=UTC)),
    )
    sa.event.listen(stores.book.database.engine, "commit", counted(lambda connection: None))
    landing, lake = stores.landing, stores.lake
    landing.tidy()
    begun = (landing.book.pages.cursor("s", "t") or {"day": 0})["day"]
    for day in range(begun + 1, 3):
        staged = landing.staged("s", "t")
        for page in range(staged.next_page if staged else 1, 3):
            items = [b'{"day": %d, "page": %d, "n": %d}' % (day, page, n) for n in range(20)]
            landing.stage(f"day-{day}", source="s", stream="t", page=page, items=items, resume={"page": page + 1})
        landing.commit(f"day-{day}", cursor={"day": day}, is_complete=False)
    done = lake.meta("records").get("seq", 0)
    for seq in range(done + 1, 5):
        rows = landing.rows("s", "t", after_seq=seq - 1, until_seq=seq)
        keyed = rows.mutate(key=rows.line.cast("string") + "|" + (rows.seq % 2).cast("string"))
        lake.merge("records", keyed, key=["key"], meta={"seq": seq})
    lake.vacuum(keep=1)
    print(lake.content_hash("records"), lake.rows("records"))
    stores.close()

for name in ("link", "fsync", "unlink"):
    setattr(os, name, counted(getattr(os, name)))
for line in sys.stdin:                       # one story per line, each in its own process, without importing all again
    fatal, home = int(line.split()[0]), Path(line.split()[1])
    child = os.fork()
    if not child:
        story(home)
        sys.stdout.flush()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else "ended", flush=True)
"""


class Stories:
    """A process that tells stories on request."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", STORY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )

    def tell(self, home: Path, *, fatal: int = 0) -> list[str]:
        """Return what the story printed, and last whether it ended or was killed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(fatal, home, file=self.process.stdin, flush=True)
        lines = []
        while not lines or lines[-1] not in ("killed", "ended"):
            line = self.process.stdout.readline()
            assert line, "the story teller is gone"
            lines.append(line.strip())
        return lines


@pytest.fixture(scope="module")
def stories() -> Stories:
    stories = Stories()
    yield stories
    stories.process.stdin.close()
    stories.process.wait()


def _is_whole(home: Path) -> bool:
    """Whether everything the book names is there, and sets are visible with all their pages and their cursor."""
    if not (home / "book.db").exists():
        return True
    book = sqlite3.connect(home / "book.db")
    tables = {name for (name,) in book.execute("select name from sqlite_master where type = 'table'")}
    if not tables:
        return True                          # killed before the migration: all tables or none
    names = [name for (name,) in book.execute("select name from segments union select segment from staged_pages")]
    per_set = [count for (count,) in book.execute("select count(*) from segments group by set_id")]
    day = book.execute("select max(json_extract(cursor, '$.day')) from cursors").fetchone()[0] or 0
    current = book.execute("""
        select f.value ->> 0 from lake_current c join lake_versions v using (tenant, table_name, version),
        json_each(v.manifest, '$.files') f
        union select json_extract(v.manifest, '$.marks') from lake_versions v where json_extract(v.manifest, '$.marks') <> ''
    """).fetchall()
    book.close()
    return (
        all((home / "landing" / name).stat().st_size for name in names)
        and per_set == [2] * day
        and all((home / "lake" / name).read_bytes().endswith(b"PAR1") for (name,) in current)
    )


@pytest.mark.slow
def test_killed_before_any_action_the_next_run_ends_alike(stories: Stories, tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    undisturbed = stories.tell(tmp_path / "0")
    assert undisturbed[-1] == "ended"
    kills = 0

    # Every fourth of some sixty; all kinds of actions are among them.
    for fatal in range(1, 1000, 4):
        home = tmp_path / str(fatal)
        home.mkdir()
        if stories.tell(home, fatal=fatal) != ["killed"]:
            break
        kills += 1
        assert _is_whole(home), f"half a change after dying before action {fatal}"
        assert stories.tell(home) == undisturbed, f"another end after dying before action {fatal}"

    assert kills > 10


@pytest.mark.slow
def test_killed_at_random_moments_again_and_again_the_last_run_ends_alike(stories: Stories, tmp_path: Path) -> None:
    (tmp_path / "calm").mkdir()
    undisturbed = stories.tell(tmp_path / "calm")
    home = tmp_path / "stormy"
    home.mkdir()
    rng = random.Random(20260105)

    for _ in range(5):
        teller = subprocess.Popen(
            [sys.executable, "-c", STORY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        killer = threading.Timer(rng.uniform(0.9, 2.2), os.killpg, (teller.pid, signal.SIGKILL))
        killer.start()
        teller.communicate(f"0 {home}\n")
        killer.cancel()
        assert _is_whole(home)

    assert stories.tell(home) == undisturbed
