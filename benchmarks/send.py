"""Campaigns at scale: an exact account when senders are killed, speed, memory: `python benchmarks/send.py [WHAT ...]`.

WHAT is `first`, `speed`, `kills`, `memory` or `plan`; all of them when nothing is said. The provider is a real HTTP
server in a process of its own on the same machine. `naive_send.py` is put through the same kills, to show that these
can tell.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter, process_time, sleep

import naive_send
import pyarrow as pa
import pyarrow.compute as pc

from regulars.clock import FixedClock, SystemClock
from regulars.consent.ledger import Entry
from regulars.consent.suppression import address_hashes
from regulars.pipeline.account import Desk, account
from regulars.pipeline.compose import plan_campaign, write_plan
from regulars.pipeline.salt import salt_of
from regulars.pipeline.send import Worker
from regulars.pipeline.standings import copy_standings
from regulars.pipeline.workspace import Workspace, open_workspace
from regulars.pipeline.would_get import examples
from regulars.project import Project
from regulars.storage.book import Book
from regulars.storage.book.campaigns import Occurrence
from regulars.testing.killed import killed
from regulars.testing.mailing import NAME, planned, recipients, write_mailing
from regulars.testing.postgres import new_book, postgres_binaries, postgres_cluster
from regulars.testing.sandbox.gateway import RunningGateway, gateway

SQLITE = "sqlite:./data/book.db"
MONDAY = datetime(2026, 5, 4, 17, tzinfo=UTC)
"""Noon where the business is: an hour at which everybody may be written to."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=["first", "speed", "kills", "memory", "plan"])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--audience", type=int, default=1_000_000, help="people of `plan`")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--postgres", action="store_true", help="`kills` with a book in PostgreSQL")
    told = parser.parse_args()
    for what in told.what:
        {"first": _first, "speed": _speed, "kills": _kills, "memory": _memory, "plan": _plan}[what](told)


def _first(told: argparse.Namespace) -> None:
    """How soon a new process sends of what is planned, and how soon another goes on where it was killed."""
    first, resumed, times = [], [], 5
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder, gateway() as provider:
            _, book, _ = _planned(Path(folder), provider, min(told.people, 20_000))
            book.close()
            Desk.open(Path(folder)).book.close()     # finds out that the declarations are right, as planning does
            first.append(_until_sent(Path(folder), provider))
            resumed.append(_until_sent(Path(folder), provider))
    (took, used), (again, used_again) = (
        tuple(min(each) for each in zip(*them, strict=True)) for them in (first, resumed)
    )
    print(
        f"first: from the command to the first message {took:.2f} s ({used:.2f} s of processor), to the next one "
        f"after a kill {again:.2f} s ({used_again:.2f}), the best of {times}, load {os.getloadavg()[0]:.1f}"
    )


def _until_sent(folder: Path, provider: RunningGateway) -> tuple[float, float]:
    """Start a sender and kill it in the midst; return the seconds and those of its processor until it sent the next."""
    before, began = provider.summary()["messages"], perf_counter()
    worker = subprocess.Popen(_command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while provider.summary()["messages"] == before:
        sleep(0.01)
    took, used = perf_counter() - began, _used(worker.pid)
    sleep(0.1)
    worker.kill()
    worker.wait()
    return took, used


def _speed(told: argparse.Namespace) -> None:
    """One worker in this process, without caps and under one, and how soon the first message goes; then several."""
    for caps, campaign in (("without a cap", ""), ("under a cap", "caps: [{of: customer, limit: 1, window: 7 days}]")):
        with tempfile.TemporaryDirectory() as folder, gateway() as provider:
            project, book, one = _planned(Path(folder), provider, min(told.people, 20_000), campaign=campaign)
            began, used, first = perf_counter(), process_time(), None
            for _ in Worker(project=project, book=book, clock=SystemClock(), one=one).work():
                first = first or perf_counter() - began
            took, cpu = perf_counter() - began, process_time() - used
            sent = account(book, one).sent
            book.close()
        print(
            f"speed {caps}: {sent / took:,.0f} messages/s ({sent:,} in {took:.1f} s; {cpu / sent * 1e6:.0f} us of "
            f"processor each), the first batch after {first or 0:.2f} s, load {os.getloadavg()[0]:.1f}"
        )
    with tempfile.TemporaryDirectory() as folder, gateway() as provider:
        _, book, _ = _planned(Path(folder), provider, told.people)
        book.close()
        command = [*_command(Path(folder)), "--workers", str(told.workers)]
        working = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while (before := provider.summary()["messages"]) == 0:
            sleep(0.01)
        began = perf_counter()
        working.wait()
        took, sent = perf_counter() - began, provider.summary()["messages"] - before
    print(
        f"speed of {told.workers} processes: {sent / took:,.0f} messages/s ({sent:,} in {took:.1f} s, to its "
        f"end), load {os.getloadavg()[0]:.1f}"
    )


def _kills(told: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder, gateway() as provider, _book(is_postgres=told.postgres) as url:
        _, book, one = _planned(Path(folder), provider, told.people, book=url)
        began = perf_counter()
        met = killed(
            _command(Path(folder)), taken=lambda: provider.summary()["messages"], total=told.people, kills=told.kills,
            workers=told.workers, rng=Random(told.seed),
        )
        took, found, taken = perf_counter() - began, account(book, one), provider.summary()
        began = perf_counter()
        subprocess.run(_command(Path(folder)), check=True, stdout=subprocess.DEVNULL)
        again = perf_counter() - began
        book.close()
    print(
        f"kills: {told.people:,} recipients, {met} kills of {told.workers} workers in {took:.0f} s: lost "
        f"{told.people - taken['messages']}, repeated {taken['repeated']}; planned {found.planned:,} = sent "
        f"{found.sent:,} + failed {found.failed} + skipped {found.skipped} + unknown {found.unknown}; "
        f"a worker that finds nothing to do takes {again:.1f} s"
    )
    with tempfile.TemporaryDirectory() as folder, gateway() as provider:
        book_file, people = Path(folder) / "naive.db", min(told.people, 5_000)
        naive_send.prepare(book_file, people)
        command = [sys.executable, naive_send.__file__, str(book_file), provider.url]
        met = killed(
            command, taken=lambda: provider.summary()["messages"], total=people, kills=min(told.kills, 20), workers=1,
            rng=Random(told.seed),
        )
        print(f"kills, send then mark: {people:,} recipients, {met} kills: repeated {provider.summary()['repeated']}")


def _memory(told: argparse.Namespace) -> None:
    """A worker in a process of its own that takes over a campaign of very many people."""
    people = max(told.people, 1_000_000)
    with tempfile.TemporaryDirectory() as folder, gateway() as provider:
        began = perf_counter()
        _, book, one = _planned(Path(folder), provider, people)
        wrote = perf_counter() - began
        began = perf_counter()
        worker = subprocess.Popen(_command(Path(folder)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not provider.summary()["messages"]:
            sleep(0.01)
        first = perf_counter() - began
        while (sent := provider.summary()["messages"]) < 20_000:
            sleep(0.01)
        rate, peak = sent / (perf_counter() - began - first), _peak(worker.pid)
        worker.kill()
        worker.wait()
        size = (Path(folder) / "data" / "book.db").stat().st_size
        began = perf_counter()
        taken = book.messages.reclaim(one.campaign_id, now=datetime.now(UTC), is_gone=lambda _: True)
        resumed = perf_counter() - began
        book.close()
    print(
        f"memory: {people:,} recipients written in {wrote:.0f} s, book of {size / 1e6:,.0f} MB; a worker's peak "
        f"{peak:,.0f} MB, from the command to the first message {first:.1f} s, then {rate:,.0f} a second, "
        f"{taken} messages of a killed worker taken over in {resumed:.2f} s"
    )


def _plan(told: argparse.Namespace) -> None:
    """Who gets it, who not and why, how it reads and what it costs: all that a person waits for before sending."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = _audience(Path(folder), told.audience)
        began, used = perf_counter(), process_time()
        plan = plan_campaign(workspace, NAME)
        shown, reasons = examples(workspace, plan, limit=5), plan.reasons
        took, cpu, load = perf_counter() - began, process_time() - used, os.getloadavg()[0]
        sendable, segments = plan.sendable, plan.segments
        written = write_plan(workspace, plan)
        waiting = account(workspace.book, written).waiting
        workspace.close()
    print(
        f"plan: of {told.audience:,} people {sendable:,} get it ({segments:,} segments), {reasons}, {len(shown)} "
        f"shown, in {took:.1f} s ({cpu:.1f} s of processor), load {load:.1f}; written down to be sent: {waiting:,}"
    )


def _audience(folder: Path, people: int) -> Workspace:
    """Return a business whose customers are these many people; nine of ten agreed to be written to."""
    write_mailing(folder, url="http://127.0.0.1:1", purpose="marketing")
    workspace = open_workspace(folder, clock=FixedClock(MONDAY))
    table, engine, nothing = recipients(people, due_at=MONDAY), workspace.stores.engine, pa.nulls(people, pa.string())
    ids, phones = table["customer_id"], table["address"]
    first = pc.binary_join_element_wise("Ann", pc.utf8_slice_codeunits(ids, 2, 5), "")
    workspace.lake.replace("customers", engine.arrow(pa.table({
        "customer_id": ids, "first_name": first, "region": pa.repeat("TX", people),
    })), order_by=("customer_id",))
    workspace.lake.replace("contacts", engine.arrow(pa.table({
        "customer_id": ids, "household_id": nothing, "phone": phones, "phone_reason": pa.repeat("own", people),
        "email": nothing, "email_reason": pa.repeat("none on file", people),
    })), order_by=("customer_id",))
    hashes = address_hashes(phones, channel="sms", salt=salt_of(workspace.book, at=MONDAY)).to_pylist()
    for start in range(0, people, 50_000):
        workspace.book.consent.append([
            Entry(
                address_hash=hashed, channel="sms", purpose="marketing", action="grant", method="web_form",
                at=MONDAY - timedelta(hours=1), source="form", evidence=f"form {n}",
            ) for n, hashed in enumerate(hashes[start:start + 50_000], start) if n % 10
        ], addresses={}, at=MONDAY)
    for _ in copy_standings(workspace):      # as a run does
        pass
    return workspace


@contextmanager
def _book(*, is_postgres: bool) -> Iterator[str]:
    if not is_postgres:
        yield SQLITE
        return
    binaries = postgres_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL is missing; type: apt-get install postgresql")
    with postgres_cluster(binaries) as socket:
        yield new_book(socket)


def _planned(
    folder: Path, provider: RunningGateway, people: int, *, campaign: str = "", book: str = SQLITE
) -> tuple[Project, Book, Occurrence]:
    desk = Desk.open(write_mailing(folder, url=provider.url, campaign=campaign, book=book))
    at = desk.clock.now() - timedelta(minutes=1)
    return desk.project, desk.book, planned(desk.project, desk.book, people, at=at)


def _command(folder: Path) -> list[str]:
    return [
        sys.executable, "-m", "regulars", "campaign", "send", NAME, "--apply", "--wait", "1", "--project", str(folder)
    ]


def _used(pid: int) -> float:
    """Return the seconds of processor that a process took so far."""
    user, system = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> float:
    """Return the most memory a process ever had, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    main()
