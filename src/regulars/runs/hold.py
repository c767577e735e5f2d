"""Holds the project's lease while work is done, so that two runs never write at once."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from regulars.clock import SystemClock
from regulars.errors import LeaseHeld, StoreError
from regulars.storage.book.lease import LeaseBook

LASTS = timedelta(seconds=60)
"""How long a lease lasts without a sign of life; also the longest wait after a machine was lost."""

log = structlog.get_logger()


@contextmanager
def held(lease: LeaseBook) -> Iterator[None]:
    """Hold the lease for the length of a `with`; a second holder is refused with LeaseHeld.

    The lease lives on real time, whatever clock the run is given: it guards processes, not business days. A holder
    whose process on this machine is gone is followed at once, one that lives is never; one on another machine after
    LASTS without a sign of life.
    """
    clock, owner, done = SystemClock(), owner_name(os.getpid()), threading.Event()
    lease.acquire(owner, now=clock.now(), lasts=LASTS, is_gone=is_gone)

    def renew() -> None:
        while not done.wait(LASTS.total_seconds() / 3):
            try:
                lease.renew(owner, now=clock.now(), lasts=LASTS)
            except LeaseHeld:
                log.error("lease lost", owner=owner)  # noqa: TRY400  the trace says nothing more
                return
            except StoreError as error:
                log.warning("lease not renewed", error=str(error))

    heartbeat = threading.Thread(target=renew, daemon=True, name="lease")
    heartbeat.start()
    try:
        yield
    finally:
        done.set()
        heartbeat.join(timeout=5)
        lease.release(owner)


def owner_name(pid: int) -> str:
    """Return `host:pid:start`: the start tells a process from a later one that got its number."""
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def is_gone(owner: str) -> bool | None:
    """Return whether an owner's process has ended; None when it is on another machine or cannot be asked."""
    host, _, rest = owner.partition(":")
    pid, _, started = rest.partition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return None
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123  a file of the kernel, not of ours
            return stat.read().rpartition(")")[2].split()[19]
    except OSError:
        return "?"                           # no /proc: the number alone has to do
