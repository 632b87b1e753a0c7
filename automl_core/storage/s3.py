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
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.exceptions import BotoCoreError, ClientError

from automl_core.storage.base import Entries, Entry, NotFound, Parts, StorageError, Unfinished
from automl_core.storage.credentials import Credentials
from automl_core.storage.files import replace_file
from automl_core.storage.keys import check_key, check_prefix, is_key
from automl_core.storage.s3_client import Addressing, make_client, make_session
from automl_core.storage.s3_errors import explain, lacks
from automl_core.storage.transfers import FolderTransfers

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2RequestPaginateTypeDef, ObjectIdentifierTypeDef, ObjectTypeDef
    from s3transfer.manager import TransferManager

_PAGE = 1000
"""Keys in one answer of ListObjectsV2 and in one DeleteObjects: S3's limit."""

_MANY, _COPY = "DeleteObjects", "CopyObject"
"""Operations that servers may lack, and that others can stand in for."""

_DELETERS = 8
"""Threads that delete where that has to be done one by one."""

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


_log = logging.getLogger(__name__)


class S3Store(FolderTransfers):
    """Objects below a prefix of one bucket.

    Requests: one each for get, put, create and delete; one per 1,000 keys for list; two per 1,000 for
    delete_prefix. A server without DeleteObjects or CopyObject (501) gets single deletes, and a get and a put.

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
        self._lacking: set[str] = set()
        try:
            self._session = make_session(self._credentials)
            self._client = self._connect(attempts=1)
        except (BotoCoreError, ValueError) as error:
            raise StorageError(f"Cannot open {self.url}: {self._credentials.redact(str(error))}") from None

    @property
    def url(self) -> str:
        """``s3://bucket/prefix``."""
        return f"{self.scheme}://{self._bucket}/{self._root}".rstrip("/")

    @property
    def server(self) -> str:
        """Address of the server, also where a profile or the environment names it."""
        return str(self._client.meta.endpoint_url)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, {self._credentials!r})"

    def get(self, key: str) -> bytes:
        """See `ObjectStore.get`."""
        with self._told("read", key):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._name(key))
            with closing(answer["Body"]) as body:
                return body.read()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """See `ObjectStore.get_range`."""
        if length <= 0:
            return b""
        wanted = f"bytes={start}-{start + length - 1}"
        with self._told("read", key):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._name(key), Range=wanted)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("InvalidRange", "416"):
                    return b""  # it ends before
                raise
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
                self._delete_all([each["Key"] for each in page])

    def _delete_all(self, names: Sequence[str]) -> None:
        """Delete a page of objects: at once, or one by one where the server knows no better."""
        if _MANY not in self._lacking:
            objects: list[ObjectIdentifierTypeDef] = [{"Key": name} for name in names]
            try:
                answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
            except ClientError as error:
                self._do_without(_MANY, error, "objects are deleted one by one")
            else:
                _raise_first(answer.get("Errors", []))
                return
        with ThreadPoolExecutor(_DELETERS, thread_name_prefix="automl-delete") as pool:
            for job in [pool.submit(self._delete_one, name) for name in names]:
                job.result()

    def _delete_one(self, name: str) -> None:
        try:
            self._client.delete_object(Bucket=self._bucket, Key=name)
        except ClientError as error:
            if explain(error)[0] is not NotFound:
                raise

    def _do_without(self, operation: str, error: ClientError, instead: str) -> None:
        """Note that the server has no such operation, and say so once.

        Raises:
            ClientError: it is for something else that it refused.
        """
        if not lacks(error):
            raise error
        if operation not in self._lacking:
            self._lacking.add(operation)
            _log.warning("%s has no %s: %s", self.url, operation, instead)

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
        """See `ObjectStore.copy_file`; in parts of 16 MiB from that size on, on the server alone where it can."""
        origin, name = self._name(source), self._name(target)
        with self._told(f"copy {source} to", target), self._transfer_manager() as transfers:
            if _COPY not in self._lacking:
                try:
                    transfers.copy({"Bucket": self._bucket, "Key": origin}, self._bucket, name).result()
                    return
                except ClientError as error:
                    self._do_without(_COPY, error, "objects are copied by way of this machine")
            with tempfile.TemporaryFile(prefix="automl-") as file:
                transfers.download(self._bucket, origin, file).result()
                file.seek(0)
                transfers.upload(file, self._bucket, name).result()

    def overwrites_because(self) -> str:
        """See `ObjectStore.overwrites_because`: asks whether the bucket is versioned, or was."""
        try:
            answer: Mapping[str, Any] = self._client.get_bucket_versioning(Bucket=self._bucket)
        except (BotoCoreError, ClientError, OSError):  # the right to ask that is not needed for anything else
            return ""
        status = answer.get("Status")  # left out for a bucket that never was versioned
        return self._versioned(str(status)) if status else ""

    def _versioned(self, status: str) -> str:
        return (
            f"the bucket is versioned ({status}), and this server ignores If-None-Match in such a bucket, as Ceph "
            "does. Use a bucket on which versioning was never turned on"
        )

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
                        etag = each.get("ETag", "").strip('"')
                        found.append(Entry(key, each["Size"], each["LastModified"].timestamp(), etag))
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
        client = make_client(self._session, self._credentials, attempts, self._addressing())
        client.meta.events.register("before-call.s3.DeleteObjects", _send_md5)
        return client

    def _addressing(self) -> Addressing:
        """AWS takes the bucket as host name; a server of one's own seldom has a host name per bucket."""
        return "path" if self._credentials.endpoint_url else "auto"

    @cached_property
    def _transfer_client(self) -> S3Client:
        return self._connect(attempts=5)

    def _transfer_manager(self) -> TransferManager:
        return create_transfer_manager(self._transfer_client, _TRANSFERS)


def _raise_first(errors: Sequence[Mapping[str, Any]]) -> None:
    """Raise what a DeleteObjects says of one key; the answer as a whole is a 200."""
    for failed in errors:
        code = failed.get("Code") or ""
        if code != "NoSuchKey":  # Ceph leaves messages out
            raise ClientError({"Error": {"Code": code, "Message": failed.get("Message") or ""}}, "DeleteObjects")


def _is_no_upload(error: ClientError) -> bool:
    """Whether a server says that there is no such upload: it was completed or aborted."""
    return error.response.get("Error", {}).get("Code") in ("NoSuchUpload", "NoSuchKey", "404")


def _send_md5(params: dict[str, Any], **_: object) -> None:
    """Gives a DeleteObjects the one checksum that every server takes: OSS and older MinIO insist on it."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()
    params["context"].pop("checksum", None)
