"""A project with flags, and `regulars serve` in a process of its own on a free port."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from regulars.flags import Flags
from regulars.flags.declare import definitions_of
from regulars.project import Project

KEY, ENCRYPTION_KEY = "read-only", "Zvwv/+uhpFDznZ6SX28Yjg=="
FILES = {
    "regulars.toml": '[business]\nname = "Summit Climbing"\ntimezone = "America/Chicago"\n',
    "flags/checkout.yaml": """\
type: boolean
default: false
hash: growthbook
rules:
  - when: {country: {$in: [US, "日本"]}, age: {$gte: 18}}
    value: true
  - when: {$or: [{plan: {$ini: [PRO]}}, {version: {$vgte: 2.10.0}}]}
    share: 30 %
    value: true
""",
    "flags/headline.yaml": """\
type: string
default: Welcome
hash: growthbook
rules:
  - experiment: headline_2026_01
    share: 80 %
    namespace: {name: home, from: 0 %, to: 90 %}
    variants:
      control: {weight: 50, value: Welcome}
      warm: {weight: 30, value: "Schön, dass du da bist"}
      short: {weight: 20, value: Hi}
""",
    "flags/page_size.yaml": "type: integer\ndefault: 20\nhash: growthbook\nrules:\n  - {share: 50 %, value: 50}\n",
    "flags/price.yaml": "type: number\ndefault: 10\nhash: growthbook\nrules:\n  - {requires: {checkout: true}, value: 12}\n",
    "flags/limits.yaml": "type: object\ndefault: {visits: 3}\nhash: growthbook\nrules:\n  - {when: {plan: pro}, value: {visits: 10}}\n",
    "flags/undecided.yaml": "type: string\nhash: growthbook\n",
    "flags/ours.yaml": """\
type: string
default: none
rules:
  - experiment: ours_2026_01
    variants:
      control: {value: a}
      treatment: {value: b}
""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A project that is served, and the same flags here."""

    folder: Path
    url: str
    here: Flags


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[str]:
    """Serve a folder for the length of a `with`; gives the URL."""
    command = [sys.executable, "-m", "regulars", "serve", "--project", str(folder), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+:\d+", line)
        assert found, line + process.stdout.read()
        yield found[0]
    finally:
        process.terminate()
        process.communicate(timeout=10)


def written(folder: Path) -> Path:
    """Write the project's files."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The project above, served with a key."""
    folder = written(tmp_path_factory.mktemp("flags"))
    here = Flags(definitions_of(Project.load(folder, environment={}).flags))
    with serving(folder, "--key", KEY) as url:
        yield Served(folder=folder, url=url, here=here)
