"""Vendors on this machine: for tests, the example world and authors of plug-ins."""

from regulars.testing.sandbox.faults import Fault, Faults
from regulars.testing.sandbox.server import SandboxServer

__all__ = ["Fault", "Faults", "SandboxServer"]
