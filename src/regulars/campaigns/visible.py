"""What a person sees of an HTML message: its text, the words of its pictures, and where its links lead."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_BLOCKS = frozenset({
    "address", "article", "blockquote", "body", "br", "center", "dd", "div", "dl", "dt", "fieldset", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "option", "p", "pre", "section",
    "select", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
})
_UNSEEN = frozenset({"head", "script", "style", "template", "title", "noscript", "xml"})
_EMPTY = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\f\v\xa0\u200b\u200c\ufeff\u00ad\u034f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link of a message."""

    url: str
    words: str                               # what the reader sees of it; the words of its picture, if it is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """A message as its reader sees it."""

    text: str                                # a line per block; pictures as their words
    links: tuple[Link, ...]                  # in order


def visible(html: str, *, is_linked: bool = False, is_preheader_kept: bool = False) -> Visible:
    """Return what a person sees of HTML, however badly it is written.

    Args:
        html: A document or a piece of one.
        is_linked: Whether the text says the address of each link behind its words.
        is_preheader_kept: Whether text that only the list of messages shows counts as seen.

    """
    reader = _Reader(is_linked=is_linked, is_all_kept=is_preheader_kept)
    reader.feed(html)
    reader.close()
    lines = [_SPACES.sub(" ", line).strip() for line in "".join(reader.pieces).split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return Visible(text=text, links=tuple(reader.links))


def looks_like_html(text: str) -> bool:
    """Tell HTML from plain text by its first tags."""
    return re.search(r"<\s*(!doctype|html|head|body|table|div|p|br|a\s|img|span|center|font)\b", text[:20_000],
                     re.IGNORECASE) is not None


@dataclass(slots=True)
class _Open:
    """An element that was opened and not closed yet."""

    tag: str
    is_hidden: bool
    url: str = ""
    start: int = 0                           # where its pieces begin


@dataclass(slots=True, eq=False)
class _Reader(HTMLParser):
    """Gathers what is seen. Unclosed elements are closed by the one around them, as browsers do."""

    is_linked: bool
    is_all_kept: bool
    pieces: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)

    def __post_init__(self) -> None:
        super(_Reader, self).__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag in _BLOCKS:
            self.pieces.append("\n")
        if tag == "img" and not self._is_hidden() and said.get("alt", "").strip():
            self.pieces.append(f" {said['alt']} ")
        if tag in _EMPTY:
            return
        hidden = tag in _UNSEEN or (not self.is_all_kept and _HIDING.search(said.get("style", "")) is not None)
        self.stack.append(_Open(tag=tag, is_hidden=hidden, url=said.get("href", "").strip(), start=len(self.pieces)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not any(opened.tag == tag for opened in self.stack):
            return
        while self.stack:
            opened = self.stack.pop()
            if opened.tag == "a" and opened.url:
                self._end_link(opened)
            if opened.tag == tag:
                break
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._is_hidden():
            self.pieces.append(data.replace("\n", " "))

    def _is_hidden(self) -> bool:
        return any(opened.is_hidden for opened in self.stack)

    def _end_link(self, opened: _Open) -> None:
        words = _SPACES.sub(" ", "".join(self.pieces[opened.start:]).replace("\n", " ")).strip()
        self.links.append(Link(url=opened.url, words=words))
        if self.is_linked and words and words != opened.url and not opened.url.startswith("#"):
            self.pieces.append(f" ({opened.url.removeprefix('mailto:')})")
