"""Where a project's declarations stand, and one digest of all of them and of what reads them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import regulars
from regulars.config import FILE

FOLDERS = ("sources", "events", "segments", "metrics", "experiments", "flags", "conditions",
           "destinations", "campaigns", "flows", "tracking_plans", "shops")
"""Folders of declarations. A file's stem is the name of what it declares."""

BESIDE = ("categories", "plans", "subcategories", "transfers", "holdouts", "attributes")
"""Single files beside `regulars.toml`: what is sold, what memberships are called, what kinds of things there are, what
check-ins say of passes, whom no experiment touches, what applications tell of whoever they ask flags about."""

YAML = {".yaml", ".yml"}

_REFERENCE = re.compile(rb"\$\{(\w+)\}")


def fingerprint(folder: Path, *, environment: Mapping[str, str]) -> str | None:
    """Return the digest of all that what a project declares comes to; None where Python files say a part of it.

    That is every file of its, which variables they name are set, every module of this package, and which packages
    are installed. What Python files of a project import is in no digest.
    """
    told = sha256("\0".join([sys.version, *_modules(), *_packages()]).encode())
    files = [folder / FILE, *(folder / f"{name}.yaml" for name in BESIDE)]
    for name in FOLDERS:
        found = sorted((folder / name).glob("*"))
        if any(file.suffix == ".py" and file.name != "__init__.py" for file in found):
            return None
        files += [file for file in found if file.suffix in YAML]
    for file in (one for one in files if one.is_file()):
        said = file.read_bytes()
        told.update(b"\0" + file.relative_to(folder).as_posix().encode() + b"\0" + sha256(said).digest())
        told.update(b"".join(name + b"\0" for name in _REFERENCE.findall(said) if name.decode() in environment))
    # A folder whose name is one letter off is found when the project is read.
    others = (one.name for one in folder.iterdir() if one.is_dir() and any(map(_is_yaml, one.glob("*"))))
    told.update("\0".join(sorted(others)).encode())
    return told.hexdigest()


def _is_yaml(file: Path) -> bool:
    return file.suffix in YAML


def _modules() -> Iterator[str]:
    """Yield every module of this package as it lies on the disk: a change of it is another size or another moment."""
    waiting = [str(Path(str(regulars.__file__)).parent)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.name.endswith(".py"):
                    state = entry.stat()
                    yield f"{entry.path} {state.st_size} {state.st_mtime_ns}"


def _packages() -> list[str]:
    """Return the folders in which installed packages tell their names and releases."""
    return sorted({name for path in sys.path if os.path.isdir(path) for name in os.listdir(path)  # noqa: PTH112, PTH208  text
                   if name.endswith((".dist-info", ".egg-info"))})
