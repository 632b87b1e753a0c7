"""Objects in an S3 bucket: AWS, MinIO and whatever else speaks S3 with conditional writes.

Retries: single requests are sent once here and retried by `RetryingStore`, because a create must know
that it was retried; were botocore to retry as well, the two would multiply and the create be fooled.
Files go through s3transfer, in parts when they are large, and there botocore retries, because only it
can repeat a part rather than the whole file.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal

from boto3.s3.transfer import TransferConfig, create_transfer_manager
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from automl_core.storage.base import Entries, Entry, NotFound, Parts, StorageError, Unfinished
from automl_core.storage.credentials import Credentials
from automl_core.storage.files import replace_file
from automl_core.storage.keys import check_key, check_prefix, is_key
from automl_core.storage.s3_errors import explain
from automl_core.storage.transfers import FolderTransfers

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2RequestPaginateTypeDef, ObjectIdentifierTypeDef, ObjectTypeDef
    from s3transfer.manager import TransferManager

_PAGE = 1000
"""Keys in one answer of ListObjectsV2 and in one DeleteObjects: S3's limit."""

_TRANSFERS = TransferConfig(
    multipart_threshold=16 << 20,
    multipart_chunksize=16 << 20,
    max_concurrency=4,
    preferred_transfer_client="classic",
)

# At DEBUG, botocore writes signed headers into the log, session tokens among them. An Airflow that logs at
# DEBUG must not turn that on; whoever gives botocore a level of its own has the last word.
if logging.getLogger("botocore").level == logging.NOTSET:
    logging.getLogger("botocore").setLevel(logging.INFO)


class S3Store(FolderTransfers):
    """Objects below a prefix of one bucket.

    Requests: one each for get, put, create and delete; one per 1,000 keys for list; two per 1,000 for
    delete_prefix.

    Args:
        bucket: its name; the bucket must exist.
        prefix: where the root lies in it; empty for the whole bucket.
        credentials: what is None there comes from boto3's own chain (AWS_… variables, profile, role).

    Raises:
        StorageError: the client can't be made from that, such as from a profile that does not exist.
    """

    scheme: ClassVar[str] = "s3"
    _exists_codes: ClassVar[frozenset[str]] = frozenset(("PreconditionFailed", "412"))

    def __init__(self, bucket: str, prefix: str = "", credentials: Credentials | None = None) -> None:
        self._bucket = bucket
        self._root = f"{prefix}/" if prefix else ""
        self._credentials = credentials or Credentials()
        try:
            self._session = Session(
                aws_access_key_id=self._credentials.access_key,
                aws_secret_access_key=self._credentials.secret_key,
                aws_session_token=self._credentials.session_token,
                region_name=self._credentials.region,
            )
            self._client = self._connect(attempts=1)
        except (BotoCoreError, ValueError) as error:
            raise StorageError(f"Cannot open {self.url}: {self._credentials.redact(str(error))}") from None

    @property
    def url(self) -> str:
        """``s3://bucket/prefix``."""
        return f"{self.scheme}://{self._bucket}/{self._root}".rstrip("/")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, {self._credentials!r})"

    def get(self, key: str) -> bytes:
        """See `ObjectStore.get`."""
        with self._told("read", key):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._name(key))
            with closing(answer["Body"]) as body:
                return body.read()

    def put(self, key: str, data: bytes) -> None:
        """See `ObjectStore.put`."""
        with self._told("write", key):
            self._client.put_object(Bucket=self._bucket, Key=self._name(key), Body=data)

    def create(self, key: str, data: bytes) -> bool:
        """See `ObjectStore.create`; alone, without `RetryingStore`, it does not retry."""
        with self._told("create", key):
            try:
                self._client.put_object(Bucket=self._bucket, Key=self._name(key), Body=data, IfNoneMatch="*")
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in self._exists_codes:
                    return False
                raise
            return True

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        # AWS answers the same whether there was an object or not; not every server does.
        with suppress(NotFound), self._told("delete", key):
            self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    def delete_prefix(self, prefix: str) -> None:
        """See `ObjectStore.delete_prefix`."""
        check_prefix(prefix)
        with self._told("delete", f"{prefix}*"):
            for page in self._pages(prefix, "", _PAGE):
                objects: list[ObjectIdentifierTypeDef] = [{"Key": each["Key"]} for each in page]
                answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
                for failed in answer.get("Errors", []):
                    if failed["Code"] != "NoSuchKey":
                        # The answer as a whole is a 200; this is the error of one key in it.
                        raise ClientError(
                            {"Error": {"Code": failed["Code"], "Message": failed["Message"]}}, "DeleteObjects"
                        )

    def upload_file(self, source: Path, key: str) -> None:
        """See `ObjectStore.upload_file`; in parts of 16 MiB from that size on."""
        with self._told(f"upload {source} to", key), self._transfer_manager() as transfers:
            transfers.upload(str(source), self._bucket, self._name(key)).result()

    def download_file(self, key: str, target: Path) -> None:
        """See `ObjectStore.download_file`."""
        name = self._name(key)
        with self._told(f"download to {target} from", key):
            replace_file(os.fspath(target), lambda file: self._fetch(name, file))

    def copy_file(self, source: str, target: str) -> None:
        """See `ObjectStore.copy_file`; in parts of 16 MiB from that size on, on the server alone."""
        origin, name = self._name(source), self._name(target)
        with self._told(f"copy {source} to", target), self._transfer_manager() as transfers:
            transfers.copy({"Bucket": self._bucket, "Key": origin}, self._bucket, name).result()

    def local_path(self, key: str) -> Path | None:
        """Always None: a bucket is no local folder."""
        check_key(key)
        return None

    def list(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> list[str]:
        """See `ObjectStore.list`."""
        check_prefix(prefix)
        check_prefix(prefix)
        keys: list[str] = []
        if limit is not None and limit <= 0:
            return keys
        with self._told("list", f"{prefix}*"):
            for objects in self._pages(prefix, start_after, min(limit or _PAGE, _PAGE)):
                # A console's empty "folder/" objects, and what else can't be a key, are not ours.
                names = (each["Key"].removeprefix(self._root) for each in objects)
                keys.extend(key for key in names if is_key(key))
                if limit is not None and len(keys) >= limit:
                    break
        return keys[:limit]

    def entries(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> Entries:
        """See `ObjectStore.entries`."""
        check_prefix(prefix)
        found: Entries = []
        if limit is not None and limit <= 0:
            return found
        with self._told("list", f"{prefix}*"):
            for objects in self._pages(prefix, start_after, min(limit or _PAGE, _PAGE)):
                for each in objects:
                    key = each["Key"].removeprefix(self._root)
                    if is_key(key):
                        found.append(Entry(key, each["Size"], each["LastModified"].timestamp()))
                if limit is not None and len(found) >= limit:
                    break
        return found[:limit]

    def unfinished(self, prefix: str = "") -> Parts:
        """See `ObjectStore.unfinished`: uploads in parts that were neither completed nor aborted; a request each."""
        check_prefix(prefix)
        found: Parts = []
        with self._told("list uploads of", f"{prefix}*"):
            pages = self._client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._root + prefix):
                for upload in page.get("Uploads", []):
                    key, name = upload["Key"].removeprefix(self._root), upload["Key"]
                    state = self._state_of(name, upload["UploadId"]) if is_key(key) else None
                    if state is not None:
                        size, modified = state
                        modified = max(modified, upload["Initiated"].timestamp())
                        found.append(Unfinished(key, upload["UploadId"], size, modified))
        return sorted(found, key=lambda part: (part.key, part.upload))

    def discard(self, part: Unfinished) -> bool:
        """See `ObjectStore.discard`."""
        name = self._name(part.key)
        with self._told("discard the upload of", part.key):
            state = self._state_of(name, part.upload)
            if state is None:
                return True
            if state[0] != part.size or state[1] > part.modified:
                return False
            try:
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=part.upload)
            except ClientError as error:
                if not _is_no_upload(error):
                    raise
        return True

    def _state_of(self, name: str, upload: str) -> tuple[int, float] | None:
        """Bytes of an upload so far, and when the last of them came; None where there is none (any more)."""
        size, modified = 0, 0.0
        try:
            for page in self._client.get_paginator("list_parts").paginate(
                Bucket=self._bucket, Key=name, UploadId=upload
            ):
                for part in page.get("Parts", []):
                    size, modified = size + part["Size"], max(modified, part["LastModified"].timestamp())
        except ClientError as error:
            if _is_no_upload(error):
                return None
            raise
        return size, modified

    def _pages(self, prefix: str, start_after: str, size: int) -> Iterator[Sequence[ObjectTypeDef]]:
        """Objects of the bucket, a request each page, asked for as they are needed."""
        request: ListObjectsV2RequestPaginateTypeDef = {
            "Bucket": self._bucket,
            "Prefix": self._root + prefix,
            "PaginationConfig": {"PageSize": size},
        }
        if start_after:
            request["StartAfter"] = self._root + start_after
        for page in self._client.get_paginator("list_objects_v2").paginate(**request):
            objects = page.get("Contents", [])
            if objects:
                yield objects

    def _fetch(self, name: str, file: BinaryIO) -> None:
        with self._transfer_manager() as transfers:
            transfers.download(self._bucket, name, file).result()

    def _name(self, key: str) -> str:
        return self._root + check_key(key)

    @contextmanager
    def _told(self, operation: str, key: str) -> Iterator[None]:
        """Turns the client's errors into ones that say what, where and why, without secrets."""
        try:
            yield
        except (BotoCoreError, ClientError, OSError) as error:
            kind, why = explain(error)
            text = f"Cannot {operation} {key} in {self.url}: {why}"
            # Not chained: what a server answered may repeat a token that it was sent.
            raise kind(self._credentials.redact(text)) from None

    def _connect(self, attempts: int) -> S3Client:
        client: S3Client = self._session.client(
            "s3",
            endpoint_url=self._credentials.endpoint_url,
            # Servers that are not AWS rarely have regions, but signing needs the name of one.
            region_name=self._session.region_name or ("us-east-1" if self._credentials.endpoint_url else None),
            config=Config(
                retries={"mode": "standard", "total_max_attempts": attempts},
                connect_timeout=5,
                read_timeout=30,
                tcp_keepalive=True,
                # What boto3 adds by default since 1.36, OSS and older MinIO refuse.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": self._addressing()},
            ),
        )
        client.meta.events.register("before-call.s3.DeleteObjects", _send_md5)
        return client

    def _addressing(self) -> Literal["auto", "path", "virtual"]:
        """AWS takes the bucket as host name; a server of one's own seldom has a host name per bucket."""
        return "path" if self._credentials.endpoint_url else "auto"

    @cached_property
    def _transfer_client(self) -> S3Client:
        return self._connect(attempts=5)

    def _transfer_manager(self) -> TransferManager:
        return create_transfer_manager(self._transfer_client, _TRANSFERS)


def _is_no_upload(error: ClientError) -> bool:
    """Whether a server says that there is no such upload: it was completed or aborted."""
    return error.response.get("Error", {}).get("Code") in ("NoSuchUpload", "NoSuchKey", "404")


def _send_md5(params: dict[str, Any], **_: object) -> None:
    """Gives a DeleteObjects the one checksum that every server takes: OSS and older MinIO insist on it."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()
    params["context"].pop("checksum", None)
