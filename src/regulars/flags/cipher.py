"""Payloads that only holders of a key can read: AES-CBC with PKCS 7, `initial vector.text`, both in base 64.

The initial vector is made of key and text (HMAC-SHA256), so the same payload is always the same text: it can be cached,
and nothing here needs chance. Source: GrowthBook SDK specification 0.8.0; RFC 5297 for vectors of that kind.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

_BLOCK = 128                                 # bits


def is_key(key: str) -> bool:
    """Return whether a text is a key that every SDK takes: 16 bytes in base 64."""
    try:
        return len(b64decode(key, validate=True)) == _BLOCK // 8
    except binascii.Error:
        return False


def encrypted(text: str, *, key: str) -> str:
    """Return a text as only the key reads it; the key is 16, 24 or 32 bytes in base 64. Raises ValueError if not."""
    secret, data = b64decode(key, validate=True), text.encode()
    vector = hmac.digest(secret, data, "sha256")[: _BLOCK // 8]
    padder = PKCS7(_BLOCK).padder()
    encryptor = Cipher(AES(secret), CBC(vector)).encryptor()
    hidden = encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()
    return f"{b64encode(vector).decode()}.{b64encode(hidden).decode()}"


def decrypted(text: str, *, key: str) -> str | None:
    """Return what an encrypted text says; None when this key does not read it."""
    vector, _, hidden = text.partition(".")
    try:
        decryptor = Cipher(AES(b64decode(key, validate=True)), CBC(b64decode(vector, validate=True))).decryptor()
        data = decryptor.update(b64decode(hidden, validate=True)) + decryptor.finalize()
        unpadder = PKCS7(_BLOCK).unpadder()
        return (unpadder.update(data) + unpadder.finalize()).decode()
    except (binascii.Error, ValueError):
        return None
