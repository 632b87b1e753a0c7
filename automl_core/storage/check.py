"""Whether a store keeps the one promise that the journal is built on."""

from __future__ import annotations

from uuid import uuid4

from automl_core.storage.base import ObjectStore, StorageError


def check_store(store: ObjectStore) -> None:
    """Try `create` twice on a key of its own, and remove it: four requests.

    Some servers that speak S3 ignore the header for create-only writes, and OSS does in versioned
    buckets. There every racing writer would win, and an experiment lose what its workers told it.

    Raises:
        StorageError: a second create replaced the first, or the store refuses or is away.
    """
    key = f".automl-check-{uuid4().hex}"
    first = store.create(key, b"first")
    try:
        second = store.create(key, b"second")
        kept = store.get(key)
    finally:
        store.delete(key)
    if not first or second or kept != b"first":
        raise StorageError(
            f"{store.url} can't hold experiments: it lets a create-only write replace an object. On an S3-compatible "
            "server, use a release that knows If-None-Match on PutObject; on Alibaba OSS, an oss:// path to a bucket "
            "without versioning"
        )
