"""The telephone numbers of a list: written alike, with what kind of line each is, or refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from regulars.campaigns.line import NONEXISTENT
from regulars.identity.identifier import NORTH_AMERICA, IdentifierRules, normalise_phones

SILENT = ("landline", "toll_free", "premium", "pager", NONEXISTENT)
"""Kinds of line that get no text messages."""

_TOLL_FREE = r"^\+1(800|833|844|855|866|877|888)"
_NONE = pa.scalar(None, pa.string())


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A column of numbers. All are string columns of the same length."""

    values: pa.Array                         # E.164; null where there is none or it was refused
    kinds: pa.Array                          # mobile, landline, voip, toll_free, premium, pager, nonexistent, unknown
    refused: pa.Array                        # why there is no value although something was written
    doubts: pa.Array                         # what is odd about a value that was taken


def read_numbers(raw: pa.Array, *, rules: IdentifierRules, asked: Mapping[str, str], is_plan_kept: bool) -> Numbers:
    """Read the numbers of a list.

    Args:
        raw: As written; null where nothing is.
        rules: The country of numbers without a code, and the numbers that are nobody's.
        asked: The kind of line of numbers that a provider was asked about.
        is_plan_kept: Whether a number of the right length that no numbering plan gives out is refused; it is a doubt
            otherwise, because lists hold what people typed.

    """
    told = normalise_phones(raw, rules=rules)
    shaped = _shaped(raw) if rules.country in NORTH_AMERICA and not is_plan_kept else pa.nulls(len(raw), pa.string())
    odd = pc.and_(pc.equal(told.reasons, "not a phone number").fill_null(False), pc.is_valid(shaped))
    values = pc.if_else(odd, shaped, told.values)
    return Numbers(
        values=values, kinds=_kinds(values, asked), refused=pc.if_else(odd, _NONE, told.reasons),
        doubts=pc.if_else(odd, pa.scalar("not in the numbering plan"), _NONE),
    )


def _shaped(raw: pa.Array) -> pa.Array:
    """Return ten digits, with a 1 before them or not, as a number of North America."""
    digits = pc.replace_substring_regex(raw, r"[^0-9]", "")
    is_shaped = pc.and_(
        pc.match_substring_regex(digits, r"^1?[0-9]{10}$"), pc.match_substring_regex(raw, r"^(\+?1)?[^+]*$")
    )
    ten = pc.utf8_slice_codeunits(pc.utf8_lpad(digits, 11, "1"), 1, 11)
    return pc.if_else(is_shaped, pc.binary_join_element_wise("+1", ten, ""), _NONE)


def _kinds(numbers: pa.Array, asked: Mapping[str, str]) -> pa.Array:
    """Say what can be known without asking: North America tells only toll-free numbers apart.

    Plans give kinds to beginnings: each beginning of ten characters is looked up once for every length.
    """
    kinds = pc.if_else(pc.match_substring_regex(numbers, _TOLL_FREE), "toll_free", "unknown")
    abroad = pc.if_else(pc.starts_with(numbers, "+1"), _NONE, numbers)
    beginning = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(abroad, 0, 10), pc.utf8_length(abroad).cast(pa.string()), "/"
    )
    one = pa.table({"beginning": beginning, "number": abroad}).group_by("beginning").aggregate([("number", "min")])
    found = pa.array([None if n is None else _kind(n) for n in one["number_min"].to_pylist()], pa.string())
    kinds = pc.coalesce(pc.take(found, pc.index_in(beginning, one["beginning"].combine_chunks())), kinds)
    if asked:
        answers = pa.array(list(asked.values()), pa.string())
        kinds = pc.coalesce(pc.take(answers, pc.index_in(numbers, pa.array(list(asked), pa.string()))), kinds)
    return pc.if_else(pc.is_null(numbers), _NONE, kinds)


def _kind(number: str) -> str:
    kinds = phonenumbers.PhoneNumberType
    return {
        kinds.MOBILE: "mobile", kinds.FIXED_LINE: "landline", kinds.VOIP: "voip", kinds.TOLL_FREE: "toll_free",
        kinds.PREMIUM_RATE: "premium", kinds.PAGER: "pager",
    }.get(phonenumbers.number_type(phonenumbers.parse(number, None)), "unknown")
