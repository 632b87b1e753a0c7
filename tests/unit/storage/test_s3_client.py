"""From credentials to a client: roles, profiles, how it talks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader

from automl_core.storage import AccessRefused, Credentials, StorageError, open_store
from automl_core.storage.s3 import S3Store
from tests.contract.object_servers import BUCKET, BucketServer, MotoServer
from tests.unit.storage.conftest import SECRET

ROLE = "arn:aws:iam::123456789012:role/automl"


@pytest.fixture(scope="module")
def sts() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


def test_a_role_is_taken_on_with_its_keys(s3: BucketServer, sts: MotoServer) -> None:
    given = Credentials(
        "AKIDEXAMPLE", SECRET, None, s3.endpoint, role_arn=ROLE, role_options={"ExternalId": "automl-1"},
        sts_endpoint_url=sts.endpoint,
    )  # fmt: skip
    store = S3Store(BUCKET, "runs", given)
    assert sts.script.requests == {}  # nothing is asked before it is needed
    store.put("a", b"1")
    assert store.get("a") == b"1"
    (signer,) = s3.signers
    assert signer.startswith("ASIA")
    assert sum(sts.script.requests.values()) == 1


def test_a_role_that_is_refused_says_so(s3: BucketServer, oss: BucketServer) -> None:
    given = Credentials("AKIDEXAMPLE", SECRET, None, s3.endpoint, role_arn=ROLE, sts_endpoint_url=oss.address)
    oss.access_keys = frozenset(("AKIDNOBODY",))
    with pytest.raises(AccessRefused, match="Cannot read a in s3://"):
        S3Store(BUCKET, "runs", given).get("a")


def test_a_role_without_keys_to_take_it_on_with(s3: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in [name for name in os.environ if name.startswith("AWS_") and "KEY" in name]:
        monkeypatch.delenv(name)
    with pytest.raises(StorageError, match="Unable to locate credentials"):
        S3Store(BUCKET, "runs", Credentials(endpoint_url=s3.endpoint, role_arn=ROLE))


def test_a_profile_is_read_from_the_shared_file(
    s3: BucketServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "credentials").write_text("[team]\naws_access_key_id = AKIDTEAM\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    S3Store(BUCKET, "runs", Credentials(endpoint_url=s3.endpoint, profile="team")).put("a", b"")
    assert s3.signers == {"AKIDTEAM"}
    with pytest.raises(StorageError, match="nobody"):
        S3Store(BUCKET, "runs", Credentials(endpoint_url=s3.endpoint, profile="nobody"))


def test_options_of_the_client_are_kept_to_but_for_retries(s3: BucketServer) -> None:
    options = {
        "read_timeout": 7, "user_agent_extra": "automl-test", "s3": {"addressing_style": "auto"},
        "retries": {"total_max_attempts": 9},
    }  # fmt: skip
    given = Credentials("a", "b", None, s3.endpoint, client_options=options, verify=False)
    config = S3Store(BUCKET, "runs", given)._client.meta.config
    assert config.read_timeout == 7
    assert config.connect_timeout == 5
    assert config.s3["addressing_style"] == "auto"
    assert config.retries["total_max_attempts"] == 1
    assert config.user_agent.endswith("automl-test")


def test_unsigned_requests_need_no_keys(s3: BucketServer) -> None:
    given = Credentials(endpoint_url=s3.endpoint, client_options={"signature_version": "unsigned"})
    open_store(f"s3://{BUCKET}/runs", given).put("a", b"")
    assert s3.signers == {""}


def test_what_is_for_aws_alone_is_refused_on_oss(oss: BucketServer) -> None:
    with pytest.raises(StorageError, match="role_arn of its connection is for AWS"):
        open_store(f"oss://{BUCKET}/runs", Credentials("a", "b", None, oss.endpoint, role_arn=ROLE))


def test_what_botocore_knows_of_s3_is_read_once_for_all_stores(
    s3: BucketServer, credentials: Credentials, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = S3Store(BUCKET, "runs", credentials)
    first._transfer_client  # noqa: B018 - it is made where it is first asked for
    read: list[str] = []
    load = JSONFileLoader.load_file
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda self, path: (read.append(path), load(self, path))[1])
    second = S3Store(BUCKET, "other", credentials)
    second.put("a", b"1")
    assert second._transfer_client.meta.service_model.service_name == "s3"
    assert second.get("a") == b"1"
    assert read == []
    searched = [store._session._session.get_component("data_loader").search_paths for store in (first, second)]
    assert searched[0] == searched[1], "and no session adds to where it is looked for"
    (tmp_path / "s3" / "2006-03-01").mkdir(parents=True)
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    S3Store(BUCKET, "", credentials)
    assert any(path.startswith(str(tmp_path)) for path in read), "another place's descriptions are its own"
