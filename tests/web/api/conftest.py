"""What the tests of the API share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from api_server import business, other, served

__all__ = ["business", "other", "served"]
