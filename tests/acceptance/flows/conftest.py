"""A club that ran once, to be copied."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from club import Club, morning, write_club


@pytest.fixture(scope="session")
def club(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a club whose tables are made, before any segment was decided on."""
    folder = write_club(tmp_path_factory.mktemp("club") / "club", flows={})
    told = Club(folder=folder, now=morning(date(2026, 2, 28)))
    # Its segments begin with the first day that a test lets pass.
    segment = folder / "segments" / "quiet.yaml"
    text = segment.read_text(encoding="utf-8")
    segment.unlink()
    told.run(date(2026, 2, 28))
    segment.write_text(text, encoding="utf-8")
    return folder
