"""Carrying models and checkpoints between a bucket and folders of a pod, for training code that knows no buckets.

Run in containers of this product's image beside the one that trains: ``python -m automl_core.running.sync fetch``
before it, ``… keep`` as long as it runs and once more when it has ended. What to carry stands in AUTOML_SYNC as JSON;
the bucket's credentials in the environment, as the store reads them.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from automl_core.running.patience import patiently
from automl_core.storage import StorageError, open_store
from automl_core.storage.base import ObjectStore

log = logging.getLogger("automl.sync")

MODULE = "automl_core.running.sync"
"""This module, for whoever has it run."""

VARIABLE = "AUTOML_SYNC"
"""The environment variable with an `Order` as JSON."""

_PAUSE = 0.5
"""Seconds between two looks for the end of the training."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to carry.

    Attributes:
        storage: URL of the model storage path.
        fetch: prefixes of the store → folders that are to have their objects before the training.
        keep: folders → prefixes of the store that are to have their files while and after it.
        every: seconds between two looks for files that have changed.
        ended: a file that is there once the training has ended; empty where a signal alone says so.
        owner: key of the object that says whose the kept prefixes are now; empty where nobody says so.
        attempt: what that object says as long as they are this attempt's.
    """

    storage: str
    fetch: Mapping[str, str]
    keep: Mapping[str, str]
    every: float
    ended: str = ""
    owner: str = ""
    attempt: str = ""

    def to_json(self) -> str:
        """As text, for `VARIABLE`."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Order:
        """Read back what `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"{VARIABLE}: {error}") from error


class Replaced(Exception):
    """Another attempt has taken over what this one writes to."""


def check_owner(store: ObjectStore, order: Order) -> None:
    """See that nothing is written to what is another attempt's by now: this one's node may have been given up.

    A store that is away says nothing, and no more does one whose object is gone with the run's other scraps.

    Raises:
        Replaced: it is another's.
    """
    if not order.owner:
        return
    try:
        owner = store.get(order.owner).decode("utf-8", "replace").strip()
    except StorageError:
        return
    if owner != order.attempt:
        raise Replaced(f"{owner} has taken over from {order.attempt}: nothing more of it is brought")


class Keeper:
    """Brings files that are new or have changed to the store."""

    def __init__(self, store: ObjectStore, keep: Mapping[str, str]) -> None:
        """Nothing is in the store yet.

        Args:
            store: where to.
            keep: folders → prefixes.
        """
        self._store, self._keep = store, keep
        self._seen: dict[Path, tuple[int, int]] = {}

    def look(self) -> int:
        """Bring what has changed since the last look. Returns how many files that were.

        A file that is being written is brought as it is, and again when it has changed: write to another name and
        rename, as for any reader. What was brought and is here no more is removed there, once all else has been
        brought: checkpoints that the training takes away, as newer ones are safe.

        Raises:
            StorageError: the store refuses or is away; what was not brought is at the next look.
        """
        count = 0
        for folder, prefix in self._keep.items():
            for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
                try:
                    stat = path.stat()
                    state = (stat.st_mtime_ns, stat.st_size)
                    if self._seen.get(path) == state:
                        continue
                    self._store.upload_file(path, _key(path, folder, prefix))
                except FileNotFoundError:  # renamed or removed under our eyes
                    continue
                self._seen[path] = state
                count += 1
        for folder, prefix in self._keep.items():
            if Path(folder).is_dir():  # else the pod is being taken down
                for path in [each for each in self._seen if each.is_relative_to(folder) and not each.is_file()]:
                    self._store.delete(_key(path, folder, prefix))
                    del self._seen[path]
        return count


def _key(path: Path, folder: str, prefix: str) -> str:
    return f"{prefix.rstrip('/')}/{path.relative_to(folder).as_posix()}"


def fetch(store: ObjectStore, order: Order) -> None:
    """Make the folders and bring what the training goes on from.

    Raises:
        StorageError: the store refuses or is away.
    """
    for folder in (*order.fetch.values(), *order.keep):
        Path(folder).mkdir(parents=True, exist_ok=True)
    for prefix, folder in order.fetch.items():
        count = patiently(partial(store.download, prefix, Path(folder)), say=log.warning)
        log.info("%d objects of %s are in %s", count, prefix, folder)


def keep(store: ObjectStore, order: Order, ended: threading.Event) -> None:
    """Bring changes until the training has ended, and what is left then.

    Args:
        store: where to.
        order: what.
        ended: set when the training has ended.

    Raises:
        StorageError: the last of it could not be brought.
        Replaced: another attempt has taken over.
    """
    keeper, looked = Keeper(store, order.keep), time.monotonic()
    while not (order.ended and Path(order.ended).exists()) and not ended.wait(min(_PAUSE, order.every)):
        if time.monotonic() - looked < order.every:
            continue
        looked = time.monotonic()
        check_owner(store, order)
        try:
            keeper.look()
        except StorageError as error:
            log.warning("tried again in %.0f s: %s", order.every, error)
    check_owner(store, order)
    # what trained for hours is waited for, however long the store is away
    log.info("the training has ended: %d files brought at last", patiently(keeper.look, refused=True, say=log.warning))


def set_by(number: signal.Signals) -> threading.Event:
    """An event that a signal to this process sets, from now on in place of what it did.

    Another thread sets it: the handler runs in the main thread, wherever that is, and setting an event takes the lock
    that the main thread holds for moments while it waits for that event; then neither would ever go on.
    """
    found = threading.Event()
    heard, tell = os.pipe()

    def wait() -> None:
        os.read(heard, 1)
        found.set()

    signal.signal(number, lambda *_: os.write(tell, b"."))
    threading.Thread(target=wait, name=f"waits for {number.name}", daemon=True).start()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the two. Returns an exit code: 1 where something could not be brought."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given not in (["fetch"], ["keep"]):
        log.error("usage: python -m automl_core.running.sync fetch|keep")
        return 2
    ended = set_by(signal.SIGTERM)
    try:
        order = Order.from_json(os.environ[VARIABLE])
        store = open_store(order.storage)
        if given == ["fetch"]:
            fetch(store, order)
        else:
            keep(store, order, ended)
    except Replaced as error:  # whatever it says, nobody waits for it any more
        log.warning("%s", error)
    except (StorageError, OSError, ValueError, KeyError) as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
