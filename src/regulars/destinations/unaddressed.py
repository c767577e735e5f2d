"""What a provider says of a message, without the addresses in it: it is kept, shown and logged."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"<?[^\s<>\"'(),;:=]+@[^\s<>\"'(),;:]+>?")
LONGEST = 500


def unaddressed(text: str) -> str:
    """Return the text in one line of at most 500 characters, with `…` where an e-mail address stood."""
    return _ADDRESS.sub("…", " ".join(text.split()))[:LONGEST]
