"""The door alone, without pages: `python -m regulars.web.ingest --project . --port 8080`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import uvicorn

from regulars.clock import SystemClock
from regulars.config import HOME, read_config
from regulars.web.ingest.door_protocol import protocol_of
from regulars.web.ingest.open_door import open_door


def main() -> None:
    """Open a project's door until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m regulars.web.ingest", description=__doc__)
    parser.add_argument("--project", type=Path, default=Path())
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    told = parser.parse_args()
    config = read_config(told.project, environment=os.environ)
    home = told.project / HOME
    home.mkdir(parents=True, exist_ok=True)
    door = open_door(config, home=home, clock=SystemClock())
    uvicorn.run(
        door, host=told.host, port=told.port, log_level="warning", access_log=False, lifespan="on",
        http=protocol_of(door), proxy_headers=False, date_header=False, server_header=False,
    )


if __name__ == "__main__":
    main()
