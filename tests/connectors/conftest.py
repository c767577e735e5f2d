"""A small world of three vendors, and a sandbox that serves it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stamina

from regulars.clock import FixedClock
from regulars.plugins import declare_source
from regulars.sources.source import Page, Source, Surroundings
from regulars.testing.sandbox import Faults, SandboxServer

OPENED = datetime(2025, 1, 1, tzinfo=UTC)
TODAY = datetime(2025, 3, 1, 12, tzinfo=UTC)
SHARED = Path(os.environ.get("REGULARS_SHARED", Path(__file__).parents[3] / "shared"))
OPTIONS = {"key": "secret", "rate": "none"}


def _write(path: Path, items: list[dict[str, object]], *, since: Callable[[dict[str, object]], datetime] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"visible_from": (since(item) if since else OPENED).isoformat(), "visible_until": None, "item": item})
        for item in items
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _capitan(folder: Path) -> None:
    people = [
        {"id": n, "email": None if n % 3 == 0 else f"p{n}@mail.example", "telephone": "254-555-0100", "first_name": "Ann",
         "last_name": f"Lee{n}", "birthday": "1990-01-01", "has_active_membership": n % 10 == 0}
        for n in range(1, 251)
    ]
    _write(folder / "customers.ndjson", people)
    _write(folder / "memberships.ndjson", [
        {"id": n, "membership_id": 71, "name": "Solo Monthly", "status": "ACT", "start_date": "2025-01-01", "owner_id": n,
         "billing_amount": "85.00", "all_customers": [{"id": n}]} for n in range(1, 131)
    ])
    # The newest check-ins are visible only from their own time on.
    visits = [
        {"id": n, "customer_id": n % 250 + 1, "entry_method": "MEM",
         "check_in_datetime": (OPENED.replace(hour=6, tzinfo=None) + timedelta(minutes=33 * n)).isoformat(timespec="microseconds")}
        for n in range(2700)
    ]
    _write(folder / "check_ins.ndjson", visits,
           since=lambda v: datetime.fromisoformat(str(v["check_in_datetime"])).replace(tzinfo=UTC) + timedelta(hours=6))
    _write(folder / "relations.ndjson", [
        {"customer_id": n, "related_customer_id": n + 1, "relation": "CHI"} for n in range(10, 240, 10)
    ])
    for name in ("associations", "association_members", "events", "referrals"):
        _write(folder / f"{name}.ndjson", [{"id": n, "name": "x"} for n in range(1, 28)])


def _stripe(folder: Path) -> None:
    start = int(OPENED.timestamp())
    _write(folder / "payment_intents.ndjson", [
        {"id": f"pi_{n:04}", "object": "payment_intent", "amount_received": 1000 + n, "currency": "usd", "status": "succeeded",
         "livemode": True, "customer": None, "created": start + n * 3600,
         "latest_charge": {"id": f"ch_{n:04}", "created": start + n * 3600, "billing_details": {"name": "José"}}}
        for n in range(350)
    ])
    _write(folder / "payouts.ndjson", [
        {"id": f"po_{n}", "amount": 100, "currency": "usd", "status": "paid", "livemode": True, "arrival_date": start + n * 86400,
         "created": start + n * 86400} for n in range(5)
    ])
    _write(folder / "balance_transactions.ndjson", [
        {"id": f"txn_{n}", "amount": 100, "fee": 3, "net": 97, "currency": "usd", "type": "charge", "created": start + n * 600, "available_on": start + n * 600,
         "source": {"id": f"ch_{n:04}", "payment_intent": f"pi_{n:04}"}} for n in range(300)
    ])
    for name in ("refunds", "disputes", "customers"):
        _write(folder / f"{name}.ndjson", [
            {"id": f"{name}_{n}", "amount": 5, "currency": "usd", "status": "succeeded", "charge": {"id": "ch_0001"},
             "created": start + n} for n in range(3)
        ])


def _square(folder: Path) -> None:
    at = [(OPENED + timedelta(hours=n)).isoformat().replace("+00:00", "Z") for n in range(260)]
    usd = {"amount": 500, "currency": "USD"}
    _write(folder / "payments.ndjson", [
        {"id": f"p{n}", "status": "COMPLETED", "location_id": f"L{n % 2}", "amount_money": usd, "total_money": usd,
         "order_id": f"o{n}", "created_at": when} for n, when in enumerate(at)
    ])
    _write(folder / "orders.ndjson", [
        {"id": f"o{n}", "state": "COMPLETED" if n % 13 else "OPEN", "location_id": f"L{n % 2}", "line_items": [],
         "created_at": when, "updated_at": when, "closed_at": when} for n, when in enumerate(at)
    ])
    for name in ("refunds", "payouts"):
        _write(folder / f"{name}.ndjson", [
            {"id": f"{name}{n}", "status": "COMPLETED", "location_id": "L0", "amount_money": usd, "payment_id": "p1",
             "created_at": at[n]} for n in range(4)
        ])
    _write(folder / "customers.ndjson", [{"id": f"C{n}", "given_name": "Ann", "created_at": at[0]} for n in range(120)])


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    _capitan(folder / "capitan")
    _stripe(folder / "stripe")
    _square(folder / "square")
    return folder


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


@pytest.fixture
def sandbox(world: Path) -> Iterator[Callable[..., SandboxServer]]:
    """Start a sandbox with some faults; it ends with the test."""
    with ExitStack() as stack:
        def start(faults: Faults | None = None, as_of: datetime = TODAY) -> SandboxServer:
            names = {"stripe": SHARED / "data/specs/stripe_trim.json", "square": SHARED / "data/specs/square_trim.json"}
            specs = {name: path for name, path in names.items() if path.exists()}
            server = SandboxServer(["capitan", "stripe", "square"], world, faults=faults, as_of=as_of, specs=specs)
            return stack.enter_context(server)

        yield start


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Source]:
    """Return a connector's source at a sandbox."""

    def make(kind: str, server: SandboxServer, **words: object) -> Source:
        data = {"kind": kind, "url": server.url_of(kind), **OPTIONS, **words}
        return declare_source(kind, data, at=Surroundings(folder=tmp_path, zone="America/Chicago"))

    return make


@pytest.fixture
def pull() -> Callable[..., list[Page]]:
    """Return all pages of a stream."""

    def run(source: Source, stream: str, *, cursor=None, resume=None, window=None, at: datetime = TODAY) -> list[Page]:
        named = next(s for s in source.streams if s.name == stream)
        return list(source.pull(named, cursor=cursor, resume=resume, clock=FixedClock(at), window=window))

    return run


@pytest.fixture
def ids() -> Callable[..., list[object]]:
    """Return the ids of the records in pages, in order."""

    def read(pages: list[Page], member: str = "id") -> list[object]:
        return [json.loads(item)[member] for page in pages for item in page.items]

    return read
