"""A project with webhooks in a real `regulars serve`, which can be killed, and a provider that posts to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

KEY = base64.b64encode(b"a key of quo \xff").decode()
OLD_KEY = base64.b64encode(b"its old key").decode()
TOKEN = "token-of-twilio"
TWILIO_URL = "https://hooks.example.com/webhooks/calls"

FILES = {
    "regulars.toml": '[business]\nname = "Summit"\ntimezone = "UTC"\n\n[door]\nland_every = {land_every}\n',
    "sources/texts.yaml": """\
kind: webhook
provider: quo
secrets: ["${{QUO_KEY}}", "${{QUO_OLD_KEY}}"]
fields:
  type: {{from: said.type, type: text}}
  sender: {{from: said.data.object.from, type: text}}
""",
    "sources/calls.yaml": f"""\
kind: webhook
provider: twilio
secrets: ["${{{{TWILIO_TOKEN}}}}"]
url: {TWILIO_URL}
""",
    "sources/lists.yaml": 'kind: webhook\nprovider: mailchimp\nsecrets: ["${{QUO_KEY}}"]\n',
    "sources/unset.yaml": 'kind: webhook\nprovider: stripe\nsecrets: ["${{NOBODY_SET_THIS}}"]\n',
    "sources/shop.yaml": 'kind: webhook\nprovider: shopify\nsecrets: ["${{QUO_KEY}}"]\n',
    "plugin/tiny_reader.py": '''\
"""A reader of the provider below: small, and really found by its entry point."""

import json
from pathlib import Path

from regulars.destinations.sender import Receipt, Reply
from regulars.errors import RegularsError


def read(body, content_type, at):
    said = json.loads(body)
    about = said["data"]["object"]
    if said["type"] == "message.received":
        return [Reply(provider="quo", provider_id=about["id"], sender=about["from"], to=about["to"], text=about["text"], at=at)]
    if said["type"] == "complaint":
        return [Receipt(provider="quo", provider_id=about["id"], stage="complained", at=at, address=about["from"])]
    if said["type"] == "unreadable" and not Path(__file__).with_name("mended").exists():
        raise RegularsError("quo: nobody knows how to read this")
    return []
''',
    "plugin/tiny_reader-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny-reader\nVersion: 1.0\n",
    "plugin/tiny_reader-1.0.dist-info/entry_points.txt": "[regulars.readers]\nquo = tiny_reader:read\n",
}


def written(folder: Path, *, land_every: float = 3600) -> Path:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        plain = name.startswith("plugin")
        path.write_text(text if plain else text.format(land_every=land_every), encoding="utf-8")
    return folder


def environment(folder: Path) -> dict[str, str]:
    paths = [str(folder / "plugin"), *sys.path]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(paths), "QUO_KEY": KEY, "QUO_OLD_KEY": OLD_KEY, "TWILIO_TOKEN": TOKEN,
    }


@dataclass(slots=True)
class Serving:
    """The server, and how to post to it."""

    folder: Path
    log: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        command = [sys.executable, "-m", "regulars", "serve", "--port", str(self.port), "--json"]
        with self.log.open("ab") as errors:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environment(self.folder), stdout=subprocess.PIPE, stderr=errors
            )
        assert self.process.stdout is not None
        said = b""
        while not said.rstrip().endswith(b"}"):
            line = self.process.stdout.readline()
            assert line, self.log.read_text()
            said += line
        self.port = int(json.loads(said)["url"].rpartition(":")[2])

    @property
    def mended(self) -> Path:
        """A file with which the reader can read what it could not."""
        return self.folder / "plugin" / "mended"

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(timeout=60)

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> int:
        """Return the status of a request; 0 when nobody answers."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.request(method, path, body, headers or {})
            found = line.getresponse()
            found.read()
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            line.close()
        return found.status

    def text(self, number: str, text: str, *, id_: str, key: str = KEY, kind: str = "message.received") -> int:
        """Post, as Quo does, that somebody wrote."""
        body = json.dumps({
            "id": id_, "type": kind, "data": {"object": {"id": f"AC{id_}", "from": number, "to": "+12545550100", "text": text}},
        }, indent=1).encode()
        return self.ask("POST", "/webhooks/texts", body, signed(body, key))


def signed(body: bytes, key: str = KEY, *, at: float | None = None) -> dict[str, str]:
    time_ms = str(int((time.time() if at is None else at) * 1000))
    mac = hmac.new(base64.b64decode(key), time_ms.encode() + b"." + body, hashlib.sha256).digest()
    return {"openphone-signature": f"hmac;1;{time_ms};{base64.b64encode(mac).decode()}", "content-type": "application/json"}


def shopify(said: object, key: str = KEY, *, topic: str = "orders/paid") -> tuple[bytes, dict[str, str]]:
    body = json.dumps(said).encode()
    mac = base64.b64encode(hmac.digest(key.encode(), body, "sha256")).decode()
    return body, {
        "content-type": "application/json", "x-shopify-hmac-sha256": mac, "x-shopify-topic": topic,
        "x-shopify-shop-domain": "gear.myshopify.com",
    }


def twilio(fields: dict[str, str], *, query: str = "") -> tuple[bytes, dict[str, str]]:
    text = TWILIO_URL + query + "".join(name + fields[name] for name in sorted(fields))
    mac = hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()
    return urlencode(fields).encode(), {
        "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": base64.b64encode(mac).decode(),
    }


@contextmanager
def serving(folder: Path, *, land_every: float = 3600) -> Iterator[Serving]:
    found = Serving(written(folder, land_every=land_every), log=folder.with_suffix(".log"))
    found.start()
    try:
        yield found
    finally:
        if found.process is not None and found.process.poll() is None:
            found.stop()


def until(holds: Any, *, seconds: float) -> float:
    """Wait until something holds, and return how long that took; fails when it does not in time."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - began
