"""From a model storage path to the store that keeps it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from automl_core.extras import needed_by
from automl_core.storage.base import InvalidKey, ObjectStore, StorageError
from automl_core.storage.credentials import Credentials
from automl_core.storage.keys import MAX_PREFIX_BYTES, check_key

_BUCKETS = ("s3", "oss")
_SCHEMES = "file://folder, s3://bucket/prefix, oss://bucket/prefix or a plain folder"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")


def open_store(
    url: str,
    credentials: Credentials | None = None,
    base: Path | None = None,
    renew: Callable[[], Credentials | None] | None = None,
    patience: float = 45.0,
) -> ObjectStore:
    """The object store at ``url``, with what may pass tried again for a while.

    Where a bucket refuses its credentials they are read anew and the call is done once more: keys are rotated while
    a process goes on.

    Nothing is read or written yet; `check_store` tries whether the store is fit for a journal.

    Args:
        url: ``file://./runs``, ``file:///abs``, a plain path, ``s3://bucket/prefix`` or ``oss://bucket/prefix``.
            Everything after ``file://`` is the path, as it stands; ``~`` is the home folder.
        credentials: of a bucket. What they leave out comes from the environment: for S3 boto3's own chain
            (AWS_… variables, profile, role), for OSS its OSS_… variables.
        renew: reads those credentials anew; may raise anything. Without it what comes from the environment is.
        patience: seconds after which what may pass is not tried again.
        base: where relative folders begin; by default the AUTOML_HOME of the deployment, else the current folder.

    Raises:
        StorageError: the path can't be read, or credentials or end point are missing or can't be used.
        MissingExtra: it is a bucket, and the extra ``s3`` is not installed.
    """
    from automl_core.storage.renewing import RenewingStore
    from automl_core.storage.retry import RetryingStore
    from automl_core.storage.testing import FAULTS_VARIABLE, with_faults

    def again() -> ObjectStore:
        return _plain_store(url.strip(), renew() if renew else credentials, base)

    store = _plain_store(url.strip(), credentials, base)
    if url.strip().partition("://")[0] in _BUCKETS:
        store = RenewingStore(store, again)
    faults = os.environ.get(FAULTS_VARIABLE)
    return RetryingStore(with_faults(store, faults) if faults else store, patience)


def server_of(store: ObjectStore) -> str | None:
    """Address of the server that an opened store asks, wherever that came from; None for a folder. Asks nobody."""
    from automl_core.storage.wrapper import StoreWrapper

    while isinstance(store, StoreWrapper):
        store = store.inner
    return getattr(store, "server", None)


def _plain_store(url: str, credentials: Credentials | None, base: Path | None) -> ObjectStore:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme == "file":
        return _folder(rest if separator else url, base)
    if scheme not in _BUCKETS:
        raise StorageError(f"storage: {scheme}:// is not known; allowed: {_SCHEMES}")
    bucket, prefix = _bucket_and_prefix(scheme, rest)
    if scheme == "oss":
        with needed_by("a store at oss://"):
            from automl_core.storage.oss import OssStore

        return OssStore(bucket, prefix, credentials)
    with needed_by("a store at s3://"):
        from automl_core.storage.s3 import S3Store

    if credentials and ".aliyuncs.com" in (credentials.endpoint_url or ""):
        raise StorageError(f"storage: s3://{rest} has an end point of Alibaba OSS; write oss://{rest}")
    return S3Store(bucket, prefix, credentials)


def _folder(path: str, base: Path | None) -> ObjectStore:
    from automl_core.storage.folder import FolderStore

    if not path:
        raise StorageError(f"storage: no folder is named; allowed: {_SCHEMES}")
    home = base or Path(os.environ.get("AUTOML_HOME") or ".")
    return FolderStore(home / Path(path).expanduser())


def _bucket_and_prefix(scheme: str, rest: str) -> tuple[str, str]:
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket or (":" in bucket and "@" in prefix):  # Not repeated: a secret, which may have '/' in it.
        raise StorageError(f"storage: {scheme}://… holds credentials; name an Airflow connection instead")
    if not _BUCKET.fullmatch(bucket):
        raise StorageError(f"storage: {bucket!r} is not the name of a bucket; allowed: {scheme}://bucket/prefix")
    prefix = prefix.strip("/")
    try:
        if prefix:
            check_key(prefix)
    except InvalidKey as error:
        raise StorageError(f"storage: the prefix of {scheme}://{rest}: {error}") from None
    if len(prefix.encode()) > MAX_PREFIX_BYTES:
        raise StorageError(f"storage: the prefix of {scheme}://{bucket} is longer than {MAX_PREFIX_BYTES} bytes")
    return bucket, prefix
