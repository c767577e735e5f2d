"""Keystrokes between two texts, against the definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.identity.likeness import keystrokes

WORDS = st.text(alphabet="abç", max_size=9)


def by_definition(one: str, other: str) -> int:
    """Optimal string alignment, as textbooks fill its table."""
    table = [[i + j if i * j == 0 else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (one[i - 1] != other[j - 1]))
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(WORDS, min_size=1, max_size=8))
def test_keystrokes_are_what_the_definition_says(texts: list[str]) -> None:
    left, right = (side.ravel() for side in np.indices((len(texts), len(texts))))

    found = keystrokes(np.array(texts, dtype=str), left, right)

    assert found.tolist() == [by_definition(texts[a], texts[b]) for a, b in zip(left, right, strict=True)]


def test_what_lies_behind_the_thirty_second_letter_is_not_compared() -> None:
    texts = np.array(["x" * 32 + "a", "x" * 32 + "b"])

    assert keystrokes(texts, np.array([0]), np.array([1])).tolist() == [0]
