"""``watch:`` of a model's file: end points, estimates and drift that ask for a retraining, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from automl_core.closed.network import parse_reach
from automl_core.closed.policy import Policy
from automl_core.models.file.closed import model_problems
from automl_core.models.file.loading import parse_model_document
from automl_core.models.file.warnings import warnings_of
from automl_core.models.file.watch import Watch, When
from tests.unit.models.file.files import GOOD, file_of, text_of

SERVED: dict[str, Any] = {**GOOD, "deploy": {"to": "servers"}}


def problems(document: dict[str, Any]) -> str:
    from automl_core.spec.errors import SpecError

    try:
        parse_model_document(text_of(**document), "churn.model.yaml")
    except SpecError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("given", "looks"), [(True, 1), (3, 3), (False, 0), (1000, 1000)])
def test_drift_is_so_many_looks_in_a_row(given: Any, looks: int) -> None:
    assert When.model_validate({"worse_by": "2%", "drift": given}).drift == looks


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({}, "it asks for nothing"),
        ({"drift": False}, "it asks for nothing"),
        ({"drift": 0}, "it asks for nothing"),
        ({"drift": -1}, "a number of looks in a row"),
        ({"drift": 1001}, "a number of looks in a row"),
        ({"drift": "often"}, "a number of looks in a row"),
        ({"estimated": True}, "it asks for nothing"),
        ({"drift": 2, "estimated": True}, "`estimated` is about a loss, and nothing says how large"),
        ({"drift": 2, "metric": "f1"}, "`metric` is about a loss"),
    ],
)
def test_what_asks_for_nothing_is_refused(when: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        When.model_validate(when)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("models:8080", "https://HOST:PORT"),
        ("ftp://models", "https://HOST:PORT"),
        ("https://", "https://HOST:PORT"),
        ("https://models:http", "this is no address"),
        ("https://anna:secret@models", "no secret stands in an address"),
        ("https://models/?a=1", "neither"),
    ],
)
def test_an_address_that_is_none_is_refused_and_no_secret_is_taken(url: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        Watch.model_validate({"endpoint": {"url": url}})
    assert words in str(caught.value)


def test_what_is_left_out_means_what_the_docs_say() -> None:
    watch = Watch.model_validate({})
    assert (watch.drift, watch.estimate, watch.endpoint) == (True, True, None)
    assert Watch.model_validate({"endpoint": False}).endpoint is False
    endpoint = Watch.model_validate({"endpoint": {"url": "https://models:8080/", "timeout": "2s"}}).endpoint
    assert endpoint
    assert (endpoint.url, endpoint.timeout, endpoint.connection) == ("https://models:8080", 2.0, None)


def test_a_server_is_where_the_file_says_it_is() -> None:
    there = {"url": "https://models:8080", "connection": "models"}
    assert problems({**SERVED, "watch": {"endpoint": there}}) == ""
    assert "tests are sent to a server, and `deploy` has none" in problems({**GOOD, "watch": {"endpoint": there}})
    assert "'url' is missing" in problems({**SERVED, "watch": {"endpoint": {"connection": "models"}}})
    plain = {"url": "http://models:8080", "tls": {"ca": "ca.pem"}}
    assert "http has no TLS" in problems({**SERVED, "watch": {"endpoint": plain}})
    assert "it names no file" in problems({**SERVED, "watch": {"endpoint": {**there, "tls": {}}}})
    key = {**there, "tls": {"ca": "ca.pem", "key": "own.key"}}
    assert "`key` is that of `cert`" in problems({**SERVED, "watch": {"endpoint": key}})


def test_a_retraining_does_not_wait_for_what_no_look_says() -> None:
    def of(watch: dict[str, Any]) -> str:
        return problems({**GOOD, "watch": watch})

    estimated = {"when": {"worse_by": "2%", "estimated": True}}
    assert of({"retrain": estimated}) == ""
    assert "since `watch.estimate` is false" in of({"retrain": estimated, "estimate": False})
    assert "since `watch.drift` is false" in of({"retrain": {"when": {"drift": 3}}, "drift": False})


def test_a_token_that_goes_in_the_open_is_warned_of() -> None:
    def said(url: str) -> list[str]:
        file = file_of(**{**SERVED, "watch": {"endpoint": {"url": url, "connection": "models"}}})
        return [each.message for each in warnings_of(file) if each.path[:2] == ("watch", "endpoint")]

    assert said("http://models:8080") == ["the token and the rows are sent as they are, for whoever listens on the way"]
    assert said("https://models:8080") == said("http://127.0.0.1:8080") == said("http://localhost:80") == []


def test_a_closed_environment_sends_rows_only_where_the_deployment_says(tmp_path: Any) -> None:
    def refused(url: str, *reaches: str) -> list[str]:
        file = file_of(**{**SERVED, "watch": {"endpoint": {"url": url}}})
        policy = Policy(closed=True, reaches=tuple(map(parse_reach, reaches)))
        return [each.message for each in model_problems(file, policy, home=tmp_path) if each.path[:1] == ("watch",)]

    assert "rows would be sent there" in refused("https://models:8080", "10.2.0.0/16:8080")[0]
    assert refused("https://10.2.3.4:8080", "10.2.0.0/16:8080") == []
    assert refused("https://10.2.3.4", "10.2.0.0/16:8080")
    assert refused("https://10.2.3.4", "10.2.0.0/16:443") == []
