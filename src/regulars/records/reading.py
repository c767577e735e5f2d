"""How one field is read: strictly, from the text of a payload to a typed value, or a reason why not.

Reading goes in layers so that nothing is computed twice: texts, then moments, then values, then reasons. Each layer is
a mapping of column name to SQL over the columns of the layers before. A colon in a name keeps it apart from fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import ibis.expr.datatypes as dt

from regulars.records.border import literal, quoted
from regulars.records.record import Field

TYPES: Mapping[str, dt.DataType] = {
    "id": dt.string, "text": dt.string, "json": dt.string, "integer": dt.int64, "money": dt.int64,
    "decimal": dt.Decimal(18, 6), "boolean": dt.boolean, "timestamp": dt.timestamp, "date": dt.date,
}
"""The column type of each field type. Timestamps are naive UTC in microseconds."""

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
_OFFSET = r" ?([Zz]|[+-][0-9]{2}:?([0-9]{2})?)"
_LOCAL, _ZONED, _DATED = f"^{_DAY}({_TIME})?$", f"^{_DAY}{_TIME}{_OFFSET}$", f"^{_DAY}({_TIME}({_OFFSET})?)?$"
_LOCAL_PART = f"^({_DAY}{_TIME})"
_NUMBER = r"[0-9]+|[0-9]{1,3}(,[0-9]{3})+"
_DECIMAL = rf"^[+-]?({_NUMBER})?([.][0-9]*)?([eE][+-]?[0-9]+)?$"
_MONEY = rf"^[+-]?[$£€]?({_NUMBER})?([.][0-9]*)?$"
_WHOLE_MONEY = "^-?[0-9]{1,12}$"
_WHOLE_UNIX, _BROKEN_UNIX = "^-?[0-9]{1,15}$", "^-?[0-9]{1,15}[.][0-9]+$"
_RARE, _ENDS = r"[\t\r\n\x{A0}]", r"^[\s\x{A0}]+|[\s\x{A0}]+$"
_FLOAT, _WHOLE = r"^(-?[0-9]+)[.]0+$", r"\1"
_NEGATIVE = "-[0-9]{2}:?([0-9]{2})?$"
_UNIX_FROM, _UNIX_TO = -2_208_988_800, 7_258_118_400      # 1900 and 2200: what lies outside is no time of a business
_EARLIEST, _LATEST = "1900-01-01", "2200-01-01"
_UNIX_FORMATS = {"unix": 1, "unix_ms": 1000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """What reading needs to know about the business."""

    zone: str                                # IANA name: the business day is this zone's
    minor_digits: int = 2                    # of the business currency: 2 for USD, 0 for JPY


def wants_json(field: Field) -> bool:
    """Say whether a field must see JSON, to tell the number 1700000000 from the text "1700000000"."""
    return field.type in {"timestamp", "date", "json"}


def texts(fields: Iterable[Field], raw: Mapping[str, str]) -> dict[str, str]:
    """First layer: `text:<name>`, trimmed, null when empty; `number:<name>` for times: it is a JSON number."""
    columns: dict[str, str] = {}
    for field in fields:
        text = raw[field.name]
        if field.type == "json":
            columns[f"text:{field.name}"] = f"nullif(nullif({text}, 'null'), '\"\"')"
        elif wants_json(field):
            bare = trimmed(f"replace({text}, '\"', '')")
            columns[f"text:{field.name}"] = f"nullif({bare}, 'null')"
            columns[f"number:{field.name}"] = f"not starts_with({text}, '\"')"
        else:
            columns[f"text:{field.name}"] = trimmed(text)
    return columns


def written_times(fields: Iterable[Field]) -> dict[str, str]:
    """Second layer, for timestamps: `local:<name>`, without an offset, and `utc:<name>`, with one."""
    columns: dict[str, str] = {}
    for field in (field for field in fields if field.type == "timestamp"):
        text, is_number = quoted(f"text:{field.name}"), quoted(f"number:{field.name}")
        local = [_when(f"{_like(text, _LOCAL)} and not {is_number}", f"try_cast({text} as timestamp)")]
        utc = [_when(is_number, _unix(text, 1)),
               _when(_like(text, _ZONED), _with_offset(text))]
        for written in field.formats:
            if written in _UNIX_FORMATS:
                utc.append(_unix(text, _UNIX_FORMATS[written]))
            elif "%z" in written or "%Z" in written:
                utc.append(f"timezone('UTC', try_strptime({text}, {literal(written)}))")
            else:
                local.append(f"try_strptime({text}, {literal(written)})")
        columns[f"local:{field.name}"] = f"coalesce({', '.join(local)})"
        columns[f"utc:{field.name}"] = f"coalesce({', '.join(utc)})"
    return columns


def moments(fields: Iterable[Field], *, border: Border) -> dict[str, str]:
    """Third layer, for timestamps: `moment:<name>` when the zone's clock shows the local time, and its `at:<name>`.

    An hour that comes twice is the later one.
    """
    columns: dict[str, str] = {}
    for field in (field for field in fields if field.type == "timestamp"):
        moment = f"timezone({literal(field.zone or border.zone)}, {quoted(f'local:{field.name}')})"
        columns[f"moment:{field.name}"] = moment
        columns[f"at:{field.name}"] = f"coalesce({quoted(f'utc:{field.name}')}, timezone('UTC', {moment}))"
    return columns


def values(fields: Iterable[Field], *, border: Border) -> dict[str, str]:
    """Fourth layer: `value:<name>`, null where the text does not read; `day:<name>`, `gap:<name>` of timestamps."""
    columns: dict[str, str] = {}
    for field in fields:
        name, text = field.name, quoted(f"text:{field.name}")
        if field.type == "timestamp":
            columns |= _timestamp(field, border=border)
        elif field.type == "date":
            columns[f"value:{name}"] = _date(field, text, quoted(f"number:{name}"), zone=border.zone)
        else:
            columns[f"value:{name}"] = _plain(field, text, border=border)
    return columns


def reasons(fields: Iterable[Field], *, key: Iterable[str] = ()) -> dict[str, str]:
    """Fifth layer: `why:<name>`, the code of the reason why a field does not read, else null. Codes: quarantine.py."""
    must = set(key)
    columns: dict[str, str] = {}
    for field in fields:
        text, value = quoted(f"text:{field.name}"), quoted(f"value:{field.name}")
        cases = []
        if field.type == "timestamp":
            cases.append((quoted(f"gap:{field.name}"), "no_such_time"))
        # A text is always text: the reasons that cannot be cost nothing.
        if field.type not in {"id", "text", "json"}:
            cases.append((f"{text} is not null and {value} is null", f"not_{field.type}"))
        if field.type in {"timestamp", "date"}:
            bounds = [f"{field.type} {literal(bound)}" for bound in (_EARLIEST, _LATEST)]
            cases.append((f"{value} < {bounds[0]} or {value} >= {bounds[1]}", "impossible_time"))
        if field.is_required or field.name in must:
            cases.append((f"{text} is null", "missing"))
        if cases:
            said = " ".join(f"when {case} then {literal(code)}" for case, code in cases)
            columns[f"why:{field.name}"] = f"case {said} end"
    return columns


def trimmed(text: str) -> str:
    """Return SQL of a text without white space at its ends; null when nothing is left."""
    # Spaces are common and quick to trim; tabs, line ends and no-break spaces are neither.
    rare = f"regexp_replace({text}, {literal(_ENDS)}, '', 'g')"
    return f"nullif(case when {_like(text, _RARE)} then {rare} else trim({text}) end, '')"


def normal_id(text: str) -> str:
    """Return SQL of an id as text: "123.0" is 123, as a float column writes it; "1e5" stays what it is."""
    plain = f"regexp_replace({text}, {literal(_FLOAT)}, {literal(_WHOLE)}, 'g')"
    return f"case when contains({text}, '.0') then {plain} else {text} end"


def _like(text: str, pattern: str) -> str:
    return f"regexp_matches({text}, {literal(pattern)})"


def _when(condition: str, value: str) -> str:
    return f"case when {condition} then {value} end"


def _plain(field: Field, text: str, *, border: Border) -> str:
    match field.type:
        case "id":
            return normal_id(text)
        case "integer":
            whole = f"regexp_replace(replace({text}, ',', ''), '[.]0*$', '', 'g')"
            return _when(_like(text, rf"^[+-]?({_NUMBER})([.]0*)?$"), f"try_cast({whole} as bigint)")
        case "decimal":
            return _when(_has_digit(text, _DECIMAL), f"try_cast(replace({text}, ',', '') as decimal(18, 6))")
        case "money":
            return _money(text, digits=0 if field.is_minor else border.minor_digits)
        case "boolean":
            return (f"case when lower({text}) in ('true', 't', 'yes', 'y', '1') then true "
                    f"when lower({text}) in ('false', 'f', 'no', 'n', '0') then false end")
    return text


def _has_digit(text: str, pattern: str) -> str:
    return f"{_like(text, pattern)} and {_like(text, '[0-9]')}"


def _money(text: str, *, digits: int) -> str:
    """Read major units such as 1,234.50 as integer minor units, half a unit rounded away from zero."""
    # A wide decimal takes fifty times as long as a whole number, and nearly all amounts are written in one of two ways.
    quick = f"when {_like(text, _WHOLE_MONEY)} then try_cast({text} as bigint) * {10**digits}"
    if digits:
        usual = _like(text, f"^-?[0-9]{{1,12}}[.][0-9]{{{digits}}}$")
        quick += f" when {usual} then try_cast(replace({text}, '.', '') as bigint)"
    major = f"try_cast(regexp_replace({text}, '[,$£€]', '', 'g') as decimal(28, 8))"
    minor = f"try_cast(round({major} * {10**digits}, 0)::decimal(28, 0) as bigint)"
    return f"case {quick} when {_has_digit(text, _MONEY)} then {minor} end"


def _unix(text: str, per_second: int) -> str:
    micros = 1_000_000 // per_second
    whole, number = f"try_cast({text} as bigint)", f"try_cast({text} as decimal(28, 6))"

    def fitting(value: str, found: str) -> str:
        return _when(f"{value} >= {_UNIX_FROM * per_second} and {value} < {_UNIX_TO * per_second}", found)

    quick = f"when {_like(text, _WHOLE_UNIX)} then {fitting(whole, f'{whole} * {micros}')}"
    rounded = fitting(number, f"round({number} * {micros}, 0)::decimal(28, 0)::bigint")
    return f"make_timestamp(case {quick} when {_like(text, _BROKEN_UNIX)} then {rounded} end)"


def _with_offset(text: str) -> str:
    """Read a time with an offset: the local part less the offset, written -06:00, -0600, -06 or Z."""
    def number(pattern: str) -> str:
        return f"coalesce(try_cast(nullif(regexp_extract({text}, {literal(pattern)}, 1), '') as bigint), 0)"

    local = f"try_cast(regexp_extract({text}, {literal(_LOCAL_PART)}, 1) as timestamp)"
    sign = f"case when {_like(text, _NEGATIVE)} then -1 else 1 end"
    hours, minutes = number("[+-]([0-9]{2}):?([0-9]{2})?$"), number("[+-][0-9]{2}:?([0-9]{2})$")
    return f"{local} - to_minutes({sign} * ({hours} * 60 + {minutes}))"


def _timestamp(field: Field, *, border: Border) -> dict[str, str]:
    name, zone = field.name, field.zone or border.zone
    utc, local, moment, at = (quoted(f"{layer}:{name}") for layer in ("utc", "local", "moment", "at"))
    # Spring forward: the engine moves a time the clock skips to the next hour; seen again as local time, it differs.
    gap = f"coalesce({utc} is null and timezone({literal(zone)}, {moment}) <> {local}, false)"
    business = f"timezone({literal(border.zone)}, timezone('UTC', {at}))"
    # A local time of the business zone is its own business day: no conversion needed for most rows.
    day = f"case when {utc} is null then {local} else {business} end" if zone == border.zone else business
    found = f"case when {gap} then null else {at} end"
    return {f"value:{name}": found, f"day:{name}": f"({day})::date", f"gap:{name}": gap}


def _date(field: Field, text: str, is_number: str, *, zone: str) -> str:
    # A date with a time and offset, such as a birthday at midnight Z, is the date as written: it must not move a day.
    written = f"{_like(text, _DATED)} and not {is_number}"
    unix = f"timezone({literal(zone)}, timezone('UTC', {_unix(text, 1)}))::date"
    found = [_when(written, f"try_cast(substring({text}, 1, 10) as date)"), _when(is_number, unix)]
    patterns = [pattern for pattern in field.formats if pattern not in _UNIX_FORMATS]
    found += [f"try_strptime({text}, {literal(pattern)})::date" for pattern in patterns]
    return f"coalesce({', '.join(found)})"
