"""What `send.py` is measured against: it sends and then marks, as most do, and repeats whatever a kill met."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import httpx

BATCH = 50


def prepare(path: Path, count: int) -> None:
    """Make a table of `count` messages that wait."""
    with sqlite3.connect(path) as book:
        book.execute("create table messages (id text primary key, is_sent integer not null)")
        book.executemany("insert into messages values (?, 0)", [(f"n.{n}",) for n in range(count)])


def send(path: Path, url: str) -> None:
    """Send what is not marked, a batch after the other, and mark each batch when it is sent."""
    with sqlite3.connect(path, timeout=30) as book, httpx.Client() as client:
        while rows := book.execute("select id from messages where is_sent = 0 limit ?", (BATCH,)).fetchall():
            for (name,) in rows:
                client.post(f"{url}/messages", json={"messages": [{"id": name}]})
            book.executemany("update messages set is_sent = 1 where id = ?", rows)
            book.commit()


if __name__ == "__main__":
    send(Path(sys.argv[1]), sys.argv[2])
