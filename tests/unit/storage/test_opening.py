from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from automl_core.storage import Credentials, StorageError, StorageUnavailable, open_store
from automl_core.storage.testing import FAULTS_VARIABLE, TESTING_VARIABLE


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file://./runs", "BASE/runs"),
        ("file://runs", "BASE/runs"),
        ("file://../runs", "BASE/../runs"),
        ("runs/deep", "BASE/runs/deep"),
        (".", "BASE"),
        ("file:///abs/runs", "/abs/runs"),
        ("/abs/runs/", "/abs/runs"),
        (" /abs/with space?#% ", "/abs/with space?#%"),
    ],
)
def test_folders(url: str, folder: str, tmp_path: Path) -> None:
    expected = os.path.normpath(folder.replace("BASE", str(tmp_path)))
    assert open_store(url, base=tmp_path).url == f"file://{expected}"
    assert open_store(url, base=tmp_path).local_path("a") == Path(expected, "a")


def test_relative_folders_begin_at_automl_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path / "home"))
    assert open_store("file://./runs").url == f"file://{tmp_path}/home/runs"
    monkeypatch.delenv("AUTOML_HOME")
    monkeypatch.chdir(tmp_path)
    assert open_store("runs").url == f"file://{tmp_path}/runs"


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store("file://~/runs", base=Path("/elsewhere")).url == f"file://{tmp_path}/runs"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket/a/b/", "s3://bucket/a/b"),
        ("oss://bucket-1/a", "oss://bucket-1/a"),
    ],
)
def test_buckets(url: str, shown: str) -> None:
    store = open_store(url, Credentials("AKIDEXAMPLE", "secret", endpoint_url="http://127.0.0.1:1"))
    assert store.url == shown
    assert store.local_path("a") is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "no folder is named; allowed: file://folder, s3://bucket/prefix"),
        ("file://", "no folder is named"),
        ("gs://bucket/x", "gs:// is not known; allowed: file://folder"),
        ("s3:///prefix", "'' is not the name of a bucket"),
        ("s3://no_!/x", "not the name of a bucket"),
        ("s3://bucket/a/../b", "'..' is not a name"),
        ("s3://bucket/" + "a" * 201, "longer than 200 bytes"),
        ("s3://AKID:hush@bucket/x", "name an Airflow connection instead"),
        ("s3://AKID:hush/hush@bucket/x", "name an Airflow connection instead"),
    ],
)
def test_what_is_no_path_is_told_why(url: str, problem: str) -> None:
    with pytest.raises(StorageError) as raised:
        open_store(url)
    assert problem in str(raised.value)
    assert "hush" not in str(raised.value)


def test_an_s3_path_with_an_oss_end_point_is_put_right() -> None:
    credentials = Credentials("AKIDEXAMPLE", "secret", endpoint_url="oss-cn-hangzhou.aliyuncs.com")
    with pytest.raises(StorageError, match=r"write oss://bucket/runs"):
        open_store("s3://bucket/runs", credentials)


def test_a_folder_needs_no_boto3() -> None:
    code = (
        "import sys; from automl_core.storage import open_store; open_store('file:///tmp/x').list();"
        "print([name for name in ('boto3', 'botocore', 's3transfer') if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout == "[]\n"


def test_faults_are_for_tests_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FAULTS_VARIABLE, "every=2")
    with pytest.raises(StorageError, match="for tests only"):
        open_store(str(tmp_path))
    monkeypatch.setenv(TESTING_VARIABLE, "1")
    assert "FaultyStore" in repr(open_store(str(tmp_path)))


@pytest.mark.parametrize("settings", ["10", "every=", "every=1", "every=-3", "every=10&other=1"])
def test_faults_that_can_not_be_read(settings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TESTING_VARIABLE, "1")
    monkeypatch.setenv(FAULTS_VARIABLE, settings)
    with pytest.raises(StorageError, match=r"allowed: every=10&counter=") as raised:
        open_store(str(tmp_path))
    assert not isinstance(raised.value, StorageUnavailable)
