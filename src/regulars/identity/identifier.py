"""An e-mail address or phone number as people type it, made comparable, or refused with a reason.

Every function takes a column and returns a column of the same length: bulk work is Arrow kernels; what no kernel
knows (foreign phone numbers) is done once per distinct value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from regulars.config import Config
from regulars.later import pa, pc, phonenumbers

PLACEHOLDER_NAMES = frozenset({
    "none", "no", "non", "noemail", "no-email", "no_email", "no.email", "nomail", "nobody", "na", "n/a", "null", "nil",
    "unknown", "anonymous", "test", "testing", "fake", "x", "xx", "xxx", "asdf", "abc", "email", "declined", "refused",
    "noreply", "no-reply", "no_reply", "no.reply", "donotreply", "do-not-reply", "postmaster", "mailer-daemon", "abuse",
})
"""What stands before the @ of addresses that are typed because a field must be filled, or that nobody reads."""

PLACEHOLDER_DOMAINS = frozenset({
    "none.com", "noemail.com", "no.com", "nomail.com", "noreply.com", "test.com", "asdf.com",
})
"""Domains that are typed because a field must be filled."""

NORTH_AMERICA = frozenset({"US", "CA", "PR", "BS", "BB", "JM", "TT", "DO", "BM", "GU", "VI"})
"""Countries whose own numbers are ten digits after +1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """A column of identifiers and, for each that was refused, why."""

    values: pa.Array                         # string; null where there is none or it was refused
    reasons: pa.Array                        # string; null where there is a value or nothing was written


@dataclass(frozen=True, kw_only=True)
class IdentifierRules:
    """What one business counts as an identifier of a person."""

    country: str = "US"                      # ISO 3166 two letters; of phone numbers without a country code
    own_emails: tuple[str, ...] = ()         # the business's addresses, or whole domains written `@summit.example`
    own_phones: tuple[str, ...] = ()         # the front desk and such
    is_gmail_folded: bool = True             # a.lee+gym@gmail.com is alee@gmail.com
    desk_from: int = 10                      # different first and last names on one contact, that no family has

    @classmethod
    def of(cls, config: Config) -> IdentifierRules:
        """Return the rules of a business as its project says them."""
        business = config.business
        return cls(
            country=business.country, own_emails=business.own_emails, own_phones=business.own_phones,
            is_gmail_folded=config.identity.is_gmail_folded, desk_from=config.identity.desk_from,
        )

    @cached_property
    def own_numbers(self) -> frozenset[str]:
        """Return the business's own numbers in E.164."""
        return frozenset(_e164(_folded(self.own_phones), self.country).drop_null().to_pylist())


def normalise_emails(raw: pa.Array | pa.ChunkedArray | Iterable[str | None], *, rules: IdentifierRules) -> Normalised:
    """Return addresses trimmed and case-folded, each with one @ and a dot in its domain.

    Reasons: `not an address`, `placeholder`, `own address`.
    """
    text = _folded(raw)
    text = pc.replace_substring_regex(text, r"^(mailto:|<)|>$", "")
    is_address = pc.match_substring_regex(text, r"^[^@\s,;<>]+@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+$")
    local = pc.replace_substring_regex(text, r"@.*$", "")
    domain = pc.replace_substring_regex(text, r"^[^@]*@", "")
    if rules.is_gmail_folded:
        is_gmail = pc.is_in(domain, pa.array(["gmail.com", "googlemail.com"]))
        bare = pc.replace_substring(pc.replace_substring_regex(local, r"\+.*$", ""), ".", "")
        folded = pc.binary_join_element_wise(bare, pa.scalar("gmail.com"), "@")
        text = pc.if_else(pc.and_kleene(is_address, is_gmail), folded, text)
        local = pc.if_else(is_gmail, bare, local)
    is_placeholder = pc.or_(
        pc.is_in(local, pa.array(sorted(PLACEHOLDER_NAMES))),
        pc.or_(
            pc.is_in(domain, pa.array(sorted(PLACEHOLDER_DOMAINS))),
            pc.match_substring_regex(domain, r"\.(invalid|none)$").fill_null(False),
        ),
    )
    own = [address.strip().lower() for address in rules.own_emails]
    is_own = pc.or_(
        pc.is_in(text, pa.array([a for a in own if not a.startswith("@")], pa.string())),
        pc.is_in(domain, pa.array([a[1:] for a in own if a.startswith("@")], pa.string())),
    )
    is_wrong = pc.invert(is_address)
    return _refused(text, [("not an address", is_wrong), ("placeholder", is_placeholder), ("own address", is_own)])


def normalise_phones(raw: pa.Array | pa.ChunkedArray | Iterable[str | None], *, rules: IdentifierRules) -> Normalised:
    """Return phone numbers in E.164 (`+12545550142`).

    Plain numbers of North America are read by one expression; all else by libphonenumber, once per distinct value.
    Reasons: `not a phone number`, `placeholder`, `own number`.
    """
    text = _folded(raw)
    digits = pc.replace_substring_regex(text, r"[^0-9]", "")
    e164 = _e164(text, rules.country)
    is_placeholder = pc.or_(
        _is_repeated(digits),
        pc.match_substring_regex(digits, r"^1?(1234567890?|0123456789|9876543210)$|^1?[0-9]{0,3}55501[0-9]{2}$"),
    )
    is_own = pc.is_in(e164, pa.array(sorted(rules.own_numbers), pa.string()))
    shown = pc.if_else(pc.is_null(text), e164, pc.coalesce(e164, text))
    return _refused(
        shown, [("placeholder", is_placeholder), ("not a phone number", pc.is_null(e164)), ("own number", is_own)]
    )


def _e164(text: pa.Array, country: str) -> pa.Array:
    digits = pc.replace_substring_regex(text, r"[^0-9]", "")
    e164 = pa.nulls(len(text), pa.string())
    if country in NORTH_AMERICA:
        is_plain = pc.and_kleene(
            pc.match_substring_regex(text, r"^(\+?1)?[\s().\-/]*[2-9][0-9\s().\-/]*$"),
            pc.match_substring_regex(digits, r"^1?[2-9][0-9]{2}[2-9][0-9]{6}$"),
        )
        ten = pc.replace_substring_regex(digits, r"^1", "")
        joined = pc.binary_join_element_wise(pa.scalar("+1"), ten, "")
        e164 = pc.if_else(is_plain.fill_null(False), joined, e164)
    rest = pc.unique(pc.filter(text, pc.is_null(e164))).drop_null()
    if len(rest):
        parsed = pa.array([_parsed(value, country) for value in rest.to_pylist()], pa.string())
        e164 = pc.coalesce(e164, pc.take(parsed, pc.index_in(text, rest)))
    return e164


def _parsed(value: str, country: str) -> str | None:
    try:
        number = phonenumbers.parse(value, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _is_repeated(digits: pa.Array) -> pa.Array:
    """Whether a number is one digit over and over, behind a leading 1 or not: RE2 has no back-references."""
    return pc.match_substring_regex(digits, "^1?(" + "|".join(f"{d}{{7,}}" for d in range(10)) + ")$")


def _folded(raw: pa.Array | pa.ChunkedArray | Iterable[str | None]) -> pa.Array:
    """Trimmed lower case; null where nothing but blanks was written."""
    column = raw if isinstance(raw, pa.Array | pa.ChunkedArray) else pa.array(raw, pa.string())
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    text = pc.utf8_lower(pc.utf8_trim_whitespace(pc.utf8_normalize(column.cast(pa.string()), "NFC")))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _refused(text: pa.Array, claims: list[tuple[str, pa.Array]]) -> Normalised:
    """Take away the values that a claim holds for; the first claim that holds is the reason."""
    reasons = pa.nulls(len(text), pa.string())
    for reason, holds in claims:
        here = pc.and_kleene(pc.is_valid(text), holds).fill_null(False)
        reasons = pc.coalesce(reasons, pc.if_else(here, pa.scalar(reason), pa.scalar(None, pa.string())))
    values = pc.if_else(pc.is_null(reasons), text, pa.scalar(None, pa.string()))
    return Normalised(values=values, reasons=reasons)
