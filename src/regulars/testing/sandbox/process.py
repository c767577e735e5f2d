"""Sandbox vendors in a process of their own, as real ones are: for the demo, benchmarks and whole-pipeline tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from regulars.errors import SourceUnavailable
from regulars.testing.sandbox.contract import Contract


@dataclass(frozen=True, slots=True)
class Vendors:
    """Vendors that run elsewhere on this machine."""

    url: str

    def url_of(self, provider: str) -> str:
        """Return what a project writes as the vendor's `url`."""
        return f"{self.url}/{provider}{Contract.of(provider).root}"

    def move_to(self, at: datetime) -> None:
        """Let all vendors go to another moment: the next day has other records."""
        httpx.post(f"{self.url}/_sandbox/clock", json={"at": at.isoformat()}, timeout=60).raise_for_status()


@contextmanager
def vendors(world: Path, providers: Iterable[str], *, at: datetime) -> Iterator[Vendors]:
    """Run vendors over a world's folder for the length of a `with`."""
    command = [sys.executable, "-m", "regulars.testing.sandbox", str(world), at.isoformat(), *providers]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  our own
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise SourceUnavailable("the sandbox vendors did not start", hint="their error stands above")
        yield Vendors(url)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=10)
        if process.stdout:
            process.stdout.close()
