"""What the tests of HTTP share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from flag_server import served

__all__ = ["served"]
