"""Object servers on loopback, one of each kind for all tests, empty for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from automl_core.storage import Credentials
from tests.contract.object_servers import BucketServer

SECRET = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLETOKEN"


@pytest.fixture(scope="session")
def s3_process() -> Iterator[BucketServer]:
    with BucketServer("s3") as server:
        yield server


@pytest.fixture(scope="session")
def oss_process() -> Iterator[BucketServer]:
    with BucketServer("oss") as server:
        yield server


@pytest.fixture
def s3(s3_process: BucketServer) -> BucketServer:
    s3_process.reset()
    return s3_process


@pytest.fixture
def oss(oss_process: BucketServer, monkeypatch: pytest.MonkeyPatch) -> BucketServer:
    oss_process.reset()
    for name, value in oss_process.environment.items():
        monkeypatch.setenv(name, value)
    return oss_process


@pytest.fixture
def credentials(s3: BucketServer) -> Credentials:
    return Credentials("AKIDEXAMPLE", SECRET, TOKEN, s3.endpoint)
