"""How sure it is who a profile is: the tier of each profile, exact, medium, low or unmatched."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regulars.identity.evidence import ALONE, FIRST, LIKELY, WORDS
from regulars.identity.profile import KEY

TIERS = ("exact", "medium", "low", "unmatched")
"""The surest first. Exact: a ruling, `same_as` or a contact holds the profile in its customer. Medium: likeness does.
Low: nothing does, and a person is asked about it. Unmatched: it is alone, and nobody asks."""


def tiers(identity: ir.Table, matches: ir.Table) -> ir.Table:
    """Return the tier of each profile. One row a profile: profile_source, profile_id, customer_id, tier.

    A customer's first profile is as sure as the surest of those that follow it.

    Args:
        identity: profile_source, profile_id, customer_id, evidence.
        matches: Pairs that are likely one person (`matching.MATCHES`).

    """
    named = [
        matches.select(profile_source=matches[f"{side}_source"], profile_id=matches[f"{side}_id"])
        for side in ("left", "right")
    ]
    asked = ibis.union(*named, distinct=True).mutate(is_asked=ibis.literal(True))
    rows = identity.left_join(asked, list(KEY)).drop([f"{name}_right" for name in KEY])
    is_likely, is_first = rows.evidence.startswith(WORDS[LIKELY]), rows.evidence == WORDS[FIRST]
    is_exact = ~is_likely & ~is_first & (rows.evidence != WORDS[ALONE])
    tier = ibis.cases(
        ((rows.evidence == WORDS[ALONE]) & rows.is_asked.fill_null(False), "low"),
        (rows.evidence == WORDS[ALONE], "unmatched"),
        (is_likely | (is_first & ~is_exact.any().over(group_by="customer_id")), "medium"),
        else_="exact",
    )
    return rows.select(*KEY, "customer_id", tier=tier)
