"""Every id ever seen, exactly: sorted runs say what a set would."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.storage.door.message_ids import LARGEST, Run, due, join, known_in, message_hash, write_run

# Few upper halves, so that hashes which agree in one half and differ in the other are common.
HASHES = st.builds(
    lambda high, low: high.to_bytes(8, "little") + low.to_bytes(8, "little"),
    st.sampled_from([0, 1, 2**63, 2**64 - 1]), st.integers(0, 5),
)


@settings(deadline=None)                     # a run is put on disk, which takes as long as the disk does
@given(st.lists(st.sets(HASHES), max_size=5), st.lists(HASHES, min_size=1))
def test_runs_know_exactly_what_was_written(written: list[set[bytes]], asked: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        runs = []
        for n, hashes in enumerate(written):
            write_run(Path(folder) / str(n), hashes)
            runs.append(Run.open(Path(folder) / str(n)))

        assert known_in(runs, asked) == set(asked) & set().union(*written)


@settings(deadline=None)
@given(st.lists(HASHES, unique=True), st.integers(1, 4), st.lists(HASHES, min_size=1))
def test_joined_runs_know_what_each_knew(hashes: list[bytes], parts: int, asked: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        runs = []
        for n in range(parts):
            write_run(Path(folder) / str(n), hashes[n::parts])
            runs.append(Run.open(Path(folder) / str(n)))
        join(runs, Path(folder) / "joined")
        joined = Run.open(Path(folder) / "joined")

        assert len(joined) == len(hashes)
        assert known_in([joined], asked) == set(asked) & set(hashes)


def test_large_runs_are_joined_slice_by_slice(tmp_path: Path) -> None:
    hashes = [message_hash(str(n).encode()) for n in range(600_000)]
    for n in range(4):
        write_run(tmp_path / str(n), hashes[n::4])
    runs = [Run.open(tmp_path / str(n)) for n in range(4)]

    assert due(runs) == runs
    join(runs, tmp_path / "joined")

    joined = Run.open(tmp_path / "joined")
    assert (joined.high[1:] >= joined.high[:-1]).all()
    assert known_in([joined], [*hashes[::1000], b"\0" * 16]) == set(hashes[::1000])


@pytest.mark.parametrize(("sizes", "joined"), [
    ([8, 8, 8], []), ([8, 9, 8, 11], [8, 8, 9, 11]), ([1 << 23, (1 << 24) - 1, (1 << 24) - 1, (1 << 24) - 1], []),
    # Four are too much together, so the smallest that are not: else runs of a quarter of the largest would never be joined.
    ([6_400_000] * 4, [6_400_000] * 2), ([4_300_000] * 4, [4_300_000] * 3), ([8, 8, 8, 8, *[6_400_000] * 4], [8, 8, 8, 8]),
])
def test_runs_are_joined_as_far_as_they_make_one_of_the_largest(sizes: list[int], joined: list[int]) -> None:
    runs = [Run(Path(str(n)), halves, halves) for n, size in enumerate(sizes) if (halves := np.empty(size, np.dtype("<u8"))) is not None]

    assert sorted(map(len, due(runs))) == joined
    assert sum(joined) <= LARGEST
