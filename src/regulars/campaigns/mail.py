"""An e-mail made ready for mail programs: MJML to HTML, styles inlined, a plain text beside it, headers to leave by."""

from __future__ import annotations

import html as html_text
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from urllib.parse import urlsplit

from regulars.campaigns.visible import visible
from regulars.errors import DeclarationError
from regulars.later import css_inline, mrml

_TOKEN = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
# Letters only: MRML writes other characters of an attribute as escapes of its own language.
_MARK = re.compile("qLiQ([0-9]+)QiLq")


@cache
def _inliner() -> css_inline.CSSInliner:
    # Nothing is ever fetched for a template: a remote style sheet would be a request to wherever it says.
    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, keep_at_rules=True)


@lru_cache(maxsize=64)
def finished(source: str) -> str:
    """Return HTML with its styles inlined, made from MJML if that is what it is. Liquid in it is kept as it stands.

    Raises DeclarationError for MJML that cannot be read, and for Liquid that would be lost with what holds it.
    """
    marked, tokens = _marked(source)
    page = _from_mjml(marked) if re.match(r"\s*(<\?xml.*?\?>\s*)?<mjml\b", marked, re.DOTALL) else marked
    try:
        page = _inliner().inline(page)
    except css_inline.InlineError as error:
        raise DeclarationError(f"the styles cannot be inlined: {error}", hint="look at its <style>") from error
    lost = sorted(set(range(len(tokens))) - {int(n) for n in _MARK.findall(page)})
    if lost:
        raise DeclarationError(
            f"{tokens[lost[0]]} stands where MJML keeps nothing", hint="put it inside mj-raw, mj-text or an attribute"
        )
    return _unmarked(page, tokens)


def plain_twin(html: str) -> str:
    """Return the text for those who read no HTML, with the address of each link behind its words.

    Liquid in it is kept, and reads the same: what HTML writes as `&amp;` is `&` again.
    """
    marked, tokens = _marked(html)
    return _unmarked(visible(marked, is_linked=True), tokens)


def unsubscribe_headers(url: str, *, mailto: str | None = None) -> Mapping[str, str]:
    """Return the headers that let a mail program offer to leave with one click.

    Args:
        url: Where a POST unsubscribes, and a GET only asks; https.
        mailto: An address that takes the wish by mail, for programs that know nothing else.

    Raises ValueError for an address that is not https or could break the header.
    Source: RFC 2369 (List-Unsubscribe), RFC 8058 (List-Unsubscribe-Post, https required, both headers signed by DKIM).

    """
    if urlsplit(url).scheme != "https":
        raise ValueError(f"one-click unsubscribing needs https, not {url!r}")
    if re.search(r"[<>,\s]", url + (mailto or "")):
        raise ValueError(f"{url!r} cannot stand in a header")
    ways = [f"<{url}>"] + ([f"<mailto:{mailto}?subject=unsubscribe>"] if mailto else [])
    return {"List-Unsubscribe": ", ".join(ways), "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _marked(source: str) -> tuple[str, list[str]]:
    """Put a word in place of each Liquid token: what HTML makes of quotes and signs would break it."""
    tokens = _TOKEN.findall(source)
    numbers = iter(range(len(tokens)))
    return _TOKEN.sub(lambda _: f"qLiQ{next(numbers)}QiLq", source), tokens


def _unmarked(text: str, tokens: list[str]) -> str:
    return _MARK.sub(lambda found: tokens[int(found[1])], text)


def _from_mjml(source: str) -> str:
    try:
        page = mrml.to_html(source, parser_options=mrml.ParserOptions(include_loader=mrml.noop_loader()))
    except OSError as error:
        raise DeclarationError(f"not MJML: {html_text.unescape(str(error))}", hint="look at that element") from error
    return str(page.content)
