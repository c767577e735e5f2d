"""Addresses: which an experiment runs on, what they force, where a redirect takes its parameters."""

from __future__ import annotations

import pytest

from regulars.flags.definition import UrlTarget
from regulars.flags.url import forced_by_query, is_targeted, with_query_of


def simple(pattern: str, *, include: bool = True) -> UrlTarget:
    return UrlTarget(type="simple", pattern=pattern, include=include)


@pytest.mark.parametrize(("pattern", "url", "expected"), [
    ("/home", "https://shop.example/home", True),
    ("/home", "https://shop.example/home/?a=1#top", True),                # slashes at the ends do not matter
    ("/home", "https://shop.example/home/sale", False),
    ("/home/*", "https://shop.example/home/sale", True),
    ("shop.example/a", "https://SHOP.example/a", True),
    ("*.example/a", "https://www.shop.example/a", True),
    ("https://shop.example/", "https://shop.example", True),
    ("/a?colour=red", "https://shop.example/a?size=1&colour=red", True),
    ("/a?colour=red", "https://shop.example/a?colour=blue", False),
    ("/a#top", "https://shop.example/a#end", False),
    ("/a.b", "https://shop.example/axb", False),                          # a dot is a dot
    ("/größe", "https://shop.example/größe", True),
])
def test_a_simple_pattern_is_compared_part_by_part(pattern: str, url: str, expected: object) -> None:
    assert is_targeted(url, [simple(pattern)]) is expected


@pytest.mark.parametrize(("pattern", "expected"), [("^/sale/\\d+$", True), ("shop\\.example", True), ("^sale", False), ("(", False)])
def test_a_pattern_is_searched_in_the_whole_address_and_in_its_path(pattern: str, expected: object) -> None:
    assert is_targeted("https://shop.example/sale/12", [UrlTarget(type="regex", pattern=pattern)]) is expected


@pytest.mark.parametrize(("targets", "expected"), [
    ([], False), ([simple("/b")], False), ([simple("/a"), simple("/b")], True), ([simple("/b", include=False)], True),
    ([simple("/a"), simple("/*", include=False)], False), ([UrlTarget(type="other", pattern="/a")], False),
])
def test_one_included_address_is_enough_and_one_excluded_too_many(targets: list[UrlTarget], expected: object) -> None:
    assert is_targeted("https://shop.example/a", targets) is expected


@pytest.mark.parametrize(("query", "forced"), [
    ("exp=1", 1), ("a=2&exp=0#exp=1", 0), ("exp=1.9", 1), ("exp=2", None), ("exp=-1", None), ("exp=one", None), ("exp", None),
    ("exp=9&exp=1", None), ("", None),
])
def test_an_address_forces_a_variation_there_is(query: str, forced: int | None) -> None:
    assert forced_by_query("exp", f"https://shop.example/?{query}", 2) == forced


@pytest.mark.parametrize(("old", "new", "merged"), [
    ("https://a.example/?x=1&y=2", "https://b.example/p?y=3", "https://b.example/p?y=3&x=1"),
    ("https://a.example/?q=a+b%26c", "https://b.example", "https://b.example/?q=a+b%26c"),
    ("https://a.example/", "https://b.example/p?y=3", "https://b.example/p?y=3"),
    ("/relative?x=1", "https://b.example/p", "https://b.example/p"),
])
def test_a_redirect_keeps_the_parameters_it_does_not_have(old: str, new: str, merged: str) -> None:
    assert with_query_of(old, new) == merged
