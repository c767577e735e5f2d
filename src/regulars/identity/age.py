"""How old somebody is on a day, and who is a minor: worked out when asked, never stored."""

from __future__ import annotations

from datetime import date

from regulars.later import ibis, ir, np, pa

ADULT_AT = 18
"""Years."""


def age_on(birthday: ir.Value, on: date) -> ir.Value:
    """Return whole years from the birthday to a day; missing without a birthday. Of 29 February: on 1 March."""
    born, day = birthday.cast("date"), ibis.literal(on)
    this_year = born.month() * 100 + born.day() > day.month() * 100 + day.day()
    return (day.year() - born.year()) - this_year.ifelse(1, 0)


def is_minor_on(birthday: ir.Value, has_parent: ir.Value, on: date) -> ir.Value:
    """Return whether customers are minors on a day; never missing.

    Who has no birthday, or one that is still to come, is taken for a minor only when a parent or guardian is on file:
    a child must not be written to because a form was left empty.
    """
    age = age_on(birthday, on)
    is_known = (age >= 0).fill_null(False)
    return is_known.ifelse(age < ADULT_AT, has_parent.fill_null(False))


def changes_role(birthday: ir.Value, *, after: date, until: date) -> ir.Value:
    """Return whether somebody was born or came of age after a day and until another; false without a birthday."""
    before, now = age_on(birthday, after), age_on(birthday, until)
    is_other = ((before >= 0) != (now >= 0)) | ((before < ADULT_AT) != (now < ADULT_AT))
    return is_other.fill_null(False)


def next_change_of_age(birthdays: pa.Array | pa.ChunkedArray, on: date) -> date | None:
    """Return the first day after a day on which somebody is born or comes of age; None when nobody will."""
    born = birthdays.drop_null().cast(pa.date32()).to_numpy(zero_copy_only=False).astype("datetime64[D]")
    month = born.astype("datetime64[M]")
    # Months and days apart, so that a 29 February becomes a 1 March where there is none.
    grown = (month + 12 * ADULT_AT).astype("datetime64[D]") + (born - month.astype("datetime64[D]"))
    days = np.concatenate([born, grown])
    later = days[days > np.datetime64(on)]
    return later.min().astype(object) if len(later) else None
