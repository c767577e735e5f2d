"""A person's name as systems spell it, made comparable; and whether two first names can be one person's."""

from __future__ import annotations

from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regulars.identity.spelling import text_column

WIDTH = 24
"""Letters of a first name that are compared; longer ones differ earlier."""


def normalise_names(raw: pa.Array) -> pa.Array:
    """Return names case-folded with their diacritics kept: "LEE,  José" is "josé lee"; null where there is none."""
    text = pc.utf8_lower(pc.utf8_normalize(raw.cast(pa.string()), "NFC"))
    text = pc.replace_substring(text, "ß", "ss")
    text = pc.replace_substring_regex(text, "[\u2018\u2019\u00b4`]", "'")
    text = pc.replace_substring_regex(text, r"[\"“”()\[\]{}<>*_.]|[0-9]+", " ")
    text = pc.replace_substring_regex(text, r"\s*,\s*(jr|sr|ii|iii|iv)\s*$", r" \1")
    text = pc.replace_substring_regex(text, r"^\s*([^,]+),\s*([^,]+)$", r"\2 \1")
    text = pc.replace_substring_regex(text, r"[,;\s]+", " ")
    text = pc.utf8_trim(text, " -'/&")
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def stripped(names: pa.Array) -> pa.Array:
    """Return normalised names without diacritics, apostrophes and hyphens: "josé o'neil-lee" is "jose oneil lee"."""
    text = pc.replace_substring_regex(pc.utf8_normalize(names, "NFD"), r"\p{Mn}+", "")
    for letter, plain in (("ø", "o"), ("ł", "l"), ("đ", "d"), ("æ", "ae"), ("œ", "oe"), ("'", "")):
        text = pc.replace_substring(text, letter, plain)
    text = pc.utf8_trim_whitespace(_replaced(text, r"[-\s]+", " ", where=r"-|\s\s|[^ \S]"))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def folded(raw: pa.Array) -> pa.Array:
    """Return what is neither name nor number in small letters and figures, one blank between: "12 Elm St., #4"."""
    text = pc.utf8_lower(pc.utf8_normalize(raw.cast(pa.string()), "NFC"))
    text = pc.utf8_trim_whitespace(pc.replace_substring_regex(text, r"[\s.,;:#/]+", " "))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def first_word(names: pa.Array) -> pa.Array:
    """Return what stands before the first blank."""
    return pc.list_element(pc.split_pattern(names, " ", max_splits=1), 0)


def last_word(names: pa.Array) -> pa.Array:
    """Return what stands after the last blank; null when there is only one word."""
    words = pc.split_pattern(names, " ", max_splits=1, reverse=True)
    last = pc.subtract(words.offsets[1:], 1)
    return words.values.take(pc.if_else(pc.equal(pc.list_value_length(words), 2), last, pa.scalar(None, pa.int32())))


def but_last_word(names: pa.Array) -> pa.Array:
    """Return what stands before the last blank; the whole where there is only one word."""
    return pc.list_element(pc.split_pattern(names, " ", max_splits=1, reverse=True), 0)


def parts(names: NDArray[np.str_]) -> tuple[NDArray[np.str_], NDArray[np.str_], NDArray[np.str_]]:
    """Return the first word of each name, the last, and all written as one: "xiao ming" is also "xiaoming"."""
    known = text_column(names)
    ends = [pc.replace_substring_regex(known, pattern, "") for pattern in (r" .*$", r"^.* ", " ")]
    first, last, whole = (np.array(words.to_pylist(), dtype=str) for words in ends)
    return first, last, whole


def cut_alike(left: NDArray[np.str_], right: NDArray[np.str_]) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return both names of each pair written as one, without the words that only the longer one goes on with.

    "mary kate marie" beside "mary kate" is "marykate".
    """
    words = [pc.split_pattern(text_column(names), " ") for names in (left, right)]
    least = pc.min_element_wise(*(pc.list_value_length(each) for each in words)).to_numpy(zero_copy_only=False)
    found = [left.astype(object), right.astype(object)]
    for count in np.unique(least):
        rows = np.flatnonzero(least == count)
        for side, each in zip(found, words, strict=True):
            side[rows] = pc.binary_join(pc.list_slice(each.take(pa.array(rows)), 0, int(count)), "").to_pylist()
    return found[0].astype(str), found[1].astype(str)


SUFFIXES = ("jr", "sr", "ii", "iii", "iv")
"""What stands behind the name of one who has a namesake at home."""

_SUFFIX = f" (?P<suffix>{'|'.join(SUFFIXES)})$"


def suffix_numbers(names: pa.Array) -> NDArray[np.int64]:
    """Return which of SUFFIXES stands behind each name, -1 none."""
    found = pc.struct_field(pc.extract_regex(names, _SUFFIX), "suffix")
    return np.asarray(pc.index_in(found, pa.array(SUFFIXES)).fill_null(-1), dtype=np.int64)


def without_suffix(names: pa.Array) -> pa.Array:
    """Return names without what tells namesakes apart: "robert lee jr" is "robert lee"."""
    return pc.replace_substring_regex(names, _SUFFIX, "")


def without_later_initials(names: pa.Array) -> pa.Array:
    """Return given names without the initials behind the first: "robert a" is "robert"."""
    return _replaced(names, r"^([^ ]{2}.*?)( [^ ])+$", r"\1", where=" [^ ]$")


def without_inner_initials(names: pa.Array) -> pa.Array:
    """Return full names without the initials between the first name and the last: "robert a lee" is "robert lee"."""
    return _replaced(names, r"^([^ ]{2}.*?)( [^ ])+ ", r"\1 ", where=" [^ ] ")


def _replaced(names: pa.Array, pattern: str, by: str, *, where: str) -> pa.Array:
    """Replace a pattern in the few names where it can be: to look is quicker than to replace."""
    may_be = pc.match_substring_regex(names, where)
    return pc.replace_with_mask(names, may_be, pc.replace_substring_regex(names.filter(may_be), pattern, by))


def before_at(emails: pa.Array) -> pa.Array:
    """Return what stands before the @: the name that somebody has at a provider."""
    return pc.replace_substring_regex(emails, "(?s)@.*", "")


def can_be_one(left: NDArray[np.str_], right: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Say of each pair of first names whether one person may have written both.

    True when they are equal, one is the other's initial or clear beginning ("ben", "benjamin"), or one slip of the
    keyboard lies between them. "Paul" and "Paula", "Mark" and "Mary", "Mario" and "Maria" live in one house: a last
    letter more (unless the key was hit twice) or of another kind, or another letter in a short name, is no slip.
    "Frances" and "Francis" are two names as well.
    Of several given names, one may be written alone or all as one word; where both write several, the first and the
    last have to fit: "maría josé" and "maría elena" are sisters. Where one writes more of them, the others have to:
    "mary-kate marie" is "mary-kate" too.
    """
    several = [np.char.find(names, " ") >= 0 for names in (left, right)]
    rest = np.flatnonzero(several[0] | several[1])
    if not len(rest):
        return _can_be_one_word(left, right)
    found = _can_be_one_word(left, right)
    one, other = parts(left[rest]), parts(right[rest])
    first, last, whole = (_can_be_one_word(a, b) for a, b in zip(one, other, strict=True))
    is_crossed = (one[0] == other[1]) & (one[1] == other[0])
    is_longer = np.char.count(left[rest], " ") != np.char.count(right[rest], " ")
    goes_on = is_longer & _can_be_one_word(*cut_alike(left[rest], right[rest]))
    both = (first & last) | is_crossed | (one[2] == other[2]) | goes_on
    found[rest] = np.where(several[0][rest] & several[1][rest], both, first | last | whole)
    return found


_TWO_NAMES = np.array([
    f"{one} {other}"
    for pair in (
        "anna hanna", "aubrey audrey", "bailey hailey", "brenda brenna", "carl carol", "christian christina",
        "dana diana", "donald ronald", "frances francis", "hayden jayden", "jesse jessie", "joseph josephine",
        "marion marlon", "martha marsha", "rene renee",
    )
    for one, other in (pair.split(), pair.split()[::-1])
])
"""Given names, both in use, that a slip of the keyboard would make of each other."""


def _can_be_one_word(left: NDArray[np.str_], right: NDArray[np.str_]) -> NDArray[np.bool_]:
    a, b = _letters(left), _letters(right)
    long_a, long_b = (a > 0).sum(axis=1), (b > 0).sum(axis=1)
    shorter, longer = np.minimum(long_a, long_b), np.maximum(long_a, long_b)
    same = a == b
    prefix = np.minimum(np.where(same.all(axis=1), WIDTH, same.argmin(axis=1)), shorter)
    suffix = np.minimum(_common_suffix(a, b, long_a, long_b), shorter - prefix)
    begins = (prefix == shorter) & ((shorter == longer) | (shorter == 1) | ((shorter >= 3) & (longer - shorter >= 3)))
    letter_more = (longer == shorter + 1) & (prefix + suffix == shorter) & (suffix > 0) & (shorter >= 4)
    tail = np.minimum(shorter, WIDTH - 1)[:, None]
    last, more = np.maximum(tail - 1, 0), np.where((long_a > long_b)[:, None], a, b)
    doubled = (longer == shorter + 1) & (prefix == shorter) & (
        np.take_along_axis(more, last, 1) == np.take_along_axis(more, tail, 1)
    )[:, 0]
    other_letter = (longer == shorter) & (prefix + suffix == shorter - 1) & (suffix > 0) & (shorter >= 6)
    at = np.minimum(prefix, WIDTH - 2)[:, None]
    crossed = (np.take_along_axis(a, at, 1) == np.take_along_axis(b, at + 1, 1)) & (
        np.take_along_axis(a, at + 1, 1) == np.take_along_axis(b, at, 1)
    )
    swapped = (longer == shorter) & (prefix + suffix == longer - 2) & crossed[:, 0] & (shorter >= 3)
    is_slip = letter_more | doubled | other_letter | swapped
    are_two = np.isin(np.char.add(np.char.add(left, " "), right), _TWO_NAMES)
    return cast("NDArray[np.bool_]", (shorter > 0) & (begins | is_slip) & ~are_two)


def _letters(names: NDArray[np.str_]) -> NDArray[np.uint32]:
    """Names as a matrix of code points, one row a name, zeros behind its end."""
    fixed = np.ascontiguousarray(names.astype(f"<U{WIDTH}"))
    return fixed.view(np.uint32).reshape(len(fixed), WIDTH)


def _common_suffix(
    a: NDArray[np.uint32], b: NDArray[np.uint32], long_a: NDArray[np.int_], long_b: NDArray[np.int_]
) -> NDArray[np.int_]:
    steps = np.arange(1, WIDTH + 1)
    at_a, at_b = long_a[:, None] - steps, long_b[:, None] - steps
    inside = (at_a >= 0) & (at_b >= 0)
    same = inside & (
        np.take_along_axis(a, np.maximum(at_a, 0), 1) == np.take_along_axis(b, np.maximum(at_b, 0), 1)
    )
    return np.where(same.all(axis=1), WIDTH, same.argmin(axis=1))
