"""Whether a store can do all that an experiment will ask of it, tried before anything trains."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

from automl_core.storage.base import ObjectStore, StorageError, StorageUnavailable

ROUNDS = 24
"""Races between two writers. On OpenStack Swift 2.38 the first few show it; a store that is fit runs them all."""

FEWEST_ROUNDS = 6
ENOUGH_SECONDS = 5.0
"""A slow store need not run all races, once so much time has gone by."""

TOO_MANY = 3
"""Races with two winners after which a store is refused. moto 5.2 holds no lock: one of some 2,000 races has them."""

_LARGEST_GAP = 0.002
"""Seconds by which one of the two may start later: a server checks and writes at different distances from the start."""

_REMEDY = (
    "use a release that knows If-None-Match on PutObject (docs/stores.md has a table), on Alibaba OSS an oss:// path "
    "to a bucket without versioning"
)

_log = logging.getLogger(__name__)


def check_store(store: ObjectStore, clock: Callable[[], float] = time.monotonic) -> None:
    """Try on keys of its own whatever an experiment needs, and remove them: some 70 small requests.

    Create-only writes one after the other and by two writers at once, reading, replacing, listing from a key on,
    files in and out, copies, and deletes of one and of many. Some servers that speak S3 ignore the header for
    create-only writes, Ceph and OSS do in versioned buckets, and OpenStack Swift looks first and writes then. There
    several racing writers would win, and an experiment lose what its workers told it.

    Args:
        store: the store.
        clock: seconds.

    Raises:
        StorageError: what of that the store can't do, each with the store's own words; every problem in one message.
        StorageUnavailable: the store is away, so that nothing can be said.
    """
    root = f".automl-check-{uuid4().hex}/"
    problems: list[str] = []
    try:
        _writes(store, root, problems)
        if not problems:
            _races(store, root, problems, clock)
        _moves(store, root, problems)
    finally:
        _deletes(store, root, problems)
    if problems:
        raise StorageError(f"{store.url} can't hold experiments: " + "; ".join(dict.fromkeys(problems)))


def _try(problems: list[str], call: Callable[[], str | None]) -> None:
    """Note what a step finds wrong, or what the store says against it.

    Raises:
        StorageUnavailable: the store is away.
    """
    try:
        found = call()
    except StorageUnavailable:
        raise
    except StorageError as error:
        found = str(error)
    if found:
        problems.append(found)


def _writes(store: ObjectStore, root: str, problems: list[str]) -> None:
    key = f"{root}a"

    first = store.create(key, b"first")  # what keeps this from being done keeps everything

    def create() -> str | None:
        second = store.create(key, b"second")
        if first and not second and store.get(key) == b"first":
            return None
        why = store.overwrites_because()
        return f"it lets a create-only write replace an object: {why or _REMEDY}"

    def replace() -> str | None:
        store.put(key, b"third")
        if store.get(key) != b"third":
            return "it gives an older object back after a write"
        return None

    _try(problems, create)
    _try(problems, replace)


def _races(store: ObjectStore, root: str, problems: list[str], clock: Callable[[], float]) -> None:
    """Two writers create the same object at the same moment, again and again: one of them has to win."""
    began = clock()

    def races() -> str | None:
        wrong = 0
        with ThreadPoolExecutor(2, thread_name_prefix="automl-check") as pool:
            for number in range(ROUNDS):
                if number >= FEWEST_ROUNDS and clock() - began > ENOUGH_SECONDS:
                    break
                wrong += not _one_wins(store, f"{root}race/{number}", number / ROUNDS * _LARGEST_GAP, pool)
                if wrong >= TOO_MANY:
                    return (
                        "two writers at once both created the same object: it looks whether there is one and writes "
                        "then, which OpenStack Swift does behind its S3 interface; an experiment would lose records. "
                        "Use a store that decides in one step (docs/stores.md has a table)"
                    )
        if wrong:
            _log.warning("%s: in %d of %d races two writers created the same object", store.url, wrong, number + 1)
        return None

    _try(problems, races)


def _one_wins(store: ObjectStore, key: str, gap: float, pool: ThreadPoolExecutor) -> bool:
    """Whether not both of two writers created an object; ``gap`` seconds lie between them."""
    together = threading.Barrier(2)
    bodies = (uuid4().hex.encode(), uuid4().hex.encode())

    def create(number: int) -> bool:
        together.wait()
        if number and gap:
            time.sleep(gap)
        return store.create(key, bodies[number])

    jobs = [pool.submit(create, number) for number in range(2)]
    won = [job.result() for job in jobs]
    if all(won):
        return False
    # whoever was told that it won must be the one whose object stands
    return not any(won) or store.get(key) == bodies[won.index(True)]


def _moves(store: ObjectStore, root: str, problems: list[str]) -> None:
    """Files in and out, a copy within the store, a list from a key on."""
    names = [f"{root}files/{name}" for name in "abc"]

    def files() -> str | None:
        with tempfile.TemporaryDirectory(prefix="automl-") as folder:
            source, back = Path(folder, "source"), Path(folder, "back")
            source.write_bytes(b"check")
            store.upload_file(source, names[0])
            store.download_file(names[0], back)
            return None if back.read_bytes() == b"check" else "it gives another file back than it was given"

    def copy() -> str | None:
        store.put(names[1], b"copied")
        store.copy_file(names[1], names[2])
        return None if store.get(names[2]) == b"copied" else "a copy within it is not what was copied"

    def listing() -> str | None:
        store.put(names[1], b"")
        store.put(names[2], b"")
        found = store.list(f"{root}files/", start_after=names[0], limit=2)
        if found == names[1:]:
            return None
        return f"a list from a key on has {len(found)} of 2 objects: StartAfter of ListObjectsV2 is not kept to"

    for step in (files, copy, listing):
        _try(problems, step)


def _deletes(store: ObjectStore, root: str, problems: list[str]) -> None:
    """Remove what was written, one object by itself and the rest at once."""

    def delete() -> str | None:
        store.delete(f"{root}a")
        store.delete_prefix(root)
        left = store.list(root, limit=1)
        return f"{left[0]} is still there after it was deleted" if left else None

    try:
        _try(problems, delete)
    except StorageUnavailable as error:  # not to stand before what was found out
        _log.warning("what the check wrote below %s%s was not removed: %s", store.url, f"/{root}", error)
