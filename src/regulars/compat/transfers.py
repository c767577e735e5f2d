"""Passes that one person bought and another used."""

from __future__ import annotations

import ibis.expr.types as ir

from regulars.compat.material import GYM, Material
from regulars.compat.memberships import CUSTOMERS
from regulars.events.event import TRANSFERS


def pass_transfers(material: Material) -> ir.Table:
    """Return the passes that somebody else than the purchaser used. One row per check-in.

    Columns:
        checkin_id: Capitan's.
        checkin_datetime: business time.
        transfer_type: entry_pass or guest_pass.
        pass_type: what the pass is called.
        purchaser_name: as the text of the check-in has it.
        user_customer_id: Capitan's id of who came in.
        user_first_name: as Capitan has it.
        user_last_name: as Capitan has it.
        remaining_count: visits left on the pass after this one; empty when the text does not say.
        is_punch_pass: flag: a pass for several visits, by the words of transfers.yaml.
        is_youth_pass: flag: a pass for children, likewise.
        entry_method: ENT or GUE.
        location_name: text.
        purchaser_customer_id: Capitan's id of who bought the pass; empty when that is not sure.
        match_method: the evidence, strongest first and joined by plus signs; ambiguous: several customers have the
            name; unknown: nobody has.
        match_confidence: 0 to 100; of an ambiguous one that of the likeliest; empty when nobody has the name.
        user_master_customer_id: our id of who came in.
        purchaser_master_customer_id: our id of who bought the pass.
        candidates: our ids of all customers of that name, likeliest first, joined by commas.

    Differs from the reference:
        Two customers of one name are told apart by what they bought, used and where they were, or not at all. A
        two-week pass is no punch pass. Who is named on his own check-in used his own pass: no row. The three last
        columns are ours.
    """
    rows = material.table(TRANSFERS)
    rows = rows.filter(rows.profile_source == GYM)
    who = material.optional(CUSTOMERS, {"id": "string", "first_name": "string", "last_name": "string"})
    rows = rows.left_join(who, rows.user_profile_id == who.id)
    return rows.select(
        "checkin_id", "checkin_datetime", "transfer_type", "pass_type", "purchaser_name",
        user_customer_id=rows.user_profile_id, user_first_name=rows.first_name, user_last_name=rows.last_name,
        remaining_count=rows.remaining_count, is_punch_pass=rows.is_punch_pass, is_youth_pass=rows.is_youth_pass,
        entry_method=rows.entry_method, location_name=rows.location_name,
        purchaser_customer_id=rows.purchaser_profile_id, match_method=rows.match_method,
        match_confidence=rows.match_confidence, user_master_customer_id=rows.user_customer_id,
        purchaser_master_customer_id=rows.purchaser_customer_id, candidates=rows.candidates,
    )
