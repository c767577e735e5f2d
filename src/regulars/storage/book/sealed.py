"""Secrets that outside systems rotate, such as OAuth tokens: encrypted in the book, the key beside it."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from regulars.errors import StoreError
from regulars.storage.book.database import Database
from regulars.storage.book.tables import sealed

KEY_FILE = "book.key"


@dataclass(frozen=True, slots=True)
class SealedBook:
    """Secrets by name: AES-256-GCM, a new nonce for each, bound to tenant and name.

    The key is REGULARS_KEY (32 bytes in base64), or the file book.key beside the book, which is made when first
    needed and readable by its owner only.
    """

    database: Database
    home: Path | None
    environment: Mapping[str, str]

    def seal(self, name: str, secret: str, *, at: datetime) -> None:
        """Keep a secret under a name, in the place of the former one."""
        nonce = secrets.token_bytes(12)
        text = AESGCM(self._key(is_new_fine=True)).encrypt(nonce, secret.encode(), self._context(name))
        with self.database.writing() as connection:
            connection.execute(self.database.upsert(sealed).values(
                tenant=self.database.tenant, name=name, nonce=nonce, text=text, sealed_at=at
            ))

    def seal_once(self, name: str, secret: str, *, at: datetime) -> str:
        """Keep a secret under a name where none is yet, and return the one that is kept: of two at once, the first."""
        if (kept := self.unseal(name)) is not None:
            return kept
        nonce = secrets.token_bytes(12)
        text = AESGCM(self._key(is_new_fine=True)).encrypt(nonce, secret.encode(), self._context(name))
        with self.database.writing() as connection:
            connection.execute(self.database.insert(sealed).values(
                tenant=self.database.tenant, name=name, nonce=nonce, text=text, sealed_at=at
            ).on_conflict_do_nothing())
        kept = self.unseal(name)
        assert kept is not None
        return kept

    def unseal(self, name: str) -> str | None:
        """Return a secret; None when none was kept. Raises StoreError when the key is missing or another one."""
        query = sa.select(sealed).where(sealed.c.tenant == self.database.tenant, sealed.c.name == name)
        with self.database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        try:
            return AESGCM(self._key(is_new_fine=False)).decrypt(row.nonce, row.text, self._context(name)).decode()
        except InvalidTag as error:
            raise StoreError(
                f"the secret {name!r} was sealed with another key", hint="set REGULARS_KEY to that key again"
            ) from error

    def forget(self, name: str) -> None:
        """Remove a secret if it is there."""
        with self.database.writing() as connection:
            connection.execute(sa.delete(sealed).where(sealed.c.tenant == self.database.tenant, sealed.c.name == name))

    def _context(self, name: str) -> bytes:
        # Bound to its place: a row copied to another name or tenant does not open.
        return f"{self.database.tenant}\0{name}".encode()

    def _key(self, *, is_new_fine: bool) -> bytes:
        text = self.environment.get("REGULARS_KEY")
        if text is None:
            if self.home is None:
                raise StoreError("there is no key to seal secrets with", hint="set REGULARS_KEY to 32 bytes in base64")
            text = _key_file(self.home / KEY_FILE, is_new_fine=is_new_fine)
        try:
            key = base64.b64decode(text, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != 32:
            raise StoreError("the key is not 32 bytes in base64", hint="make one: openssl rand -base64 32")
        return key


def _key_file(path: Path, *, is_new_fine: bool) -> str:
    if is_new_fine and not path.exists():
        _make_key(path)
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise StoreError(f"the key file {path.name} is missing", hint="restore it, or set REGULARS_KEY") from error


def _make_key(path: Path) -> None:
    """Make a key where there is none. Of several that do at once the first one's stands, and no half of it is seen."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(base64.b64encode(secrets.token_bytes(32)).decode())
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink()
