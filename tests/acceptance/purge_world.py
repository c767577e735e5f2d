"""A door that was flooded with a wrong event, and was sent card numbers by mistake: on two days, and as things stand today."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1] / "web" / "door"))

from process import KEY, NOW, post, project

from regulars.clock import FixedClock
from regulars.config import read_config
from regulars.pipeline.flow import run
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.web.ingest.open_door import open_door

DAYS = (NOW - timedelta(days=2), NOW - timedelta(days=1), NOW)
FLOOD, CARD = "marked-as-flood", "4111-2222-3333"
FILES = {
    "sources/site.yaml": "kind: door\nfields:\n  total: {from: properties.total, type: money}\n"
                         "  card: {from: properties.card, type: text}\n  mark: {from: properties.mark, type: text}\n"
                         "money:\n  - {who: user_id, when: at, kind: sale, amount: total, only_if: total is not null}\n",
    "events/ordered.yaml": "from: site.events\nwho: user_id\nwhen: at\nwhat: {total: total, card: card}\n"
                           'only_if: name == "Order Completed"\n',
    "events/ticked.yaml": 'from: site.events\nwho: user_id\nwhen: at\nwhat: {mark: mark}\nonly_if: name == "Ticked"\n',
}


def written(folder: Path, stores: Mapping[str, str] | None = None) -> Path:
    """Write the project."""
    made = project(folder)
    (made / "events").mkdir()
    for name, text in FILES.items():
        (made / name).write_text(text)
    if stores is not None:
        urls = "\n".join(f'{name} = "{url}"' for name, url in stores.items() if name != "engine")
        told = (made / "regulars.toml").read_text()
        (made / "regulars.toml").write_text(f'{told}\n[stores]\n{urls}\n\n[engine]\nurl = "{stores["engine"]}"\n')
    return made


def ticked(number: int, *, at: datetime, **more: Any) -> dict[str, Any]:
    """Return a message of the wrong event."""
    return {
        "type": "track", "event": "Ticked", "userId": f"u{number % 5}", "messageId": f"tick-{at:%d}-{number}",
        "timestamp": at.isoformat(), "properties": {"mark": FLOOD, "n": number}, **more,
    }


def ordered(number: int, *, at: datetime, **more: Any) -> dict[str, Any]:
    """Return a message of an order that tells of the card it was paid with."""
    return {
        "type": "track", "event": "Order Completed", "userId": f"u{number % 5}", "messageId": f"order-{at:%d}-{number}",
        "timestamp": at.isoformat(),
        "properties": {"total": 12.5, "card": f"{CARD}-{number}", "id": 123456789012345678901, "note": 'é "so"'}, **more,
    }


def of_a_day(day: datetime) -> list[dict[str, Any]]:
    """Return what comes on a day: six of the wrong event, three orders, and one of each that says of nobody that it is theirs."""
    nobody = {"userId": None, "messageId": None}
    at = day - timedelta(hours=1)
    return [
        *(ticked(n, at=at) for n in range(6)), *(ordered(n, at=at) for n in range(3)),
        ticked(7, at=at, **nobody), ordered(7, at=at, **nobody),
    ]


def opened(folder: Path, at: datetime = NOW) -> Workspace:
    """Open the project's stores at a moment."""
    return open_workspace(folder, clock=FixedClock(at), environment={})


def lived(folder: Path) -> Path:
    """Let two days come and be read, so that the first is compacted, and a third that nobody has read yet."""
    for day in DAYS:
        post(folder, *of_a_day(day), at=day)
        if day != NOW:
            workspace = opened(folder, day)
            assert [(step.name, step.error) for step in run(workspace).steps if step.error] == []
            workspace.close()
    return folder


def post_text(folder: Path, path: str, text: str, *, at: datetime) -> None:
    """Post a text as it is to the project's door."""
    async def posted() -> None:
        door = open_door(read_config(folder, environment={}), home=folder / ".regulars", clock=FixedClock(at))
        await door.commits.start()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://door") as client:
            await client.post(f"/v1/{path}", auth=(KEY, ""), content=text)
        await door.commits.stop()

    asyncio.run(posted())


def texts(folder: Path) -> dict[str, str]:
    """Return every file of ours as text, cell by cell where it is compressed."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".yaml", ".toml"}]
    return {
        str(path.relative_to(folder)): (
            json.dumps(pq.read_table(path).to_pylist(), default=str) if path.suffix == ".parquet"
            else path.read_bytes().decode("latin-1")
        )
        for path in files
    }


def holding(folder: Path, needle: str) -> list[str]:
    """Return the files that hold a text."""
    return [name for name, text in texts(folder).items() if needle in text]


def hashes(workspace: Workspace) -> dict[str, str]:
    """Return what is in every table, whenever it came."""
    left_out = ("recorded_at", "seq")
    return {name: workspace.lake.content_hash(name, leave_out=left_out) for name in workspace.lake.tables()}


def names(workspace: Workspace) -> Counter[str]:
    """Return how many records there are under each name."""
    table = workspace.table("records.site.events")
    return Counter(row["name"] for row in workspace.rows(table.select("name")))


def payloads(workspace: Workspace, stream: str = "events") -> list[dict[str, Any]]:
    """Return what is landed of a stream of the door."""
    rows = workspace.stores.border.fetch(workspace.landing.rows("site", stream)).to_pylist()
    return [json.loads(row["payload"]) for row in rows]
