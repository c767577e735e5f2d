"""Many changes in one request to Mailchimp, and what became of each of them, later.

Source: https://mailchimp.com/developer/marketing/guides/run-async-requests-batch-endpoint/. Up to 1,000 operations a
request and 500 batches at once; the results are a gzipped tar of JSON files, for some minutes.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import msgspec

from regulars.connectors.decoded import decoded
from regulars.connectors.mailchimp.audience import Audience, outcome
from regulars.destinations.sender import Answer, Outcome, Request

LARGEST = 1_000
"""Operations in a request."""


class _Result(msgspec.Struct):
    operation_id: str
    status_code: int
    response: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How far a batch is."""

    id: str
    is_finished: bool
    total: int                               # operations
    failed: int
    results_url: str                         # where the results are once it is finished; needs no key


class _State(msgspec.Struct):
    id: str
    status: str
    total_operations: int = 0
    errored_operations: int = 0
    response_body_url: str = ""


def together(audience: Audience, changes: Mapping[str, Request]) -> Request:
    """Return one request for many changes, each known by the name it has here.

    Raises ValueError for more than 1,000, and for a request that is not to this account.
    """
    if len(changes) > LARGEST:
        raise ValueError(f"Mailchimp takes {LARGEST} operations in a batch, not {len(changes)}")
    operations = [_operation(name, request, root=audience.root) for name, request in changes.items()]
    return audience.batch(msgspec.json.encode({"operations": operations}))


def batch_state(answer: Answer) -> Batch | None:
    """Return how far a batch is, from the answer to its start or to an inquiry; None for any other answer."""
    state = decoded(answer.body, _State)
    return None if state is None else Batch(
        id=state.id,
        is_finished=state.status == "finished",
        total=state.total_operations,
        failed=state.errored_operations,
        results_url=state.response_body_url,
    )


def results(archive: bytes) -> dict[str, Outcome]:
    """Return what became of each change, by the name it had.

    Raises ValueError for what is no archive of results.
    """
    found: dict[str, Outcome] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as folder:
            for member in folder:
                file = folder.extractfile(member) if member.isfile() and member.name.endswith(".json") else None
                for one in msgspec.json.decode(file.read(), type=list[_Result]) if file else []:
                    found[one.operation_id] = outcome(Answer(status=one.status_code, body=one.response.encode()))
    except (tarfile.TarError, OSError, EOFError, msgspec.DecodeError) as error:
        raise ValueError(f"not the results of a batch: {error}") from error
    return found


def _operation(name: str, request: Request, *, root: str) -> dict[str, object]:
    if not request.url.startswith(f"{root}/"):
        raise ValueError(f"{name}: a batch holds requests to its own account only")
    parts = urlsplit(request.url.removeprefix(root))
    params = dict(parse_qsl(parts.query))
    return {
        "operation_id": name, "method": request.method, "path": parts.path, "body": request.body.decode(),
        **({"params": params} if params else {}),
    }
