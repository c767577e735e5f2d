"""Ctrl-C in the middle of a long statement stops the run; it is no failed step."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import ibis
import pytest

from regulars.storage.engines import open_engine


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Whoever starts tests in the background may have Ctrl-C ignored in all of them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_in_the_middle_of_a_statement_is_an_interruption(tmp_path: Path) -> None:
    engine = open_engine("duckdb://", scratch=tmp_path)
    numbers = ibis.range(0, 60_000, 1).unnest().name("n").as_table()
    endless = numbers.cross_join(numbers.rename(m="n")).filter(ibis._.n * ibis._.m == -1).count().as_table()
    threading.Timer(0.5, _thread.interrupt_main).start()

    with pytest.raises(KeyboardInterrupt):
        engine.fetch(endless)
    engine.close()
