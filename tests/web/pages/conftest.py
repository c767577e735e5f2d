"""What the tests of pages share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from pages_server import desk, pages

__all__ = ["desk", "pages"]
