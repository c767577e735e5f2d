"""Families: who is whose parent or guardian."""

from __future__ import annotations

import ibis.expr.types as ir

from regulars.compat.material import Material


def family_relationships(material: Material) -> ir.Table:
    """Return who is whose parent or guardian, grown children too. One row per parent and child.

    Columns:
        parent_customer_id: our id of the parent or guardian.
        child_customer_id: our id of the child.
        relationship_type: parent where a source says so; guardian where it does, or a contract or contact suggests it.
        confidence: high (a source says so), medium (one contract, or its address), low (one contact and one surname).
        source: the stream that says so, or profiles for contacts.

    Differs from the reference:
        A relation that cannot be meant (oneself, a minor as a parent, two as each other's parent) is not here but in
        quarantine. Ids are ours, so that parents without a gym account are here too.
    """
    rows = material.table("family_links")
    return rows.select(
        "confidence", "source", parent_customer_id=rows.guardian_customer_id, child_customer_id=rows.child_customer_id,
        relationship_type=rows.relationship,
    ).select("parent_customer_id", "child_customer_id", "relationship_type", "confidence", "source")
