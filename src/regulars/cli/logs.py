"""What libraries and steps log while a command works: one short line each on stderr, never a traceback unasked."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO

import structlog

DEBUG = "REGULARS_DEBUG"
"""The variable of the environment that brings tracebacks: `REGULARS_DEBUG=1 regulars run`."""

_SHOWN = 200                                 # characters of one value
_UNSHOWN = {"level", "event", "exc_info", "exception"}

# A retry tells its callable with its arguments; a request's arguments can hold a key, so only these are shown.
_RETRY = "stamina.retry_scheduled"


def is_debug(environment: Mapping[str, str] | None = None) -> bool:
    """Return whether the person asked for tracebacks."""
    return (os.environ if environment is None else environment).get(DEBUG, "") not in {"", "0"}


def configure_logs(*, debug: bool) -> None:
    """Send every log line of this process to stderr: stdout belongs to the answer."""
    last = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if debug else one_line
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, last],
        wrapper_class=structlog.make_filtering_bound_logger("debug" if debug else "info"),
        # Asked for with every line: stderr may be another one by then.
        logger_factory=lambda *_: Lines(sys.stderr),
        cache_logger_on_first_use=False,
    )


class Lines:
    """Writes lines into a file; what cannot be written is lost and stops nobody: the file may lie on a full disk."""

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def msg(self, line: str) -> None:
        """Write a line."""
        with suppress(OSError):
            print(line, file=self.file, flush=True)

    debug = info = warning = error = critical = msg


def one_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """Return a log entry as one line: `  warning: capitan GET failed, again in 0.5 s: ...`."""
    level, said = event.get("level", "info"), str(event.get("event", ""))
    if said == _RETRY:
        wait = float(event.get("wait_for", 0))
        cause = _short(event.get("caused_by", ""))
        return f"  {level}: {event.get('callable', '')}: again in {wait:.1f} s, after {cause}"
    facts = ", ".join(
        f"{name} {_short(value)}" for name, value in event.items() if name not in _UNSHOWN
    )
    return f"  {level}: {said}" + (f": {facts}" if facts else "")


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
