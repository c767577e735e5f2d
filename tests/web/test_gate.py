"""Who may ask, and how often."""

from __future__ import annotations

import pytest

from regulars.web.gate import Gate


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize("key", ["", "b", "aa", "ä"])
def test_an_unknown_key_is_refused(key: str) -> None:
    refusal = Gate(keys=("a", "c"), clock=Hand()).refusal(key)

    assert refusal is not None
    assert refusal.status == 401
    assert refusal.response().headers["www-authenticate"] == "Bearer"


def test_a_known_key_is_let_in_and_without_keys_everybody_is() -> None:
    assert Gate(keys=("a", "c"), clock=Hand()).refusal("c") is None
    assert Gate(keys=(), clock=Hand()).refusal("whoever") is None


def test_a_key_may_ask_so_often_and_is_told_when_again() -> None:
    clock = Hand()
    gate = Gate(keys=("a", "b"), clock=clock, rate=2)

    asked = [gate.refusal("a") for _ in range(3)]
    other = gate.refusal("b")
    clock.seconds += 0.5
    later = [gate.refusal("a") for _ in range(2)]

    assert [refusal and refusal.status for refusal in (*asked, other, *later)] == [None, None, 429, None, None, 429]
    assert asked[2] is not None
    assert asked[2].response().headers["retry-after"] == "1"


def test_a_slow_rate_says_how_long_to_wait() -> None:
    gate = Gate(keys=(), clock=Hand(), rate=0.1)

    refusals = [gate.refusal("") for _ in range(2)]

    assert refusals[0] is None
    assert refusals[1] is not None
    assert refusals[1].wait_seconds == 10
