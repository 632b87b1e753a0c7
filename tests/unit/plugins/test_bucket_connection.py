"""Airflow connections of buckets: read as Airflow's own AWS provider reads them, or refused by name."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk import Connection

from automl_airflow.bucket_connection import BadConnection, credentials_in
from automl_airflow.session import open_experiment_store
from automl_core.storage import StorageError
from tests.contract.object_servers import BUCKET, BucketServer

ROLE = "arn:aws:iam::123456789012:role/automl"


@pytest.fixture
def s3() -> Iterator[BucketServer]:
    with BucketServer("s3") as server:
        yield server


def read(**fields: Any) -> Any:
    return credentials_in("bucket", **fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"login": "A", "password": "s"}, {"access_key": "A", "secret_key": "s"}),
        ({"extra": {"aws_access_key_id": "A", "aws_secret_access_key": "s", "aws_session_token": "t"}},
         {"access_key": "A", "secret_key": "s", "session_token": "t"}),
        ({"login": "L", "extra": {"aws_access_key_id": "A", "aws_secret_access_key": "s"}}, {"access_key": "A"}),
        ({"extra": {"session_kwargs": {"aws_access_key_id": "A", "aws_secret_access_key": "s", "region_name": "r"}}},
         {"access_key": "A", "region": "r"}),
        ({"extra": {"access_key_id": "A", "access_key_secret": "s", "region": "cn-hangzhou"}},
         {"access_key": "A", "region": "cn-hangzhou"}),
        ({"extra": {"profile_name": "team"}}, {"profile": "team"}),
        ({"extra": {"endpoint_url": "http://s3:9000"}}, {"endpoint_url": "http://s3:9000"}),
        ({"extra": {"endpoint_url": "http://a", "service_config": {"s3": {"endpoint_url": "http://b"}}}},
         {"endpoint_url": "http://b"}),
        ({"host": "minio", "port": 9000, "schema": "http"}, {"endpoint_url": "http://minio:9000"}),
        ({"host": "minio"}, {"endpoint_url": "https://minio"}),
        ({"host": "http://minio", "port": 9000}, {"endpoint_url": "http://minio:9000"}),
        ({"host": "minio", "extra": {"endpoint_url": "http://s3:9000"}}, {"endpoint_url": "http://s3:9000"}),
        ({"schema": "a-bucket"}, {"endpoint_url": None}),  # S3Hook's default bucket
        ({"extra": {"verify": False}}, {"verify": False}),
        ({"extra": {"verify": "false"}}, {"verify": False}),
        ({"extra": {"verify": "/etc/ca.pem"}}, {"verify": "/etc/ca.pem"}),
        ({"extra": {"config_kwargs": {"read_timeout": 9}}}, {"client_options": {"read_timeout": 9}}),
        ({"extra": {"role_arn": ROLE, "assume_role_kwargs": {"ExternalId": "x"},
                    "service_config": {"sts": {"endpoint_url": "http://sts"}}}},
         {"role_arn": ROLE, "role_options": {"ExternalId": "x"}, "sts_endpoint_url": "http://sts"}),
    ],
)  # fmt: skip
def test_what_is_read(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    found = read(**fields)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"host": "minio", "schema": "a-bucket"}, "schema: 'a-bucket'.*allowed: http, https"),
        ({"extra": {"role_arn": ROLE, "assume_role_method": "assume_role_with_saml"}}, "assume_role_with_saml is not"),
        ({"extra": {"assume_role_with_saml": {"principal_arn": "x"}}}, "extra.assume_role_with_saml is not read"),
        ({"extra": {"assume_role_with_web_identity_federation": "file"}}, "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ({"extra": {"s3_config_file": "x"}}, "use profile_name"),
        ({"extra": {"session_kwargs": {"botocore_session": 1}}}, "session_kwargs.botocore_session is not read"),
        ({"extra": {"service_config": "s3"}}, "service_config is no mapping"),
        ({"extra": {"service_config": {"s3": "http://x"}}}, r"service_config\.s3 is no mapping"),
        ({"extra": {"config_kwargs": [1]}}, "config_kwargs is no mapping"),
        ({"login": "A"}, "secret_key is missing"),
        ({"extra": {"endpoint_url": "ftp://x"}}, "is not an end point"),
        ({"host": "user:secret@minio"}, "must not hold a user and password"),
    ],
)
def test_what_is_refused_by_name(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(BadConnection, match=rf"(?s)connection bucket: .*{said}") as raised:
        read(**fields)
    assert "user:secret" not in str(raised.value)


def test_what_nobody_reads_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    read(extra={"endpont_url": "http://secret", "region_name": "r"})
    assert "connection bucket: not read of its extra: endpont_url" in caplog.text
    assert "http://secret" not in caplog.text


def test_a_rotated_connection_is_read_by_who_holds_the_store(s3: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"conn_id": "bucket", "conn_type": "aws", "login": "AKIDOLD", "password": "one"}
    held["extra"] = json.dumps({"service_config": {"s3": {"endpoint_url": s3.endpoint}}})
    monkeypatch.setattr(Connection, "get", lambda name: Connection(**held))
    store = open_experiment_store(f"s3://{BUCKET}/runs", "bucket")
    s3.access_keys = frozenset(("AKIDOLD",))
    store.put("a", b"1")
    s3.access_keys, held["login"] = frozenset(("AKIDNEW",)), "AKIDNEW"
    assert store.get("a") == b"1"


def test_a_bad_argument_of_the_client_is_named(s3: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Connection(conn_id="bucket", conn_type="aws", extra=json.dumps({"config_kwargs": {"read_timout": 3}}))
    monkeypatch.setattr(Connection, "get", lambda name: held)
    with pytest.raises(StorageError, match=r"config_kwargs of the connection: .*read_timout"):
        open_experiment_store(f"s3://{BUCKET}/runs", "bucket")
