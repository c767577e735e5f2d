"""A pass use: a check-in on a pass or as a guest, read out of typed records by what the business says of transfers."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from regulars.check import did_you_mean
from regulars.connections.transfer import TransferRules
from regulars.errors import DeclarationError
from regulars.events.money import LINE
from regulars.identity.name import normalise_names
from regulars.records import quarantine
from regulars.records.formula import Formula
from regulars.records.formula_functions import as_words, word_pattern

PASS_USE = ibis.schema({
    "source": "string", "stream": "string", "record_key": "string", "checkin_id": "string",
    "checkin_datetime": "timestamp", "checkin_datetime_day": "date", "transfer_type": "string", "pass_type": "string",
    "purchaser_name": "string", "profile_source": "string", "user_profile_id": "string", "remaining_count": "int64",
    "is_punch_pass": "boolean", "is_youth_pass": "boolean", "entry_method": "string", "location_name": "string",
    "recorded_at": "timestamp",
})
"""One row a check-in on a pass or as a guest. Who used his own has no purchaser_name. Times are UTC.

checkin_id is the record's key (with its position, where a record holds several check-ins), transfer_type one of
`transfer.KINDS`, remaining_count what is left of the pass after this use, null where the text does not say.
"""

READ = ibis.schema({"text": "string", "reason": "string", "seq": "int64"})
"""What reading adds to a pass use: the text with single spaces, why it does not read, and in which segment it came."""

PURCHASER_KEY = "purchaser_key"
"""Column of a pass use that was taken: the purchaser's name as profiles have it, made comparable."""

_COUNT = r"(?i)^(.*?) ?\( ?([0-9]{1,9}) remaining ?\)$"
_SHARED = r"(?i)^(.*\S) from (\S.*)$"


def check(rules: TransferRules, schema: ibis.Schema) -> None:
    """Check the rules against the stream's typed columns and the ledger. Raises DeclarationError with the path."""
    if rules.when not in schema.names:
        hint = did_you_mean(rules.when, [name for name, kind in schema.items() if kind.is_timestamp()])
        raise DeclarationError(f"there is no field {rules.when!r}", hint=hint, path=("when",))
    if not schema[rules.when].is_timestamp():
        raise DeclarationError(f"{rules.when!r} is no time", hint="declare it timestamp", path=("when",))
    for formula in (rules.who, rules.text, rules.method, rules.location):
        if formula is not None and not formula.kind(schema).is_string():
            raise DeclarationError(f"{formula.text!r} is no text", hint="text(…) makes it one", path=formula.path)
    conditions = [(formula, schema) for formula in rules.kinds.values()]
    for formula, columns in conditions + ([(rules.bought, LINE)] if rules.bought else []):
        if not formula.kind(columns).is_boolean():
            hint = "compare it with something"
            raise DeclarationError(f"{formula.text!r} is no condition", hint=hint, path=formula.path)


def pass_uses(records: ir.Table, rules: TransferRules) -> ir.Table:
    """Read the check-ins on passes out of typed records of the rules' stream.

    Returns PASS_USE and READ. Where `reason` says that a text speaks of a pass somebody bought and does not read as
    one, the rest of the row is not to be used: `taken` parts these rows from the others.
    """
    told = _told(records, rules)
    told = told.filter(told.transfer_type.notnull(), told.text.notnull(), told.text != "")
    count = told.text.re_extract(_COUNT, 2).nullif("")
    body = ibis.ifelse(count.notnull(), told.text.re_extract(_COUNT, 1), told.text)
    told = told.mutate(remaining_count=count.cast("int64"), body=body)
    named = [name.casefold() for name in rules.named_from]
    own = told.body.lower().isin(named) if named else ibis.literal(False)
    told = told.mutate(
        is_own=own | ~told.body.re_search(r"(?i)(^| )from( |$)"), first=told.body.re_extract(_SHARED, 1).nullif(""),
        last=told.body.re_extract(_SHARED, 2).nullif(""),
    )
    return _shaped(told.mutate(reason=_reason(told)), rules)


def taken(read: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the pass uses (PASS_USE and purchaser_key, the name made comparable), and the rows that did not read."""
    is_good = pc.is_null(read["reason"])
    good = read.filter(is_good).select(PASS_USE.names)
    key = normalise_names(good["purchaser_name"].combine_chunks())
    return good.append_column(PURCHASER_KEY, key), read.filter(pc.invert(is_good))


def refused(rows: ir.Table, rules: TransferRules) -> ir.Table:
    """Return quarantine rows, of the stage "transfers", of pass uses that did not read."""
    return quarantine.shaped(
        rows.mutate(payload=ibis.null("string"), fingerprint=rows.record_key), source=rows.source, stream=rows.stream,
        reason=rows.reason, field=ibis.literal(rules.text.text), value=rows.text,
    )


def _told(records: ir.Table, rules: TransferRules) -> ir.Table:
    """Return what the rules' formulas say of each check-in, the text with single spaces."""
    text = rules.text.column(records).replace("\u00a0", " ").re_replace(r"\s+", " ").strip()
    return records.select(
        "record_key", "record_n", "recorded_at", "seq", text=text,
        transfer_type=ibis.cases(*((formula.column(records), name) for name, formula in rules.kinds.items())),
        profile_source=ibis.literal(rules.stream.partition(".")[0]), user_profile_id=rules.who.column(records),
        at=records[rules.when], day=records[f"{rules.when}_day"],
        entry_method=_optional(rules.method, records), location_name=_optional(rules.location, records),
    )


def _reason(told: ir.Table) -> ir.Value:
    has_letters = told["last"].re_search(r"\p{L}").fill_null(False)
    return ibis.cases(
        (told.body.re_search(r"(?i)(^|[^\p{L}])remaining[^\p{L}\p{N}]*$"), "unread_remaining"),
        (told.is_own, ibis.null("string")),
        (told["first"].isnull() & told.body.re_search(r"(?i)^from "), "no_pass"),
        (~has_letters, "no_purchaser"),
    )


def _shaped(told: ir.Table, rules: TransferRules) -> ir.Table:
    number = ibis.ifelse(told.record_n == 0, "", ibis.literal("|") + told.record_n.cast("string"))
    pass_type = ibis.ifelse(told.is_own, told.body, told["first"])
    words = {"is_punch_pass": rules.punch, "is_youth_pass": rules.youth}
    return told.select(
        source=told.profile_source, stream=ibis.literal(rules.stream.partition(".")[2]), record_key=told.record_key,
        checkin_id=told.record_key + number, checkin_datetime=told["at"], checkin_datetime_day=told["day"],
        transfer_type=told.transfer_type, pass_type=pass_type,
        purchaser_name=ibis.ifelse(told.is_own, ibis.null("string"), told["last"]),
        profile_source=told.profile_source, user_profile_id=told.user_profile_id,
        remaining_count=told.remaining_count,
        **{name: as_words(pass_type).re_search(word_pattern(each)) if each else ibis.literal(False)
           for name, each in words.items()},
        entry_method=told.entry_method, location_name=told.location_name, recorded_at=told.recorded_at, text=told.text,
        reason=told.reason, seq=told.seq,
    ).cast(ibis.schema({**PASS_USE, **READ}))


def _optional(formula: Formula | None, records: ir.Table) -> ir.Value:
    return ibis.null("string") if formula is None else formula.column(records)
