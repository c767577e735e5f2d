"""`python -m regulars.testing.sandbox WORLD MOMENT PROVIDER…`: vendors in a process of their own; prints its URL."""

from __future__ import annotations

import contextlib
import sys
from datetime import datetime
from pathlib import Path

from regulars.testing.sandbox.server import SandboxServer


def main(arguments: list[str]) -> None:
    """Serve until whoever started it goes away: then standard input ends."""
    world, at, *providers = arguments
    with SandboxServer(providers, Path(world), as_of=datetime.fromisoformat(at)) as server:
        print(server.url, flush=True)  # noqa: T201  how the parent learns the port
        with contextlib.suppress(KeyboardInterrupt):     # Ctrl-C of whoever started it reaches us too
            sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
