"""How names, addresses and days come out wrong on paper: keys beside keys, letters by their sound, marks left out."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")
SOUNDS = (("ph", "f"), ("ck", "k"), ("c", "k"), ("s", "z"), ("i", "y"), ("y", "ie"), ("ll", "l"), ("nn", "n"),
          ("tt", "t"), ("ee", "ea"), ("ei", "ie"), ("v", "b"), ("j", "g"), ("x", "ks"), ("h", ""), ("rn", "m"))
MARKS = str.maketrans("áéíóúñü", "aeiounu")


def misspelt(text: str, chance: Random) -> str:
    """Return a word as somebody writes it who mistypes, mishears or leaves out the marks."""
    if len(text) < 2:
        return text
    how = chance.choices(["beside", "swap", "drop", "double", "sound"], weights=[25, 20, 20, 10, 25])[0]
    if how == "sound":
        fitting = [(heard, written) for heard, written in SOUNDS if heard in text[1:]]
        if fitting:
            heard, written = chance.choice(fitting)
            return text[0] + text[1:].replace(heard, written, 1)
        how = "beside"
    place = chance.randrange(1, len(text))
    match how:
        case "swap":
            return text[: place - 1] + text[place] + text[place - 1] + text[place + 1 :]
        case "drop":
            return text[:place] + text[place + 1 :]
        case "double":
            return text[:place] + text[place - 1] + text[place:]
    return text[:place] + _beside(text[place], chance) + text[place + 1 :]


def _beside(key: str, chance: Random) -> str:
    for row in ROWS:
        at = row.find(key)
        if at >= 0:
            return row[max(0, min(len(row) - 1, at + chance.choice([-1, 1])))]
    return key


def wrong_digit(number: str, chance: Random) -> str:
    """Return a number with two digits swapped, or one beside the right one."""
    place = chance.randrange(3, len(number))
    if chance.random() < 0.4:
        return number[: place - 1] + number[place] + number[place - 1] + number[place + 1 :]
    return number[:place] + _beside(number[place], chance) + number[place + 1 :]


def wrong_day(day: date, chance: Random) -> date:
    """Return a birthday as it comes out wrong: month for day, another year or decade, the first of January."""
    how = chance.random()
    if how < 0.35 and day.day <= 12:
        return date(day.year, day.day, day.month)
    if how < 0.6:
        return date(day.year, 1, 1)
    if how < 0.75:
        return _in_year(day, day.year + chance.choice([-10, -1, 1, 10]))
    if how < 0.9:
        return day + timedelta(days=chance.choice([-1, 1, 10, -10]))
    return date(chance.choice([1990, 2000]), 1, 1)


def _in_year(day: date, year: int) -> date:
    return day.replace(year=min(year, 2025), day=min(day.day, 28))
