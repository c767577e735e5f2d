"""Connections made anew in a loaded process: `python benchmarks/rebuild.py CHECK_INS FOLDER`, as `scenarios` calls it.

From check-ins to four tables in FOLDER as Parquet: who was there together, that is interactions, then connections,
companions and communities. What it took stands in FOLDER/took.json, without start and imports; what compiles is
compiled.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from regulars.connections.co_presence import arrivals, together
from regulars.connections.community import communities
from regulars.connections.companion import companions, tallies, ties
from regulars.connections.connection import connections
from regulars.connections.interaction import same_day_checkins
from regulars.storage.engines.duckdb import DuckDBEngine


def main(file: Path, folder: Path) -> None:
    """Make everything twice, and tell what the second time took."""
    engine = DuckDBEngine.open({})
    for _ in range(2):
        begun, cpu = time.perf_counter(), time.process_time()
        made = _made(engine, pq.read_table(file))
        for name, table in made.items():
            pq.write_table(table, folder / f"{name}.parquet")
        took = {"wall_seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu}
    (folder / "took.json").write_text(json.dumps({**took, "interactions": len(made["interactions"])}))


def _made(engine: DuckDBEngine, check_ins: pa.Table) -> dict[str, pa.Table]:
    visits = arrivals(check_ins)
    met = engine.fetch(same_day_checkins(engine.arrow(together(visits))))
    interactions, newest = engine.arrow(met), pc.max(check_ins["business_day"]).as_py()
    connected = engine.fetch(connections(interactions))
    tallied = engine.arrow(engine.fetch(tallies(interactions)))
    measured = companions(engine.fetch(ties(tallied, newest=newest)), visits)
    return {
        "interactions": met, "connections": connected, "companions": measured, "communities": communities(measured),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
