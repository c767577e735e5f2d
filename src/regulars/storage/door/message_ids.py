"""Which messages came before: every id ever seen, exactly, as sorted runs of 128-bit hashes on disk.

Two ids are taken for one only if their BLAKE2b hashes agree in all 128 bits: among 10^8 ids the chance of that is
1.5 in 10^23. A run is two columns in one file, the upper and the lower half of each hash, sorted by the upper: it is
searched where it lies, mapped into memory, 16 bytes an id. Runs of like size are joined four at a time, or as many of
four as make no more than LARGEST, slice by slice of the hash space; so there are few to look into, and joining needs
little memory and little room.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from regulars.storage.door.journal import sync_folder

Halves = npt.NDArray[np.uint64]

WIDTH = 16                                   # bytes of a hash
TOGETHER = 4                                 # runs of like size that are joined
LARGEST = 1 << 24                            # ids of a run that is not joined any more: 268 MB
SLICE = 1 << 18                              # ids held in memory at a time while runs are joined
_HALF = np.dtype("<u8")


def message_hash(message: bytes) -> bytes:
    """Return the 128 bits by which a message is known: of its id behind `generation.prefix_of` its source."""
    return blake2b(message, digest_size=WIDTH).digest()


def message_hashes(prefix: bytes, ids: Iterable[str]) -> list[bytes]:
    """Return `message_hash` of each id of one source."""
    return [blake2b(prefix + one.encode(), digest_size=WIDTH).digest() for one in ids]


@dataclass(frozen=True, slots=True)
class Run:
    """Some ids in a file, sorted; never changed."""

    path: Path
    high: Halves
    low: Halves

    @classmethod
    def open(cls, path: Path) -> Run:
        """Map a run into memory; nothing of it is read yet."""
        if not path.stat().st_size:
            none = np.empty(0, _HALF)
            return cls(path, none, none)
        # As a plain array: each slice of a `memmap` would be one again, which takes longer than the search.
        halves = np.asarray(np.memmap(path, _HALF, mode="r")).reshape(2, -1)
        return cls(path, halves[0], halves[1])

    def __len__(self) -> int:
        return len(self.high)

    def holds(self, high: Halves, low: Halves) -> npt.NDArray[np.bool_]:
        """Say of each hash whether it is in the run."""
        if not len(self):
            return np.zeros(len(high), dtype=np.bool_)
        at = self.high.searchsorted(high)
        alike: npt.NDArray[np.bool_] = self.high.take(at, mode="clip") == high
        found: npt.NDArray[np.bool_] = alike & (self.low.take(at, mode="clip") == low) if alike.any() else alike
        last = len(self) - 1
        while alike.any():
            # Hashes that share their upper half stand side by side: almost never more than one.
            at = np.where(alike, at + 1, last + 1)
            place = np.minimum(at, last)
            alike = (self.high[place] == high) & (at <= last)
            found |= alike & (self.low[place] == low)
        return found


def known_in(runs: Iterable[Run], hashes: Sequence[bytes]) -> set[bytes]:
    """Return those of the hashes that are in any of the runs."""
    runs = list(runs)
    if not runs:
        return set()
    halves = np.frombuffer(b"".join(hashes), _HALF).reshape(-1, 2)
    order = np.argsort(halves[:, 0])         # neighbours are looked for one after the other
    high, low = halves[order, 0], halves[order, 1]
    found = np.zeros(len(high), dtype=np.bool_)
    for run in runs:
        found |= run.holds(high, low)
    return {hashes[place] for place in order[found]} if found.any() else set()


def write_run(path: Path, hashes: Iterable[bytes]) -> None:
    """Write hashes as a run, durably."""
    halves = np.frombuffer(b"".join(hashes), _HALF).reshape(-1, 2)
    order = np.argsort(halves[:, 0])
    with path.open("wb") as file:
        file.write(np.ascontiguousarray(halves[order, 0]).data)
        file.write(np.ascontiguousarray(halves[order, 1]).data)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def due(runs: Iterable[Run]) -> list[Run]:
    """Return runs that are to be joined now; none when nothing is due.

    Those are four of like size, the smallest size first; of four that are too much together those that are not, from
    the smallest on.
    """
    tiers: dict[int, list[Run]] = defaultdict(list)
    for run in runs:
        tiers[max(len(run), 1).bit_length() // 2].append(run)
    for _, alike in sorted(tiers.items()):
        if len(alike) < TOGETHER:
            continue
        chosen = sorted(alike, key=len)[:TOGETHER]
        while len(chosen) > 1 and sum(map(len, chosen)) > LARGEST:
            chosen.pop()
        if len(chosen) > 1:
            return chosen
    return []


def join(runs: Sequence[Run], path: Path) -> None:
    """Write one run of several, durably, a slice of the hash space at a time."""
    total = sum(map(len, runs))
    slices = max(1, total // SLICE)
    bounds = np.array([(n << 64) // slices for n in range(1, slices)], dtype=_HALF)
    cuts = [[0, *np.searchsorted(run.high, bounds).tolist(), len(run)] for run in runs]
    with path.open("w+b") as file:
        file.truncate(total * WIDTH)
        done = 0
        for n in range(slices):
            parts = [(run, cut[n], cut[n + 1]) for run, cut in zip(runs, cuts, strict=True)]
            high = np.concatenate([run.high[start:end] for run, start, end in parts])
            low = np.concatenate([run.low[start:end] for run, start, end in parts])
            order = np.argsort(high)
            for column, half in enumerate((high, low)):
                file.seek((column * total + done) * _HALF.itemsize)
                file.write(half[order].data)
            done += len(high)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
