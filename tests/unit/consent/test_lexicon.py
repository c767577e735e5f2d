"""Words become signs for what they may mean, and rules read the signs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.consent.lexicon import Idea, Lexicon, conjugated, lexicon

RULE = "<cease> (?:<link>){0,2} <sent>"
NAMED = "(?:off|opt~)"


def _known() -> Lexicon:
    ideas = [
        Idea(name="cease", language="en", words=frozenset({"stop"}), is_misspelt=True),
        Idea(name="cease", language="fr", words=frozenset({"arretez"}), is_misspelt=True),
        Idea(name="link", language="en", words=frozenset({"the", "all"}), is_misspelt=False),
        Idea(name="link", language="fr", words=frozenset({"vos"}), is_misspelt=False),
        Idea(name="sent", language="en", words=frozenset({"messages"}), is_misspelt=True),
        Idea(name="sent", language="fr", words=frozenset({"messages", "sms"}), is_misspelt=True),
    ]
    return lexicon(ideas, rules=[RULE, NAMED], real=frozenset({"massages"}))


@pytest.mark.parametrize("text", ["stop all the messages", "arretez vos sms", "please stop messages now"])
def test_one_rule_reads_every_language(text: str) -> None:
    known = _known()

    assert known.compiled(RULE).search(known.read(text.split()))


@pytest.mark.parametrize("text", ["stop | messages", "stop all the the messages", "stop them messages"])
def test_a_rule_finds_nothing_across_clauses_or_other_words(text: str) -> None:
    known = _known()

    assert not known.compiled(RULE).search(known.read(text.split()))


@pytest.mark.parametrize("word", ["mesages", "messagess", "messagse", "messeges"])
def test_a_slip_of_one_letter_in_a_long_word_is_that_word(word: str) -> None:
    assert _known().entry(word) == "messages"


@pytest.mark.parametrize("word", ["massages", "stap", "sausages"])
def test_a_word_of_its_own_is_no_slip(word: str) -> None:
    assert _known().entry(word) is None


def test_a_beginning_stands_for_every_word_that_begins_so() -> None:
    known = _known()

    assert known.compiled(NAMED).fullmatch(known.read(["opting"]))


def test_an_idea_that_no_word_has_is_a_mistake_in_the_file() -> None:
    with pytest.raises(ValueError, match="no word has the idea '<seize>'"):
        _known().compiled("<seize>")


def test_the_language_of_a_reply_is_that_of_most_of_its_words() -> None:
    known = _known()

    assert known.language(known.read(["arretez", "vos", "messages"])) == "fr"
    assert known.language(known.read(["hmm"])) == "en"


@given(st.lists(st.sampled_from(["stop", "messages", "|", "xyz", "opting", "off"])))
def test_every_word_has_one_sign(words: list[str]) -> None:
    assert len(_known().read(words)) == len(words)


def test_a_stem_has_all_its_endings_and_a_word_is_itself() -> None:
    endings = {"ar": ["ar", "en"]}

    assert list(conjugated("mand-ar", endings)) == ["mandar", "manden"]
    assert list(conjugated("basta", endings)) == ["basta"]
