"""What is known to be secret is hidden: by name, in addresses, in connections, as handed over; and nothing else is."""

from __future__ import annotations

import json
import os
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core import masking
from automl_core.masking import HIDDEN, SHORTEST, Mask, hidden, is_secret, secrets_of
from automl_core.storage import Credentials

SECRET = "wJalrXUtnFEMI/K7MDENG"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has been handed nothing."""
    monkeypatch.setattr(masking, "_remembered", ())
    monkeypatch.setattr(masking, "_others", [])
    for name in [each for each in os.environ if is_secret(each)]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "name",
    ["DB_PASSWORD", "hf_token", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "AIRFLOW__CORE__FERNET_KEY", "PGPASSWD"],
)
def test_a_variable_whose_name_says_so_is_hidden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, SECRET)
    assert hidden(f"connected with {SECRET}!") == f"connected with {HIDDEN}!"
    assert Mask({})(SECRET) == HIDDEN


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKENIZER_NAME", "bert-base-uncased"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token-of-pod"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("MAX_TOKENS", "1048576.000"), ("DB_PASSWORD", "hunter"),
        ("HOME", "/home/somebody"), ("TOKEN_URL", "https://idp.example/oauth"), ("TOKEN_LIMIT", "unlimited"),
        ("AIRFLOW__SECRETS__BACKEND", "airflow.providers.hashicorp.VaultBackend"), ("PRIVATE_FOLDER", "/proc/self"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/gcp/key.json"), ("USE_SECRET_MANAGER", "disabled"),
    ],
)  # fmt: skip
def test_what_is_no_secret_or_too_short_stays(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert hidden(f"loss=0.5 of {value}") == f"loss=0.5 of {value}"


def test_secrets_of_what_is_started_are_hidden_beside_those_of_the_process_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_TOKEN", "of-the-worker")
    mask = Mask({"MY_TOKEN": "of-the-program"})
    assert mask("of-the-worker, of-the-program") == f"{HIDDEN}, {HIDDEN}"
    assert hidden("of-the-program") == "of-the-program"


def test_connections_of_the_environment_are_known_in_both_their_forms() -> None:
    body = {"conn_type": "aws", "password": "first-secret", "login": "somebody", "host": "db.example",
            "extra": json.dumps({"nested": {"api_key": "second-secret"}, "region_name": "eu-central-1"})}  # fmt: skip
    found = secrets_of(
        {"AIRFLOW_CONN_A": json.dumps(body), "AIRFLOW_CONN_B": "aws://user:a%2Fthird@host/?session_token=fourth-one"}
    )
    assert {"first-secret", "second-secret", "a/third", "a%2Fthird", "fourth-one"} <= found
    assert not {"somebody", "db.example", "eu-central-1", "user"} & found


def test_what_was_handed_over_is_known_from_then_on() -> None:
    mask = Mask()
    assert mask(SECRET) == SECRET
    Credentials(access_key="AKIAIOSFODNN7EXAMPLE", secret_key=SECRET, session_token="of-a-session")
    assert mask(f"{SECRET} of-a-session AKIAIOSFODNN7EXAMPLE") == f"{HIDDEN} {HIDDEN} AKIAIOSFODNN7EXAMPLE"


def test_the_password_of_any_address_is_hidden() -> None:
    line = "no way to postgresql+psycopg2://ml:pw@db:5432/lake, see https://docs.example/a:b@c"
    assert hidden(line) == line.replace("ml:pw", HIDDEN)
    assert hidden("git clone https://git@example.com/x") == "git clone https://git@example.com/x"


def test_a_key_of_several_lines_is_hidden_line_by_line() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"
    mask = Mask({"SIGNING_PRIVATE_KEY": key})
    assert [mask(line) for line in key.splitlines()] == [
        "-----BEGIN PRIVATE KEY-----", HIDDEN, HIDDEN, "-----END PRIVATE KEY-----",
    ]  # fmt: skip


def test_a_key_of_several_lines_is_hidden_as_a_variable_of_one_line_has_it_too() -> None:
    key = "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkq\\nhkiG9w0BAQEFAASC\\n-----END PRIVATE KEY-----\\n"
    mask = Mask({"SIGNING_PRIVATE_KEY": key})
    assert mask(f"the key {key}") == f"the key {HIDDEN}"
    assert [mask(line) for line in key.split("\\n")[1:3]] == [HIDDEN, HIDDEN]


@pytest.mark.parametrize("name", ["GOOGLE_CREDENTIALS", "AIRFLOW__SECRETS__BACKEND_KWARGS"])
def test_what_lies_in_a_secret_that_is_json_is_known_by_itself(name: str) -> None:
    mask = Mask({name: json.dumps({"private_key": "MIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC", "project": "churn-of-2026"})})
    assert mask("hkiG9w0BAQEFAASC of churn-of-2026") == f"{HIDDEN} of churn-of-2026"


def test_a_line_of_colons_takes_no_time() -> None:
    began = time.perf_counter()
    hidden("://" + "a:" * 32_000)  # a minute, where each colon may be the one before the password
    assert time.perf_counter() - began < 1


def test_what_was_handed_over_is_kept_up_to_a_bound_the_newest() -> None:
    for number in range(2 * masking.MOST):
        masking.remember(f"session-token-{number:05}")
    masking.remember(f"session-token-{2 * masking.MOST - 1:05}", None, "")
    assert len(masking._remembered) == masking.MOST
    assert hidden(f"session-token-{2 * masking.MOST - 1:05}") == HIDDEN


def test_who_knows_more_is_asked_too() -> None:
    masking.also(upper := lambda text: text.replace("known-elsewhere", HIDDEN))
    masking.also(upper)
    assert len(masking._others) == 1
    assert hidden("a known-elsewhere b") == f"a {HIDDEN} b"


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Z"]), min_size=SHORTEST, max_size=40).filter(
        lambda text: not masking._NO_SECRET.match(text)
    ),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_no_secret_is_left_however_it_is_written(secret: str, before: str, after: str) -> None:
    mask = Mask({"SOME_PASSWORD": secret})
    for written in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
        if written not in HIDDEN:
            assert written not in mask(f"{before}{written}{after}")


@given(st.text())
def test_a_text_without_a_secret_stays_what_it_is(text: str) -> None:
    if "://" not in text:
        assert Mask({"SOME_PASSWORD": "\x00 nobody writes this \x00"})(text) == text
