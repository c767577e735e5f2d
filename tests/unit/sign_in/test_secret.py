"""Secrets that are shown: by which id they are looked for."""

from __future__ import annotations

import pytest

from regulars.pipeline.secret import is_kept, minted, public_id


@pytest.mark.parametrize("prefix", ["", "rk_"])
def test_what_was_shown_is_found_and_known_again(prefix: str) -> None:
    secret = minted(prefix)

    assert public_id(secret.shown, prefix=prefix) == secret.public_id
    assert is_kept(secret.shown, secret.kept, prefix=prefix)


@pytest.mark.parametrize("shown", ["", "_", "\0_a", "a\0b_c", "\u00e9_a", "a b_c", "rk_", "\ud800_a"])
def test_no_store_is_asked_for_an_id_that_none_can_be(shown: str) -> None:
    assert public_id(shown) in {"", "rk"}
