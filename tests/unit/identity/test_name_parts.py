"""What people are called, however a system wrote it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from regulars.identity.name_parts import NameParts, name_parts

Told = tuple[str | None, str | None, str | None]


def read(*told: Told) -> NameParts:
    """Return the parts of normalised names: name, first name, last name."""
    columns = zip(*told, strict=True)
    names = ("name", "first_name", "last_name")
    return name_parts(pa.table({n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=True)}))


def called(*told: Told) -> list[tuple[str | None, str | None]]:
    """Return given names and surname of each."""
    found = read(*told)
    words = [*found.words.to_pylist(), None]         # -1 is the last
    return [(words[given], words[family]) for given, family in zip(found.given, found.family, strict=True)]


@pytest.mark.parametrize(("told", "expected"), [
    (("ann lee", None, None), ("ann", "lee")),
    (("ann", None, None), ("ann", None)),
    ((None, None, None), (None, None)),
    (("mary ann o'neil-lee", "mary", "o'neil-lee"), ("mary", "oneil lee")),           # came apart: as it is
    (("mary ann lee", "mary", "lee"), ("mary ann", "lee")),                           # was cut: the whole says more
    (("robert a b lee", None, None), ("robert", "lee")),
    (("r a lee", None, None), ("r a", "lee")),                                        # initials alone stay
    (("robert lee jr", None, None), ("robert jr", "lee")),
    (("robert lee jr", "robert", "lee jr"), ("robert jr", "lee")),
    (("robert iii lee", "robert iii", "lee"), ("robert iii", "lee")),
    (("robert jr", "robert", None), ("robert", None)),
    (("josé núñez", "josé", "núñez"), ("jose", "nunez")),
    ((None, None, "lee jr"), (None, "lee")),
])
def test_given_names_and_surname(told: Told, expected: tuple[str | None, str | None]) -> None:
    assert called(told) == [expected]
    assert called(("somebody else", None, None), told, told)[1:] == [expected, expected]      # in either half


def test_both_as_one_word_are_one_wherever_they_are_cut() -> None:
    whole = read(("xiao ming li", None, None), ("xiaoming li", None, None), ("xiaoming", None, None), ("ann b li", None, None),
                 ("ann li", None, None)).whole.tolist()

    assert whole[0] == whole[1] >= 0
    assert whole[2] == -1                            # no surname
    assert whole[3] == whole[4] != whole[0]


def test_words_are_distinct_and_all_are_used() -> None:
    found = read(("ann lee jr", None, None), ("ann jr", "ann jr", "lee"), ("ann x lee", None, None))

    assert sorted(found.words.to_pylist()) == ["ann", "ann jr", "lee"]
    assert found.given[0] == found.given[1]
