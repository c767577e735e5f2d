"""Libraries that are imported when they are first used: who sends a campaign reads declarations and computes nothing.

Ibis, Arrow and numpy together take half a second. Modules that declare something, and say as an expression too what it
means, take them from here; those that only compute import them. What is surely used can be imported `meanwhile`; what
another library would take along in case of need is `hidden` from it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Thread
from types import ModuleType
from typing import TYPE_CHECKING


class Later(ModuleType):
    """Stands for a module and imports it when something of it is first asked for, as `lazy import` will (PEP 810)."""

    def __getattr__(self, name: str) -> object:
        """Return what the module calls so, and keep it: it is asked for once."""
        found = getattr(import_module(self.__name__), name)
        setattr(self, name, found)
        return found


def meanwhile(name: str) -> None:
    """Begin to import a module in a thread, while this one goes on; whoever imports it later waits for its end."""
    Thread(target=import_module, args=(name,), daemon=True).start()


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Let nobody find a library for a `with`, as where it is not installed: some are imported in case of need.

    One that was imported before is found all the same.
    """
    hider = _Hider(name)
    sys.meta_path.insert(0, hider)
    try:
        yield
    finally:
        sys.meta_path.remove(hider)


class _Hider:
    """Finds a library nowhere."""

    def __init__(self, hidden: str) -> None:
        self.hidden = hidden

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Raise for the library what is raised where it is not installed; leave all else to others."""
        if name == self.hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


if TYPE_CHECKING:
    import babel
    import babel.dates as babel_dates
    import babel.numbers as babel_numbers
    import css_inline
    import httpx
    import ibis
    import ibis.expr.datatypes as dt
    import ibis.expr.types as ir
    import mrml
    import numpy as np
    import numpy.typing as npt
    import phonenumbers
    import phonenumbers.timezone as number_zones
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as arrow_csv
    import pyarrow.parquet as pq
    import stamina
else:
    ibis, dt, ir = map(Later, ("ibis", "ibis.expr.datatypes", "ibis.expr.types"))
    np, npt = map(Later, ("numpy", "numpy.typing"))
    pa, pc, pq, arrow_csv = map(Later, ("pyarrow", "pyarrow.compute", "pyarrow.parquet", "pyarrow.csv"))
    babel, babel_dates, babel_numbers = map(Later, ("babel", "babel.dates", "babel.numbers"))
    httpx, stamina, css_inline, mrml = map(Later, ("httpx", "stamina", "css_inline", "mrml"))
    phonenumbers, number_zones = map(Later, ("phonenumbers", "phonenumbers.timezone"))

__all__ = [
    "Later", "arrow_csv", "babel", "babel_dates", "babel_numbers", "css_inline", "dt", "hidden", "httpx", "ibis", "ir",
    "meanwhile", "mrml", "np", "npt", "number_zones", "pa", "pc", "phonenumbers", "pq", "stamina",
]
