"""Templates: what is refused when they are written, what people get, and who gets nothing and why."""

from __future__ import annotations

import socket
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from regulars.campaigns.preview import previews, survey
from regulars.campaigns.template import (
    Message,
    Parsed,
    Template,
    Unfilled,
    from_braces,
    missing,
    parse,
    render,
    rendered,
)
from regulars.campaigns.wording import Wording
from regulars.errors import DeclarationError

KNOWN = ("first_name", "amount", "visit", "offer.code", "classes")
WORDING = Wording(zone="America/Chicago")
MJML = (
    "<mjml><mj-head><mj-style>.big { color: red }</mj-style></mj-head><mj-body><mj-section><mj-column>"
    '<mj-text css-class="big">Hello {{ first_name | default: "there" }}</mj-text>'
    '<mj-button href="{{ unsubscribe_url }}">Leave</mj-button></mj-column></mj-section></mj-body></mjml>'
)


def sms(text: str) -> Parsed:
    return parse(Template(name="t", channel="sms", text=text), known=KNOWN, wording=WORDING)


def email(html: str, *, must_leave: bool = False) -> Parsed:
    template = Template(name="t", channel="email", subject="Hi {{ first_name }}", html=html)
    return parse(template, known=KNOWN, wording=WORDING, must_leave=must_leave)


@pytest.mark.parametrize(("text", "complaint"), [
    ("Hi {{ fist_name }}", r"line 1: no variable 'fist_name' \(did you mean 'first_name'\?\)"),
    ("Hi\n\n{{ offer.cod }}", r"line 3: no variable 'offer.cod'"),
    ("{{ amount | mony }}", r"no filter 'mony' \(did you mean 'money'\?\)"),
    ("{{ first_name | safe }}", "no filter 'safe'"),
    ("{% include 'secrets' %}", "unexpected tag 'include'"),
    ("{% if first_name %}", "expected tag endif"),
    ("x" * 200_001, "has 200,001 characters"),
    ("  ", "the text is empty"),
])
def test_a_template_that_cannot_be_meant_is_refused_when_it_is_written(text: str, complaint: str) -> None:
    with pytest.raises(DeclarationError, match=complaint):
        sms(text)


def test_values_are_written_as_the_business_writes_them() -> None:
    parsed = sms('{{ amount | money }} on {{ visit | day: "EEE h:mm a" }} with {{ offer.code }}: {{ classes | join }}')

    message = render(parsed, {
        "amount": 1250, "visit": datetime(2026, 1, 10, 3, tzinfo=UTC), "offer": {"code": "X1"}, "classes": ["a", "b"],
    })

    assert message == Message(subject="", text="$12.50 on Fri 9:00 PM with X1: a, b", html="")


def test_a_day_is_a_day_in_every_zone_and_a_moment_without_zone_is_none() -> None:
    assert WORDING.day(date(2026, 1, 9)) == "January 9, 2026"
    with pytest.raises(ValueError, match="says no zone"):
        WORDING.day(datetime(2026, 1, 9))  # noqa: DTZ001 - the fault itself


@pytest.mark.parametrize("text", [
    "{{ amount | divided_by: 0 }}", "{{ amount | day }}", '{{ visit | day: "h:mm" }}', "{{ first_name | money }}",
    "{% if amount > first_name %}x{% endif %}", '{{ amount | money: "ZZZ" }}', "{{ first_name | number }}",
])
def test_a_value_that_does_not_fit_refuses_the_person_and_says_why(text: str) -> None:
    unfilled = render(sms(text), {"first_name": "Ann", "amount": 1250, "visit": date(2026, 1, 9)})

    assert isinstance(unfilled, Unfilled)
    assert unfilled.reason.startswith("cannot be filled in: ")


def test_money_follows_the_currency() -> None:
    assert Wording().money(1250, "JPY") == "¥1,250"
    assert Wording(locale="de_DE", currency="EUR").money(125099) == "1.250,99\xa0€"


@pytest.mark.parametrize("name", [None, "", "  ", "+1 (254) 555-0142", "12545550142"])
def test_a_name_that_is_none_is_replaced_by_the_fallback(name: str | None) -> None:
    assert render(sms('Hi {{ first_name | default: "there" }}'), {"first_name": name}) == Message(
        subject="", text="Hi there", html=""
    )


def test_a_person_without_a_value_gets_nothing_rather_than_a_gap() -> None:
    assert render(sms("Hi {{ first_name }}, {{ offer.code }}"), {"first_name": ""}) == Unfilled(
        reason="no first_name, offer, and no fallback", missing=("first_name", "offer")
    )


def test_a_million_character_name_is_refused() -> None:
    unfilled = render(sms("Hi {{ first_name }}"), {"first_name": "x" * 1_000_000})

    assert isinstance(unfilled, Unfilled)
    assert "1,000,000 characters" in unfilled.reason


@pytest.mark.parametrize("text", [
    "{% for i in (1..1000000000) %}x{% endfor %}", '{{ (1..1000000000) | join: "," }}',
    '{% assign x = "a" %}{% for i in (1..900) %}{% assign x = x | append: x %}{% endfor %}{{ x }}',
    "{% for i in (1..1000) %}xxxx{% endfor %}",
])
def test_a_template_cannot_use_up_the_machine(text: str) -> None:
    assert isinstance(render(sms(text), {}), Unfilled)


def test_html_is_escaped_and_a_subject_stays_one_line() -> None:
    message = render(email("<p>{{ first_name }}</p>"), {"first_name": "<script>x</script>\r\nBcc: a@b.example"})

    assert isinstance(message, Message)
    assert "<script>" not in message.html
    assert "\n" not in message.subject
    assert "\r" not in message.subject


def test_mjml_becomes_html_with_inlined_styles_and_a_plain_twin() -> None:
    message = render(email(MJML, must_leave=True), {"first_name": "Ann", "unsubscribe_url": "https://x.example/u?a=1&b=2"})

    assert isinstance(message, Message)
    assert "mj-text" not in message.html
    assert "color: red" in message.html
    assert 'href="https://x.example/u?a=1&amp;b=2"' in message.html
    assert message.text == "Hello Ann\n\nLeave (https://x.example/u?a=1&b=2)"


@pytest.mark.parametrize("html", ["<mjml><mj-bod></mjml>", '<mjml><mj-body><mj-include path="/etc/passwd"/></mj-body></mjml>'])
def test_mjml_that_cannot_be_read_or_reads_a_file_is_refused(html: str) -> None:
    with pytest.raises(DeclarationError, match="not MJML"):
        email(html)


def test_nothing_that_an_email_names_is_fetched_while_it_is_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.2)
        url = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
        made = email(
            f'<html><head><link rel="stylesheet" href="{url}/a.css"><style>@import url("{url}/b.css");</style></head>'
            f'<body><p style="background: url({url}/c.png)">Hi</p><img src="{url}/d.png"></body></html>'
        )
        with pytest.raises(DeclarationError):
            email(f'<mjml><mj-head><mj-include path="{url}/e.mjml"/></mj-head><mj-body/></mjml>')

        with pytest.raises(TimeoutError):
            elsewhere.accept()

    assert isinstance(render(made, {"first_name": "Ann"}), Message)


def test_an_email_that_sells_must_say_how_to_leave() -> None:
    with pytest.raises(DeclarationError, match="must say how to leave"):
        email("<p>Buy</p>", must_leave=True)


def test_a_text_message_is_written_in_the_cheap_alphabet() -> None:
    message = render(sms("It’s {{ first_name }} – today…"), {"first_name": "Zoë’s"})  # noqa: RUF001 - what word processors write

    assert message == Message(subject="", text="It's Zoë's - today...", html="")


PEOPLE = pa.table({
    "id": ["1", "2", "3", "4"], "first_name": ["Ann", None, "Ann", "x" * 600], "amount": [100, 100, 250, 100],
    "offer": [{"code": "A"}, {"code": "A"}, {"code": None}, {"code": "A"}],
})


def test_everybody_gets_what_each_alone_would_get() -> None:
    parsed = sms('{{ first_name }} {{ amount | money }} {{ offer.code | default: "none" }}')

    filled = rendered(parsed, PEOPLE)

    alone = [render(parsed, row) for row in PEOPLE.to_pylist()]
    assert filled["text"].to_pylist() == [getattr(one, "text", None) for one in alone]
    assert filled["reason"].to_pylist() == [getattr(one, "reason", None) for one in alone]
    assert filled["text"][2].as_py() == "Ann $2.50 none"


def test_what_people_lack_is_reported_with_an_example() -> None:
    report = missing(rendered(sms("Hi {{ first_name }}"), PEOPLE), PEOPLE["id"])

    assert report.to_pylist() == [
        {"reason": "first_name has 600 characters, more than 500", "recipients": 1, "example": "4"},
        {"reason": "no first_name, and no fallback", "recipients": 1, "example": "2"},
    ]


def test_a_variable_that_no_table_has_is_refused_before_anything_is_made() -> None:
    with pytest.raises(DeclarationError, match="nothing says 'visit'"):
        rendered(sms("{{ visit | day }}"), PEOPLE)


def test_an_empty_audience_gets_nothing() -> None:
    assert rendered(sms("Hi {{ first_name }}"), PEOPLE.slice(0, 0)).num_rows == 0


def test_a_survey_counts_what_would_be_sent_and_who_costs_most() -> None:
    found = survey(sms("Hi {{ first_name }}"), PEOPLE, recipient="id")

    assert (found.recipients, found.sendable, found.segments) == (4, 2, 2)
    assert found.worst is not None
    assert found.worst.recipient == "1"


def test_a_preview_shows_the_words_of_real_people_and_their_segments() -> None:
    first, second = previews(sms("Hi {{ first_name }}"), PEOPLE, recipient="id", limit=2)

    assert isinstance(first.message, Message)
    assert first.count is not None
    assert (first.message.text, first.count.segments) == ("Hi Ann", 1)
    assert isinstance(second.message, Unfilled)


def test_placeholders_in_single_braces_become_liquid() -> None:
    assert from_braces("Hi {first_name|friend}, {{ amount }} {x}") == (
        'Hi {{ first_name | default: "friend" }}, {{ amount }} {{ x }}'
    )
