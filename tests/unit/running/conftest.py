"""The stores that an attempt's files go to: a folder, and moto's S3 over HTTP."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from automl_core.storage import Credentials, open_store
from automl_core.storage.base import ObjectStore
from tests.contract.object_servers import MotoServer


@pytest.fixture(scope="session")
def moto_server() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


@pytest.fixture
def bucket(moto_server: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A bucket of the test's own; what attempts put in the temporary folder meanwhile goes to the test's."""
    import boto3

    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    name = f"b{abs(hash(str(tmp_path))):x}"[:40]
    client = boto3.client(
        "s3", endpoint_url=moto_server.endpoint, region_name="us-east-1",
        aws_access_key_id="key", aws_secret_access_key="secret",
    )  # fmt: skip
    client.create_bucket(Bucket=name)
    return open_store(f"s3://{name}/models", Credentials("key", "secret", None, moto_server.endpoint, "us-east-1"))


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return open_store(str(tmp_path / "runs"))
    found: ObjectStore = request.getfixturevalue("bucket")
    return found
