"""Arrow without pandas: to ask whether its first value is one of pandas' it imports it, a quarter of a second."""

from __future__ import annotations

import sys

import pyarrow as pa

from regulars.later import hidden


def leave_pandas_out() -> None:
    """Let Arrow look for pandas now and not find it; it looks no more.

    Who imports pandas, or asks Arrow for its tables, gets it. What changes is how Arrow takes a series or frame of
    pandas that it is given: as any other list.
    """
    if "pandas" in sys.modules:
        return
    with hidden("pandas"):
        pa.array([1])
