"""`python -m regulars.testing.sandbox WORLD MOMENT PROVIDER…`: vendors in a process of their own; prints its URL.

With `now` as the moment their time goes on like ours: for vendors that are given things, not read.
"""

from __future__ import annotations

import contextlib
import sys
from datetime import datetime
from pathlib import Path

from regulars.clock import SystemClock
from regulars.testing.sandbox.server import SandboxServer


def main(arguments: list[str]) -> None:
    """Serve until whoever started it goes away: then standard input ends."""
    world, at, *providers = arguments
    clock = SystemClock() if at == "now" else None
    as_of = None if at == "now" else datetime.fromisoformat(at)
    with SandboxServer(providers, Path(world), as_of=as_of, clock=clock) as server:
        print(server.url, flush=True)  # noqa: T201  how the parent learns the port
        with contextlib.suppress(KeyboardInterrupt):     # Ctrl-C of whoever started it reaches us too
            sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
