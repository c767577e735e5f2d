"""A postal address as people write it, made comparable: of whom one says the same as of another may be one home."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from regulars.identity.name import folded, stripped
from regulars.identity.profile import KEY

TOLD = ("address", "postcode", "city")
"""The traits that a home is read from."""

HOMES = pa.schema([(name, pa.string()) for name in (*KEY, "home")])
"""One row a profile whose home is known; home is a text that is equal for equal addresses."""

SHORT = {
    "street": "st", "avenue": "ave", "av": "ave", "road": "rd", "drive": "dr", "lane": "ln", "boulevard": "blvd",
    "court": "ct", "place": "pl", "circle": "cir", "terrace": "ter", "trail": "trl", "highway": "hwy",
    "parkway": "pkwy", "square": "sq", "north": "n", "south": "s", "east": "e", "west": "w",
    "apartment": "", "apt": "", "unit": "", "suite": "", "ste": "", "no": "", "number": "",
}
"""Words of addresses that are as often written short, and those that say no more than the number behind them."""


def homes(profiles: pa.Table) -> pa.Table:
    """Return HOMES of profiles with any of the traits TOLD: street, number and postcode, or city where that is missing.

    An address without a number, or without a place, is nobody's home: there are many Main Streets.
    """
    kept = profiles.filter(pc.is_valid(_told(profiles, "address")))
    street = stripped(folded(_told(kept, "address")))
    for word, short in SHORT.items():
        street = pc.replace_substring_regex(street, rf"\b{re.escape(word)}\b", short)
    street = pc.utf8_trim_whitespace(pc.replace_substring_regex(street, r"\s+", " "))
    # The four digits behind an American postcode are often left out.
    code = pc.replace_substring_regex(folded(_told(kept, "postcode")), r"^([0-9]{5})-[0-9]{4}$", r"\1")
    place = pc.coalesce(pc.replace_substring_regex(code, r"[\s-]", ""), stripped(folded(_told(kept, "city"))))
    home = pc.binary_join_element_wise(street, place, ", ")
    is_known = pc.and_kleene(pc.match_substring_regex(street, "[0-9]"), pc.is_valid(home)).fill_null(False)
    columns = [*(kept[name].combine_chunks() for name in KEY), home]
    return pa.table([column.filter(is_known) for column in columns], HOMES.names).cast(HOMES)


def _told(profiles: pa.Table, trait: str) -> pa.Array:
    if trait in profiles.column_names:
        return profiles[trait].combine_chunks()
    return pa.nulls(len(profiles), pa.string())
