"""A killed export leaves whole files: new ones, old ones, and a manifest that is found out."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from regulars.compat.export import Plan
from regulars.compat.files import write_export
from regulars.compat.layout import ExportTable
from regulars.storage.engines.duckdb import DuckDBEngine

NAMES = ("first", "second", "third")


def export(to: Path, *, content: int, killed_after: int | None = None) -> None:
    """Write three files of 100 rows with a content; kill this process after some of them."""
    engine = DuckDBEngine.open({"threads": "1"})
    table = engine.arrow(pa.table({"n": list(range(100)), "content": [content] * 100}))
    tables = tuple(ExportTable(path=f"part/{name}", build=lambda _: table, needs=(), order_by=("n",)) for name in NAMES)
    material: Any = SimpleNamespace(as_of=SimpleNamespace(zone="UTC"), today=SimpleNamespace(isoformat=lambda: "2026-01-31"))
    workspace: Any = SimpleNamespace(stores=SimpleNamespace(engine=engine, border=engine))
    plan = Plan(tables=tables, left_out=(), material=material, layout="reference", format="csv")
    for n, _ in enumerate(write_export(workspace, plan, to=to), start=1):
        if n == killed_after:
            (to / ".export" / "part").write_text("half a li")
            os.kill(os.getpid(), signal.SIGKILL)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_kill_between_two_files_leaves_the_old_one_and_the_next_export_is_whole(tmp_path: Path) -> None:
    export(tmp_path / "there", content=1)
    old = contents(tmp_path / "there")
    export(tmp_path / "clean", content=2)

    script = "\n".join([
        "import sys", f"sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}", "from pathlib import Path", "from test_files import export",
        f"export(Path({str(tmp_path / 'there')!r}), content=2, killed_after=1)",
    ])
    killed = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parent, check=False)
    left = contents(tmp_path / "there")
    export(tmp_path / "there", content=2)

    assert killed.returncode == -signal.SIGKILL
    assert left["part/first.csv"] != old["part/first.csv"]
    assert left["part/second.csv"] == old["part/second.csv"]
    told = json.loads(left["manifest.json"])["files"]
    assert told["part/first.csv"]["sha256"] != hashlib.sha256(left["part/first.csv"]).hexdigest()
    assert contents(tmp_path / "there") == contents(tmp_path / "clean")


def test_files_of_an_earlier_export_stay_in_the_manifest_while_they_are_there(tmp_path: Path) -> None:
    export(tmp_path, content=1)
    (tmp_path / "part" / "third.csv").unlink()
    told = json.loads((tmp_path / "manifest.json").read_text())
    told["files"]["gone.csv"] = told["files"]["part/first.csv"]
    (tmp_path / "manifest.json").write_text(json.dumps(told))

    export(tmp_path, content=1)

    assert sorted(json.loads((tmp_path / "manifest.json").read_text())["files"]) == [
        "part/first.csv", "part/second.csv", "part/third.csv",
    ]
    assert not (tmp_path / ".export").exists()
