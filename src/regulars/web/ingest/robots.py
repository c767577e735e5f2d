"""Which events a machine made: known by what its browser calls itself. They are marked, never thrown away."""

from __future__ import annotations

import re
from functools import lru_cache

_NAMES = re.compile(
    r"bot\b|bot[/;_ -]|crawl|spider|slurp|headless|phantomjs|puppeteer|playwright|lighthouse|facebookexternalhit|"
    r"bingpreview|pingdom|uptime|monitor(ing)?\b|scrap(er|y)|archiver|preview\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def is_robot(user_agent: str) -> bool:
    """Return whether this is how a crawler, a monitor or a browser without a person calls itself."""
    return _NAMES.search(user_agent) is not None
