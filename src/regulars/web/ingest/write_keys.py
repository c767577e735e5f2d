"""Write keys: which source a key belongs to; only its hash is written down."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_REMEMBERED = 4096
"""Headers whose source is remembered: hashing a key takes longer than all the rest of looking it up."""


@dataclass(slots=True)
class WriteKeys:
    """SHA-256 of each write key -> the source it writes to. Keys are long and random: no salt would make them safer."""

    sources: Mapping[str, str]
    _headers: dict[bytes, str] = field(default_factory=dict)

    def source_of(self, key: str) -> str | None:
        """Return the source a key writes to; None for a key nobody gave out."""
        return self.sources.get(hash_of(key))

    def source_of_header(self, header: bytes) -> str | None:
        """Return the source that an `Authorization` header names, as Basic or Bearer; None when it names none."""
        known = self._headers.get(header)
        if known is None:
            found = (self.source_of(key) for key in keys_in(header))
            known = next((source for source in found if source is not None), None)
            if known is not None and len(self._headers) < _REMEMBERED:
                self._headers[header] = known
        return known

    def first(self, keys: Iterable[object]) -> str | None:
        """Return the source of the first key that has one; what is no text is no key."""
        found = (self.source_of(key) for key in keys if isinstance(key, str) and key)
        return next((source for source in found if source is not None), None)


def hash_of(key: str) -> str:
    """Return what stands for a key in `regulars.toml`: its SHA-256 in hexadecimal."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def keys_in(header: bytes) -> list[str]:
    """Return what may be the write key in an `Authorization` header, as Basic or Bearer."""
    scheme, _, rest = header.strip().partition(b" ")
    text = rest.strip()
    if scheme.lower() == b"bearer":
        return [text.decode("latin-1")]
    if scheme.lower() != b"basic":
        return []
    try:
        pair = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return []
    # The colon is part of the scheme, and clients forget it; some have it in the key.
    return [pair.partition(":")[0], pair]
