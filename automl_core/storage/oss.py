"""Objects in an Alibaba Cloud OSS bucket, over its S3-compatible interface.

What OSS does differently: buckets are host names only; create-only writes are asked for with
``x-oss-forbid-overwrite`` and refused with 409 FileAlreadyExists, while If-None-Match is answered with
501; chunked uploads are refused. **The bucket must not be versioned**: OSS ignores the header there, and
`check_store` finds out. See https://help.aliyun.com/en/oss/developer-reference/use-aws-sdks-to-access-oss
and https://help.aliyun.com/en/oss/developer-reference/putobject.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from automl_core.storage.base import StorageError
from automl_core.storage.credentials import Credentials
from automl_core.storage.s3 import S3Store
from automl_core.storage.s3_client import Addressing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_VARIABLES = {
    "access_key": "OSS_ACCESS_KEY_ID",
    "secret_key": "OSS_ACCESS_KEY_SECRET",
    "session_token": "OSS_SESSION_TOKEN",
}
_ENDPOINT = re.compile(r"oss-([a-z0-9-]+?)(-internal)?\.aliyuncs\.com")


class OssStore(S3Store):
    """Objects below a prefix of one OSS bucket.

    Args:
        bucket: its name; the bucket must exist and not be versioned.
        prefix: where the root lies in it; empty for the whole bucket.
        credentials: what is None there comes from the variables of OSS's own tools: OSS_ACCESS_KEY_ID,
            OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN, OSS_ENDPOINT, OSS_REGION. Never from AWS's.

    Raises:
        StorageError: no access key, or neither end point nor region.
    """

    scheme: ClassVar[str] = "oss"
    _exists_codes: ClassVar[frozenset[str]] = frozenset(("FileAlreadyExists",))

    def __init__(self, bucket: str, prefix: str = "", credentials: Credentials | None = None) -> None:
        super().__init__(bucket, prefix, _completed(f"oss://{bucket}", credentials or Credentials()))

    def _connect(self, attempts: int) -> S3Client:
        client = super()._connect(attempts)
        client.meta.events.register("before-call.s3.PutObject", _forbid_overwrite)
        return client

    def _addressing(self) -> Addressing:
        return "virtual"

    def _versioned(self, status: str) -> str:
        return (
            f"the bucket is versioned ({status}), and OSS ignores x-oss-forbid-overwrite in such a bucket. Use one on "
            "which versioning was never turned on"
        )


def _forbid_overwrite(params: dict[str, Any], **_: object) -> None:
    """Says "only if there is none" in OSS's words."""
    if params["headers"].pop("If-None-Match", None):
        params["headers"]["x-oss-forbid-overwrite"] = "true"


def _completed(url: str, given: Credentials) -> Credentials:
    for name in ("role_arn", "profile"):
        if getattr(given, name):
            raise StorageError(f"Cannot open {url}: {name} of its connection is for AWS; give it an access key")
    keys = {name: getattr(given, name) for name in _VARIABLES}
    if given.access_key is None:
        keys = {name: os.environ.get(variable) for name, variable in _VARIABLES.items()}
    region = given.region or os.environ.get("OSS_REGION")
    endpoint = given.endpoint_url or os.environ.get("OSS_ENDPOINT")
    if not endpoint and region:
        endpoint = f"https://s3.oss-{region.removeprefix('oss-')}.aliyuncs.com"
    if not endpoint:
        raise StorageError(
            f"Cannot open {url}: no end point; give the connection an endpoint_url such as "
            "https://s3.oss-cn-hangzhou.aliyuncs.com or a region such as cn-hangzhou, or set OSS_ENDPOINT"
        )
    if not region:
        found = _ENDPOINT.search(endpoint)
        region = found[1] if found else None
    try:
        credentials = replace(given, **keys, endpoint_url=endpoint, region=region)
    except ValueError as error:
        raise StorageError(f"Cannot open {url}: {error}") from None
    if credentials.access_key is None:
        raise StorageError(
            f"Cannot open {url}: no access key; name an Airflow connection in output.connection, "
            f"or set {_VARIABLES['access_key']} and {_VARIABLES['secret_key']}"
        )
    return credentials
