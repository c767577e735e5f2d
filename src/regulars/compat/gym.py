"""What the gym's own system says, table by table, in the reference's columns."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regulars.compat.material import GYM, Material
from regulars.compat.memberships import CUSTOMERS
from regulars.compat.visits import CHECK_INS

ASSOCIATIONS = f"records.{GYM}.associations"
ASSOCIATION_MEMBERS = f"records.{GYM}.association_members"
EVENTS = f"records.{GYM}.events"
EVENT_PARTS = f"records.{GYM}.event_parts"


def customers(material: Material) -> ir.Table:
    """Return Capitan's customers. One row per customer of Capitan.

    Columns:
        id: Capitan's.
        email: as Capitan has it.
        telephone: as Capitan has it.
        first_name: as Capitan has it.
        last_name: as Capitan has it.
        preferred_name: as Capitan has it.
        birthday: date.
        has_opted_in_to_marketing: flag; no consent for text messages.
        has_active_membership: flag.
        active_waiver_exists: flag.
        latest_waiver_expiration_date: date.
        created_at: business time.
        master_customer_id: our id of the person.
    """
    return material.with_master(material.table(CUSTOMERS), "id").select(
        "id", "email", "telephone", "first_name", "last_name", "preferred_name", "birthday",
        "has_opted_in_to_marketing", "has_active_membership", "active_waiver_exists", "latest_waiver_expiration_date",
        "created_at", "master_customer_id",
    )


def checkins(material: Material) -> ir.Table:
    """Return every check-in. One row per check-in.

    Columns:
        checkin_id: Capitan's.
        customer_id: Capitan's id of the person.
        customer_first_name: as it was at the door.
        customer_last_name: as it was at the door.
        customer_email: as it was at the door.
        customer_birthday: date.
        checkin_datetime: business time.
        entry_method: MEM, ENT, FRE, GUE or EVE.
        entry_method_description: text.
        location_id: Capitan's.
        location_name: text.
        free_entry_reason: text.
        check_in_count: the person's how manieth.
        created_at: business time.
    """
    return material.table(CHECK_INS).select(
        "customer_id", "customer_first_name", "customer_last_name", "customer_email", "customer_birthday",
        "entry_method", "location_id", "location_name", "free_entry_reason", "check_in_count", "created_at",
        checkin_id="id", checkin_datetime="checked_in_at", entry_method_description="description",
    ).select(
        "checkin_id", "customer_id", "customer_first_name", "customer_last_name", "customer_email",
        "customer_birthday", "checkin_datetime", "entry_method", "entry_method_description", "location_id",
        "location_name", "free_entry_reason", "check_in_count", "created_at",
    )


def associations(material: Material) -> ir.Table:
    """Return the groups that customers can belong to. One row per association.

    Columns:
        id: Capitan's.
        name: text.
        verification_requirements: text.
        automatic_removal_interval_months: whole months.
        reverification_period_days: days.
        membership_expiration_age: years.
        num_members: as Capitan counts them.
        created_at: business time.
        updated_at: business time.
    """
    return material.table(ASSOCIATIONS).select(
        "id", "name", "verification_requirements", "automatic_removal_interval_months", "reverification_period_days",
        "membership_expiration_age", "num_members", "created_at", "updated_at",
    )


def association_members(material: Material) -> ir.Table:
    """Return who belongs to which group. One row per person and association.

    Columns:
        id: Capitan's.
        association_id: Capitan's.
        association_name: text.
        customer_id: Capitan's id of the person.
        approved_at: business time.
        last_reverified_at: business time.
        is_pending_reverification: flag.
        next_automatic_removal_datetime: business time.
        created_at: business time.
        updated_at: business time.
    """
    rows = material.table(ASSOCIATION_MEMBERS)
    return rows.select(
        "id", "association_id", "association_name", "customer_id", "approved_at", "last_reverified_at",
        "is_pending_reverification", next_automatic_removal_datetime=rows.next_automatic_removal_at,
        created_at=rows.created_at, updated_at=rows.updated_at,
    )


def events(material: Material) -> ir.Table:
    """Return classes, camps and parties of the gym's calendar. One row per part of an event.

    Columns:
        event_id: Capitan's.
        event_type_id: Capitan's.
        event_type_name: text.
        part: which part of the event, from 1; a camp has several; empty when it has none yet.
        parts: how many the event has.
        start_datetime: business time.
        end_datetime: business time.
        capacity: places.
        num_reservations: places taken.
        is_cancelled: flag.
        location_id: Capitan's.
        location_name: text.
        created_at: business time.

    Differs from the reference:
        All parts of an event are here, not the first alone.
    """
    times = material.optional(
        EVENT_PARTS, {"event_id": "string", "starts_at": "timestamp", "ends_at": "timestamp"}
    )
    place = ibis.row_number().over(group_by="event_id", order_by="starts_at") + 1
    times = times.mutate(part=place, parts=times.count().over(group_by="event_id"))
    rows = material.table(EVENTS)
    rows = rows.left_join(times, rows.id == times.event_id)
    return rows.select(
        event_id=rows.id, event_type_id=rows.event_type_id, event_type_name=rows.event_type_name, part=rows.part,
        parts=rows.parts.fill_null(0), start_datetime=rows.starts_at, end_datetime=rows.ends_at,
        capacity=rows.capacity, num_reservations=rows.num_reservations, is_cancelled=rows.is_cancelled,
        location_id=rows.location_id, location_name=rows.location_name, created_at=rows.created_at,
    )
