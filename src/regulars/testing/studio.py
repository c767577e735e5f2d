"""A studio of a dozen members: the smallest business that uses every part of the pipeline, for tests of the whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

DAYS = (date(2026, 1, 5), date(2026, 1, 20))
"""The evenings its files arrive on: the first load, and two weeks later what is new, changed, gone and wrong."""

STORES: Mapping[str, str] = {
    "landing": "file:./data/landing", "lake": "file:./data/lake", "book": "sqlite:./data/book.db",
    "engine": "duckdb://",
}
_TOML = """\
[business]
name = "Corner Studio"
timezone = "America/Chicago"
currency = "USD"
country = "US"
opened_on = 2025-01-01

[stores]
landing = "{landing}"
lake = "{lake}"
book = "{book}"

[engine]
url = "{engine}"
"""
FILES: Mapping[str, str] = {
    "sources/desk.yaml": """\
kind: files
folder: inbox
streams:
  members:
    files: "members.csv"
    mode: snapshot
    key: [member_id]
    fields:
      member_id: {type: id, required: true}
      name: text
      email: text
      phone: text
      born: {type: date, formats: ["%m/%d/%Y"]}
      joined_at: {type: timestamp, required: true}
      ends_on: date
      city: text
    profile: {id: member_id, exclusive: true, email: email, phone: phone, name: name, birthday: born,
              created_at: joined_at, traits: {city: city}}
  visits:
    files: "visits*.csv"
    key: [visit_id]
    fields:
      visit_id: {type: id, required: true}
      member_id: {type: id, required: true}
      visited_at: {type: timestamp, required: true}
      guests: integer
      entry: text
      text: text
""",
    "sources/till.yaml": """\
kind: files
folder: inbox
streams:
  orders:
    files: "orders*.ndjson"
    key: [id]
    fields:
      id: {type: id, required: true}
      email: text
      paid_at: {type: timestamp, required: true}
      tip: {type: money, minor: true}
    profile: {id: lower(email), email: email, created_at: paid_at}
    money:
      - {kind: tip, amount: tip, when: paid_at, who: lower(email), payment: id, only_if: "coalesce(tip, 0) > 0"}
  lines:
    parent: orders
    each: lines
    key: [order_id, number]
    fields:
      order_id: {type: id, from: ^id}
      email: {type: text, from: ^email}
      paid_at: {type: timestamp, from: ^paid_at, required: true}
      number: {type: integer, required: true}
      what: text
      quantity: integer
      price: {type: money, required: true}
      currency: text
    money:
      - {kind: sale, amount: price * quantity, when: paid_at, who: lower(email), payment: order_id, description: what,
         quantity: quantity, currency: currency}
  refunds:
    files: "refunds*.ndjson"
    key: [id]
    fields:
      id: {type: id, required: true}
      order_id: {type: id, required: true}
      given_at: {type: timestamp, required: true}
      amount: {type: money, required: true}
    money:
      - {kind: refund, amount: amount, when: given_at, payment: id, refund_of: order_id}
""",
    "events/visited.yaml": "from: desk.visits\nwho: member_id\nwhen: visited_at\nwhat: {guests: guests}\n",
    "events/membership.yaml": "from: desk.members\nwho: member_id\nwhen: joined_at\nuntil: ends_on\nwhat: {city: city}",
    "events/bought.yaml": """\
from: money
who: profile_id
when: occurred_at
only_if: kind == "sale"
what: {amount: amount, category: category, units: units}
""",
    "events/treated.yaml": """\
from: transfers
who: purchaser_profile_id
when: checkin_datetime
only_if: purchaser_profile_id is not null
what: {pass_type: pass_type, remaining: remaining_count, other_name: user_name}
""",
    "events/was_treated.yaml": """\
from: transfers
who: user_profile_id
when: checkin_datetime
what: {pass_type: pass_type, remaining: remaining_count, other_name: purchaser_name}
""",
    "transfers.yaml": """\
from: desk.visits
who: member_id
when: visited_at
text: text
kinds: {entry_pass: entry == "pass", guest_pass: entry == "guest"}
method: entry
bought: category == "Day Pass"
""",
    "segments/was_treated.yaml": """\
title: Was treated
description: Came on somebody else's pass.
when: {count: was_treated, ever: true}
""",
    "segments/came_often.yaml": """\
title: Came often
description: On at least two different days in the last 30.
when: {distinct: days, of: visited, within: 30 days, at_least: 2}
examples:
  - {given: [{visited: 1 day ago}, {visited: 8 days ago}], expect: in}
  - {given: [{visited: 1 day ago}], expect: out}
""",
    "segments/member.yaml": """\
title: Member
description: On a membership today.
when: {during: membership}
""",
    "segments/good_buyer.yaml": """\
title: Good buyer
description: A member who came often and spent 20.00 or more, net.
when: {all: [{member_of: came_often}, {member_of: member}, {spend: net, at_least: 2000}]}
holds_for: 7 days
reenter_after: 30 days
""",
    "metrics/visits.yaml": "title: Visits\ndescription: How often people came.\ncount: visited\n",
    "metrics/revenue.yaml": "title: Revenue\ndescription: Paid less given back.\nspend: net\n",
    "metrics/visitors.yaml": "title: Visitors\ndescription: Different people.\ndistinct: customers\nof: visited\n",
    "categories.yaml": """\
unmatched: Other
rules:
  - {name: pass, category: Day Pass, words: [day pass, punch pass]}
  - {name: drink, category: Retail, words: [tea, water]}
""",
}


def write_studio(folder: Path, *, stores: Mapping[str, str] = STORES) -> Path:
    """Write the project's files; `stores` says landing, lake, book and engine by URL. Returns the folder."""
    for name, text in {**FILES, "regulars.toml": _TOML.format(**stores)}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def evening(day: date) -> datetime:
    """Return the moment a run of that day is made at."""
    return datetime(day.year, day.month, day.day, 23, 30, tzinfo=UTC)


def deliver(folder: Path, day: date) -> None:
    """Put the files of one of DAYS into the project's inbox."""
    inbox = folder / "inbox"
    inbox.mkdir(exist_ok=True)
    number = DAYS.index(day)
    (inbox / "members.csv").write_text(_members(number), encoding="utf-8")
    (inbox / f"visits-{day}.csv").write_text(_visits(number), encoding="utf-8")
    (inbox / f"orders-{day}.ndjson").write_text(_lines(_orders(number)), encoding="utf-8")
    (inbox / f"refunds-{day}.ndjson").write_text(_lines(_refunds(number)), encoding="utf-8")


def _members(number: int) -> str:
    """Twelve members; a family shares an address; on the second day one is gone, one moved and one joined."""
    rows = ["member_id,name,email,phone,born,joined_at,ends_on,city"]
    for n in range(12):
        if number and n == 11:
            continue
        email = "family@example.com" if n in {3, 4, 5} else f"m{n}@example.com"
        city = "Hewitt" if number and n == 2 else "Waco"
        ends = "2026-01-10" if n == 6 else ""
        rows.append(f'{100 + n},"Ann{n} Lee{n}",{email},(254) 555-01{n:02d},0{n % 9 + 1}/1{n % 9}/199{n % 10},'
                    f"2025-1{n % 3}-0{n % 9 + 1} 09:30,{ends},{city}")
    if number:
        rows.append("112,Zoë Lee,M12@example.com,,2000-02-29,2026-01-19T10:00:00Z,,Waco")
    return "\n".join(rows) + "\n"


def _visits(number: int) -> str:
    """Visits of two weeks; on the second day one of them cannot be read."""
    first = 6 if number else 1
    rows = ["visit_id,member_id,visited_at,guests,entry,text"]
    for day in range(first, first + (14 if number else 5)):
        members = range(day % 3, 12 - number, 3)
        rows += [f"v{day}-{n},{100 + n}.0,2026-01-{day:02d} 1{n % 8}:15,{n % 2},{_entry(day, n)}" for n in members]
    if number:
        rows += ["v-bad,101,sometime,1,member,", "v-odd,101,2026-01-19 10:00,1,pass,Day Pass from (1 remaining)"]
    return "\n".join(rows) + "\n"


def _entry(day: int, member: int) -> str:
    """How a member came in, and its text: on a pass of his own, of somebody else, or of nobody known; as a guest."""
    left = f"({4 - day % 5} remaining)"
    return (
        "member,", f"pass,5-Punch Pass {left}", f"pass,5-Punch Pass from Ann{member} Lee{member + 1} {left}",
        f"guest,Guest Pass from Ann{member % 4} Lee", "pass,Day Pass from Bob Stranger",
    )[(day + member) % 5]


def _orders(number: int) -> list[object]:
    """Orders of two lines, some with a tip; on the second day one is corrected and one has a currency nobody knows."""
    def order(name: str, buyer: int, day: int, *, currency: str = "USD", quantity: int = 2) -> object:
        lines = [
            {"number": 1, "what": "5-Punch Pass", "quantity": 1, "price": "22.00", "currency": currency},
            {"number": 2, "what": "Green tea", "quantity": quantity, "price": "3.50", "currency": "USD"},
        ]
        email = f"M{buyer}@Example.com" if buyer != 4 else "walk.in@example.com"
        return {"id": name, "email": email, "paid_at": f"2026-01-{day:02d}T18:00:00-06:00", "lines": lines,
                "tip": 500 if buyer % 2 else None}

    if not number:
        return [order(f"o{n}", n, n % 4 + 1) for n in range(6)]
    corrected = order("o1", 1, 2, quantity=3)
    return [corrected, *(order(f"p{n}", n, n + 6) for n in range(7)), order("p9", 9, 16, currency="XQQ")]


def _refunds(number: int) -> list[object]:
    if not number:
        return [{"id": "r0", "order_id": "o2", "given_at": "2026-01-04T10:00:00Z", "amount": "3.50"}]
    return [{"id": "r1", "order_id": "o3", "given_at": "2026-01-12T10:00:00Z", "amount": "29.00"}]


def _lines(items: list[object]) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)
