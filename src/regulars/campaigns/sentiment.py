"""How a reply is meant: words and phrases that count for or against, turned round by a "not" before them, and why."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from regulars.consent.keyword import read_reply

Mood = Literal["positive", "negative", "neutral", "unknown"]
Intent = Literal["interested", "ready_to_buy", "scheduling", "requesting_info", "opt_out", "not_interested",
                 "wrong_number", "complaint", "question", "maybe_later", "clarification", "thinking", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A phrase that counted."""

    words: str                               # as the reply has them
    weight: int                              # above 0 for, below 0 against
    intent: Intent
    is_negated: bool = False                 # a "not" before it turned it round


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentiment:
    """How a reply is meant, as far as its words say."""

    mood: Mood                               # unknown: it says nothing that is known
    intent: Intent
    score: int                               # the weights together
    confidence: float                        # 0 to 1: how clearly the words point one way; no probability
    hits: tuple[Hit, ...]                    # in order: why

    @property
    def because(self) -> str:
        """Return the reason in words: `"interested" +2, not "great" -2`."""
        said = [f'{"not " if hit.is_negated else ""}"{hit.words}" {hit.weight:+d}' for hit in self.hits]
        return ", ".join(said) or "no word of it is known"


_PHRASES: Mapping[Intent, tuple[tuple[int, str], ...]] = MappingProxyType({
    "interested": (
        (3, ("im in|count me in|sign me up|im interested|very interested|definitely interested|sounds good"
             "|sounds great|lets do it|love to|would love|id love|im down|yes please|tell me more|i want in|me interesa"
            "|ca m interesse")),
        (2, ("yes|yep|yeah|yup|sure|absolutely|definitely|of course|interested|love|perfect|awesome|great|excellent"
            "|amazing|"
            "wonderful|fantastic|good|cool|nice|please do|si|oui|claro|sounds like fun|happy to|looking forward"
            "|excited|why not")),
        (1, "ok|okay|k|thanks|thank you|thx|ty|appreciate|please|fine|gracias|merci|alright|got it"),
    ),
    "ready_to_buy": (
        (3, ("ill take it|i will take it|how do i pay|how can i pay|where do i pay|want to buy|id like to buy"
            "|ready to buy|"
            "ready to join|want to join|id like to join|sign up|how do i join|how do i sign up|ill buy|take my money")),
    ),
    "scheduling": (
        (3, ("book me|book it|schedule|set up a time|see you|ill be there|i will be there|ill come|call me|please call|"
            "give me a call|contact me|reach me at|can i come|stop by tomorrow|appointment|reserve|save me a spot")),
        (1, "available|free on|works for me|what time|when can|tomorrow works"),
    ),
    "requesting_info": (
        (2, ("more info|more information|know more|learn more|hear more|more details|send me details|send info"
            "|send me the link|"
            "notify me|keep me posted|let me know|remind me|interested in details")),
        (1, ("how much|what is the (?:cost|price)|whats the (?:cost|price)|price|cost|pricing|hours|how long|where is|"
            "address|details")),
    ),
    "not_interested": (
        (-3, ("not interested|no interest|no thanks|no thank you|not for me|im good thanks|no longer interested"
             "|pass on this|"
             "ill pass|not anymore|already have|already joined elsewhere|too expensive|cost too much|costs too much|"
             "cant afford|not worth|no gracias|non merci|moved away|not a fit|dont need|do not need|dont want"
             "|do not want")),
        (-2, "no|nope|nah|never again|never mind|cant|cannot|wont|expensive|satisfied where i am"),
    ),
    "wrong_number": (
        (-3, ("wrong number|wrong person|who is this|whos this|who are you|you have the wrong|not my name"
             "|dont know you|new number|numero equivocado|mauvais numero")),
    ),
    "complaint": (
        (-3, ("terrible|horrible|awful|worst|hate|disgusting|rude|scam|spam|annoying|harass\\w*|ridiculous|ripoff"
              "|rip off|unacceptable|fraud|sue|reported|reporting you|lawyer|refund|disappointed|never coming back"
              "|waste of")),
        (-2, "bad|broken|dirty|mistake|wrong|unhappy|upset|angry|poor|overcharged|problem|disappointing|sucks?"),
    ),
    "maybe_later": (
        (0, ("maybe later|not now|not right now|not yet|another time|next time|next month|next year|later"
            "|in a few weeks|"
            "some other time|too busy|busy|when i get back|after the holidays|not today|rain check")),
    ),
    "thinking": ((0, ("maybe|thinking|ill think|think about it|let me think|not sure|unsure|i guess|perhaps|possibly"
                     "|depends")),),
    "clarification": ((0, ("what do you mean|what is this|whats this|huh|dont understand|do not understand|confused"
                          "|what offer|explain")),),
})

_NEGATION = re.compile(
    r"\b(?:not|no|never|dont|do not|doesnt|didnt|isnt|wasnt|arent|aint|cant|cannot|wont|wouldnt|without|hardly|barely"
    r"|nothing|"
    r"stop being)\s+(?:\w+\s+){0,2}$")
_NO_NEGATION = re.compile(r"\b(?:no problem|not bad|not only|why not|no worries|cant wait|can not wait|cannot wait"
                          r"|no doubt|never better)\b")
_QUESTION = re.compile(r"\?|^(?:what|when|where|who|how|why|which|can|could|do|does|is|are|will|would)\b")
_LAUGHS = {
    "\U0001f44d": 2, "\U0001f60a": 1, "\U0001f600": 1, "\U0001f601": 1, "\U0001f389": 2, "\u2764": 2, "\U0001f60d": 2,
    "\U0001f64f": 1, "\U0001f525": 1, "\U0001f44f": 1, "\U0001f44e": -2, "\U0001f620": -3, "\U0001f621": -3,
    "\U0001f595": -4, "\U0001f612": -1, "\U0001f644": -1, ":)": 1, ":(": -1,
}


def _compiled() -> re.Pattern[str]:
    """Gather all phrases in one pattern, the longest first: `no thanks` is one phrase, not two."""
    phrases = {phrase for levels in _PHRASES.values() for _, text in levels for phrase in _split(text)}
    return re.compile(r"\b(?:" + "|".join(sorted(phrases, key=lambda p: (-len(p), p))) + r")\b")


def _split(text: str) -> list[str]:
    return re.split(r"\|(?![^(]*\))", text)


_LEXICON = _compiled()
_EXACT = {
    phrase: (weight, intent)
    for intent, levels in _PHRASES.items() for weight, text in levels for phrase in _split(text)
}
_PATTERNS = [(re.compile(phrase), value) for phrase, value in _EXACT.items() if re.search(r"[\\(?]", phrase)]


def read_sentiment(text: str) -> Sentiment:
    """Say how a reply is meant.

    Who wants to be left alone is told by `consent`, and by nothing else. Of all other replies whole words count, the
    longest phrase first; a negation up to two words before turns a phrase round.
    """
    leaving = read_reply(text)
    if leaving.kind == "opt_out":
        hit = Hit(words=leaving.found, weight=-4, intent="opt_out")
        return Sentiment(mood="negative", intent="opt_out", score=-4, confidence=0.8, hits=(hit,))
    plain = _plain(text)
    hits = [_hit(match, plain) for match in _LEXICON.finditer(plain)]
    hits += [Hit(words=sign, weight=weight, intent="interested" if weight > 0 else "complaint")
             for sign, weight in _LAUGHS.items() if sign in text]
    score = sum(hit.weight for hit in hits)
    weighty = sum(abs(hit.weight) for hit in hits)
    is_question = _QUESTION.search(plain) is not None or "?" in text
    if not hits:
        mood: Mood = "neutral" if is_question else "unknown"
        return Sentiment(mood=mood, intent="question" if is_question else "other", score=0, confidence=0.0, hits=())
    mood = "positive" if score > 0 else "negative" if score < 0 else "neutral"
    # A question after the price is no assent yet, and "not now" beside a "yes" is neither.
    if mood == "positive" and score == 1 and is_question and not any(hit.intent == "interested" for hit in hits):
        mood = "neutral"
    if mood == "positive" and score <= 2 and any(hit.intent == "maybe_later" for hit in hits):
        mood = "neutral"
    confidence = round(abs(score) / (weighty + 1), 2) if weighty else 0.5
    return Sentiment(mood=mood, intent=_intent(hits, mood, is_question=is_question), score=score, confidence=confidence,
                     hits=tuple(hits))


def _plain(text: str) -> str:
    """Return small letters without accents, apostrophes and marks: "I'm in!!" is "im in"."""
    letters = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    bare = letters.lower().translate(str.maketrans("", "", "'\u2019`"))
    return " ".join(re.sub(r"[^\w\s?]", " ", bare).split())


def _hit(match: re.Match[str], plain: str) -> Hit:
    words = match[0]
    weight, intent = _EXACT.get(words) or next(value for pattern, value in _PATTERNS if pattern.fullmatch(words))
    before = plain[:match.start()]
    is_idiom = _NO_NEGATION.search(plain[max(0, match.start() - 16):match.end() + 16]) is not None
    if is_idiom and weight < 0 and intent in {"not_interested", "complaint"}:
        return Hit(words=words, weight=1, intent="interested", is_negated=True)
    # "I don't love the price" does not speak against prices.
    is_thing = intent == "requesting_info" and weight == 1
    can_turn = weight != 0 and not is_idiom and not is_thing and not words.startswith("no")
    if can_turn and _NEGATION.search(before) is not None:
        turned: Intent = "not_interested" if weight > 0 else "other"
        # "please don't stop" is praise; "not bad" is faint praise.
        return Hit(words=words, weight=-max(weight, 2) if weight > 0 else 1, intent=turned, is_negated=True)
    return Hit(words=words, weight=weight, intent=intent)


def _intent(hits: list[Hit], mood: Mood, *, is_question: bool) -> Intent:
    """Return the intent of the weightiest phrase that goes the way the reply goes."""
    if mood == "neutral":
        still = [hit for hit in hits if hit.weight == 0]
        if still:
            return still[0].intent
        return "question" if is_question else "other"
    sign = 1 if mood == "positive" else -1
    going = [hit for hit in hits if hit.weight * sign > 0]
    return max(going, key=lambda hit: abs(hit.weight)).intent
