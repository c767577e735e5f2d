"""The script that a shop's theme loads where it has no pixel: it tells what is looked at and put into carts."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def tracking_script() -> bytes:
    """Return the script. It asks for nothing: its own address says where to tell, `?shop=` and `?writeKey=` of whom."""
    return (files("regulars.compat.shops") / "tracking_script.js").read_bytes()
