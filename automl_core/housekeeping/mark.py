"""The mark of a run that is being deleted: written first and removed last, so that nothing half deleted is forgotten.

Between the two the run's folder holds less and less; it is no run any more to any reader (its first record goes
early), but whatever of it is left is found by its mark and deleted the next time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from automl_core.journal import JOURNAL, BadRecord, Record, decode, key_of
from automl_core.storage.base import NotFound, ObjectStore

MARK = "housekeeping.json"
"""Name of the mark in a run's folder."""

FRESH = 900.0
"""Seconds in which whoever wrote a mark is taken to be at it still."""

ACT = "gc"
"""The act of the journal's last record, which says that the run is deleted."""


class BeingDeleted(RuntimeError):
    """Somebody is deleting what lies in this folder just now. The message says who, and what to do."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Who deletes which run.

    Attributes:
        identity: of the journal's first record: another run that has begun in the same folder since has another.
        seq: the journal's last place when it was decided; 0 where nobody knew.
        time: when it was written, seconds since 1970.
        by: who deletes, for people.
    """

    identity: str
    seq: int
    time: float
    by: str

    def is_fresh(self, now: float) -> bool:
        """Whether whoever wrote it may be at it still."""
        return now - self.time < FRESH

    def covers(self, first: Record | None, seq: int, claimed: bool) -> bool:
        """Whether what lies in the folder is what was to be deleted, and not something that has begun or gone on since.

        Args:
            first: the journal's first record, None where there is none.
            seq: the journal's last place.
            claimed: whether its last record says that it is deleted.
        """
        if first is None:
            return True
        return first.id == self.identity and (seq == self.seq or (claimed and seq == self.seq + 1))


def write_mark(store: ObjectStore, prefix: str, mark: Mark) -> None:
    """Write the mark of a run's folder, in place of any older one."""
    store.put(prefix + MARK, json.dumps(asdict(mark), sort_keys=True).encode())


def read_mark(store: ObjectStore, prefix: str) -> Mark | None:
    """The mark of a run's folder; None where there is none, or something else of that name."""
    try:
        body: Any = json.loads(store.get(prefix + MARK))
        return Mark(str(body["identity"]), int(body["seq"]), float(body["time"]), str(body["by"]))
    except (NotFound, ValueError, KeyError, TypeError):
        return None


def first_record(store: ObjectStore, prefix: str) -> Record | None:
    """The first record of a run's journal, None where there is none.

    Raises:
        BadRecord: what lies there is none, or one of a later format.
    """
    try:
        return decode(store.get(prefix + JOURNAL + key_of(1)), 1).record
    except NotFound:
        return None


def settle(store: ObjectStore, prefix: str, now: float) -> None:
    """Finish what broke off, before a run begins in this folder (one that is cleared in Airflow long after its end).

    Args:
        store: the model storage path.
        prefix: the run's folder.
        now: seconds since 1970.

    Raises:
        BeingDeleted: somebody is at it just now.
        StorageError: the store refuses or is away.
    """
    from automl_core.housekeeping.deleting import empty
    from automl_core.study.journal import StudyJournal

    mark = read_mark(store, prefix)
    if mark is None:
        return
    if mark.is_fresh(now):
        raise BeingDeleted(
            f"{store.url}/{prefix} is being deleted by {mark.by} (`automl gc`) just now: try again in "
            f"{FRESH / 60:.0f} minutes, or start a new run"
        )
    try:
        first = first_record(store, prefix)
    except BadRecord:
        return
    state = StudyJournal(store, prefix, sleep=lambda _: None).refresh() if first is not None else None
    seq = state.seq if state is not None else 0
    claimed = state is not None and bool(state.acts) and state.acts[-1].act == ACT
    if mark.covers(first, seq, claimed):
        empty(store, prefix)
    else:
        store.delete(prefix + MARK)
