"""Further processes of one command, beside the one that a person started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def beside(arguments: Sequence[str], *, processes: int) -> Iterator[None]:
    """Run `regulars` with these arguments in further processes for the length of a `with`, and wait for their end.

    What they print but complaints is not shown. They end with what is done here when that breaks off; where this
    process is killed they go on by themselves.
    """
    command = [sys.executable, "-m", "regulars", *arguments]
    others = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603  our own
        for _ in range(processes)
    ]
    try:
        yield
    except BaseException:
        for other in others:
            other.terminate()
        raise
    finally:
        for other in others:
            other.wait()
