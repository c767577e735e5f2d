"""A PostgreSQL of one's own: a private cluster in a temporary folder, for books of tests and benchmarks."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


def new_book(socket: Path, *, like: str = "template0") -> str:
    """Make a database in a cluster, empty or with what another one holds, and return its URL. Needs psycopg."""
    binaries, name = postgres_binaries(), f"book_{uuid4().hex}"
    assert binaries is not None
    command = [str(binaries / "createdb"), "--host", str(socket), "--username", "regulars", "--template", like, name]
    subprocess.run(command, check=True)  # noqa: S603  our own
    return f"postgresql://regulars@/{name}?host={socket}"


def postgres_binaries() -> Path | None:
    """Return the folder with PostgreSQL's newest server programs, wherever the distribution hides it; None: nowhere."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


@contextmanager
def postgres_cluster(binaries: Path, *, is_durable: bool = False) -> Iterator[Path]:
    """Run a private cluster for a `with`, reached through a socket in its folder; gone afterwards.

    `is_durable` says that a commit waits for the disk.
    """
    # Not below pytest's own folder: that is closed to the user the server must run as, and its path is too long
    # for a socket's name.
    folder = Path(tempfile.mkdtemp(prefix="regulars-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        # The server refuses to run as root.
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        as_user = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]

    def run(program: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603  our own
            [*as_user, str(binaries / program), *arguments],
            check=True, cwd=folder, stdout=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )

    data = str(folder / "data")
    # Whether the disk keeps what the server wrote is PostgreSQL's promise, not ours: it need not cost time in a test.
    durable = "on" if is_durable else "off"
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync={durable} -c timezone=America/Chicago"
    try:
        # A language's order of text, because what we build must not depend on the order of bytes being the default.
        order = ("--encoding=UTF8", "--locale-provider=icu", "--icu-locale=en-US")
        run("initdb", "--pgdata", data, "--username=regulars", "--auth=trust", "--no-sync", *order)
        run("pg_ctl", "--pgdata", data, "--log", str(folder / "log"), "--wait", "--options", options, "start")
        yield folder
    finally:
        if Path(data, "postmaster.pid").exists():
            run("pg_ctl", "--pgdata", data, "--mode=immediate", "--wait", "stop")
        shutil.rmtree(folder)
