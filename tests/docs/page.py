"""Pages of the documentation as something that can be carried out: blocks of files, commands and what they print.

| block | means |
|---|---|
| ```` ```bash ```` | typed into one shell, in order; must succeed |
| ```` ```bash exit=2 ```` | must end with that code |
| ```` ```bash in another terminal ```` | started and left running to the end of the page; goes on at its first line |
| ```` ```text ```` after a command | each line must be among what it printed, in this order; `…` stands for anything |
| ```` ```yaml title=events/order.yaml ```` | a file of that path is written; any language |
| ```` ```sh ```` | shown only |
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PORT = "8765"                                # as the pages write it; a free one takes its place
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "--- that was it:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    language: str
    words: str                               # what stands behind the language
    text: str
    line: int                                # in the page, from 1


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    return [
        Block(
            language=found[1], words=found[2].strip(), text=found[3], line=page.count("\n", 0, found.start()) + 1
        )
        for found in _BLOCK.finditer(page)
    ]


def first_missing(expected: str, printed: str) -> str | None:
    """Return the first expected line that does not come in what was printed, in order; None when all do."""
    rest = iter(printed.splitlines())
    for line in expected.splitlines():
        words = [re.escape(" ".join(part.split())) for part in line.split("…")]
        pattern = re.compile(".*".join(words).replace(r"\ ", " *"))
        if line.strip() and not any(pattern.search(" ".join(said.split())) for said in rest):
            return line
    return None


@dataclass(slots=True)
class Shell:
    """One bash in a folder of its own, and whatever it left running."""

    folder: Path
    process: subprocess.Popen[str]
    environment: dict[str, str]
    others: list[subprocess.Popen[str]] = field(default_factory=list)

    def type(self, command: str, *, code: int = 0) -> str:
        """Carry out a command and return everything it printed. Raises AssertionError for another exit code."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        # With -e the first of several commands that fails ends the shell, which is noticed below.
        strict = "set -e" if code == 0 else "set +e"
        self.process.stdin.write(f"{strict}\n{{ {command}\n}} 2>&1\nended=$?; set +e; echo; echo '{_END}' $ended\n")
        self.process.stdin.flush()
        printed = []
        for line in self.process.stdout:
            if line.startswith(_END):
                ended = int(line.removeprefix(_END))
                assert ended == code, f"exit {ended}, not {code}:\n{command}\n{''.join(printed)}"
                return "".join(printed)
            printed.append(line)
        raise AssertionError(f"the shell ended in\n{command}\n{''.join(printed)}")

    def where(self) -> Path:
        """Return the folder the shell is in now."""
        return Path(self.type("pwd").strip())

    def leave_running(self, command: str) -> str:
        """Start a command beside the shell and return its first line."""
        # Standard input stays open: the sandbox ends with it.
        other = subprocess.Popen(
            ["bash", "-c", command], cwd=self.where(), env=self.environment, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self.others.append(other)
        assert other.stdout is not None
        return other.stdout.readline()


@contextmanager
def shell(folder: Path) -> Iterator[Shell]:
    """Open a shell in a folder in which `docs/` lies as in a clone; end all it started afterwards."""
    (folder / "docs").symlink_to(ROOT / "docs")
    environment = {
        **os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "160", "LC_ALL": "C.UTF-8"
    }
    process = subprocess.Popen(
        ["bash", "--norc"], cwd=folder, env=environment, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    opened = Shell(folder, process, environment)
    try:
        yield opened
    finally:
        for each in (*opened.others, process):
            if each.poll() is None:
                os.killpg(each.pid, signal.SIGTERM)
            each.communicate()


def carry_out(page: Path, folder: Path) -> int:
    """Do everything a page says, in order; return how many commands were typed.

    Raises AssertionError with the page's line for a command that ends otherwise or prints something else.
    """
    text = page.read_text(encoding="utf-8").replace(PORT, str(_free_port()))
    count, printed = 0, ""
    with shell(folder) as sh:
        for block in blocks(text):
            at = f"{page.relative_to(ROOT)}:{block.line}"
            if title := re.match(r"title=(\S+)", block.words):
                file = sh.where() / title[1]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text, encoding="utf-8")
            elif block.language == "bash" and block.words == "in another terminal":
                printed, count = sh.leave_running(block.text), count + 1
            elif block.language == "bash":
                wanted = re.match(r"exit=(\d+)", block.words)
                try:
                    printed, count = sh.type(block.text, code=int(wanted[1]) if wanted else 0), count + 1
                except AssertionError as error:
                    raise AssertionError(f"{at}: {error}") from None
            elif block.language == "text":
                missing = first_missing(block.text, printed)
                assert missing is None, f"{at}: this line was not printed:\n{missing}\nbut this was:\n{printed}"
    return count


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
