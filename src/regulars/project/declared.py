"""The files of a project: what each declares, where in it everything stands, and what could not be read."""

from __future__ import annotations

import difflib
import re
import runpy
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from regulars.check import Finding
from regulars.errors import DeclarationError
from regulars.project.layout import BESIDE, FOLDERS, YAML
from regulars.project.marked import Marked, MarkedError, read_marked

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One thing a project declares: a mapping out of YAML, or an object that a Python file made."""

    folder: str                              # "events"; "" for files beside regulars.toml
    name: str
    file: str                                # relative to the project: "events/check_in.yaml"
    marked: Marked | None = None
    made: object = None

    @property
    def data(self) -> Mapping[str, object]:
        """Return what a YAML file says; nothing for an object."""
        return self.marked.data if self.marked else {}

    def where(self, path: tuple[str | int, ...] = ()) -> str:
        """Return file and line of a part: `events/check_in.yaml:7`; the file alone for an object."""
        return f"{self.file}:{self.marked.line(path)}" if self.marked else self.file

    def problem(self, error: DeclarationError) -> Finding:
        """Return the finding for an error in this declaration."""
        return Finding(
            name="declaration", status="failed", message=error.message, hint=error.hint, where=self.where(error.path)
        )


@dataclass(slots=True)
class Reading:
    """What was found in a project's folder so far."""

    declared: list[Declared] = field(default_factory=list)
    unread: set[tuple[str, str]] = field(default_factory=set)      # folder and stem of files that cannot be read
    problems: list[Finding] = field(default_factory=list)

    def names(self, folder: str) -> frozenset[str]:
        """Return every name that a folder declares, of files that cannot be read too."""
        read = {one.name for one in self.declared if one.folder == folder}
        return frozenset(read | {name for of, name in self.unread if of == folder})

    def refuse(self, folder: str, file: Path, problem: Finding) -> None:
        """Note that a file cannot be read."""
        self.unread.add((folder, file.stem))
        self.problems.append(problem)

    def of(self, folder: str) -> list[Declared]:
        """Return what one folder declares, by name."""
        return sorted((one for one in self.declared if one.folder == folder), key=lambda one: one.name)


def read_declarations(
    folder: Path, *, folders: Iterable[str] = FOLDERS, beside: Iterable[str] = BESIDE
) -> Reading:
    """Read the declarations of a project, or some of them; what cannot be read becomes a problem, the rest goes on."""
    reading = Reading()
    for name in folders:
        for file in sorted((folder / name).glob("*")):
            if file.suffix in YAML and name != "conditions":
                _read_yaml(file, name, folder, reading)
            elif file.suffix == ".py" and file.name != "__init__.py":
                _read_python(file, name, folder, reading)
    for file in (folder / f"{name}.yaml" for name in beside):
        if file.is_file():
            _read_yaml(file, "", folder, reading)
    reading.problems += [*_twice(reading.declared), *_lost_folders(folder)]
    return reading


def refused(problems: Iterable[Finding]) -> DeclarationError:
    """Return the error that says every problem, one a line: `file:line: what is wrong (what would be right)`."""
    return DeclarationError("\n".join(
        f"{p.where}: {p.message}" + (f" ({p.hint})" if p.hint else "") for p in problems
    ))


def is_name(text: str) -> bool:
    """Return whether a file may be called so, and thereby what it declares: letters, digits and underscores."""
    return _NAME.match(text) is not None


def _read_yaml(file: Path, folder: str, home: Path, reading: Reading) -> None:
    relative = file.relative_to(home).as_posix()
    if not is_name(file.stem):
        reading.refuse(folder, file, _failed(
            f"{file.stem!r} is no name", relative, hint="letters, digits and _ make a name: check_in.yaml"
        ))
        return
    try:
        marked = read_marked(file.read_text(encoding="utf-8-sig"))
    except MarkedError as error:
        reading.refuse(folder, file, _failed(error.message, f"{relative}:{error.line}", hint=error.hint))
        return
    except UnicodeDecodeError as error:
        hint = "save the file as UTF-8"
        reading.refuse(folder, file, _failed(f"byte {error.start} is not UTF-8", relative, hint=hint))
        return
    reading.declared.append(Declared(folder=folder, name=file.stem, file=relative, marked=marked))


def _read_python(file: Path, folder: str, home: Path, reading: Reading) -> None:
    """A file that makes the same objects: `DECLARATIONS = [...]`; in conditions/, a function `declare`."""
    relative = file.relative_to(home).as_posix()
    try:
        names = runpy.run_path(str(file))
    except Exception as error:  # noqa: BLE001 - the project's own code may raise anything; it is shown, not hidden
        frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        line = error.lineno if isinstance(error, SyntaxError) else (frames or [1])[-1]
        reading.refuse(folder, file, _failed(f"{type(error).__name__}: {error}", f"{relative}:{line}"))
        return
    if folder == "conditions":
        if not callable(names.get("declare")):
            hint = "def declare(data, path): return a condition"
            reading.refuse(folder, file, _failed("there is no function `declare`", relative, hint=hint))
            return
        reading.declared.append(Declared(folder=folder, name=file.stem, file=relative, made=names["declare"]))
        return
    objects = names.get("DECLARATIONS")
    if not isinstance(objects, list | tuple) or not all(isinstance(getattr(o, "name", None), str) for o in objects):
        hint = "DECLARATIONS = [Segment(...), ...]"
        message = "there is no list `DECLARATIONS` of named declarations"
        reading.refuse(folder, file, _failed(message, relative, hint=hint))
        return
    reading.declared += [Declared(folder=folder, name=made.name, file=relative, made=made) for made in objects]


def _twice(declared: Iterable[Declared]) -> Iterator[Finding]:
    first: dict[tuple[str, str], Declared] = {}
    for one in declared:
        other = first.setdefault((one.folder, one.name), one)
        if other is not one:
            yield _failed(f"{one.name!r} is declared twice", one.where(), hint=f"the other one is {other.file}")


def _lost_folders(folder: Path) -> Iterator[Finding]:
    """Folders that hold declarations nobody reads because of one letter."""
    for other in sorted(folder.iterdir()):
        if not other.is_dir() or other.name in FOLDERS or not [*other.glob("*.yaml"), *other.glob("*.yml")]:
            continue
        close = difflib.get_close_matches(other.name, FOLDERS, n=1, cutoff=0.75)
        if close:
            yield _failed(f"nothing is read from {other.name}/", other.name, hint=f"did you mean {close[0]!r}?")


def _failed(message: str, where: str, *, hint: str = "") -> Finding:
    return Finding(name="declaration", status="failed", message=message, where=where, hint=hint)
