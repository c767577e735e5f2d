"""What follows from a reply: what is written down, what a person must read, and which single text goes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from regulars.consent.channel import PURPOSES, Channel, Purpose
from regulars.consent.keyword import Reading
from regulars.consent.ledger import ANY, Action, Entry, Method, State

Status = Literal["opted_out", "already_opted_out", "opted_in", "already_opted_in", "help", "review", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What a business answers in one language; each names the business and how to change one's mind."""

    opted_out: str
    opted_in: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What follows from one reply."""

    status: Status
    entries: tuple[Entry, ...] = ()          # for the ledger
    text: str | None = None                  # sent once, at any hour: it answers, it does not advertise
    is_suppressed: bool = False              # until a person has read it


def texts(business: str, language: str = "en") -> Texts:
    """Return the answers of a business in a language; English where we have no other."""
    match language:
        case "es":
            return Texts(
                opted_out=f"{business}: no recibirá más mensajes. Responda START para volver a suscribirse.",
                opted_in=f"{business}: vuelve a recibir mensajes. Responda STOP para dejar de recibirlos.",
                help=f"{business}: responda STOP para no recibir más mensajes.",
            )
        case "fr":
            return Texts(
                opted_out=f"{business} : vous ne recevrez plus de messages. Répondez START pour en recevoir.",
                opted_in=f"{business} : vous recevrez de nouveau nos messages. Répondez STOP pour les arrêter.",
                help=f"{business} : répondez STOP pour ne plus recevoir de messages.",
            )
        case _:
            return Texts(
                opted_out=f"{business}: You've been unsubscribed. Reply START to resubscribe.",
                opted_in=f"{business}: You've been resubscribed to messages. Reply STOP to unsubscribe.",
                help=f"{business}: Reply STOP to unsubscribe.",
            )


def answer_to(
    reading: Reading, *, text: str, address_hash: str, channel: Channel, state: State, at: datetime,
    source: str, evidence: str, business: str, customer_id: str | None = None,
) -> Answer:
    """Decide what follows from a reply.

    Args:
        reading: What it means.
        text: As it came: the exact wording of what is written down.
        address_hash: Whose reply it is.
        channel: By which it came.
        state: What the ledger said of marketing before it.
        at: When it came.
        source: By which door: "twilio".
        evidence: The id of the message there.
        business: How the business calls itself.
        customer_id: Who that is, if anybody known.

    A second STOP is written down and not answered again; a START of somebody who never left changes nothing.
    """
    said = texts(business, reading.language)

    def entries(action: Action, method: Method, *purposes: Purpose | Literal["any"]) -> tuple[Entry, ...]:
        return tuple(
            Entry(
                address_hash=address_hash, channel=channel, purpose=purpose, action=action, method=method, at=at,
                source=source, wording=text, evidence=evidence, customer_id=customer_id,
            )
            for purpose in purposes
        )

    match _status(reading, state):
        case "opted_out":
            return Answer(status="opted_out", entries=entries("revoke", "reply", ANY), text=said.opted_out)
        case "already_opted_out":
            return Answer(status="already_opted_out", entries=entries("revoke", "reply", ANY))
        case "opted_in":
            # A STOP was of everything, so its opposite is too.
            return Answer(status="opted_in", entries=entries("grant", "keyword", *PURPOSES), text=said.opted_in)
        case "help":
            return Answer(status="help", text=said.help)
        case status:
            return Answer(status=status, is_suppressed=status == "review")


def _status(reading: Reading, state: State) -> Status:
    match reading.kind:
        case "opt_out":
            return "already_opted_out" if state == "revoked" else "opted_out"
        case "opt_in":
            return "already_opted_in" if state == "granted" else "opted_in"
        case "ambiguous":
            return "review"
        case kind:
            return kind
