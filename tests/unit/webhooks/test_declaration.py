"""Webhook sources are checked where they are written, with what would be right."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from regulars.errors import DeclarationError, SourceRefused
from regulars.plugins import declare_source
from regulars.sources.source import Surroundings
from regulars.sources.webhook.declare import WebhookSource


def declared(environment: dict[str, str] | None = None, **data: object) -> WebhookSource:
    told = {"kind": "webhook", "provider": "quo", "secrets": ["${QUO_KEY}"], **data}
    found = declare_source("texts", told, at=Surroundings(folder=Path(), environment=environment or {}))
    assert isinstance(found, WebhookSource)
    return found


def test_old_and_new_secret_come_from_the_environment() -> None:
    source = declared({"NEW": "whsec_n", "OLD": "whsec_o"}, secrets=["${NEW}", "${OLD}"])

    assert source.secrets() == ("whsec_n", "whsec_o")


def test_a_project_is_checked_without_its_secrets() -> None:
    source = declared()

    with pytest.raises(SourceRefused, match="QUO_KEY"):
        source.secrets()


def test_it_has_a_stream_that_nobody_asks_for() -> None:
    (stream,) = declared(fields={"type": {"from": "said.type", "type": "text"}}).streams

    assert (stream.full_name, stream.is_pushed, stream.key) == ("texts.events", True, ("delivery_id",))
    assert stream.field("type").path == "said.type"


def test_the_age_of_a_signature_is_the_schemes_unless_said_otherwise() -> None:
    assert [declared().window, declared(replay_window="10 minutes").window] == [timedelta(minutes=5), timedelta(minutes=10)]


@pytest.mark.parametrize(("data", "path", "said"), [
    ({"provider": "qo"}, ("provider",), "did you mean 'quo'?"),
    ({"provider": None}, ("provider",), "known: klaviyo, mailchimp, mandrill, quo"),
    ({"secrets": []}, ("secrets",), 'secrets: ["${QUO_SECRET}"]'),
    ({"secrets": None}, ("secrets",), "believes everybody"),
    ({"secrets": ["whsec_abc"]}, ("secrets", 0), "a secret stands in the environment"),
    ({"provider": "twilio"}, ("url",), "url: https://hooks.example.com/webhooks/texts"),
    ({"provider": "twilio", "url": "hooks.example.com"}, ("url",), "is not where deliveries are posted"),
    ({"provider": "twilio", "url": "https://a.example/webhooks/texts?x=1"}, ("url",), "is not where"),
    ({"replay_window": "soon"}, ("replay_window",), "is not a length of time"),
    ({"provider": "shopify", "replay_window": "1 hour"}, ("replay_window",), "does not sign the time"),
    ({"secret": "x"}, ("secret",), "did you mean 'secrets'?"),
])
def test_what_cannot_be_meant_is_said_with_what_would_be_right(data: dict[str, object], path: tuple[object, ...], said: str) -> None:
    with pytest.raises(DeclarationError) as told:
        declared(**data)

    assert told.value.path == path
    assert said in str(told.value)


def test_a_public_key_may_stand_in_the_file() -> None:
    assert declared(provider="sendgrid", secrets="MFkwEwYH").secrets() == ("MFkwEwYH",)
