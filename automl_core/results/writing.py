"""Many objects at a time into a store: whole files, copies within it, and what is to go."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from automl_core.storage.base import NotFound, ObjectStore

T = TypeVar("T")

_THREADS = 8
"""Requests at a time: a thousand trials are two thousand files."""


def put_all(store: ObjectStore, files: Mapping[str, bytes]) -> None:
    """Write files whole, each by one put."""
    _in_parallel(lambda item: store.put(*item), files.items())


def copy_all(store: ObjectStore, targets: Mapping[str, str]) -> None:
    """Copy objects within a store, none of them held in memory.

    Args:
        store: of both.
        targets: target's key → source's key.

    Raises:
        NotFound: a source is gone.
    """
    _in_parallel(lambda item: _copy(store, source=item[1], target=item[0]), targets.items())


def delete_prefixes(store: ObjectStore, prefixes: Iterable[str]) -> None:
    """Remove everything below each of some prefixes."""
    _in_parallel(store.delete_prefix, prefixes)


def _copy(store: ObjectStore, source: str, target: str) -> None:
    here = store.local_path(source)
    if here is not None:
        if not here.is_file():
            raise NotFound(f"there is no object {source} in {store.url}")
        store.upload_file(here, target)
        return
    with tempfile.TemporaryDirectory(prefix="automl-copy-") as folder:
        file = Path(folder) / "object"
        store.download_file(source, file)
        store.upload_file(file, target)


def _in_parallel(function: Callable[[T], object], items: Iterable[T]) -> None:
    """Call a function with every item; the first error is raised, after calls under way have ended."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="automl-publish") as pool:
        futures = [pool.submit(function, item) for item in items]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
