"""What the tests of people who log in share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "api"))
sys.path.insert(0, str(Path(__file__).parent))

from desk_server import desk
from whole_server import both, whole, whole_other

__all__ = ["both", "desk", "whole", "whole_other"]
