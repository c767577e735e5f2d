"""Texts of any length and number are compared in the room of an ordinary one."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from regulars.identity.resolve import resolve
from regulars.identity.spelling import LONGEST, spelled, text_column
from regulars.testing.profiles import groups, profile, profile_table


def test_a_name_of_a_million_letters_takes_no_room_of_the_others() -> None:
    others = [profile(f"desk/{number}", f"Ann Lee{number}") for number in range(5_000)]
    endless = "x" * 1_000_000                               # as wide, 5,000 texts would take 20 GB
    people = profile_table(*others, profile("desk/a", f"Bo {endless}"), profile("mail/b", f"Bo {endless}y"))

    found = resolve(people, now=datetime(2026, 1, 1, tzinfo=UTC), salt=b"summit")

    assert len(groups(found.identity)) == 5_002


def test_long_texts_stay_what_they_are_apart_from_each_other() -> None:
    long = "x" * (2 * LONGEST)

    found = spelled(pa.array(["Ann", long, f"{long}y", long]))

    assert found[0] == "Ann"
    assert found.dtype.itemsize == 4 * LONGEST
    assert found[1] == found[3] != found[2]


def test_addresses_of_millions_are_one_column() -> None:
    many = np.char.add("ann.lee@example.org", np.arange(2_700_000).astype(str))

    assert isinstance(text_column(many), pa.StringArray)
