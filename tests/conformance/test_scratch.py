"""Room for what does not fit in memory: each process has its own, and nothing is left of one that was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from regulars.storage.scratch import Scratch, sweep

_KILLED = """
import os, signal, sys
from pathlib import Path
from regulars.storage.scratch import Scratch
(Scratch.open(Path(sys.argv[1])).folder / "rows").write_bytes(b"secret")
os.kill(os.getpid(), signal.SIGKILL)
"""


def _rows(home: Path) -> list[str]:
    return [path.name for path in home.rglob("rows")]


def test_two_have_folders_of_their_own_and_take_them_with_them(tmp_path: Path) -> None:
    one, other = Scratch.open(tmp_path), Scratch.open(tmp_path)
    (one.folder / "rows").touch()

    other.close()

    assert _rows(tmp_path) == ["rows"]
    one.close()
    assert not one.folder.exists()


def test_what_a_killed_process_left_is_swept_and_what_is_in_use_stays(tmp_path: Path) -> None:
    mine = Scratch.open(tmp_path)
    (mine.folder / "rows").write_bytes(b"mine")
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert len(_rows(tmp_path)) == 2

    sweep(tmp_path)

    assert [path.read_bytes() for path in tmp_path.rglob("rows")] == [b"mine"]
    mine.close()


def test_nothing_is_swept_where_nothing_was_opened(tmp_path: Path) -> None:
    sweep(tmp_path / "spill")

    assert not (tmp_path / "spill").exists()
