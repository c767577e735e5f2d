"""One of Ibis' compilers without the others: to import all twenty takes five times as long as to import one."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType

PACKAGE = "ibis.backends.sql.compilers"
"""Imports every compiler as soon as one of them is imported."""


def compiler_alone(name: str) -> ModuleType:
    """Return the module of a compiler, such as `duckdb`, and import no other unless they are there already.

    Whoever asks Ibis' package for another gets it: all are imported then, as Ibis does at once.
    """
    if PACKAGE not in sys.modules:
        _leave_out()
    return import_module(f"{PACKAGE}.{name}")


def _leave_out() -> None:
    """Let the package be there without what it imports."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    package = module_from_spec(spec)
    package.__getattr__ = lambda asked: _of_all(package, asked)  # type: ignore[method-assign]  # PEP 562
    sys.modules[PACKAGE] = package
    above, _, name = PACKAGE.rpartition(".")
    setattr(sys.modules[above], name, package)


def _of_all(package: ModuleType, asked: str) -> object:
    """Return what somebody asks of the package that is not there, by importing all of it."""
    if "__getattr__" not in vars(package) or (asked.startswith("__") and asked != "__all__"):
        raise AttributeError(f"module {PACKAGE!r} has no attribute {asked!r}")
    del package.__getattr__
    assert package.__spec__ is not None
    assert package.__spec__.loader is not None
    package.__spec__.loader.exec_module(package)
    return getattr(package, asked)
