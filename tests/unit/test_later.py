"""Libraries that are imported when they are first used."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from threading import Event
from types import ModuleType

import ibis
import pyarrow as pa
import pytest

from regulars import later


def test_a_library_is_imported_when_something_of_it_is_first_asked_for() -> None:
    script = (
        "import sys; from regulars.later import ibis; before = 'ibis' in sys.modules; ibis.literal(1); "
        "print(before, 'ibis' in sys.modules)"
    )

    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert said.stdout.split() == ["False", "True"]


def test_what_stands_for_a_library_gives_what_the_library_has() -> None:
    assert later.ibis.literal is ibis.literal
    assert isinstance(pa.table({"a": [1]}), later.pa.Table)


def test_what_is_imported_meanwhile_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_library.py").write_text("import later_gate\nVALUE = later_gate.opened.wait(10)\n")
    monkeypatch.syspath_prepend(tmp_path)
    gate = ModuleType("later_gate")
    gate.opened = Event()
    monkeypatch.setitem(sys.modules, "later_gate", gate)

    later.meanwhile("slow_library")      # comes back while the library waits at the gate
    gate.opened.set()

    assert import_module("slow_library").VALUE is True
    monkeypatch.delitem(sys.modules, "slow_library")


def test_what_a_library_has_not_is_missing() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = later.pa.no_such_name


@pytest.mark.parametrize("name", sorted(set(later.__all__) - {"Later", "hidden", "meanwhile"}))
def test_every_name_stands_for_a_library_that_is_there(name: str) -> None:
    assert import_module(getattr(later, name).__name__)
