"""Audit records: objects below ``_audit/`` of a model storage path, a folder a day, each created only if absent.

Nothing that writes them reads them, and nothing else writes there; `automl gc` deletes none. A record of what is about
to be handed over is written before that, so that there is none without.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from automl_core.storage.base import NotFound, ObjectStore

FOLDER = "_audit/"

FORMAT = 1
"""Of a record. A later one may have more fields; those there are keep their meaning."""

DOWNLOAD, READ = "download", "read_data"
"""What a record can be of."""

_THREADS = 8
_PAGE = 1000
_TRIES = 5


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One thing that happened.

    Attributes:
        what: `DOWNLOAD` or `READ`.
        at: when, in UTC.
        by: the user; of data that were read the run and the attempt.
        key: its object, below the model storage path.
        more: all else that the record has, as plain JSON.
    """

    what: str
    at: datetime
    by: str
    key: str
    more: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON."""
        return {"what": self.what, "at": self.at.isoformat(), "by": self.by, "record": self.key, **self.more}


def record(
    store: ObjectStore, what: str, by: str, more: Mapping[str, Any], *,
    identity: str | None = None, clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> str:  # fmt: skip
    """Write a record.

    Args:
        store: the model storage path.
        what: of what it is.
        by: who.
        more: further fields, plain JSON without secrets.
        identity: what tells this from any other such thing: told again on the same day it is written once. Each call
            is a thing of its own where it is left out.
        clock: of its time.

    Returns:
        Its key.

    Raises:
        StorageError: it could not be written, or nobody knows whether it was.
    """
    at = clock().astimezone(UTC)
    body = {"format": FORMAT, "what": what, "at": at.isoformat(), "by": by, **more}
    data = json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
    if identity is not None:
        key = f"{_day(at.date())}{what}-{hashlib.sha256(identity.encode()).hexdigest()[:32]}.json"
        store.create(key, data)
        return key
    for _ in range(_TRIES):
        key = f"{_day(at.date())}{at:%H%M%S.%f}-{what}-{secrets.token_hex(6)}.json"
        if store.create(key, data):
            return key
    raise AssertionError("names made at random are never all taken")


def read_data(
    store: ObjectStore, *, experiment: str, run: str, task: str, attempt: int, trial: int | None, name: str, place: str,
    fingerprint: str, more: Mapping[str, Any] | None = None, clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> str:  # fmt: skip
    """Record that an attempt is about to read a data set; an attempt that is taken over is recorded once a day.

    Args:
        store: the model storage path of the experiment.
        experiment, run: whose attempt.
        task: the training task, with its stage before it (``prepare.features``) where it belongs to one.
        attempt, trial: numbers; trial is None in a stage.
        name, place: of the data set; the place without keys.
        fingerprint: what was read.
        more: further fields.
        clock: of its time.

    Returns:
        The record's key.

    Raises:
        StorageError: it could not be written.
    """
    given = {
        "experiment": experiment, "run": run, "task": task, "attempt": attempt, "trial": trial, "data": name,
        "place": place, "fingerprint": fingerprint,
    }  # fmt: skip
    whose = f"{task} of trial {trial}" if trial is not None else task
    identity = json.dumps(given, sort_keys=True)
    by = f"{experiment}@{run}: {whose}, attempt {attempt}"
    return record(store, READ, by, {**given, **(more or {})}, identity=identity, clock=clock)


def read_records(
    store: ObjectStore, since: datetime | None = None, what: str | None = None, problems: list[str] | None = None
) -> Iterator[AuditRecord]:
    """The records of a model storage path, oldest first.

    Args:
        store: it.
        since: only those of this moment and later.
        what: only those of this.
        problems: takes what can't be read, in words; what lies there is told, never passed over in silence.

    Raises:
        StorageError: the store is away.
    """
    said = problems if problems is not None else []
    after = _day(since.astimezone(UTC).date()) if since is not None else FOLDER
    keys: list[str] = []
    while page := store.list(FOLDER, start_after=after, limit=_PAGE):
        keys += page
        after = page[-1]
    found = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for key, data in zip(keys, pool.map(lambda key: _get(store, key), keys), strict=True):
            try:
                made = _parsed(key, data)
            except (ValueError, KeyError, TypeError) as error:
                said.append(f"{key} is no audit record: {error}")
                continue
            if (since is None or made.at >= since) and what in (None, made.what):
                found.append(made)
    yield from sorted(found, key=lambda each: (each.at, each.key))


def _get(store: ObjectStore, key: str) -> bytes:
    try:
        return store.get(key)
    except NotFound:
        return b""


def _parsed(key: str, data: bytes) -> AuditRecord:
    body = json.loads(data)
    more = {name: value for name, value in body.items() if name not in ("format", "what", "at", "by")}
    return AuditRecord(str(body["what"]), datetime.fromisoformat(body["at"]), str(body["by"]), key, more)


def _day(day: date) -> str:
    return f"{FOLDER}{day.isoformat()}/"
