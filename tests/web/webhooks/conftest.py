"""What the tests of webhooks share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from posting import Serving, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A project that is posted to."""
    with serving(tmp_path_factory.mktemp("webhooks") / "project") as found:
        yield found
