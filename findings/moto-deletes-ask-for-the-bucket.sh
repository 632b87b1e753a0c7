#!/usr/bin/env bash
# moto 5.2.5, boto3 1.44.5 (Python 3.11), with IAM enforced.
#
# Expected: s3:DeleteObject on the objects of a bucket (arn:aws:s3:::bucket/*), which is all that AWS asks for, lets a user
# delete one object, and several at once.
# Seen: DeleteObject is let through; DeleteObjects answers 200 with AccessDenied for each key, until s3:DeleteObject is
# allowed on the bucket's own ARN too. moto asks for that right on the bucket first, and hands the refusal to every key. So
# a least-privilege policy that is right fails against moto, and one widened until moto is content grants what AWS has no
# use for.
#     DeleteObject, right on the objects: 204
#     DeleteObjects, right on the objects: 200, errors: AccessDenied
#     DeleteObjects, right on the bucket too: 200, errors: none
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet 'moto[s3,iam]==5.2.5' boto3==1.44.5
AWS_EC2_METADATA_DISABLED=true "$place/venv/bin/python" - <<'PYTHON'
import json
import sys

import boto3
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count


def errors(on_bucket: bool) -> tuple[int, str]:
    """Status of a DeleteObject, and what a DeleteObjects says of its keys."""
    with mock_aws():
        admin = {"region_name": "us-east-1", "aws_access_key_id": "admin", "aws_secret_access_key": "secret"}
        s3, iam = boto3.client("s3", **admin), boto3.client("iam", **admin)
        s3.create_bucket(Bucket="bucket")
        for key in ("a", "b", "c"):
            s3.put_object(Bucket="bucket", Key=key, Body=b"")
        resources = ["arn:aws:s3:::bucket/*"] + (["arn:aws:s3:::bucket"] if on_bucket else [])
        statement = {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": resources}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_user(UserName="user")
        iam.put_user_policy(UserName="user", PolicyName="deletes", PolicyDocument=policy)
        key = iam.create_access_key(UserName="user")["AccessKey"]
        own = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

        @set_initial_no_auth_action_count(0)
        def delete() -> tuple[int, str]:
            one = own.delete_object(Bucket="bucket", Key="a")["ResponseMetadata"]["HTTPStatusCode"]
            many = own.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "b"}, {"Key": "c"}]})
            return one, ", ".join(sorted({e["Code"] for e in many.get("Errors", [])})) or "none"

        return delete()


objects, both = errors(on_bucket=False), errors(on_bucket=True)
print(f"DeleteObject, right on the objects: {objects[0]}")
print(f"DeleteObjects, right on the objects: 200, errors: {objects[1]}")
print(f"DeleteObjects, right on the bucket too: 200, errors: {both[1]}")
sys.exit(0 if (objects, both) == ((204, "AccessDenied"), (204, "none")) else 1)
PYTHON
