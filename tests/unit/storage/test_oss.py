from __future__ import annotations

from pathlib import Path

import pytest

from automl_core.storage import Credentials, StorageError, check_store, open_store
from automl_core.storage.oss import OssStore
from tests.contract.object_servers import BUCKET, BucketServer
from tests.unit.storage.conftest import SECRET


def environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in ({"OSS_ACCESS_KEY_ID": "LTAIEXAMPLE", "OSS_ACCESS_KEY_SECRET": SECRET} | values).items():
        monkeypatch.setenv(name, value)


def test_credentials_and_end_point_from_oss_variables(oss: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, OSS_ENDPOINT=oss.endpoint)
    store = open_store(f"oss://{BUCKET}/runs")
    assert store.create("journal/1", b"1")
    assert not store.create("journal/1", b"2")
    assert oss.objects == {"runs/journal/1": b"1"}


def test_aws_credentials_are_not_sent_to_oss(oss: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    with pytest.raises(StorageError, match=r"no access key; .*OSS_ACCESS_KEY_ID"):
        open_store(f"oss://{BUCKET}/runs", Credentials(endpoint_url=oss.endpoint))


def test_half_a_pair_of_variables_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSS_ACCESS_KEY_ID", "LTAIEXAMPLE")
    monkeypatch.setenv("OSS_REGION", "cn-hangzhou")
    with pytest.raises(StorageError, match="secret_key is missing"):
        open_store(f"oss://{BUCKET}/runs")


def test_an_end_point_is_needed() -> None:
    with pytest.raises(StorageError, match=r"no end point; .* such as https://s3\.oss-cn-hangzhou\.aliyuncs\.com"):
        open_store(f"oss://{BUCKET}/runs", Credentials("LTAIEXAMPLE", SECRET))


@pytest.mark.parametrize(
    ("endpoint", "region", "expected_endpoint", "expected_region"),
    [
        (None, "cn-hangzhou", "https://s3.oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou"),
        (None, "oss-cn-hangzhou", "https://s3.oss-cn-hangzhou.aliyuncs.com", "oss-cn-hangzhou"),
        ("oss-eu-central-1.aliyuncs.com", None, "https://oss-eu-central-1.aliyuncs.com", "eu-central-1"),
        (
            "https://s3.oss-cn-beijing-internal.aliyuncs.com",
            None,
            "https://s3.oss-cn-beijing-internal.aliyuncs.com",
            "cn-beijing",
        ),
        ("https://oss.own.example", None, "https://oss.own.example", "us-east-1"),
    ],
)
def test_end_point_and_region_follow_from_each_other(
    endpoint: str | None, region: str | None, expected_endpoint: str, expected_region: str
) -> None:
    store = OssStore(BUCKET, "", Credentials("LTAIEXAMPLE", SECRET, None, endpoint, region))
    assert store._client.meta.endpoint_url == expected_endpoint
    assert store._client.meta.region_name == expected_region


def test_a_versioned_bucket_is_found_out(oss: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, OSS_ENDPOINT=oss.endpoint)
    store = open_store(f"oss://{BUCKET}/runs")
    check_store(store)
    oss.create_only = False
    with pytest.raises(StorageError, match="without versioning"):
        check_store(store)


def test_an_s3_client_would_be_refused_there(oss: BucketServer) -> None:
    """The server of these tests is as strict as OSS: what passes here does so for what `OssStore` does."""
    store = open_store(f"s3://{BUCKET}/runs", Credentials("LTAIEXAMPLE", SECRET, None, oss.endpoint))
    with pytest.raises(StorageError, match=r"SecondLevelDomainForbidden.*oss://bucket/prefix"):
        store.put("a", b"")


def test_large_files_go_in_parts_without_chunked_encoding(
    oss: BucketServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment(monkeypatch, OSS_ENDPOINT=oss.endpoint)
    data = bytes(range(256)) * (1 << 17)
    (tmp_path / "model").write_bytes(data)
    store = open_store(f"oss://{BUCKET}/runs")
    store.upload_file(tmp_path / "model", "model")
    assert oss.objects == {"runs/model": data}
    assert oss.script.requests["UploadPart"] == 2
    store.delete_prefix("")
    assert oss.objects == {}
