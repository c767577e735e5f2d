"""Where an error was raised, without what it said: a message of the unforeseen may quote somebody's address."""

from __future__ import annotations

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

log = structlog.get_logger()


def where_raised(error: BaseException) -> str:
    """Return file and line at which an error was raised: `find.py:31`."""
    trace, where = error.__traceback__, ""
    while trace is not None:
        where, trace = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}", trace.tb_next
    return where


def discreet(app: ASGIApp) -> ASGIApp:
    """Return an app whose unforeseen errors the server does not hear of, because it would log all they say."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            if scope["type"] != "http":
                raise
            # What was answered stands; where nothing was, the server says that something went wrong.
            log.error("request failed", error=type(error).__name__, where=where_raised(error))  # noqa: TRY400  not what

    return answered
