"""How each system writes the same person down: case, dots, plus signs, phone formats, typing errors, old addresses."""

from __future__ import annotations

import numpy as np

from regulars.testing.gym.business_time import DAY
from regulars.testing.gym.chance import Columns, Flags, Numbers, Texts
from regulars.testing.gym.contacts import Contacts
from regulars.testing.gym.json_lines import NEVER
from regulars.testing.gym.people import People
from regulars.testing.gym.setting import Setting


def is_alone_with(values: Texts) -> Flags:
    """Return whose contact is nobody else's; a missing one is not."""
    present = values != None  # noqa: E711  # element by element
    _, inverse, counts = np.unique(np.where(present, values, "").astype(str), return_inverse=True, return_counts=True)
    alone: Flags = present & (counts[inverse] == 1)
    return alone


def spelled(
    setting: Setting, people: People, contacts: Contacts, person: Numbers, *, at: Numbers, system: str
) -> Columns:
    """Return first_name, last_name, name, email and phone of persons as one system wrote them at moments (UTC seconds).

    Whatever is misspelled, an exact rule still finds the person: by an e-mail or phone that nobody shares, or by a
    shared one with exactly the same name, case and outer spaces aside.
    """
    rng = setting.rng(f"spelling in {system}")
    size = len(person)
    email, phone = contacts.email[person].copy(), contacts.phone[person].copy()
    own_email, own_phone = is_alone_with(contacts.email)[person], is_alone_with(contacts.phone)[person]
    old = (contacts.changed_day[person] != NEVER) & (at // DAY < contacts.changed_day[person])
    email[old] = contacts.old_email[person][old]
    draw = rng.random(size)
    gmail = np.array([value is not None and value.endswith("@gmail.com") for value in email], dtype=bool)
    tagged = own_email & own_phone & gmail & ~old & (draw < 0.12)
    email[tagged] = [_tagged(value) for value in email[tagged]]
    loud = (email != None) & (draw > 0.75)  # noqa: E711  # element by element
    email[loud] = [value.upper() if len(value) % 2 else f" {value.title()}" for value in email[loud]]
    first, last = people.first_name[person].copy(), people.last_name[person].copy()
    slips = (own_email | own_phone) & (rng.random(size) < 0.08)
    first[slips] = [_slip(value) for value in first[slips]]
    shouts = rng.random(size) < 0.1
    first[shouts] = [value.upper() for value in first[shouts]]
    return {"first_name": first, "last_name": last, "name": first + " " + last, "email": email,
            "phone": _written(rng, phone)}


def _tagged(email: str) -> str:
    """The same mailbox of a provider that ignores dots and what follows a plus sign."""
    local, domain = email.split("@")
    return f"{local[:1]}.{local[1:]}+gym@{domain}"


def _slip(name: str) -> str:
    """A typing error: two letters in the wrong order."""
    return name[:1] + name[2:3] + name[1:2] + name[3:] if len(name) > 2 else name + name[-1]


def _written(rng: np.random.Generator, phone: Texts) -> Texts:
    """Phones in the shapes people type them in."""
    shape = rng.integers(0, 5, len(phone))
    return np.array([None if value is None else _shaped(value, int(n)) for value, n in zip(phone, shape, strict=True)],
                    dtype=object)


def _shaped(phone: str, shape: int) -> str:
    area, exchange, line = phone[2:5], phone[5:8], phone[8:]
    shapes = (phone, f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}", f"{area}.{exchange}.{line}",
              f"1 {area} {exchange} {line}")
    return shapes[shape]
