"""Values and patterns mean what they mean in JavaScript: a few by hand, many against Node where there is one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from regulars.flags import javascript
from regulars.flags.pattern import compiled

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="needs node: apt-get install nodejs")

TEXTS = ["", "8", " 10 ", "0x1f", "Zebra", "é", "😀", "\uffff", "1e3", "+.5", "5.", "0b11", "null", "\u00a07", "1_0", "\u0661", "aé"]
NUMBERS = [0.1, 1e21, 1e-7, 123456789012345680000, 5e-324, -0.0, 2.5e-6, 1.7976931348623157e308, 100.0, -3]
PIECES = [
    "a", "b", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", ".", "^", "$", "[a-c]", "[^a-c]", r"[\w-]", r"[\d-x]", "[-a]", "[]",
    "[^]", "[[a]", "[&&a]", "(a)", "(?:b)", "(?=a)", "(?!a)", "(?<n>a)", "a|b", "*", "+", "?", "*?", "{2}", "{1,}",
    "{,2}", "{", "}", "]", r"\/", "/", r"\.", r"\x41", r"\u00e9", "é", r"\-", r"\A", r"\Z", "++", "(?i)", "(?P<x>a)", "\\", "(",
    "[", ")", r"\n", r"[\b]", r"[\S]", r"[^\W]", " ", "#", "~",
]
SUBJECTS = ["", "a", "b", "ab", "aab", "a b", "1", "a1", "é", "aé", "A", "{,2}", "a\n", "\n", "\r", "a\u2028", "-", "/", "\x08"]


def in_node(program: str, data: object, folder: Path) -> Any:
    """What a JavaScript function of `data` returns."""
    (folder / "data.json").write_text(json.dumps(data), encoding="utf-8")
    script = f'const data = JSON.parse(require("fs").readFileSync("{folder}/data.json", "utf8"));' + program
    ended = subprocess.run([NODE or "", "-e", script], capture_output=True, text=True, check=True, encoding="utf-8")
    return json.loads(ended.stdout)


def some_value(chance: Random, depth: int = 0) -> Any:
    kind = chance.randrange(6 if depth > 1 else 8)
    if kind < 2:
        return chance.choice([None, True, False])
    if kind < 4:
        return chance.choice(TEXTS)
    if kind < 6:
        return chance.choice([*NUMBERS, chance.randrange(-5, 200), chance.random() * 10.0 ** chance.randrange(-10, 25)])
    items = [some_value(chance, depth + 1) for _ in range(chance.randrange(3))]
    return items if kind == 6 else {chance.choice(["b", "10", "2", "é"]): item for item in items}


@needs_node
def test_values_are_written_compared_and_read_as_node_does(tmp_path: Path) -> None:
    chance = Random(1)
    values = [some_value(chance) for _ in range(4000)]
    pairs = json.loads(json.dumps([*pairwise(values), *((value, value) for value in values)]))

    there = in_node(
        'console.log(JSON.stringify(data.map(([a, b]) => [a + "", String(a * 1), !!a, a === b, a < b, a <= b, '
        'JSON.stringify(a) === JSON.stringify(b)])))', pairs, tmp_path,
    )

    assert [
        [
            javascript.text(a), javascript.text(javascript.number(a)), javascript.is_truthy(a), javascript.is_same(a, b),
            javascript.is_less(a, b), javascript.is_at_most(a, b), javascript.is_written_alike(a, b),
        ]
        for a, b in pairs
    ] == there


@needs_node
def test_patterns_find_what_they_find_in_node(tmp_path: Path) -> None:
    chance = Random(2)
    asked = [
        ["".join(chance.choices(PIECES, k=chance.randrange(1, 5))), chance.random() < 0.5, chance.choice(SUBJECTS)]
        for _ in range(1200)
    ]

    there = in_node(
        'console.log(JSON.stringify(data.map(([p, i, s]) => { try { return new RegExp(p, i ? "i" : undefined).test(s) } '
        "catch { return null } })))", asked, tmp_path,
    )

    here = [_found(*each) for each in asked]
    assert [(each, a, b) for each, a, b in zip(asked, here, there, strict=True) if a != b] == []


def _found(pattern: str, case: object, subject: str) -> bool | None:
    try:
        return compiled(pattern, ignores_case=bool(case)).search(subject) is not None
    except re.error:
        return None


@pytest.mark.parametrize(("value", "text"), [
    (None, "null"), (True, "true"), (1.0, "1"), (1e21, "1e+21"), (1e-7, "1e-7"), (0.000001, "0.000001"), (-0.0, "0"),
    ([1, None, ["é"]], "1,,é"), ({}, "[object Object]"), (2**69, "590295810358705700000"), (10**400, "Infinity"),
])
def test_a_value_as_text(value: object, text: str) -> None:
    assert javascript.text(value) == text


@pytest.mark.parametrize(("text", "number"), [("", 0), (" 8\u00a0", 8), ("0x1F", 31), ("1e3", 1000), ("-5", -5), ("-Infinity", -float("inf"))])
def test_a_text_as_number(text: str, number: float) -> None:
    assert javascript.number(text) == number


@pytest.mark.parametrize("text", ["8 years", "1_000", "\u0663", "0x", "0b12", "-0x1f", "infinity"])
def test_a_text_that_is_no_number_is_neither_below_nor_above(text: str) -> None:
    assert not javascript.is_at_most(text, 10**9)
    assert not javascript.is_less(10**9, text)


def test_letters_beyond_the_first_plane_come_before_the_last_of_it() -> None:
    assert javascript.is_less("😀", "\ufb01")
    assert max("😀", "\ufb01") == "😀", "Python orders them the other way round"


def test_a_pattern_is_only_as_wide_as_ascii() -> None:
    assert not compiled(r"^\w+$").search("é")
    assert not compiled(r"^\d$").search("\u0663")
    assert compiled(r"a$").search("a\n") is None
