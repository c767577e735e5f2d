"""A port that takes connections before anybody is told of it, and a server on it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from regulars.errors import RegularsError
from regulars.web.ingest.door_protocol import protocol_of
from regulars.web.ingest.ingest_door import IngestDoor
from regulars.web.ingest.server_protocol import ServerProtocol
from regulars.web.raised import discreet

WAITING = 2048                               # connections that may wait to be taken


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Hold a port for the length of a `with`: 0 is any free one. Raises RegularsError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol left out asyncio keeps small packets back, and every answer takes 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((host, port))
        except OSError as error:
            hint = "--port 0 takes a free one"
            raise RegularsError(f"{host}:{port} cannot be had: {error.strerror}", hint=hint) from error
        held.listen(WAITING)
        yield held


def serve(app: ASGIApp, held: socket.socket, *, door: IngestDoor | None = None) -> None:
    """Answer on a port until the process is asked to stop; `door` is what of the app stands on the line itself."""
    sys.stdout.flush()                       # whoever started this may wait for the line that says where
    config = uvicorn.Config(
        discreet(app), http=ServerProtocol if door is None else protocol_of(door), log_level="warning",
        access_log=False, lifespan="on",
    )
    uvicorn.Server(config).run(sockets=[held])
