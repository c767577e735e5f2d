"""What is logged is lost where it cannot be written, and nothing else is."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from regulars.cli.logs import Lines

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full: Linux")
def test_a_line_for_a_full_disk_stops_nobody() -> None:
    file = FULL.open("w", encoding="utf-8")

    Lines(file).warning("arrivals not written")

    with suppress(OSError):                  # what it could not write it tries once more
        file.close()
