"""Check-ins of a few people, and a small gym whose members come in pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from regulars.clock import FixedClock
from regulars.connections.co_presence import CHECK_IN
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.storage.engines.duckdb import DuckDBEngine

CheckIn = tuple[str | None, date, int, str | None]     # customer, day, minute of the day, place
MONDAY = date(2026, 1, 5)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
FILES = {
    "regulars.toml": '[business]\nname = "Hall"\ntimezone = "UTC"\n',
    "sources/desk.yaml": """\
kind: files
folder: inbox
streams:
  people:
    files: "people.csv"
    mode: snapshot
    key: [id]
    fields: {id: {type: id, required: true}, name: text}
    profile: {id: id, exclusive: true, name: name}
  visits:
    files: "visits*.csv"
    key: [id]
    fields:
      id: {type: id, required: true}
      who: {type: id, required: true}
      at: {type: timestamp, required: true}
      hall: text
  contracts:
    files: "contracts.csv"
    mode: snapshot
    key: [contract, who]
    fields: {contract: {type: id, required: true}, who: {type: id, required: true}, name: text, begins: {type: date, required: true}, ends: date}
  relatives:
    files: "relatives.csv"
    mode: snapshot
    key: [who, other]
    fields: {who: {type: id, required: true}, other: {type: id, required: true}, since: {type: date, required: true}}
""",
    "events/check_in.yaml": "from: desk.visits\nwho: who\nwhen: at\nwhat: {location: hall}\n",
    "events/membership.yaml": "from: desk.contracts\nwho: who\nwhen: begins\nuntil: ends\nwhat: {membership_id: contract, name: name}\n",
    "events/family_link.yaml": "from: desk.relatives\nwho: who\nwhen: since\nwhat: {related_id: other}\n",
    "inbox/contracts.csv": "contract,who,name,begins,ends\n1,ann,Family Monthly,2026-01-01,\n1,bob,Family Monthly,2026-01-01,\n2,cyd,Solo,2026-01-01,\n2,dan,Solo,2026-01-01,\n",
    "inbox/relatives.csv": "who,other,since\ncyd,eve,2026-01-02\n",
    "inbox/people.csv": "id,name\n" + "".join(f"{name},{name.title()} Lee\n" for name in ("ann", "bob", "cyd", "dan", "eve")),
}


@pytest.fixture(scope="session")
def engine() -> DuckDBEngine:
    return DuckDBEngine.open({"threads": "1"})


@pytest.fixture(scope="session")
def arrow(engine: DuckDBEngine) -> Callable[[pa.Table], ir.Table]:
    return engine.arrow


def check_ins(rows: Iterable[CheckIn]) -> pa.Table:
    """Return check-ins as the table that is swept."""
    told = [
        {
            "customer_id": who, "at": datetime.combine(day, time(0)) + timedelta(minutes=minute), "business_day": day,
            "location": place,
        }
        for who, day, minute, place in rows
    ]
    return pa.Table.from_pylist(told, schema=CHECK_IN.to_pyarrow())


def gym(folder: Path) -> Path:
    """Write the small gym: Ann and Bob come together on eight evenings, Cyd at the same hour on two of them."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    lines = ["id,who,at,hall"]
    for week in range(8):
        day = MONDAY + timedelta(days=7 * week)
        lines += [f"a{week},ann,{day}T18:00:00,hall", f"b{week},bob,{day}T18:05:00,hall"]
        lines += [f"c{week},cyd,{day}T18:20:00,hall"] if week < 2 else [f"c{week},cyd,{day}T09:00:00,hall"]
        lines += [f"d{week},dan,{day + timedelta(days=2)}T18:00:00,hall"]
    (folder / "inbox" / "visits.csv").write_text("\n".join(lines) + "\n")
    return folder


def opened(folder: Path) -> Workspace:
    """Open a small gym's project."""
    return open_workspace(folder, clock=FixedClock(NOW), environment={})


@pytest.fixture(scope="session")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small gym after its first run: for tests that only read."""
    folder = gym(tmp_path_factory.mktemp("hall"))
    workspace = opened(folder)
    result = run(workspace)
    workspace.close()
    assert result.exit_code == 0
    return folder
