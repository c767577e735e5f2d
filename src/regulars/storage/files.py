"""Where files lie: a folder or an object store, behind one seam; a file appears whole or not at all."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from regulars.errors import StoreError, StoreUnavailable

SCRATCH = ".scratch"
"""Folder of unfinished files; nothing in it was ever published."""


class FileStore(Protocol):
    """Files under relative names like `default/events/4f.parquet`, written once and never changed.

    Every implementation passes tests/conformance/test_files.py:

    - a name is published once; publishing it again raises StoreError and leaves the first content;
    - a file that is being published is never listed, sized or read half;
    - after `publish` returns, the file survives a power cut (file and folder are on disk, or the store said yes);
    - reading, or asking the size of, a name that is not there raises StoreError: never an empty file;
    - deleting a name that is not there is fine, so that a clean-up can be repeated;
    - names stay inside the store: absolute names and `..` raise StoreError.
    """

    def publish(self, local: Path, name: str) -> None:
        """Move a local file under a name, atomically and durably. The local file is gone afterwards."""
        ...

    def overwrite(self, local: Path, name: str) -> None:
        """Do the same in the place of what may be there already: for files that others read, and nobody here.

        Whoever reads gets the old file or the new one. The local file is gone afterwards.
        """
        ...

    def local(self, name: str) -> Path:
        """Return a path on this machine with the file's content. Read it; never write to it."""
        ...

    def list(self, prefix: str = "") -> list[str]:
        """Return the names that begin with a prefix, sorted. The prefix need not end at a folder."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file if it is there."""
        ...

    def size(self, name: str) -> int:
        """Return the file's length in bytes."""
        ...

    def scratch(self) -> Path:
        """Return a new empty folder from which `publish` is a mere rename where that is possible."""
        ...

    def sweep(self) -> None:
        """Remove every scratch folder, also those a killed process left behind."""
        ...

    def prune(self) -> None:
        """Remove copies on this machine of files that are no longer there."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Files in a folder of this machine."""

    folder: Path

    def publish(self, local: Path, name: str) -> None:
        """Link the file under its name after its bytes are on disk, then put the folder on disk too."""
        target = self._path(name)
        _make_folder(target.parent)
        if local.stat().st_dev != target.parent.stat().st_dev:
            local = Path(shutil.move(local, self.scratch() / local.name))
        _sync(local)
        try:
            # A link refuses an existing name where a rename would silently replace it.
            os.link(local, target)
        except FileExistsError as error:
            raise StoreError(f"{name} exists already", hint="files are written once; choose a new name") from error
        local.unlink()
        _sync(target.parent)

    def overwrite(self, local: Path, name: str) -> None:
        """Rename the file over what is there, after its bytes are on disk."""
        target = self._path(name)
        _make_folder(target.parent)
        if local.stat().st_dev != target.parent.stat().st_dev:
            local = Path(shutil.move(local, self.scratch() / local.name))
        _sync(local)
        local.replace(target)
        _sync(target.parent)

    def local(self, name: str) -> Path:
        """Return where the file is."""
        path = self._path(name)
        if not path.is_file():
            raise _missing(name, str(self.folder))
        return path

    def list(self, prefix: str = "") -> list[str]:
        """Return the names that begin with a prefix, sorted."""
        start = self._path(prefix.rpartition("/")[0]) if "/" in prefix else self.folder
        found = (path.relative_to(self.folder) for path in start.rglob("*") if path.is_file())
        return sorted(p.as_posix() for p in found if p.as_posix().startswith(prefix) and p.parts[0] != SCRATCH)

    def delete(self, name: str) -> None:
        """Remove the file if it is there."""
        self._path(name).unlink(missing_ok=True)

    def size(self, name: str) -> int:
        """Return the file's length in bytes."""
        return self.local(name).stat().st_size

    def scratch(self) -> Path:
        """Return a new folder on the same disk."""
        return _scratch(self.folder)

    def sweep(self) -> None:
        """Remove every scratch folder."""
        shutil.rmtree(self.folder / SCRATCH, ignore_errors=True)

    def prune(self) -> None:
        """Do nothing: there are no copies."""

    def _path(self, name: str) -> Path:
        return self.folder / _safe(name)


@dataclass(frozen=True, slots=True)
class ObjectFiles:
    """Files in an S3-compatible object store, with a cache on this machine.

    Names are immutable, so a cached file is never stale.
    """

    store: Any                               # an obstore S3Store
    url: str                                 # for messages; without credentials
    cache: Path

    def publish(self, local: Path, name: str) -> None:
        """Put the object only if its name is free (If-None-Match), then keep the file as the cached copy."""
        obstore = _obstore()
        with self._speaking(name):
            try:
                # One request: only a single put can be conditional, and it is atomic in the store.
                obstore.put(self.store, _safe(name), local, mode="create", use_multipart=False)
            except obstore.exceptions.AlreadyExistsError as error:
                raise StoreError(f"{name} exists already", hint="files are written once; choose a new name") from error
        self._keep(local, name)

    def overwrite(self, local: Path, name: str) -> None:
        """Put the object, whatever is there; no copy of it is kept."""
        with self._speaking(name):
            _obstore().put(self.store, _safe(name), local, use_multipart=False)
        (self.cache / _safe(name)).unlink(missing_ok=True)
        local.unlink()

    def local(self, name: str) -> Path:
        """Return the cached copy, fetching it first when there is none."""
        path = self.cache / _safe(name)
        if not path.is_file():
            part = self.scratch() / path.name
            with self._speaking(name), part.open("wb") as out:
                for chunk in _obstore().get(self.store, _safe(name)).stream():
                    out.write(chunk)
            self._keep(part, name)
        return path

    def list(self, prefix: str = "") -> list[str]:
        """Return the names that begin with a prefix, sorted."""
        # The store lists whole folders; the rest of the prefix is compared here.
        folder = prefix.rpartition("/")[0] or None
        with self._speaking(prefix):
            batches = list(_obstore().list(self.store, prefix=folder))
        return sorted(meta["path"] for batch in batches for meta in batch if meta["path"].startswith(prefix))

    def delete(self, name: str) -> None:
        """Remove the object and the cached copy, if they are there."""
        obstore = _obstore()
        # That somebody was quicker is fine.
        with self._speaking(name), suppress(obstore.exceptions.NotFoundError, FileNotFoundError):
            obstore.delete(self.store, _safe(name))
        (self.cache / _safe(name)).unlink(missing_ok=True)

    def size(self, name: str) -> int:
        """Return the object's length in bytes."""
        with self._speaking(name):
            return int(_obstore().head(self.store, _safe(name))["size"])

    def scratch(self) -> Path:
        """Return a new folder on the cache's disk."""
        return _scratch(self.cache)

    def sweep(self) -> None:
        """Remove every scratch folder."""
        shutil.rmtree(self.cache / SCRATCH, ignore_errors=True)

    def prune(self) -> None:
        """Remove cached copies of objects that another machine deleted."""
        there = set(self.list())
        for path in self.cache.rglob("*"):
            if path.is_file() and path.relative_to(self.cache).as_posix() not in there:
                path.unlink()

    def _keep(self, local: Path, name: str) -> None:
        path = self.cache / _safe(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        _sync(local)                         # a cached copy torn by a power cut would be read for ever
        shutil.move(local, path)

    @contextmanager
    def _speaking(self, name: str) -> Iterator[None]:
        errors = _obstore().exceptions
        try:
            yield
        except (errors.NotFoundError, FileNotFoundError) as error:
            raise _missing(name, self.url) from error
        except (errors.PermissionDeniedError, errors.UnauthenticatedError) as error:
            raise StoreError(
                f"{self.url} refused the credentials", hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ) from error
        except errors.BaseError as error:
            raise StoreUnavailable(f"{self.url} did not answer: {_first_line(error)}") from error


def open_files(url: str, cache: Path) -> FileStore:
    """Return the files at a URL: a folder's path, `file:///folder`, or `s3://bucket/prefix?endpoint=...&region=...`.

    Credentials of an object store come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...).
    The cache is a folder of this machine; a local store does not use it.
    Raises StoreError for any other scheme, and when the extra for object stores is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        folder = Path(unquote(parts.path) if parts.scheme else url)
        _make_folder(folder)
        return LocalFiles(folder)
    if parts.scheme != "s3":
        raise StoreError(f"{url!r} is not a place for files", hint="a folder, file:///folder or s3://bucket/prefix")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    strangers = set(options) - {"endpoint", "region"}
    if strangers:
        raise StoreError(f"{sorted(strangers)} in {url!r} means nothing here", hint="endpoint and region are known")
    place = f"s3://{parts.netloc}{parts.path}"
    endpoint = options.get("endpoint", "")
    store = _obstore().store.S3Store.from_url(
        place,
        region=options.get("region", os.environ.get("AWS_REGION", "us-east-1")),
        client_options={"allow_http": endpoint.startswith("http://"), "timeout": "60s"},
        retry_config={"max_retries": 4},
        **({"endpoint": endpoint} if endpoint else {}),
    )
    return ObjectFiles(store, place, cache / parts.netloc / parts.path.strip("/"))


def _obstore() -> Any:
    try:
        importlib.import_module("obstore.store")
        return importlib.import_module("obstore")
    except ImportError as error:
        raise StoreError("the package for object stores is not installed", hint='pip install "regulars[s3]"') from error


def _safe(name: str) -> str:
    if name.startswith("/") or ".." in name.split("/") or "\\" in name:
        raise StoreError(f"{name!r} is not a name inside the store", hint="use a relative name: events/4f.parquet")
    return name


def _missing(name: str, place: str) -> StoreError:
    return StoreError(f"{name} is not in {place}", hint="restore it from a backup, or type `regulars rebuild`")


def _scratch(folder: Path) -> Path:
    (folder / SCRATCH).mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder / SCRATCH))


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents, each durably named in the one above it."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
