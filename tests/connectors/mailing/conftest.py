"""Mails, a sandbox to send them to, and the smallest loop that sends: what is not now is tried again, what nobody knows is not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import httpx
import jsonschema
import pytest

from regulars.campaigns.mail import unsubscribe_headers
from regulars.destinations.sender import Accepted, Answer, Deferred, Dialect, Outcome, Outgoing, Request, Unknown
from regulars.testing.sandbox import Fault, Faults, SandboxServer

SHARED = Path(os.environ.get("REGULARS_SHARED", Path(__file__).parents[4] / "shared"))
SPECS = {
    "sendgrid": "sendgrid_tsg_mail_v3.json", "mandrill": "mailchimp_transactional_openapi.json", "mailchimp": "mailchimp_trim.json",
}


@pytest.fixture
def storm() -> tuple[Fault, ...]:
    """Return every way to fail, those after which the vendor has the mail among them."""
    return (
        Fault(kind="status", status=429, retry_after="1"), Fault(kind="status", status=500), Fault(kind="cut"),
        Fault(kind="status", status=500, is_acted_on=True), Fault(kind="slow", seconds=0.4), Fault(kind="status", status=503),
    )


@pytest.fixture
def mail() -> Callable[..., Outgoing]:
    """Make the n-th mail of a campaign."""

    def make(n: int, **words: object) -> Outgoing:
        fields: dict[str, object] = {
            "message_id": f"m-{n}", "channel": "email", "to": f"p{n}@mail.example", "sender": "Summit <hello@summit.example>",
            "subject": f"A pass for you, Ann {n}", "text": f"Hi Ann {n},\nyour pass waits.\nhttps://summit.example/u/{n}\n",
            "html": f'<p>Hi Ann {n},</p><p>your pass waits.</p><a href="https://summit.example/u/{n}">leave</a>',
            "headers": unsubscribe_headers(f"https://summit.example/u/{n}"), "tags": {"campaign": "spring", "variant": "ab"[n % 2]},
        }
        return Outgoing(**{**fields, **words})  # type: ignore[arg-type]

    return make


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Callable[..., SandboxServer]]:
    """Start a vendor with some faults; it ends with the test. Its own document, where it is here, checks each request."""
    with ExitStack() as stack:
        def start(
            name: str, faults: Faults | None = None, *, world: Path = tmp_path, as_of: datetime | None = None
        ) -> SandboxServer:
            path = SHARED / "data/specs" / SPECS.get(name, "")
            specs = {name: path} if path.is_file() else None
            return stack.enter_context(SandboxServer([name], world, faults=faults, specs=specs, as_of=as_of))

        yield start


@pytest.fixture
def document() -> Callable[[str], dict[str, object]]:
    """Read a vendor's own document, or skip."""

    def read(name: str) -> dict[str, object]:
        path = SHARED / "data" / name
        if not path.exists():
            pytest.skip("the vendors' documents are not here: set REGULARS_SHARED")
        return json.loads(path.read_text(encoding="utf-8"))

    return read


@pytest.fixture
def breaches() -> Callable[..., list[str]]:
    """Return where a request's body is not what a vendor's document asks, read by a full validator of JSON schemas."""

    def find(request: Request, spec: dict[str, object], *, schema: str) -> list[str]:
        validator = jsonschema.Draft202012Validator({"$ref": f"#{schema}", **spec})
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(json.loads(request.body))]

    return find


def carried(client: httpx.Client, dialect: Dialect, batch: Sequence[Outgoing]) -> Sequence[Outcome]:
    """Hand over a batch once."""
    try:
        return dialect.outcomes(batch, ask(client, dialect.request(batch)))
    except httpx.ConnectError:
        return [Deferred(reason="nobody there")] * len(batch)
    except httpx.TransportError:
        return [Unknown(reason="the answer was lost")] * len(batch)


def ask(client: httpx.Client, request: Request) -> Answer:
    found = client.request(request.method, request.url, headers=dict(request.headers), content=request.body)
    return Answer(status=found.status_code, headers=dict(found.headers), body=found.content)


@pytest.fixture
def ask_once() -> Callable[[Request], Answer]:
    """Ask something once, for better or worse."""

    def once(request: Request) -> Answer:
        with httpx.Client() as client:
            return ask(client, request)

    return once


@pytest.fixture
def deliver() -> Callable[..., dict[str, Outcome]]:
    """Send mails until none of them waits; the last outcome of each."""

    def run(dialect: Dialect, mails: Sequence[Outgoing], *, patience: float = 10) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        waiting = list(mails)
        with httpx.Client(timeout=patience) as client:
            for _ in range(20 * len(mails)):
                batch, waiting = waiting[: dialect.limits.batch], waiting[dialect.limits.batch :]
                for message, outcome in zip(batch, carried(client, dialect, batch), strict=True):
                    outcomes[message.message_id] = outcome
                    waiting += [message] if isinstance(outcome, Deferred) else []
                if not waiting:
                    return outcomes
        raise AssertionError(f"{len(waiting)} mails still wait")

    return run


@pytest.fixture
def ids_of() -> Callable[..., set[str]]:
    """Return which messages came to an outcome of a kind."""

    def choose(outcomes: dict[str, Outcome], kind: type = Accepted) -> set[str]:
        return {message_id for message_id, outcome in outcomes.items() if isinstance(outcome, kind)}

    return choose
