"""The webhook door against its budget: `python benchmarks/webhooks.py`, tables out.

First what knowing a genuine delivery costs, scheme by scheme; then a real `regulars serve`: a provider posts signed
deliveries at a steady rate and as fast as it can over several connections, and people who write STOP are waited for.
`nothing` is a request to the same server that is refused at once: what the machine alone takes at this moment.

| option | meaning |
|---|---|
| `--seconds N` | how long the server is posted to, each way; 5 |
| `--rate N` | deliveries a second of the steady provider; 100 |
| `--connections N` | of the fast one; 32 |
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from regulars.sources.webhook.delivery import Delivery
from regulars.sources.webhook.scheme import SCHEMES
from regulars.storage.book import Book

KEY = base64.b64encode(b"benchmark").decode()
BODY = json.dumps({"id": "evt_1", "type": "message.received", "data": {"object": {"text": "x" * 900}}}).encode()
FORM = b"MessageSid=SM1&MessageStatus=delivered&To=%2B12548675301&From=%2B12545550100&AccountSid=AC1&ApiVersion=2010"
READER = """
import json
from regulars.destinations.sender import Receipt, Reply
def read(body, content_type, at):
    said = json.loads(body)
    id_, phone, text = (said["data"]["object"][name] for name in ("id", "from", "text"))
    if said["type"] == "message.delivered":
        return [Receipt(provider="quo", provider_id=id_, stage="delivered", at=at, address=phone)]
    return [Reply(provider="quo", provider_id=id_, sender=phone, to="+12545550100", text=text, at=at)]
"""
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def main() -> None:
    """Measure both halves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--connections", type=int, default=32)
    told = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    _disk()
    _verify()
    with tempfile.TemporaryDirectory() as folder:
        _serve(Path(folder), told)


def _disk() -> None:
    """Say what the disk takes for one write, which every answer waits for."""
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            file.write(BODY)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    print(f"one fdatasync: p50 {sorted(took)[100]:.1f}   p99 {sorted(took)[198]:.1f} ms")


def _mac(key: bytes, text: bytes, kind: str = "sha256") -> bytes:
    return hmac.digest(key, text, kind)


def _verify() -> None:
    """Say what each scheme takes, for a genuine delivery of its size and two secrets of which the second is right."""
    key, seconds, url = KEY.encode(), str(int(time.time())), "https://hooks.example.com/webhooks/x"
    private = ec.generate_private_key(ec.SECP256R1())
    public = base64.b64encode(private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )).decode()
    stamp = f"t={seconds},v1={_mac(key, seconds.encode() + b'.' + BODY).hex()}"
    pairs = "".join(sorted(part.replace("=", "", 1).replace("%2B", "+") for part in FORM.decode().split("&")))
    form = {"content-type": "application/x-www-form-urlencoded"}
    of_body = base64.b64encode(_mac(key, BODY)).decode()
    of_form = base64.b64encode(_mac(key, (url + pairs).encode(), "sha1")).decode()
    of_events = base64.b64encode(private.sign(seconds.encode() + BODY, ec.ECDSA(hashes.SHA256()))).decode()
    events = "x-twilio-email-event-webhook"
    signed = {
        "stripe": ({"stripe-signature": stamp}, BODY), "mailchimp": ({"x-mailchimp-signature": stamp}, BODY),
        "quo": (_quo(BODY), BODY), "shopify": ({"x-shopify-hmac-sha256": of_body}, BODY),
        "klaviyo": (
            {"klaviyo-timestamp": seconds, "klaviyo-signature": _mac(key, BODY + seconds.encode()).hex()}, BODY
        ),
        "twilio": ({**form, "x-twilio-signature": of_form}, FORM),
        "mandrill": ({**form, "x-mandrill-signature": of_form}, FORM),
        "sendgrid": ({f"{events}-timestamp": seconds, f"{events}-signature": of_events}, BODY),
    }
    print(f"{'scheme':<12}{'us each':>10}{'and taken apart':>18}")
    for name, (headers, body) in sorted(signed.items()):
        delivery = Delivery(url=url, headers=headers, body=body)
        secrets = [base64.b64encode(b"old").decode(), public if name == "sendgrid" else KEY]
        scheme, now, count = SCHEMES[name], datetime.now(UTC), 2_000
        verdict = scheme.verify(delivery, secrets=secrets, at=now, window=timedelta(minutes=5))
        assert verdict == "genuine", (name, verdict)
        began = time.perf_counter()
        for _ in range(count):
            scheme.verify(delivery, secrets=secrets, at=now, window=timedelta(minutes=5))
        verified = time.perf_counter()
        for _ in range(count):
            scheme.split(delivery)
        split = time.perf_counter()
        print(f"{name:<12}{(verified - began) / count * 1e6:>10.1f}{(split - began) / count * 1e6:>18.1f}")


def _quo(body: bytes) -> dict[str, str]:
    time_ms = str(int(time.time() * 1000))
    mac = _mac(b"benchmark", time_ms.encode() + b"." + body)
    return {"openphone-signature": f"hmac;1;{time_ms};{base64.b64encode(mac).decode()}"}


def _serve(folder: Path, told: argparse.Namespace) -> None:
    plugin = folder / "plugin"
    for path, text in {
        folder / "regulars.toml": '[business]\nname = "B"\ntimezone = "UTC"\n',
        folder / "sources" / "texts.yaml": 'kind: webhook\nprovider: quo\nsecrets: ["${QUO_KEY}"]\n',
        plugin / "bench_reader.py": READER,
        plugin / "bench_reader-1.dist-info" / "METADATA": "Metadata-Version: 2.1\nName: bench-reader\nVersion: 1\n",
        plugin / "bench_reader-1.dist-info" / "entry_points.txt": "[regulars.readers]\nquo = bench_reader:read\n",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(plugin), *sys.path]), "QUO_KEY": KEY}
    command = [sys.executable, "-m", "regulars", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = b""
        while not said.rstrip().endswith(b"}"):
            said += process.stdout.readline()
        port = int(json.loads(said)["url"].rpartition(":")[2])
        try:
            asyncio.run(_posted(folder, port, told))
        finally:
            process.terminate()


@dataclass(slots=True)
class _Provider:
    prefix: str
    seconds: list[float] = field(default_factory=list)
    number: int = 0

    async def post(self, line: Line, stop: str = "") -> None:
        """Post that a message was delivered, or that a number wrote STOP, and note how long the answer took."""
        self.number += 1
        id_ = f"{self.prefix}{self.number}"
        about = {"id": id_, "from": stop or f"+1254867{self.number % 10_000:04d}", "text": "STOP"}
        kind = "message.received" if stop else "message.delivered"
        body = json.dumps({"id": id_, "type": kind, "data": {"object": about}}).encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in _quo(body).items())
        await self._asked(line, (
            f"POST /webhooks/texts HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n{head}\r\n".encode() + body
        ), status=200)

    async def look(self, line: Line) -> None:
        """Ask for what is refused without reading, judging or writing anything."""
        await self._asked(line, b"GET /webhooks/texts HTTP/1.1\r\nhost: x\r\n\r\n", status=405)

    async def _asked(self, line: Line, request: bytes, *, status: int) -> None:
        reader, writer = line
        began = time.perf_counter()
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        self.seconds.append(time.perf_counter() - began)
        assert answer.startswith(f"HTTP/1.1 {status}".encode()), answer

    def say(self, what: str, wall: float) -> None:
        """Print how many and how long."""
        ordered = sorted(self.seconds)
        half, most, last = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99, 0.999))
        print(f"{what:<30}{len(ordered) / wall:>10.0f}/s   p50 {half:.1f}   p99 {most:.1f}   p99.9 {last:.1f} ms")


async def _posted(folder: Path, port: int, told: argparse.Namespace) -> None:
    await _Provider("w").post(await asyncio.open_connection("127.0.0.1", port))
    bare, steady = _Provider("b"), _Provider("s")
    for label, provider, ask in (("nothing", bare, bare.look), ("deliveries", steady, steady.post)):
        lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        began, posted, wall = time.perf_counter(), 0, float(told.seconds)
        while posted < told.rate * wall:
            together = min(len(lines), max(1, int((time.perf_counter() - began) * told.rate) - posted))
            await asyncio.gather(*(ask(lines[(posted + n) % len(lines)]) for n in range(together)))
            posted += together
            await asyncio.sleep(max(0.0, began + posted / told.rate - time.perf_counter()))
        provider.say(f"{told.rate:g} a second, {label}", time.perf_counter() - began)
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(told.connections)]
    fast, began = _Provider("f"), time.perf_counter()

    async def post(line: Line) -> None:
        while time.perf_counter() - began < wall:
            await fast.post(line)

    await asyncio.gather(*map(post, lines))
    fast.say(f"{told.connections} connections", time.perf_counter() - began)
    await _stopped(folder, port)


async def _stopped(folder: Path, port: int) -> None:
    """Say how long it takes from posting STOP until the book forbids, when everything else is handed on."""
    book = Book.open(f"sqlite:///{folder}/data/book.db", home=folder / ".regulars")
    began = time.perf_counter()
    while book.webhooks.due(datetime.now(UTC), limit=1):
        time.sleep(0.05)  # noqa: ASYNC251  nobody else is waiting
    print(f"{'the rest handed on after':<30}{time.perf_counter() - began:>10.1f} s")
    provider, line, took = _Provider("o"), await asyncio.open_connection("127.0.0.1", port), []
    for number in range(30):
        began, known = time.perf_counter(), len(book.consent.evidence())
        await provider.post(line, stop=f"+1254868{number:04d}")
        while len(book.consent.evidence()) == known:
            time.sleep(0.002)  # noqa: ASYNC251
        took.append(time.perf_counter() - began)
    book.close()
    print(f"{'STOP until it counts':<30}{'':>12}   p50 {sorted(took)[15] * 1000:.0f}   most {max(took) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
