"""How people can be reached, as the gym knows it: own, shared, changed, made-up and missing contacts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regulars.testing.gym.chance import Flags, Numbers, Texts, weighted
from regulars.testing.gym.json_lines import NEVER, kept
from regulars.testing.gym.people import NOBODY, People
from regulars.testing.gym.setting import Setting
from regulars.testing.gym.vocabulary import (
    AREA_CODES,
    EMAIL_DOMAIN_WEIGHTS,
    EMAIL_DOMAINS,
    PLACEHOLDER_EMAILS,
    PLACEHOLDER_PHONES,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """Contact points by person. Phones are E.164; missing is None; days count from 1970-01-01."""

    email: Texts                   # what truly reaches the person: own, a guardian's or a partner's
    phone: Texts
    is_email_own: Flags
    is_phone_own: Flags
    written_email: Texts           # what stands in the gym's account: the above or a placeholder
    written_phone: Texts
    old_email: Texts               # what stood there before `changed_day`
    changed_day: Numbers           # NEVER: it never changed
    created_day: Numbers           # of the gym account
    created_second: Numbers        # of the local day
    is_opted_in: Flags             # when the account was opened
    opted_out_day: Numbers         # NEVER: still as opened

    accounts: int                  # how many of the people have a gym account: the first so many

    @property
    def is_reachable(self) -> Flags:
        """Return who has a true e-mail or phone, so that a payment can be attributed."""
        reachable: Flags = (self.email != None) | (self.phone != None)  # noqa: E711  # element by element
        return reachable


def reach(setting: Setting, people: People) -> Contacts:
    """Return the contacts: 35 % of the accounts have no e-mail, 15.6 % of the minors have one."""
    rng = setting.rng("contacts")
    domain = np.array(EMAIL_DOMAINS, dtype=object)[weighted(rng, EMAIL_DOMAIN_WEIGHTS, people.size)]
    own_address = people.local_part + "@" + domain
    email, is_email_own = _emails(rng, people, own_address)
    phone, is_phone_own = _phones(rng, people)
    written_email, written_phone = _placeholders(setting, rng, people, email, phone)
    changed = _changers(setting, rng, people, is_email_own & is_phone_own)
    old = np.full(people.size, None, dtype=object)
    old[changed] = "was." + own_address[changed]
    changed_day = np.full(people.size, NEVER)
    changed_day[changed] = rng.integers(setting.opened + setting.days // 3, setting.last_day, len(changed))
    created = _created(setting, rng, people)
    opted_in = (email != None) & ~people.is_minor & (rng.random(people.size) < 0.7)  # noqa: E711  # element by element
    leaves = opted_in & (rng.random(people.size) < 0.08)
    left_on = np.minimum(created + 10 + (rng.random(people.size) * 200).astype(np.int64), setting.last_day)
    return Contacts(
        email=email, phone=phone, is_email_own=is_email_own, is_phone_own=is_phone_own, written_email=written_email,
        written_phone=written_phone, old_email=old, changed_day=changed_day, created_day=created,
        accounts=people.accounts,
        created_second=rng.integers(9 * 3600, 21 * 3600, people.size), is_opted_in=opted_in,
        opted_out_day=np.where(leaves, left_on, NEVER),
    )


def _emails(rng: np.random.Generator, people: People, own_address: Texts) -> tuple[Texts, Flags]:
    draw = rng.random(people.size)
    second = (people.partner != NOBODY) & (np.arange(people.size) % 2 == 1)
    shares_with_partner = second & (draw > 0.9)
    own = (~people.is_minor & (draw < 0.916) & ~shares_with_partner) | ~people.has_account
    own |= np.isin(np.arange(people.size), people.partner[shares_with_partner])
    minors = np.flatnonzero(people.is_minor)
    wanted = round(len(minors) * 0.156)
    under_guardian = minors[(people.guardian[minors] != NOBODY) & own[people.guardian[minors]]]
    from_guardian = rng.permutation(under_guardian)[: round(wanted * 0.65)]
    teens = np.setdiff1d(minors[people.birthday[minors] < np.median(people.birthday[minors])], from_guardian)
    own[rng.permutation(teens)[: wanted - len(from_guardian)]] = True
    email = kept(own_address, own)
    email[shares_with_partner] = own_address[people.partner[shares_with_partner]]
    email[from_guardian] = own_address[people.guardian[from_guardian]]
    return email, own


def _phones(rng: np.random.Generator, people: People) -> tuple[Texts, Flags]:
    """Phones in the 555 exchange, which is nobody's; some children carry a guardian's, some people have none."""
    numbers = np.arange(people.size) + 200
    area = np.array(AREA_CODES, dtype=np.int64)[numbers % len(AREA_CODES)]
    exchange, line = 555 + numbers // len(AREA_CODES) // 9000, 1000 + numbers // len(AREA_CODES) % 9000
    addresses = ("+1" + (area * 10_000_000 + exchange * 10_000 + line).astype(str).astype(object)).astype(object)
    draw = rng.random(people.size)
    own = np.where(people.is_minor, draw < 0.06, draw < 0.92) | ~people.has_account
    phone = kept(addresses, own)
    guarded = people.guardian != NOBODY
    borrows = people.is_minor & guarded & ~own & (draw < 0.55) & own[people.guardian]
    phone[borrows] = addresses[people.guardian[borrows]]
    return phone, own


def _placeholders(
    setting: Setting, rng: np.random.Generator, people: People, email: Texts, phone: Texts
) -> tuple[Texts, Texts]:
    """What the desk types when a form insists: addresses and numbers that belong to nobody."""
    written_email, written_phone = email.copy(), phone.copy()
    for written, words, count in (
        (written_email, PLACEHOLDER_EMAILS, setting.sized(90, at_least=6)),
        (written_phone, PLACEHOLDER_PHONES, setting.sized(110, at_least=6)),
    ):
        lacking = np.flatnonzero((written == None) & people.has_account)  # noqa: E711  # element by element
        chosen = rng.permutation(lacking)[:count]
        written[chosen] = np.array(words, dtype=object)[np.arange(len(chosen)) % len(words)]
    return written_email, written_phone


def _changers(setting: Setting, rng: np.random.Generator, people: People, has_both: Flags) -> Numbers:
    """Adults on their own with an e-mail and a phone of their own: the phone stays when the e-mail changes."""
    guards = np.union1d(people.guardian, people.second_guardian)
    alone = has_both & people.has_account & (people.partner == NOBODY) & ~people.is_minor
    alone[guards[guards != NOBODY]] = False
    return np.sort(rng.permutation(np.flatnonzero(alone))[: setting.sized(220, at_least=3)])


def _created(setting: Setting, rng: np.random.Generator, people: People) -> Numbers:
    """Accounts open over the whole time, a few before the gym did; a guardian's never after the child's."""
    created = setting.first_day + (rng.random(people.size) ** 0.85 * setting.days).astype(np.int64)
    return guardians_first(people, created)


def guardians_first(people: People, created: Numbers) -> Numbers:
    """Return account days in which nobody's account is older than the account his contacts come from."""
    created = created.copy()
    for guardian in (people.guardian, people.second_guardian):
        children = np.flatnonzero(guardian != NOBODY)
        np.minimum.at(created, guardian[children], created[children])
    seconds = np.flatnonzero((people.partner != NOBODY) & (np.arange(people.size) % 2 == 1))
    created[people.partner[seconds]] = np.minimum(created[people.partner[seconds]], created[seconds])
    return created
