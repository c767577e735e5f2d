"""The ingest door against its budget: `python benchmarks/ingest.py`, a table out.

Each server runs in a process of its own and wrk (apt-get install wrk) asks it over 64 connections, on the same cores.
Baselines of the same minutes: an ASGI function that does nothing, a Starlette handler that inserts each event into
SQLite with a unique id and one commit per request, and PostgreSQL by itself where its programs are found: pgbench
inserts the same over 16 connections, without HTTP, and the hundred rows of a batch are made in the server. What a
disk's fsync costs right now is a line of its own: the door waits for one before it answers.

| option | meaning |
|---|---|
| `--seconds N` | how long each server is asked; 5 |
| `--ids N` | ids that are known already: 10000000; 100000000 takes 1.9 GB and a quarter of an hour |
| `--only serve`, `--only ids` or `--only plan` | one part |
| `--folder DIR` | on the disk of interest |
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np

from regulars.sources.tracking.judge import Judge
from regulars.sources.tracking.plan import declare
from regulars.storage.door.arrival_store import Arrivals, ArrivalStore
from regulars.storage.door.generation import Generation
from regulars.storage.door.message_ids import WIDTH, message_hash
from regulars.testing.postgres import postgres_binaries, postgres_cluster
from regulars.web.ingest.event_time import SenderClock
from regulars.web.ingest.judging import Request, judged
from regulars.web.ingest.open_door import MOST

KEY = "benchmark"
PLANNED = 20                                 # properties of an event in a tracking plan
NOOP = """
import uvicorn, sys
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive()) is not None:
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"16")]})
    await send({"type": "http.response.body", "body": b'{"success":true}'})
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
"""
SQLITE = """
import sqlite3, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
book = sqlite3.connect(sys.argv[2] + "/baseline.db", check_same_thread=False)
book.execute("pragma journal_mode = wal")
book.execute("pragma synchronous = full")
book.execute("create table if not exists events (id text primary key, body text)")
async def track(request):
    said = await request.json()
    rows = [(one["messageId"], str(one)) for one in said.get("batch", [said])]
    with book:
        book.executemany("insert or ignore into events values (?, ?)", rows)
    return JSONResponse({"success": True})
app = Starlette(routes=[Route(path, track, methods=["POST"]) for path in ("/v1/track", "/v1/batch")])
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
"""
TABLE = "create table events (id uuid primary key, body text)"
INSERT = """insert into events
select gen_random_uuid(), '{"type":"track","event":"Order Completed","userId":"user-' || n ||
'","timestamp":"2026-11-25T10:30:55.976Z","properties":{"order_id":"o-' || n || '","total":42.5,"currency":"USD"},
"context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}}}' from generate_series(1, %d) n
on conflict do nothing;
"""
LUA = """
local n, counter, key = 0, 1, "%s"
function setup(thread) thread:set("id", counter); counter = counter + 1 end
function init(args) math.randomseed(os.time() + id) end
local function chance() return math.random(0, 2147483647) end
local function event()
  n = n + 1
  return string.format('{"type":"track","event":"Order Completed","userId":"user-%%d",' ..
    '"messageId":"%%08x-%%08x-%%08x-%%08x","timestamp":"2026-11-25T10:30:55.976Z",' ..
    '"properties":{"order_id":"o-%%d","total":42.5,"currency":"USD"},"integrations":{},' ..
    '"context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}}}',
    n %% 100000, chance(), chance(), chance(), n, n)
end
function request()
  local headers = {["X-Write-Key"] = key, ["Content-Type"] = "application/json"}
  if %d == 1 then return wrk.format("POST", "/v1/track", headers, event()) end
  local all = {}
  for i = 1, %d do all[i] = event() end
  return wrk.format("POST", "/v1/batch", headers,
    '{"batch":[' .. table.concat(all, ",") .. '],"sentAt":"2026-11-25T10:30:55.990Z"}')
end
"""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one server did."""

    name: str
    events_per_second: float
    p50: str
    p99: str
    cpu: float                               # microseconds of the server per event
    errors: int
    memory: int                              # MB resident at the end


def _project(folder: Path) -> Path:
    folder.mkdir(parents=True)
    keys = hashlib.sha256(KEY.encode()).hexdigest()
    text = f'[business]\nname = "Benchmark"\ntimezone = "UTC"\n\n[door]\nland_every = 1\nkeys.site = ["{keys}"]\n'
    (folder / "regulars.toml").write_text(text)
    return folder


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _server(arguments: Sequence[str], port: int) -> Iterator[int]:
    """Start a server and yield its process id once it answers."""
    process = subprocess.Popen([sys.executable, *arguments])
    try:
        for _ in range(1200):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _cpu(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) // 1024 if found else 0


def _asked(name: str, pid: int, port: int, *, batch: int, seconds: int, scratch: Path) -> Line:
    script = scratch / f"{batch}.lua"
    script.write_text(LUA % (KEY, batch, batch))
    before = _cpu(pid)
    told = subprocess.run(
        ["wrk", "-t1", "-c64", f"-d{seconds}", "--latency", "-s", str(script), f"http://127.0.0.1:{port}/"],
        check=True, capture_output=True, text=True,
    ).stdout
    used = _cpu(pid) - before
    requests = int(re.search(r"(\d+) requests in", told)[1])  # type: ignore[index]  # wrk says so
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])  # type: ignore[index]
    p50, p99 = (re.search(rf"^ +{share}%\s+(\S+)", told, re.MULTILINE)[1] for share in (50, 99))  # type: ignore[index]
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    return Line(
        name=name, events_per_second=rate * batch, p50=p50, p99=p99, cpu=used * 1e6 / (requests * batch),
        errors=int(bad[1]) if bad else 0, memory=_memory(pid),
    )


def _postgres(binaries: Path, *, seconds: int) -> Iterator[Line]:
    """Yield what PostgreSQL does by itself, of singles and of batches; every commit is on disk."""
    with postgres_cluster(binaries, is_durable=True) as socket:
        reached = ["--host", str(socket), "--username", "regulars"]
        subprocess.run(
            [str(binaries / "psql"), *reached, "--quiet", "--command", TABLE, "postgres"], check=True
        )
        server = int((socket / "data" / "postmaster.pid").read_text().split()[0])
        for batch, kind in ((1, "singles"), (100, "batches of 100")):
            script = socket / f"{batch}.sql"
            script.write_text(INSERT % batch)
            before = _cpu_of_all(server)
            subprocess.run([
                str(binaries / "pgbench"), *reached, "--no-vacuum", "--client=16", f"--time={seconds}", "--log",
                f"--log-prefix={socket}/took{batch}", "--protocol=prepared", f"--file={script}", "postgres",
            ], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            used = _cpu_of_all(server) - before
            log = next(socket.glob(f"took{batch}.*"))
            took = np.array([int(line.split()[2]) for line in log.read_text().splitlines()]) / 1000
            p50, p99 = np.percentile(took, [50, 99])
            yield Line(
                name=f"PostgreSQL by itself, {kind}", events_per_second=len(took) * batch / seconds,
                p50=f"{p50:.2f}ms", p99=f"{p99:.2f}ms", cpu=used * 1e6 / (len(took) * batch), errors=0,
                memory=sum(map(_memory_of_its_own, (server, *_children(server)))),
            )


def _children(server: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{server}/task/{server}/children").read_text().split()]


def _memory_of_its_own(pid: int) -> int:
    """Return the MB of a process, its part of what it shares among them; none of one that has just ended."""
    try:
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(found[1]) // 1024 if found else 0


def _cpu_of_all(server: int) -> float:
    """Return the CPU seconds of a server, of its processes now and of those that ended."""
    words = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
    ended = (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")
    return _cpu(server) + ended + sum(map(_cpu, _children(server)))


def serve(folder: Path, seconds: int) -> tuple[list[Line], float]:
    """Ask each server; return its lines, and the door's bytes on disk per event once landed and compacted."""
    lines = []
    servers = [("does nothing", ["-c", NOOP]), ("Starlette + SQLite", ["-c", SQLITE]),
               ("the door", ["-m", "regulars.web.ingest", "--project", str(_project(folder / "project"))])]
    for name, arguments in servers:
        port = _free_port()
        more = ["--port", str(port)] if name == "the door" else [str(port), str(folder)]
        with _server([*arguments, *more], port) as pid:
            for batch, kind in ((1, "singles"), (100, "batches of 100")):
                lines.append(_asked(f"{name}, {kind}", pid, port, batch=batch, seconds=seconds, scratch=folder))
    if binaries := postgres_binaries():
        lines[-2:-2] = _postgres(binaries, seconds=seconds)
    return lines, _bytes_per_event(folder / "project")


def _bytes_per_event(project: Path) -> float:
    from regulars.clock import SystemClock  # noqa: PLC0415  the servers are measured without the engine in memory
    from regulars.storage.door.collect import collect  # noqa: PLC0415
    from regulars.storage.door.landed import STREAM, ArrivalLanding  # noqa: PLC0415
    from regulars.storage.stores import Stores  # noqa: PLC0415

    data = project / "data"
    stores = Stores.open(
        f"file://{data}/landing", f"file://{data}/lake", f"sqlite:///{data}/book.db", home=project / ".regulars"
    )
    landing = ArrivalLanding(files=stores.landing.files, book=stores.book, clock=SystemClock())
    collect(data / "door", landing.land)
    stores.landing.compact("site", STREAM, before=(datetime.now(UTC) + timedelta(days=1)).date())
    events = sum(segment.rows for segment in stores.book.pages.segments("site", STREAM))
    stores.close()
    files = [path for part in ("landing", "door") for path in (data / part).rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files) / events


def _nowhere(generation: Generation) -> None:
    """Land nothing."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What it costs to know messages by their ids. Microseconds are per event, of hashing, looking up and settling."""

    filling: float                           # CPU microseconds per id, of those that were known before
    wall: float
    cpu: float
    bytes: int
    most_bytes: int                          # while runs were joined, at any time
    runs: int                                # that are looked into
    ids: int                                 # known in the end
    wrong: int                               # old ones that were taken for new, and new ones that were taken for old


def known(folder: Path, ids: int) -> Known:
    """Take so many messages, then NEW more, a thousand at a time, of which one in a hundred came before.

    At the end old ones are told again, from all times, and each has to be known.
    """
    store, group, times = ArrivalStore.open(folder / "ids"), 1000, []
    began_cpu = time.process_time()
    former, most = _filled(store, ids)
    filling = (time.process_time() - began_cpu) / max(ids, 1) * 1e6
    wrong, began_cpu = 0, time.process_time()
    for start in range(0, NEW, group):
        began = time.perf_counter()
        names = [f"1d78b522-bd4b-4d11-8ef5-{n:012d}" for n in range(start, start + group)]
        hashes = [message_hash(b"site\0" + name.encode()) for name in names]
        hashes[::100] = [former[n * 7919 % len(former)] for n in range(start, start + group, 100)]
        [receipt] = store.commit([_arrivals(hashes)])
        wrong += abs(receipt.duplicate - group // 100)
        most = max(most, _settled(store))
        times.append(time.perf_counter() - began)
    used = time.process_time() - began_cpu
    store.turn()
    store.settle(_nowhere)
    for start in range(0, len(former), group):
        told = former[start : start + group]
        wrong += len(told) - store.commit([_arrivals(told)])[0].duplicate
    size = _size(folder / "ids" / "ids")
    return Known(
        filling=filling, wall=sum(times) / NEW * 1e6, cpu=used / NEW * 1e6, bytes=size, most_bytes=max(most, size),
        runs=len(store.runs), ids=sum(map(len, store.runs)), wrong=wrong,
    )


NEW = 1_000_000
"""Messages by which is measured what one costs when so many are known."""

_SOME = 1_000_000                            # old ones that are told again


def _filled(store: ArrivalStore, ids: int) -> tuple[list[bytes], int]:
    """Take so many messages as a door takes them; return some of them, and the most bytes their ids took meanwhile."""
    rng, some, most, group = np.random.default_rng(1), list[bytes](), 0, 20_000
    each = max(1, ids // _SOME)
    for start in range(0, ids, group):
        drawn = rng.bytes(min(group, ids - start) * WIDTH)
        hashes = [drawn[n : n + WIDTH] for n in range(0, len(drawn), WIDTH)]
        store.commit([_arrivals(hashes)])
        some += hashes[::each]
        most = max(most, _settled(store))
    return some, most


def _arrivals(hashes: Sequence[bytes]) -> Arrivals:
    return Arrivals(source="site", hashes=hashes, text=b"\n" * len(hashes), may_deliver=False)


def _settled(store: ArrivalStore) -> int:
    """Settle what a door would settle, and return the most bytes that ids took meanwhile; 0 when nothing was due."""
    if store.current.lines < MOST:
        return 0
    store.turn()
    store.settle(_nowhere)
    # While runs are joined the new one stands beside them.
    newest = store.runs[-1]
    return _size(newest.path.parent) + len(newest) * WIDTH


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _fsync(folder: Path) -> float:
    """Return what making 16 kB durable takes, in milliseconds: the median of fifty."""
    handle, times = os.open(folder / "fsync", os.O_WRONLY | os.O_CREAT | os.O_APPEND), []
    for _ in range(50):
        os.write(handle, bytes(16_000))
        began = time.perf_counter()
        os.fdatasync(handle)
        times.append(time.perf_counter() - began)
    os.close(handle)
    return sorted(times)[25] * 1000


def planned(*, is_good: bool = True, rounds: int = 7, each: int = 20_000) -> tuple[float, float]:
    """Return what judging an event by a plan costs, and how much of it is the plan's: us of CPU, the best of rounds."""
    kinds = ({"type": "string", "maxLength": 50}, {"type": "number", "minimum": 0}, {"type": "integer"},
             {"enum": ["a", "b"]}, {"type": "string", "format": "email"})
    values: tuple[object, ...] = ("some text here", 12.5, 7, "b", "ann@example.com")
    names = [f"property_{n}" for n in range(PLANNED)]
    schema = {"required": names, "properties": {name: kinds[n % 5] for n, name in enumerate(names)}}
    said = {name: values[n % 5] for n, name in enumerate(names)}
    if not is_good:
        said |= {names[0]: 1, names[1]: "x"}
    raw = msgspec.json.encode({"type": "track", "event": "Order", "userId": "u1", "messageId": "m", "properties": said})
    now = datetime.now(UTC)
    clock = SenderClock.of(None, received=now)
    plain = Request(prefix=b"site\0", received=now, mint=str, is_on_one_line=True, clock=clock)
    judge = Judge.of(declare("site", {"track": {"Order": {"properties": schema}}}))

    def cost(request: Request) -> float:
        begun = time.process_time()
        for _ in range(each):
            judged((raw,), request=request)
        return (time.process_time() - begun) / each * 1e6

    held = msgspec.structs.replace(plain, judge=judge)
    whole = min(cost(held) for _ in range(rounds))
    return whole, whole - min(cost(plain) for _ in range(rounds))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--ids", type=int, default=10_000_000)
    parser.add_argument("--only", choices=["serve", "ids", "plan"])
    parser.add_argument("--folder", type=Path)
    told = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ingest-", dir=told.folder))
    try:
        load, cores = os.getloadavg()[0], os.cpu_count()
        print(f"fsync {_fsync(folder):.2f} ms; load of the machine {load:.1f} on {cores} cores\n")
        if told.only in {None, "serve"}:
            if shutil.which("wrk") is None:
                sys.exit("wrk is missing; type: apt-get install wrk")
            lines, size = serve(folder, told.seconds)
            print("| server | events/s | p50 | p99 | CPU us per event | not 200 | MB |\n|---|--:|--:|--:|--:|--:|--:|")
            for line in lines:
                print(f"| {line.name} | {line.events_per_second:,.0f} | {line.p50} | {line.p99} | {line.cpu:.1f} | "
                      f"{line.errors} | {line.memory} |")
            print(f"\n{size:.0f} bytes on disk per event after compaction, ids among them\n")
        if told.only in {None, "ids"}:
            found = known(folder, told.ids)
            print(f"{told.ids:,} ids known, taken for {found.filling:.1f} us of CPU each; {NEW:,} more: "
                  f"{found.wall:.1f} us per event, {found.cpu:.1f} of CPU; in the end {found.ids:,} in "
                  f"{found.runs} runs, {found.bytes / found.ids:.1f} bytes each: {found.bytes / 1e6:,.0f} MB on disk, "
                  f"{found.most_bytes / 1e6:,.0f} at the most; {found.wrong} taken for what they are not")
        if told.only in {None, "plan"}:
            for said, is_good in (("as planned", True), ("with two violations marked", False)):
                whole, of_plan = planned(is_good=is_good)
                print(f"a tracking plan of {PLANNED} properties, events {said}: {whole:.1f} us of CPU each, "
                      f"{of_plan:.1f} of them for the plan; {1e6 / whole:,.0f} events/s on one core")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
