"""The rights of docs/stores.md are enough for all that is asked of a bucket, and each of them is needed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from automl_core.storage import Credentials, StorageError, check_store
from automl_core.storage.s3 import S3Store

DOCS = Path(__file__).parents[3] / "docs" / "stores.md"


def documented() -> list[dict[str, Any]]:
    text = re.search(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert text
    policy = text[1].replace("BUCKET", "models").replace("PREFIX", "runs")
    statements: list[dict[str, Any]] = json.loads(policy)["Statement"]
    return statements


ACTIONS = [action for statement in documented() for action in statement["Action"]]
TRIED = [action for action in ACTIONS if action not in ("s3:AbortMultipartUpload", "s3:GetBucketVersioning")]


def with_rights(statements: list[dict[str, Any]], call: Callable[[S3Store], Any], *, versioned: bool = False) -> Any:
    """Do something with a bucket of moto's, as a user who has these rights and no other."""
    with mock_aws():
        admin = {"region_name": "us-east-1", "aws_access_key_id": "admin", "aws_secret_access_key": "secret"}
        s3, iam = boto3.client("s3", **admin), boto3.client("iam", **admin)
        s3.create_bucket(Bucket="models")
        if versioned:
            s3.put_bucket_versioning(Bucket="models", VersioningConfiguration={"Status": "Enabled"})
        iam.create_user(UserName="automl")
        # moto 5.2 asks for s3:DeleteObject on the bucket too before a DeleteObjects; AWS asks on its objects alone
        deletes = {"Effect": "Allow", "Action": ["s3:DeleteObject"], "Resource": "arn:aws:s3:::models"}
        own = [*statements, deletes] if "s3:DeleteObject" in str(statements) else statements
        policy = json.dumps({"Version": "2012-10-17", "Statement": own})
        iam.put_user_policy(UserName="automl", PolicyName="rights", PolicyDocument=policy)
        key = iam.create_access_key(UserName="automl")["AccessKey"]
        store = S3Store("models", "runs", Credentials(key["AccessKeyId"], key["SecretAccessKey"], region="us-east-1"))
        enforced: Callable[[], Any] = set_initial_no_auth_action_count(0)(lambda: call(store))
        return enforced()


def without(action: str) -> list[dict[str, Any]]:
    return [
        {**statement, "Action": [each for each in statement["Action"] if each != action]} for statement in documented()
    ]


def test_they_are_enough(tmp_path: Path) -> None:
    def all_of_it(store: S3Store) -> list[str]:
        check_store(store)
        (tmp_path / "large").write_bytes(b"x" * (17 << 20))
        store.upload_file(tmp_path / "large", "model/large")
        store.copy("model", "kept")
        store.download("kept", tmp_path / "back")
        store.delete_prefix("model/")
        assert store.overwrites_because() == ""
        return store.list()

    assert with_rights(documented(), all_of_it) == ["kept/large"]
    assert (tmp_path / "back" / "large").stat().st_size == 17 << 20


@pytest.mark.parametrize("action", TRIED)
def test_each_of_them_is_tried_at_the_start(action: str) -> None:
    with pytest.raises(StorageError, match="AccessDenied"):
        with_rights(without(action), check_store)


def test_the_bucket_tells_whether_it_is_versioned_who_may_ask() -> None:
    def why(store: S3Store) -> str:
        return store.overwrites_because()

    assert "the bucket is versioned (Enabled)" in with_rights(documented(), why, versioned=True)
    assert with_rights(without("s3:GetBucketVersioning"), why, versioned=True) == ""
