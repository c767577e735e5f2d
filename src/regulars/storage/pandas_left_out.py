"""Arrow without pandas: to ask whether its first value is one of pandas' it imports it, a quarter of a second."""

from __future__ import annotations

import sys

import pyarrow as pa


def leave_pandas_out() -> None:
    """Let Arrow look for pandas now and not find it; it looks no more.

    Who imports pandas, or asks Arrow for its tables, gets it. What changes is how Arrow takes a series or frame of
    pandas that it is given: as any other list.
    """
    if "pandas" in sys.modules:
        return
    hider = _Hider()
    sys.meta_path.insert(0, hider)
    try:
        pa.array([1])
    finally:
        sys.meta_path.remove(hider)


class _Hider:
    """Finds pandas nowhere."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Raise for pandas what is raised where it is not installed; leave all else to others."""
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
