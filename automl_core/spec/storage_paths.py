"""Model storage paths: which ones there are."""

from __future__ import annotations

SCHEMES = ("file", "s3", "oss")
"""How a model storage path is reached."""


def check_storage_path(storage: str) -> str:
    """A model storage path as it stands.

    Raises:
        ValueError: it is none, or has credentials in it.
    """
    scheme = scheme_of(storage)
    if scheme not in SCHEMES:
        raise ValueError(f"{scheme}:// is not known; allowed: file://, s3://, oss://")
    if scheme != "file" and not storage.split("://", 1)[1].strip("/"):
        raise ValueError(f"{storage} names no bucket")
    bucket, _, prefix = storage.split("://", 1)[-1].partition("/")
    if "@" in bucket or (":" in bucket and "@" in prefix):  # a secret may have '/' in it
        raise ValueError("credentials don't belong in the path; name an Airflow connection instead")
    return storage


def scheme_of(text: str) -> str:
    """The scheme of a path; ``file`` where it states none."""
    return text.split("://", 1)[0] if "://" in text else "file"
