"""A JavaScript pattern as Python's `re` reads it.

Characters beyond U+FFFF count as one here and as two there; everything else that the two read differently is
translated. Source: ECMA-262, section RegExp, without the `u` flag and with its Annex B; checked against Node.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SPACE = r"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_WORD = "A-Za-z0-9_"
_CLASSES = {
    "d": "0-9", "D": r"\x00-/:-\U0010ffff",
    "w": _WORD, "W": r"\x00-/:-@\[-\^`{-\U0010ffff",
    "s": _SPACE,
    "S": (
        r"\x00-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e"
        r"\u2060-\u2fff\u3001-\ufefe\uff00-\U0010ffff"
    ),
}
"""What a backslash and a letter mean, as the inside of a class: digits, words and ASCII only, space of all kinds."""

_EDGE = f"(?:(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}]))"
_INSIDE = f"(?:(?<=[{_WORD}])(?=[{_WORD}])|(?<![{_WORD}])(?![{_WORD}]))"
_EDGES = {("b", False): _EDGE, ("B", False): _INSIDE, ("b", True): r"\x08"}
_CLASSES_INSIDE = frozenset(_CLASSES.values())
_ANY = r"[^\n\r\u2028\u2029]"
_GROUP = re.compile(r"\(\?(?:[:=!]|<[=!]|<([A-Za-z_$][\w$]*)>)")
_NAMED = re.compile(r"k<([A-Za-z_$][\w$]*)>")
_COUNT = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")
_HEX = re.compile(r"x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "v": "\v", "f": "\f", "0": "\0"}


@lru_cache(maxsize=1024)
def compiled(pattern: str, *, ignores_case: bool = False) -> re.Pattern[str]:
    """Return a JavaScript pattern compiled. Raises re.error for what is none there."""
    return re.compile(translated(pattern), re.IGNORECASE if ignores_case else 0)


def translated(pattern: str) -> str:
    """Return the Python pattern that matches what a JavaScript pattern matches. Raises re.error for what is none."""
    written: list[str] = []
    place = 0
    while place < len(pattern):
        piece, place = _piece(pattern, place)
        written.append(piece)
    return "".join(written)


def _piece(pattern: str, place: int) -> tuple[str, int]:  # noqa: PLR0911  one for each kind of character
    """Return the translation of what stands at a place, and the place after it."""
    letter = pattern[place]
    match letter:
        case "\\":
            return _escape(pattern, place + 1, is_inside=False)
        case "[":
            return _class(pattern, place + 1)
        case "(":
            return _group(pattern, place)
        case ".":
            return _ANY, place + 1
        case "$":
            return r"\Z", place + 1
        case "*" | "+" | "?":
            return _repeat(pattern, place, place + 1)
        case "{":
            count = _COUNT.match(pattern, place)
            return _repeat(pattern, place, count.end()) if count else (r"\{", place + 1)
        case "^" | "|" | ")":
            return letter, place + 1
        case _:
            return re.escape(letter), place + 1


def _repeat(pattern: str, start: int, end: int) -> tuple[str, int]:
    """Return a quantifier, lazy or not; another one behind it is no pattern, though Python knows `a++`."""
    end += pattern.startswith("?", end)
    if pattern[end:end + 1] in {"*", "+", "?"} or _COUNT.match(pattern, end):
        raise re.error("nothing to repeat", pattern, end)
    return pattern[start:end], end


def _group(pattern: str, place: int) -> tuple[str, int]:
    if not pattern.startswith("(?", place):
        return "(", place + 1
    found = _GROUP.match(pattern, place)
    if not found:
        raise re.error("invalid group", pattern, place)
    return f"(?P<{found[1]}>" if found[1] else found[0], found.end()


def _class(pattern: str, place: int) -> tuple[str, int]:
    """Return a class of characters; `[]` matches nothing and `[^]` everything."""
    is_negated = pattern.startswith("^", place)
    place += is_negated
    inside: list[str] = []
    while not pattern.startswith("]", place):
        if place >= len(pattern):
            raise re.error("unterminated character class", pattern, place)
        if pattern[place] == "\\":
            piece, place = _escape(pattern, place + 1, is_inside=True)
        else:
            # Python will one day read [ & | ~ and doubled signs inside a class as sets; a plain - stays a range.
            piece = pattern[place] if pattern[place] == "-" else re.escape(pattern[place])
            place += 1
        inside.append(piece)
    if not inside:
        return r"[\s\S]" if is_negated else r"(?!)", place + 1
    return f"[{'^' if is_negated else ''}{_ranges(inside)}]", place + 1


def _ranges(pieces: list[str]) -> str:
    """Return the inside of a class. A hyphen at an end, or beside a class of its own, is itself and no range."""
    last = len(pieces) - 1

    def is_plain(n: int) -> bool:
        return n in {0, last} or not _CLASSES_INSIDE.isdisjoint(pieces[n - 1:n + 2])

    return "".join(r"\-" if piece == "-" and is_plain(n) else piece for n, piece in enumerate(pieces))


def _escape(pattern: str, place: int, *, is_inside: bool) -> tuple[str, int]:  # noqa: PLR0911  the same
    """Return what a backslash before a place means; before a letter without a meaning it is that letter."""
    if place >= len(pattern):
        raise re.error("a backslash at the end", pattern, place)
    letter = pattern[place]
    if letter in _CLASSES:
        return _CLASSES[letter] if is_inside else f"[{_CLASSES[letter]}]", place + 1
    if (letter, is_inside) in _EDGES:
        return _EDGES[letter, is_inside], place + 1
    if found := _HEX.match(pattern, place):
        return re.escape(chr(int(found[0][1:], 16))), found.end()
    if letter in _CONTROLS:
        return re.escape(_CONTROLS[letter]), place + 1
    if letter == "k" and "(?<" in pattern and (name := _NAMED.match(pattern, place)):
        return f"(?P={name[1]})", name.end()
    if letter in "123456789" and not is_inside:
        return f"\\{letter}", place + 1
    return re.escape(letter), place + 1
