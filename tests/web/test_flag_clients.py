"""The clients that applications really use ask `regulars serve` over HTTP, and agree with evaluation in this process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from flag_server import ENCRYPTION_KEY, KEY, Served, serving, written

from regulars.flags import Flags

SDK = "the SDK: pip install growthbook"
OPENFEATURE = "the client: pip install openfeature-sdk openfeature-provider-ofrep"
ALL = "/ofrep/v1/evaluate/flags"


def contexts(count: int, *, seed: int) -> list[dict[str, Any]]:
    """Attributes of invented people: with gaps, and ids of all scripts.

    Not with texts for numbers: there the SDK for Python leaves the cases that are published for all SDKs.
    """
    chance = Random(seed)
    choices: dict[str, list[Any]] = {
        "country": ["US", "FR", "日本", "", None], "plan": ["pro", "Pro", "free", None], "age": [17, 18, 64.5, None],
        "version": ["2.9.0", "2.10.0", "2.10.0-beta", "v3", None],
    }
    return [
        {
            "id": chance.choice(["{n}", "user_{n}", "пользователь-{n}", "😀{n}", "Zoë {n}"]).format(n=n),
            **{name: chance.choice(options) for name, options in choices.items() if chance.random() < 0.9},
        }
        for n in range(count)
    ]


def growthbook_sdk(url: str, **options: Any) -> Any:
    growthbook = pytest.importorskip("growthbook", reason=SDK)
    growthbook.feature_repo.clear_cache()
    sdk = growthbook.GrowthBook(api_host=url, client_key=KEY, **options)
    sdk.load_features()
    return sdk


def test_growthbooks_sdk_agrees_on_ten_thousand_contexts(served: Served) -> None:
    sdk = growthbook_sdk(served.url)
    flags = [flag for flag in served.here.keys if flag != "ours"]
    here, there = [], []

    for attributes in contexts(10_000, seed=1):
        sdk.set_attributes(attributes)
        here.append([served.here.evaluate(flag, attributes).value for flag in flags])
        there.append([sdk.eval_feature(flag).value for flag in flags])

    sdk.destroy()
    assert here == there
    assert all(len({str(values[n]) for values in here}) > 1 for n, flag in enumerate(flags) if flag != "undecided")


def test_growthbooks_sdk_tracks_the_exposures_that_are_handed_over_here(served: Served) -> None:
    there: list[tuple[str, str, str]] = []
    sdk = growthbook_sdk(
        served.url, on_experiment_viewed=lambda experiment, result, **_: there.append((experiment.key, result.hashValue, result.key))
    )
    here: list[tuple[str, str, str]] = []
    flags = Flags(
        served.here.definitions,
        on_exposure=lambda told: here.append((told.experiment.key, told.result.hash_value, told.result.key)),
    )

    for attributes in contexts(500, seed=2):
        sdk.set_attributes(attributes)
        sdk.eval_feature("headline")
        flags.evaluate("headline", attributes)

    sdk.destroy()
    assert here == there
    assert len(here) > 200


def test_what_the_sdk_cannot_decide_it_is_not_sent(served: Served) -> None:
    sdk = growthbook_sdk(served.url)

    assert "ours" in served.here
    assert sdk.eval_feature("ours").source == "unknownFeature"
    sdk.destroy()


def test_where_the_server_decides_the_sdk_knows_our_own_hash_too(served: Served) -> None:
    for attributes in contexts(20, seed=3):
        features = httpx.post(f"{served.url}/api/eval/{KEY}", json={"attributes": attributes}).json()["features"]
        growthbook = pytest.importorskip("growthbook", reason=SDK)
        sdk = growthbook.GrowthBook(features=features, attributes=attributes)

        assert sdk.eval_feature("ours").value == served.here.evaluate("ours", attributes).value
        sdk.destroy()


@pytest.mark.parametrize("path", ["/api/features/other", "/api/eval/other"])
def test_an_unknown_client_key_is_refused(served: Served, path: str) -> None:
    method = "GET" if "features" in path else "POST"

    assert httpx.request(method, served.url + path, json={"attributes": {}}).status_code == 401


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"attributes": 5}'])
def test_an_evaluation_that_cannot_be_meant_is_refused(served: Served, body: bytes) -> None:
    assert httpx.post(f"{served.url}/api/eval/{KEY}", content=body).status_code == 400


def test_a_payload_is_sent_once_and_can_be_encrypted(tmp_path: Path) -> None:
    with serving(written(tmp_path), "--key", KEY, "--encryption-key", ENCRYPTION_KEY) as url:
        first = httpx.get(f"{url}/api/features/{KEY}")
        again = httpx.get(f"{url}/api/features/{KEY}", headers={"If-None-Match": first.headers["etag"]})
        sdk = growthbook_sdk(url, decryption_key=ENCRYPTION_KEY)
        value = sdk.eval_feature("page_size").value
        sdk.destroy()

    assert "page_size" not in first.text
    assert again.status_code == 304
    assert value == 20


def ofrep(url: str, **headers: str) -> Any:
    provider = pytest.importorskip("openfeature.contrib.provider.ofrep", reason=OPENFEATURE)
    return provider.OFREPProvider(url, headers_factory=lambda: headers or {"Authorization": f"Bearer {KEY}"})


def context_of(attributes: dict[str, Any]) -> Any:
    evaluation = pytest.importorskip("openfeature.evaluation_context", reason=OPENFEATURE)
    rest = {name: value for name, value in attributes.items() if name != "id"}
    return evaluation.EvaluationContext(targeting_key=attributes["id"], attributes=rest)


def test_openfeatures_client_agrees_flag_by_flag(served: Served) -> None:
    provider = ofrep(served.url)
    asks = {
        "checkout": (provider.resolve_boolean_details, False), "headline": (provider.resolve_string_details, "code"),
        "page_size": (provider.resolve_integer_details, 1), "price": (provider.resolve_float_details, 1.0),
        "limits": (provider.resolve_object_details, {}), "ours": (provider.resolve_string_details, "code"),
        "undecided": (provider.resolve_string_details, "code"),
    }

    def ask(attributes: dict[str, Any]) -> tuple[list[object], list[object]]:
        there, here = [], []
        for flag, (resolve, default) in asks.items():
            said = resolve(flag, default, context_of(attributes))
            found = served.here.evaluate(flag, attributes)
            there.append((said.value, said.variant, str(said.reason)))
            here.append((default if found.value is None else found.value, found.variant, found.reason))
        return here, there

    answers = [ask(attributes) for attributes in contexts(200, seed=4)]

    assert [here for here, _ in answers] == [there for _, there in answers]


def test_all_flags_at_once_agree_on_thousands_of_contexts(served: Served) -> None:
    headers = {"X-API-Key": KEY}
    people = contexts(2_000, seed=5)

    with httpx.Client(base_url=served.url, headers=headers) as client, ThreadPoolExecutor(2) as pool:
        bodies = [{"context": {"targetingKey": one["id"], **{k: v for k, v in one.items() if k != "id"}}} for one in people]
        answers = list(pool.map(lambda body: client.post(ALL, json=body).json()["flags"], bodies))

    for attributes, answer in zip(people, answers, strict=True):
        here = [served.here.evaluate(flag, attributes) for flag in served.here.keys]
        assert [(f["key"], f.get("value"), f["variant"], f["reason"]) for f in answer] == [
            (f.key, f.value, f.variant, f.reason) for f in here
        ]


def test_openfeatures_client_raises_what_it_has_for_each_refusal(served: Served) -> None:
    errors = pytest.importorskip("openfeature.exception", reason=OPENFEATURE)
    evaluation = pytest.importorskip("openfeature.evaluation_context", reason=OPENFEATURE)
    someone = context_of({"id": "u"})

    with pytest.raises(errors.FlagNotFoundError):
        ofrep(served.url).resolve_string_details("nowhere", "", someone)
    with pytest.raises(errors.TargetingKeyMissingError):
        ofrep(served.url).resolve_string_details("headline", "", evaluation.EvaluationContext(attributes={"a": 1}))
    with pytest.raises(errors.InvalidContextError):
        ofrep(served.url).resolve_string_details("headline", "", None)
    with pytest.raises(errors.TypeMismatchError):
        ofrep(served.url).resolve_boolean_details("headline", default_value=True, evaluation_context=someone)
    with pytest.raises(errors.OpenFeatureError, match="unauthorized"):
        ofrep(served.url, Authorization="Bearer other").resolve_string_details("headline", "", someone)


def test_openfeatures_client_waits_when_it_asked_too_often(tmp_path: Path) -> None:
    errors = pytest.importorskip("openfeature.exception", reason=OPENFEATURE)
    someone = context_of({"id": "u"})

    with serving(written(tmp_path), "--key", KEY, "--rate", "0.1") as url:
        provider = ofrep(url)
        provider.resolve_string_details("headline", "", someone)
        with pytest.raises(errors.GeneralError, match="Rate limited, retry after: 10"):
            provider.resolve_string_details("headline", "", someone)
        with pytest.raises(errors.GeneralError, match="paused"):
            provider.resolve_string_details("headline", "", someone)
