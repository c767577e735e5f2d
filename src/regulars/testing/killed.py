"""Senders that are killed in the middle, again and again, and what a gateway and a book say afterwards."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from random import Random

SURELY_SECONDS = 120.0
"""After which a sender that gets nowhere is no longer waited for."""


def killed(
    command: Sequence[str], *, taken: Callable[[], int], total: int, kills: int, workers: int, rng: Random
) -> int:
    """Run senders until they are through, and kill one of them `kills` times; return how many kills met a sender.

    Args:
        command: Starts a sender; its exit means that it found nothing more to do.
        taken: How many messages the provider has by now.
        total: How many there are.
        kills: Each when so many of them have been taken that the kills spread over all.
        workers: How many senders run at once.
        rng: Chance of the moments.

    """
    moments = sorted(rng.sample(range(1, total), kills))
    running = [_started(command) for _ in range(workers)]
    met = 0
    for moment in moments:
        _until(lambda moment=moment: taken() >= moment or all(one.poll() is not None for one in running))  # type: ignore[misc]  # bound now
        time.sleep(rng.random() * 0.02)
        place = rng.randrange(workers)
        met += running[place].poll() is None
        running[place].kill()
        running[place].wait()
        running[place] = _started(command)
    for one in running:
        one.wait(timeout=SURELY_SECONDS)
    # Whoever was last may have ended while another's messages were still its own: one more looks after them.
    _started(command).wait(timeout=SURELY_SECONDS)
    return met


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  our own


def _until(is_so: Callable[[], bool]) -> None:
    latest = time.monotonic() + SURELY_SECONDS
    while not is_so() and time.monotonic() < latest:
        time.sleep(0.01)
