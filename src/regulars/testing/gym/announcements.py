"""The campaigns that were mailed: to whom, when, with which offer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regulars.testing.gym.business_time import iso_days, iso_utc, utc_seconds
from regulars.testing.gym.chance import Columns, Numbers
from regulars.testing.gym.contacts import Contacts
from regulars.testing.gym.json_lines import NEVER
from regulars.testing.gym.people import People
from regulars.testing.gym.setting import Setting
from regulars.testing.gym.vocabulary import OFFERS

CAMPAIGNS = ((2, 1), (9, 0), (31, 4), (33, 5), (40, 0), (61, 1), (64, 6), (92, 4),
             (100, 2), (130, 0), (180, 3), (250, 2))
"""Each campaign: how many days before the last day it went out, and its position in OFFERS."""

SENDS = ("campaign_id", "title", "subject", "sent_at", "email", "first_name", "last_name", "has_offer", "offer_type",
         "offer_amount", "offer_code", "offer_expires", "email_category")
"""Columns of the export, one row per address and campaign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailings:
    """One row per e-mail sent, by time."""

    person: Numbers
    campaign: Numbers              # position in CAMPAIGNS
    at: Numbers                    # UTC seconds


def mail(setting: Setting, people: People, contacts: Contacts) -> Mailings:
    """Return the e-mails: half of the adults who opted in and did not opt out, at an address of their own.

    Who changed address gets none before the change: the old address would lead nowhere.
    """
    rng = setting.rng("mailings")
    persons, campaigns, moments = [], [], []
    for number, (ago, _) in enumerate(CAMPAIGNS):
        day = setting.last_day - ago
        listed = contacts.is_opted_in & contacts.is_email_own & (contacts.created_day < day)
        listed &= (contacts.opted_out_day > day) & ~people.is_minor & people.has_account
        listed &= (contacts.changed_day == NEVER) | (contacts.changed_day < day)
        person = np.flatnonzero(listed & (rng.random(people.size) < 0.55) & (day > setting.first_day))
        persons.append(person)
        campaigns.append(np.full(len(person), number))
        seconds = np.full(len(person), 10 * 3600) + np.arange(len(person)) % 900
        moments.append(utc_seconds(np.full(len(person), day), seconds))
    at = np.concatenate(moments)
    order = np.argsort(at, kind="stable")
    return Mailings(person=np.concatenate(persons)[order], campaign=np.concatenate(campaigns)[order], at=at[order])


def send_rows(setting: Setting, people: People, contacts: Contacts, mailings: Mailings) -> Columns:
    """Return the rows of the export, columns SENDS, all text."""
    offers = [OFFERS[offer] for _, offer in CAMPAIGNS]
    campaign, person = mailings.campaign, mailings.person
    expires = iso_days(np.array([setting.last_day - ago + 10 for ago, _ in CAMPAIGNS])).astype(object)
    per_campaign = {
        "campaign_id": [f"mc{setting.last_day - ago}{number:02d}" for number, (ago, _) in enumerate(CAMPAIGNS)],
        "title": [offer.title for offer in offers], "subject": [offer.subject for offer in offers],
        "has_offer": ["true" if offer.type else "false" for offer in offers],
        "offer_type": [offer.type for offer in offers], "offer_amount": [offer.amount for offer in offers],
        "offer_code": [offer.code for offer in offers], "email_category": [offer.category for offer in offers],
        "offer_expires": [day if offer.type else "" for day, offer in zip(expires, offers, strict=True)],
    }
    rows = {name: np.array(values, dtype=object)[campaign] for name, values in per_campaign.items()}
    rows |= {"sent_at": iso_utc(mailings.at).astype(object), "email": contacts.email[person],
             "first_name": people.first_name[person], "last_name": people.last_name[person]}
    return {name: rows[name] for name in SENDS}
