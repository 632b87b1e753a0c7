"""Object stores behind one small interface: a local folder, S3 and what speaks it, Alibaba OSS."""

from automl_core.storage.base import (
    AccessRefused,
    Entry,
    InvalidKey,
    NotFound,
    ObjectStore,
    StorageError,
    StorageUnavailable,
    Unfinished,
)
from automl_core.storage.check import check_store
from automl_core.storage.credentials import Credentials
from automl_core.storage.opening import open_store

__all__ = [
    "AccessRefused",
    "Credentials",
    "Entry",
    "InvalidKey",
    "NotFound",
    "ObjectStore",
    "StorageError",
    "StorageUnavailable",
    "Unfinished",
    "check_store",
    "open_store",
]
