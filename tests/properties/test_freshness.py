"""The benchmark of freshness waits for what can come, and no longer than it has patience."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def freshness() -> Any:
    spec = importlib.util.spec_from_file_location("freshness", Path(__file__).parents[2] / "benchmarks" / "freshness.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _event(kind: str, *, days: int = 0) -> dict[str, str]:
    return {"event_type": kind, "occurred_at": (datetime.now(UTC) - timedelta(days=days)).isoformat()}


def test_an_order_is_seen_behind_what_others_did_in_the_same_name_since(freshness: Any) -> None:
    assert freshness._has_ordered([_event("view"), _event("view"), _event("order")])
    assert not freshness._has_ordered([_event("view"), _event("order", days=3)])


@pytest.mark.parametrize("does", ["print('no', end='')", "import time; print('{', end='', flush=True); time.sleep(60)"])
def test_a_server_that_does_not_get_ready_ends_the_benchmark(
    freshness: Any, monkeypatch: Any, tmp_path: Path, does: str
) -> None:
    log = tmp_path / "serve.log"
    log.write_text("the door is locked")
    monkeypatch.setattr(freshness, "PATIENCE", 0.3)
    with subprocess.Popen([sys.executable, "-c", does], stdout=subprocess.PIPE, text=True) as server, \
            pytest.raises(SystemExit, match=r"before it was ready: .*the door is locked"):
        freshness._url_of(server, log)
