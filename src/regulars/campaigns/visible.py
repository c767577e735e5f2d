"""What a person sees of an HTML message: its text, the words of its pictures, and where its links lead."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

_BLOCKS = frozenset({
    "address", "article", "blockquote", "body", "br", "center", "dd", "div", "dl", "dt", "fieldset", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "option", "p", "pre", "section",
    "select", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
})
_EMPTY = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_MARKUP = re.compile(
    r"""<!--.*?(?:-->|\Z)
    | <(style|script|head|title|noscript|template|xml)\b.*?</\1\s*>
    | <(/?)([a-z][\w:-]*(?![\w:-]))((?:[^<>"']*(?:"[^"]*"|'[^']*'))*[^<>"']*)>
    | </?[a-z!?][^>]*>""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
"""Without possessive repeats: Python 3.11.2 lets some match what they do not, and text is taken for markup."""

_ATTRIBUTE = re.compile(r"""\b(href|alt|style)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.IGNORECASE)
_SPACE = r"[ \t\r\f\v\xa0\u200b\u200c\ufeff\u00ad\u034f]"
_SPACES = re.compile(rf"{_SPACE}(?:{_SPACE}+|(?<! ))")
"""Spaces that are not one blank already: most are, and to replace each by itself took a tenth of the time."""


def visible(html: str, *, is_linked: bool = False) -> str:
    """Return what a person sees of HTML, however badly it is written: a line per block, pictures as their words.

    Args:
        html: A document or a piece of one.
        is_linked: Whether the text says the address of each link behind its words.

    """
    page = _Page(is_linked=is_linked)
    # At once: text, then of each sign of markup what it hides as a whole, "/", its tag, the rest of it, and text again.
    parts = _MARKUP.split(html)
    page.say(parts[0])
    for slash, tag, rest, text in zip(parts[2::5], parts[3::5], parts[4::5], parts[5::5], strict=True):
        if tag:
            page.meet(tag.lower(), rest, is_end=bool(slash))
        if text:
            page.say(text)
    lines = [line.strip() for line in _SPACES.sub(" ", "".join(page.pieces)).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def looks_like_html(text: str) -> bool:
    """Tell HTML from plain text by its first tags."""
    return re.search(r"<\s*(!doctype|html|head|body|table|div|p|br|a\s|img|span|center|font)\b", text[:20_000],
                     re.IGNORECASE) is not None


@dataclass(slots=True)
class _Page:
    """A page as far as it was read."""

    is_linked: bool
    pieces: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)     # open elements of the kind that hides, innermost last
    link: tuple[str, int] | None = None                  # address of the open link, and where its words begin

    def say(self, text: str) -> None:
        if text and not self.hidden:
            self.pieces.append((unescape(text) if "&" in text else text).replace("\n", " "))

    def meet(self, tag: str, rest: str, *, is_end: bool) -> None:
        if self.hidden:
            self._meet_hidden(tag, rest, is_end=is_end)
            return
        if tag in _BLOCKS:
            self.pieces.append("\n")
        is_link = tag == "a" and self.is_linked
        if is_end:
            if is_link:
                self._end_link()
            return
        if "=" not in rest or (tag != "img" and not is_link and not _may_hide(rest)):
            return
        said = {name.lower(): unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(rest)}
        if tag not in _EMPTY and not rest.endswith("/") and _HIDING.search(said.get("style", "")):
            self.hidden.append(tag)
        elif tag == "img" and said.get("alt", "").strip():
            self.pieces.append(f" {said['alt']} ")
        elif is_link and said.get("href", "").strip():
            self._end_link()
            self.link = (said["href"].strip(), len(self.pieces))

    def _meet_hidden(self, tag: str, rest: str, *, is_end: bool) -> None:
        """Wait for the end of what hides: only elements of its kind count."""
        if tag != self.hidden[-1] or rest.endswith("/"):
            return
        if is_end:
            self.hidden.pop()
        else:
            self.hidden.append(tag)

    def _end_link(self) -> None:
        if self.link is None:
            return
        url, start = self.link
        self.link = None
        words = _SPACES.sub(" ", "".join(self.pieces[start:]).replace("\n", " ")).strip()
        if words and words != url and not url.startswith("#"):
            self.pieces.append(f" ({url.removeprefix('mailto:')})")


def _may_hide(rest: str) -> bool:
    """Tell whether `_HIDING` may be found, without looking: written in entities it is seen only when they are read."""
    low = rest.lower()
    return "style" in low and ("none" in low or "hid" in low or "&" in low)
