"""The doctor: is this machine, are the stores and the credentials fit for the next run."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from regulars.check import Finding, Status
from regulars.clock import Clock

NEEDED_FREE = 2 * 1024**3
"""Bytes of disk below which a run may not end well."""

EXTRAS = {"psycopg": "postgres", "obstore": "s3", "pyspark": "spark"}
"""Package -> the extra that brings it."""


def examine(
    folder: Path,
    *,
    urls: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    environment: Mapping[str, str],
    clock: Clock,
) -> list[Finding]:
    """Return what is and what is not fit.

    Args:
        folder: The project's folder.
        urls: Store or engine -> its URL.
        references: Source -> names of variables its declaration needs.
        environment: Where those are looked for.
        clock: What now is.

    """
    return [
        *_python(),
        *_packages(urls),
        *_disk(folder),
        *_clock(folder, clock),
        *_credentials(references, environment),
    ]


def _python() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    status: Status = "ok" if sys.version_info >= (3, 11) else "failed"
    yield Finding(
        name="python", status=status, message=f"Python {found}", hint="" if status == "ok" else "use 3.11 or newer"
    )


def _packages(urls: Mapping[str, str]) -> Iterator[Finding]:
    needs = {
        "psycopg": any(url.startswith("postgresql") for url in urls.values()),
        "obstore": any(url.startswith("s3:") for url in urls.values()),
        "pyspark": any(url.startswith("spark:") for url in urls.values()),
    }
    for package in (
        "duckdb",
        "ibis-framework",
        "sqlglot",
        "pyarrow",
        *[name for name, is_needed in needs.items() if is_needed],
    ):
        try:
            yield Finding(name="package", status="ok", where=package, message=version(package))
        except PackageNotFoundError:
            hint = f"pip install 'regulars[{EXTRAS[package]}]'" if package in EXTRAS else "pip install regulars"
            yield Finding(name="package", status="failed", where=package, message="not installed", hint=hint)


def _disk(folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    status: Status = "ok" if free >= NEEDED_FREE else "warning"
    yield Finding(
        name="disk",
        status=status,
        message=f"{free / 1024**3:.1f} GiB free at the project",
        hint="" if status == "ok" else "free some, or move the stores in regulars.toml",
        numbers={"free": free},
    )
    if not os.access(folder, os.W_OK):
        yield Finding(name="disk", status="failed", message=f"{folder} cannot be written", hint=f"chmod u+w {folder}")


def _clock(folder: Path, clock: Clock) -> Iterator[Finding]:
    """A clock that stands before the newest file here would date tomorrow's records yesterday."""
    newest = max((path.stat().st_mtime for path in folder.glob("*")), default=0.0)
    behind = newest - clock.now().timestamp()
    status: Status = "ok" if behind < 120 else "warning"
    at = datetime.fromtimestamp(clock.now().timestamp(), UTC)
    yield Finding(
        name="clock",
        status=status,
        message=f"{at:%Y-%m-%d %H:%M:%S} UTC",
        hint="" if status == "ok" else "files here are from the future: set the machine's clock",
    )


def _credentials(references: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> Iterator[Finding]:
    for source, names in sorted(references.items()):
        missing = [name for name in names if not environment.get(name)]
        if missing:
            hint = " ".join(f"export {name}=…" for name in missing)
            yield Finding(
                name="credentials", status="failed", where=source, message=f"{', '.join(missing)} not set", hint=hint
            )
        elif names:
            yield Finding(name="credentials", status="ok", where=source, message=f"{len(names)} variables are set")
