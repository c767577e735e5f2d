"""The reference's paths for contacts: a list handed in, and the report of who opted out."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes
from email.policy import HTTP
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regulars.compat.contacts import LARGEST, as_csv, import_contacts, opt_out_statistics, opt_outs
from regulars.errors import RegularsError
from regulars.pipeline.workspace import Workspace
from regulars.storage.book.audit import Changed
from regulars.web.api.problem import STATUS, RequestInvalid
from regulars.web.api.workers import Workers
from regulars.web.body import UnreadableBody, json_of, read_body
from regulars.web.reference_route import let_in

Answer = tuple[bytes, int, str]


def contact_routes(workers: Workers) -> list[Route]:
    """Return the routes for importing contacts and for the report of opt-outs."""
    return [
        _route(workers, "POST", "/api/contacts/import", _imported),
        _route(workers, "POST", "/campaigns/import-csv", _imported),
        _route(workers, "GET", "/opt-out-report", _report), _route(workers, "GET", "/opt-out-report/export", _export),
    ]


def _route(
    workers: Workers, method: str, path: str, answers: Callable[[Workspace, Request, bytes], Answer]
) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            raw = await read_body(request, most=LARGEST)
        except UnreadableBody:
            raw = None
        body, status, kind = await workers.ask(lambda workspace: _answered(workspace, request, raw, answers))
        return Response(body, status_code=status, media_type=kind)

    return Route(path, endpoint, methods=[method])


def _answered(
    workspace: Workspace, request: Request, raw: bytes | None, answers: Callable[[Workspace, Request, bytes], Answer]
) -> Answer:
    try:
        if raw is None:
            raise RequestInvalid("The list is larger than 16 MB")
        let_in(workspace, request, scope="write")    # numbers are told in full
        return answers(workspace, request, raw)
    except RegularsError as error:
        status = STATUS.get(error.code, 500)
        return _json({"success": False, "error": error.message}, 400 if status == 422 else status)


def _imported(workspace: Workspace, request: Request, raw: bytes) -> Answer:
    """Take a list: `text/csv` with ?list_name=, JSON {csv_data, list_name, filename}, or a form with `csv_file`."""
    said: dict[str, Any] = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        fields = _parts(raw, request.headers["content-type"])
        raw = fields.pop("csv_file", b"")
        said |= {name: value.decode(errors="replace") for name, value in fields.items()}
    elif request.headers.get("content-type", "").startswith("application/json"):
        try:
            told = msgspec.convert(json_of(raw), type=dict[str, Any])
        except (UnreadableBody, msgspec.ValidationError) as error:
            raise RequestInvalid("The body is no object") from error
        said, raw = {**said, **told}, str(told.get("csv_data", "")).encode()
    name = str(said.get("list_name") or "imported")
    found = import_contacts(workspace, raw, file=str(said.get("filename") or "list.csv"), list_name=name)
    if found.is_failure:
        return _json({"success": False, "error": found.error, "error_code": found.error_code}, 400)
    key = let_in(workspace, request)
    workspace.book.audit.add(Changed(
        at=workspace.clock.now(), by=f"key:{key.name}", what="contacts.import", subject=f"lists/{name}.csv"
    ))
    told = found.unwrap()
    return _json({"success": True, "task_id": told["import_id"], **told}, 201)


def _report(workspace: Workspace, _: Request, __: bytes) -> Answer:
    return _json({"success": True, "opt_outs": opt_outs(workspace), "statistics": opt_out_statistics(workspace)}, 200)


def _export(workspace: Workspace, _: Request, __: bytes) -> Answer:
    return as_csv(opt_outs(workspace)).encode(), 200, "text/csv"


def _parts(raw: bytes, kind: str) -> dict[str, bytes]:
    """Return the fields of a form with files, each with what it holds."""
    whole = message_from_bytes(b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + raw, policy=HTTP)
    held = ((part, part.get_payload(decode=True)) for part in whole.iter_parts())
    return {
        str(part.get_param("name", header="content-disposition")): said for part, said in held
        if isinstance(said, bytes)
    }


def _json(said: dict[str, Any], status: int) -> Answer:
    return msgspec.json.encode(said, enc_hook=str), status, "application/json"
