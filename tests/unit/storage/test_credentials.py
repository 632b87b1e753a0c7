from __future__ import annotations

import traceback

import pytest

from automl_core.storage import Credentials


def test_secrets_stay_out_of_its_repr() -> None:
    credentials = Credentials("AKIDEXAMPLE", "very-secret", "very-token", "https://minio.local:9000", "eu-central-1")
    text = f"{credentials!r} {credentials} {[credentials]}"
    assert "very-secret" not in text
    assert "very-token" not in text
    assert "AKIDEXAMPLE" not in text
    assert "https://minio.local:9000" in text
    assert "…MPLE" in text


def test_redact_takes_out_what_a_server_echoes() -> None:
    credentials = Credentials("AKIDEXAMPLE", "very-secret", "very-token")
    assert credentials.redact("bad very-token for very-secret") == "bad *** for ***"
    assert Credentials().redact("nothing to hide") == "nothing to hide"


def test_an_empty_form_field_is_none() -> None:
    assert Credentials("", "", "", "", "") == Credentials()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"access_key": "a"}, "secret_key is missing"),
        ({"secret_key": "hush"}, "access_key is missing"),
        ({"session_token": "hush"}, "needs its access_key"),
        ({"endpoint_url": "ftp://host"}, "allowed: https://host"),
        ({"endpoint_url": "https://host?x=1"}, "allowed: https://host"),
        ({"endpoint_url": "https://user:hush@host"}, "must not hold a user and password"),
        ({"endpoint_url": "https://user:hush/hush@host"}, "must not hold a user and password"),
    ],
)
def test_what_does_not_fit_together_is_told_without_secrets(given: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=r"^credentials: ") as raised:
        Credentials(**given)
    assert problem in str(raised.value)
    assert "hush" not in str(raised.value)
    assert "hush" not in "".join(traceback.format_exception_only(raised.value))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("minio.local:9000", "https://minio.local:9000"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        (" https://s3.oss-cn-hangzhou.aliyuncs.com ", "https://s3.oss-cn-hangzhou.aliyuncs.com"),
    ],
)
def test_end_points(given: str, kept: str) -> None:
    assert Credentials(endpoint_url=given).endpoint_url == kept
