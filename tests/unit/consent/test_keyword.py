"""Replies are read as a reasonable person would read them."""

from __future__ import annotations

import csv
import hashlib
import time
from pathlib import Path

import pytest

from regulars.consent.keyword import Kind, folded, read_reply

REPLIES = Path(__file__).parents[3].parent / "shared" / "data" / "messages" / "optout_replies.csv"
OURS = Path(__file__).parent / "replies.tsv"
SEEN, HELD = (Path(__file__).parent / f"replies_{half}.tsv" for half in ("seen", "held"))
WORDS: dict[str, Kind] = {
    "stop": "opt_out", "out": "opt_out", "start": "opt_in", "in": "opt_in", "help": "help", "ambiguous": "ambiguous",
    "ask": "ambiguous", "none": "none",
}


def _scores(rows: list[tuple[str, str]]) -> tuple[float, float]:
    """Recall of opt-outs, and the share of other replies that were taken for one."""
    read = [(WORDS[expected], read_reply(text, is_confirming=True).kind) for text, expected in rows]
    outs = [kind == "opt_out" for expected, kind in read if expected == "opt_out"]
    others = [kind == "opt_out" for expected, kind in read if expected != "opt_out"]
    return sum(outs) / len(outs), sum(others) / len(others)


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.skipif(not REPLIES.exists(), reason="the labelled replies are not on this machine")
def test_opt_outs_are_found_and_others_are_left(half: int) -> None:
    with REPLIES.open(encoding="utf-8") as file:
        rows = [(row["text"], row["expected"]) for row in csv.DictReader(file)]

    recall, false = _scores([r for r in rows if hashlib.sha256(r[0].encode()).digest()[0] % 2 == half])

    assert recall >= 0.98
    assert false <= 0.01


def test_replies_of_our_own_are_read_as_they_are_meant() -> None:
    lines = OURS.read_text(encoding="utf-8").splitlines()
    rows = [(line.split("\t")[1], line.split("\t")[0]) for line in lines if not line.startswith("#")]

    recall, false = _scores(rows)

    assert recall >= 0.98
    assert false <= 0.01


def _suppressed(file: Path, language: str, meant: str) -> float:
    """Share of the replies of one meaning that stop messages, at once or until a person has read them."""
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    kinds = [read_reply(text).kind for label, spoken, text in rows if (label, spoken) == (meant, language)]
    return sum(kind in ("opt_out", "ambiguous") for kind in kinds) / len(kinds)


@pytest.mark.parametrize("language", ["en", "es", "fr"])
@pytest.mark.parametrize("file", [SEEN, HELD])
def test_who_wants_no_messages_gets_none(file: Path, language: str) -> None:
    assert _suppressed(file, language, "out") >= 0.98


@pytest.mark.parametrize("language", ["en", "es", "fr"])
@pytest.mark.parametrize(("file", "at_most"), [(SEEN, 0.015), (HELD, 0.035)])
def test_who_says_something_else_keeps_getting_them(file: Path, at_most: float, language: str) -> None:
    assert _suppressed(file, language, "none") <= at_most


@pytest.mark.parametrize("text", [
    "stop all those texts", "dejen de mandar mensajes", "arretez vos sms", "parem de enviar mensagens",
    "remove me form your list", "unsbscribe me", "svp ne menvoyer plus de mesages", "ya no kiero k me manden mensages",
    "texting me at 11pm is insane. remove me",
    "turn these off please", "we don't wish to get these any longer", "I don't want any more of these",
    "I already unsubscribed, why do I keep getting messages", "stop trying to sell me stuff", "stop stalking me",
])
def test_one_wish_is_read_in_every_language_and_spelling(text: str) -> None:
    assert read_reply(text).kind == "opt_out"


@pytest.mark.parametrize("text", [
    "I didn't get your text yesterday", "no me han llamado", "je n'ai pas reçu le message", "no code came through",
])
def test_what_did_not_come_is_no_refusal_of_it(text: str) -> None:
    assert read_reply(text).kind == "none"


@pytest.mark.parametrize("text", [
    "fewer messages please", "text me less", "maybe less of these?", "menos mensajes por favor", "moins souvent svp",
])
def test_a_wish_for_fewer_is_for_a_person_to_read(text: str) -> None:
    assert read_reply(text).kind == "ambiguous"


@pytest.mark.parametrize("text", [
    "less than 10 of us are coming", "we have fewer things to carry", "I come less often now but love it",
])
def test_less_of_other_things_is_no_wish(text: str) -> None:
    assert read_reply(text).kind == "none"


@pytest.mark.parametrize("text", ["vos messages me dérangent encore", "what part of stop do you not understand"])
def test_a_refusal_beside_what_is_sent_is_never_passed_over(text: str) -> None:
    assert read_reply(text).kind in ("opt_out", "ambiguous")


@pytest.mark.parametrize("text", [
    "STOP", "stop", "Stop", "STOP ALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "OPTOUT", "opt out", "opt-out", "REMOVE",
    "remove me", "DELETE", "delete me", "STOP texting me", "Please UNSUBSCRIBE me", "I want to opt out", "REMOVE from list",
    "REVOKE", "Stop.", "STOP!!", " stop ", "Opt me out", "leave me alone", "take me off your list",
    "please stop texting my phone",
])
def test_these_are_opt_outs(text: str) -> None:
    assert read_reply(text).kind == "opt_out"


@pytest.mark.parametrize("text", [
    "I want to stop by tomorrow", "The project will end next week", "Don't quit now", "Cancel the meeting",
    "Yes, I'm interested", "Thanks for the info", "", None, "UNSTOP", "non-stop help", "the bus stop is near",
    "Please don't stop", "call me at the end of the month", "I quit smoking", "my stopwatch", "happy birthday",
])
def test_these_are_no_opt_outs(text: str | None) -> None:
    assert read_reply(text).kind not in ("opt_out", "ambiguous")


@pytest.mark.parametrize("text", [
    "I don't want any more of these shoes", "I unsubscribed by mistake, I want to keep getting these",
    "unsubscribe from my sister's joke", "stop worrying, we will be there", "c'est la fin de l'offre quand ?",
])
def test_what_is_wished_of_other_things_is_no_opt_out(text: str) -> None:
    assert read_reply(text).kind == "none"


@pytest.mark.parametrize("text", ["START", "SUBSCRIBE", "UNSTOP", "RESUME"])
def test_these_are_opt_ins(text: str) -> None:
    assert read_reply(text).kind == "opt_in"


@pytest.mark.parametrize("text", [
    "Let's start the project", "Yes, but not now", "Resume next week", "", None, "Start over", "Can we start monday?",
    "happy birthday", "please stop texting my phone", "yes please", "Yes, interested!",
])
def test_these_are_no_opt_ins(text: str | None) -> None:
    assert read_reply(text).kind != "opt_in"


def test_a_yes_is_an_opt_in_only_where_one_was_asked_for() -> None:
    assert read_reply("YES").kind == "none"
    assert read_reply("YES", is_confirming=True).kind == "opt_in"


@pytest.mark.parametrize("text", ["HELP", "info", "Who is this?", "ayuda"])
def test_these_call_for_help(text: str) -> None:
    assert read_reply(text).kind == "help"


@pytest.mark.parametrize("text", ["ENDED", "stop?", "No thanks", "Stop it, you made me laugh", "don't text me after 9pm"])
def test_these_a_person_must_read(text: str) -> None:
    assert read_reply(text).kind == "ambiguous"


def test_a_reading_says_which_words_decided() -> None:
    reading = read_reply("Sorry, wrong number. Please STOP")

    assert (reading.found, reading.language) == ("please stop", "en")
    assert "stop" in reading.reason


def test_neither_case_nor_signs_nor_accents_matter() -> None:
    assert folded("ARRÊTEZ — s.t.o.p, st0p!") == ["arretez", "|", "stop", "|", "stop"]


def test_a_reaction_that_quotes_us_is_no_reply() -> None:
    assert read_reply("Liked “Reply STOP to unsubscribe”").kind == "none"


def test_junk_is_read_at_once() -> None:
    began = time.perf_counter()

    kinds = {read_reply(junk * 50_000).kind for junk in (
        "dont want ", "stop the ", "a b c ", "no me ", "take me off ", "| ", "no ", "ni ", "me me it ", "xyzzy ",
    )}

    assert kinds
    assert time.perf_counter() - began < 2
