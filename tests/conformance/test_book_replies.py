"""What every book promises about what comes back: which message a reply answers, who clicked, how far people came."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from regulars.campaigns.campaign import message_id
from regulars.campaigns.link import Click, ShortLink
from regulars.destinations.sender import Receipt, Stage
from regulars.storage.book import Book
from regulars.storage.book.message_list import Wanted
from regulars.storage.book.messages import Attempt, Settled
from regulars.storage.book.receipts import BOT
from regulars.storage.book.replies import KeptReply
from regulars.storage.book.ways import packed, unpacked
from regulars.testing.mailing import recipients

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
HOUR, LASTS = timedelta(hours=1), timedelta(minutes=2)
ANN = "+12540000000"


def sent(book: Book, campaign: str, *, at: datetime, people: int = 2, ours: str = "+12545550100") -> str:
    """Send a campaign to some people, the first of whom is Ann; return its id."""
    one = book.campaigns.begin(
        campaign, "once", channel="sms", purpose="marketing", destination=f"by_{campaign}", version="v1", starts_at=at,
        at=at,
    )
    book.messages.plan(one.campaign_id, recipients(people, due_at=at), at=at)
    book.campaigns.move(one.campaign_id, "sending", at=at)
    claimed = book.messages.claim(one.campaign_id, "w", now=at, lasts=LASTS, limit=people)
    book.messages.begin(one.campaign_id, "w", [
        Attempt(customer_id=each.customer_id, n=1, provider="quo", sender=ours, text="Hi", attempted_at=at)
        for each in claimed
    ], at=at)
    book.messages.settle(one.campaign_id, [
        Settled(customer_id=each.customer_id, n=1, state="sent", outcome="accepted",
                provider_id=f"{campaign}-{each.customer_id}") for each in claimed
    ], worker="w", at=at)
    return one.campaign_id


def answered(book: Book, *, at: datetime, who: str = ANN, ours: str = "+12545550100") -> str | None:
    found = book.replies.answered(who, ours=ours, provider="quo", at=at, leaving_out="answers")
    return None if found is None else found.campaign_id


def reply(book: Book, provider_id: str, campaign: str, *, mood: str = "neutral", status: str = "none") -> bool:
    return book.replies.keep(KeptReply(
        provider="quo", provider_id=provider_id, address=ANN, ours="+12545550100", text="hello", at=NOW + HOUR,
        status=status, mood=mood, intent="other", campaign_id=campaign, customer_id="c_0000000",
    ), at=NOW + HOUR)


def test_a_reply_that_is_read_otherwise_is_recorded_anew_and_told_of_again(book: Book) -> None:
    first = sent(book, "first", at=NOW)
    reply(book, "r1", first)
    reply(book, "r2", first)
    before, one = book.campaigns.told_so_far(first), book.replies.of(first)[0]

    book.replies.read_again([replace(one, mood="positive", intent="interested")], at=NOW + 2 * HOUR)

    lines = book.replies.since(NOW, campaign="first")
    again = [row for batch in book.sent.replies(after=NOW + HOUR, until=NOW + 3 * HOUR) for row in batch]
    assert sorted((line.reply.provider_id, line.reply.mood) for line in lines) == [("r1", "positive"), ("r2", "neutral")]
    assert [(row["reply_id"], row["mood"], row["intent"]) for row in again] == [("quo/r1", "positive", "interested")]
    assert book.campaigns.told_so_far(first) != before
    assert book.replies.since(NOW, campaign="second") == []


def test_how_far_people_came_is_told_from_how_far_they_had_come(book: Book) -> None:
    first = sent(book, "first", at=NOW, people=5)
    news = [("delivered", 0), ("delivered", 1), ("clicked", 0)]
    book.receipts.keep([told_of(stage, n) for stage, n in news], at=NOW + HOUR)
    before = unpacked(packed(book.ways.of(first)))

    book.receipts.keep([told_of("clicked", 1), told_of("delivered", 3), told_of("opened", 0)], at=NOW + 5 * HOUR)
    reply(book, "r1", first, mood="positive")

    assert book.ways.as_now(first, before, since=NOW + HOUR) == book.ways.of(first) != before
    assert book.ways.as_now(first, before, since=NOW + 9 * HOUR) == before


def told_of(stage: Stage, n: int) -> Receipt:
    return Receipt(provider="quo", provider_id=f"first-c_{n:07}", stage=stage, at=NOW + HOUR)


def test_a_reply_answers_the_last_message_before_it(book: Book) -> None:
    first, second = sent(book, "first", at=NOW), sent(book, "second", at=NOW + 2 * HOUR)

    assert answered(book, at=NOW + HOUR) == first
    assert answered(book, at=NOW + 3 * HOUR) == second
    assert answered(book, at=NOW - HOUR) is None


def test_a_reply_to_a_number_answers_what_left_from_it(book: Book) -> None:
    first = sent(book, "first", at=NOW, ours="+12545550111")
    second = sent(book, "second", at=NOW + HOUR)

    assert answered(book, at=NOW + 2 * HOUR, ours="+12545550111") == first
    assert answered(book, at=NOW + 2 * HOUR, ours="+12545550199") == second


def test_answers_of_ours_and_messages_to_others_are_answered_by_nobody(book: Book) -> None:
    sent(book, "answers", at=NOW)

    assert answered(book, at=NOW + HOUR) is None
    assert answered(book, at=NOW + HOUR, who="+12549999999") is None


def test_a_reply_is_kept_once(book: Book) -> None:
    campaign = sent(book, "first", at=NOW)

    assert [reply(book, "r1", campaign), reply(book, "r1", campaign)] == [True, False]
    assert [one.provider_id for one in book.replies.of(campaign)] == ["r1"]


def test_messages_are_listed_page_by_page_without_a_gap(book: Book) -> None:
    campaign = sent(book, "first", at=NOW, people=5)

    seen, after = [], None
    while page := book.message_list.page(Wanted(campaign="first"), limit=2, after=after):
        seen += [row.customer_id for row in page]
        after = (page[-1].campaign_id, page[-1].customer_id)

    assert seen == [f"c_000000{n}" for n in range(5)]
    found = book.message_list.page(Wanted(address=ANN), limit=9)[0]
    assert (found.message_id, found.provider, found.state) == (message_id(campaign, "c_0000000"), "quo", "sent")
    assert book.message_list.page(Wanted(campaign="first", state="planned"), limit=9) == []


def test_how_far_people_came_leaves_machines_out(book: Book) -> None:
    campaign = sent(book, "first", at=NOW)
    for customer, code in (("c_0000000", ""), ("c_0000001", BOT)):
        book.receipts.keep([Receipt(
            provider="door", provider_id=message_id(campaign, customer), stage="clicked", at=NOW + HOUR, event_id="k",
            message_id=message_id(campaign, customer), code=code,
        )], at=NOW + HOUR)
    reply(book, "r1", campaign, mood="positive")
    reply(book, "r2", campaign, status="opted_out")

    rows = book.ways.of(campaign).to_pylist()

    came = [{name for name in ("sent", "clicked", "replied", "agreed", "left") if row[f"{name}_at"]} for row in rows]
    assert came == [{"sent", "clicked", "replied", "agreed", "left"}, {"sent"}]
    assert book.campaigns.stages(campaign) == {"clicked": 1}


def test_a_click_waits_until_it_can_be_judged_and_is_taken_once(book: Book) -> None:
    campaign = sent(book, "first", at=NOW)
    message = message_id(campaign, "c_0000000")
    link = ShortLink(code="abc", message=message, position=0, url="https://a.example")
    for _ in range(2):
        book.links.add([link])
    click = book.links.find("abc")
    assert click == Click(message=message, position=0, url="https://a.example")
    assert book.links.find("abd") is None
    book.links.note(click, at=NOW, method="GET", agent=None)

    early = book.links.untaken(before=NOW, limit=9)
    ripe = book.links.untaken(before=NOW + HOUR, limit=9)
    book.links.taken(ripe["click_id"].to_pylist(), at=NOW + HOUR)

    assert (early.num_rows, ripe.num_rows, ripe["sent_at"][0].as_py()) == (0, 1, NOW.replace(tzinfo=None))
    assert book.links.untaken(before=NOW + 2 * HOUR, limit=9).num_rows == 0


def test_a_click_on_a_message_of_which_nobody_knew_proves_it_was_sent_and_names_no_id_of_the_provider(book: Book) -> None:
    one = book.campaigns.begin(
        "lost", "once", channel="sms", purpose="marketing", destination="texts", version="v1", starts_at=NOW, at=NOW
    )
    book.messages.plan(one.campaign_id, recipients(1, due_at=NOW), at=NOW)
    book.campaigns.move(one.campaign_id, "sending", at=NOW)
    book.messages.claim(one.campaign_id, "w", now=NOW, lasts=LASTS, limit=1)
    book.messages.begin(one.campaign_id, "w", [Attempt(
        customer_id="c_0000000", n=1, provider="quo", sender="+12545550100", text="Hi", attempted_at=NOW
    )], at=NOW)
    book.messages.settle(one.campaign_id, [
        Settled(customer_id="c_0000000", n=1, state="unknown", outcome="unknown")
    ], worker="w", at=NOW)

    name = message_id(one.campaign_id, "c_0000000")
    book.receipts.keep([Receipt(provider="door", provider_id=name, stage="clicked", at=NOW, message_id=name)], at=NOW)

    row = book.message_list.page(Wanted(campaign="lost"), limit=1)[0]
    assert (row.state, row.provider_id) == ("sent", None)
