"""Which passwords will do, and when one is right."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from regulars.pipeline.password import LONGEST, complaint, hashed, is_outdated, is_right


@pytest.mark.parametrize("password", [
    "twelve green climbing ropes", "correct horse battery", "Grüße aus dem Süden", "kT9$wq2!xLm0", "пароль для скалолазов",
])
def test_a_long_password_will_do_whatever_its_letters(password: str) -> None:
    assert complaint(password, email="ada@example.com", name="Ada Lane") is None


@pytest.mark.parametrize("password", [
    "", "elevenchars", "a" * 12, "abababababab", "passwordpassword", "ada@example.com", "123456123456",
    "Qwerty123456", "x" * (LONGEST + 1), "ada@example.com1",
])
def test_what_is_quickly_guessed_will_not_do(password: str) -> None:
    assert complaint(password, email="ada@example.com", name="Ada Lane")


@pytest.mark.parametrize("password", ["twelve green climbing ropes", "Grüße aus dem Süden\0", "x" * LONGEST])
def test_a_password_is_right_and_what_is_nearly_it_is_not(password: str) -> None:
    kept = hashed(password)

    assert [is_right(text, kept) for text in (password, f"{password} ", password[:-1], "")] == [True, False, False, False]


def test_the_same_letters_are_the_same_password_on_every_keyboard() -> None:
    assert is_right("cafe\u0301 au lait chaud", hashed("caf\u00e9 au lait chaud"))


def test_nobodys_password_is_never_right() -> None:
    assert [is_right(text, None) for text in ("", "anything at all")] == [False, False]


def test_what_is_kept_is_argon2id_and_never_twice_the_same() -> None:
    kept = [hashed("twelve green climbing ropes") for _ in range(2)]

    assert kept[0] != kept[1]
    assert kept[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_hash_of_other_costs_is_right_and_outdated() -> None:
    kept = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("twelve green climbing ropes")

    assert (is_right("twelve green climbing ropes", kept), is_outdated(kept)) == (True, True)
