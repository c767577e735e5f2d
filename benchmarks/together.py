"""Check-ins at any number, and the sweep over them measured: how crowded halls are counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measured import ROOT, Usage, measured

DAYS, HALLS, VISITS = 500, 6, 25             # 25 check-ins a customer, some a hundred times as many as others
SWEEP = """\
import sys
import pyarrow.parquet as pq
from regulars.connections.co_presence import arrivals, together
together(arrivals(pq.read_table(sys.argv[1])), at_least=3)
"""


def write_check_ins(file: Path, rows: int) -> None:
    """Write check-ins of people of uneven habits, most of them in the evening; the same ones every time."""
    rng = np.random.default_rng(rows)
    people = max(rows // VISITS, 2)
    habit = rng.gamma(0.7, 1.0, people)
    who, day = rng.choice(people, rows, p=habit / habit.sum()), 20_000 + rng.integers(0, DAYS, rows)
    share = np.where(rng.random(rows) < 0.6, rng.beta(8, 3, rows), rng.random(rows))
    at = (day * 86_400 + 6 * 3600 + (share * 57_000).astype(np.int64)) * 1_000_000
    names, halls = pa.array([f"c_{n:016x}" for n in range(people)]), pa.array([f"hall {n}" for n in range(HALLS)])
    pq.write_table(pa.table({
        "customer_id": names.take(pa.array(who)), "at": pa.array(at).cast(pa.timestamp("us")),
        "business_day": pa.array(day.astype(np.int32)).cast(pa.date32()),
        "location": halls.take(pa.array(rng.integers(0, HALLS, rows))),
    }), file)


def swept(file: Path) -> Usage:
    """Measure a process that reads check-ins and finds who was there together on three days."""
    return measured(["-c", SWEEP, str(file)])


def rebuilt(file: Path, folder: Path) -> Usage:
    """Measure connections made anew from check-ins, without the start of the process, whose memory it is."""
    whole = measured([str(ROOT / "benchmarks" / "rebuild.py"), str(file), str(folder)])
    took = json.loads((folder / "took.json").read_text())
    return replace(whole, wall_seconds=took["wall_seconds"], cpu_seconds=took["cpu_seconds"])
