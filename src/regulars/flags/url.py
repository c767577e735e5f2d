"""Which addresses an experiment runs on, what an address forces, and where a redirecting variation leads.

Addresses are read as browsers do in what matters here: the host whatever its case, an empty path as `/`.
Source: GrowthBook SDK specification 0.8.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit

from regulars.flags.definition import UrlTarget
from regulars.flags.pattern import compiled

_NO_HOST = "https://_"
_WILD = "_____"                              # for *, which is no letter of a host
_HOST_FIRST = re.compile(r"^([^:/?]*)\.", re.IGNORECASE)
_SPECIAL = re.compile(r"[*.+?^${}()|\[\]\\]")
_NUMBER = re.compile(r"\s*([+-]?[0-9]+)")


def is_targeted(url: str, targets: Iterable[UrlTarget]) -> bool:
    """Return whether an address is among some targets and not among the excluded ones; no targets are nowhere."""
    targets = list(targets)
    if any(_is_at(url, target) for target in targets if not target.include):
        return False
    included = [target for target in targets if target.include]
    return any(_is_at(url, target) for target in included) if included else bool(targets)


def forced_by_query(key: str, url: str, variations: int) -> int | None:
    """Return the variation that an address asks for with `?key=1`, from 0; None when it asks for none there is."""
    query = url.split("?")[1] if "?" in url else ""
    for pair in query.split("#")[0].split("&"):
        name, _, value = pair.partition("=")
        if name == key:
            digits = _NUMBER.match(value)
            place = int(digits[1]) if digits else -1
            return place if 0 <= place < variations else None
    return None


def with_query_of(old: str, new: str) -> str:
    """Return an address with the parameters of another one that it does not have itself."""
    target, source = urlsplit(new), urlsplit(old)
    if not (target.scheme and source.scheme):
        return new
    own = parse_qsl(target.query, keep_blank_values=True)
    names = {name for name, _ in own}
    added = {name: value for name, value in parse_qsl(source.query, keep_blank_values=True) if name not in names}
    if not added:
        return new
    return target._replace(query=urlencode([*own, *added.items()]), path=target.path or "/").geturl()


def _is_at(url: str, target: UrlTarget) -> bool:
    try:
        actual = _parsed(url, _NO_HOST)
        if target.type == "regex":
            path = actual._replace(scheme="", netloc="").geturl()
            pattern = compiled(target.pattern)
            return bool(pattern.search(actual.geturl()) or pattern.search(path))
        return target.type == "simple" and _is_like(actual, target.pattern)
    except (re.error, ValueError, OverflowError):
        return False


def _is_like(actual: SplitResult, pattern: str) -> bool:
    expected = _parsed(_HOST_FIRST.sub(r"https://\1.", pattern).replace("*", _WILD), f"https://{_WILD}")
    parts = [(actual.netloc, expected.netloc), (actual.path.strip("/"), expected.path.strip("/"))]
    if expected.fragment:
        parts.append((actual.fragment, expected.fragment))
    query = dict(reversed(parse_qsl(actual.query, keep_blank_values=True)))
    wanted = parse_qsl(expected.query, keep_blank_values=True)
    parts += [(query.get(name, ""), value) for name, value in wanted]
    return all(_part_is_like(said, like) for said, like in parts)


def _part_is_like(said: str, like: str) -> bool:
    pattern = _SPECIAL.sub(r"\\\g<0>", like).replace(_WILD, ".*")
    return re.fullmatch(pattern, said, re.IGNORECASE) is not None


def _parsed(url: str, beside: str) -> SplitResult:
    parts = urlsplit(urljoin(beside, url))
    return parts._replace(netloc=parts.netloc.lower(), path=parts.path or "/")
