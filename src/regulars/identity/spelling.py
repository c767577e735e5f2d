"""Texts as an array of equal room, so that letters are compared a column at a time; and back."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

LONGEST = 100
"""Letters of a text that is compared: each text of an array takes the room of the longest."""


def spelled(texts: pa.Array) -> NDArray[np.str_]:
    """Return texts without nulls as an array; one longer than LONGEST is its beginning and a hash of the whole."""
    is_long = pc.greater(pc.utf8_length(texts), LONGEST)
    if pc.any(is_long).as_py():
        texts = pc.replace_with_mask(texts, is_long, pa.array(map(_shortened, texts.filter(is_long).to_pylist())))
    return np.array(texts.to_pylist(), dtype=str)


def text_column(texts: NDArray[np.str_]) -> pa.Array:
    """Return an array of texts as one column; of millions Arrow itself makes a column of several chunks."""
    return pa.array(texts.tolist(), pa.string())


def _shortened(text: str) -> str:
    mark = blake2b(text.encode(), digest_size=16).hexdigest()
    return text[: LONGEST - len(mark)] + mark
