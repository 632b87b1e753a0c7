"""Deleting what a plan names, each thing only after another look.

A run goes in an order that leaves nothing which looks alive, wherever it breaks off:

1. its mark is written, so that what is left is found again;
2. a record in its journal says that it goes, written only if the journal stands where it was seen to: whoever has
   written meanwhile wins, and the run is spared; whoever wants to open it again now is refused;
3. the published result, by which readers find a run;
4. the journal's snapshot, then its first record: without both there is no run to any reader. Were the newest records
   to go first, a run without its end would look like one that goes on;
5. the rest of the journal, then everything else;
6. the mark.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from automl_core.housekeeping.environments import is_environment, remove_environment
from automl_core.housekeeping.local import remove_local
from automl_core.housekeeping.mark import ACT, MARK, Mark, first_record, read_mark, write_mark
from automl_core.housekeeping.models import remove_copy
from automl_core.housekeeping.plan import Item, Plan
from automl_core.journal import JOURNAL, SNAPSHOTS, BadRecord, Contended, key_of
from automl_core.results.names import CONTROLLER
from automl_core.results.writing import delete_prefixes
from automl_core.storage.base import ObjectStore, StorageError, StorageUnavailable
from automl_core.study.journal import StudyJournal

log = logging.getLogger(__name__)

LOOK_AGAIN = 30.0
"""Seconds after which everything is looked at again before the next thing goes."""

_ROUNDS = 3
"""Times that a folder is emptied, should somebody write into it meanwhile."""


@dataclass(slots=True)
class Done:
    """What came of a plan.

    Attributes:
        deleted: what is gone.
        spared: what stays after another look, and why.
        failed: what the store would not let go, in its words; parts of it may be gone.
        left: how much was not come to in the time given.
    """

    deleted: list[Item] = field(default_factory=list)
    spared: list[tuple[Item, str]] = field(default_factory=list)
    failed: list[tuple[Item, str]] = field(default_factory=list)
    left: int = 0

    def to_json(self) -> dict[str, Any]:
        """For people and programs."""
        return {
            "deleted": [item.to_json() for item in self.deleted],
            "spared": [item.to_json() | {"why": why} for item, why in self.spared],
            "failed": [item.to_json() | {"why": why} for item, why in self.failed],
            "objects": sum(item.objects for item in self.deleted),
            "bytes": sum(item.bytes for item in self.deleted),
            "left": self.left,
        }


def carry_out(
    store: ObjectStore, plan: Plan, again: Callable[[], Plan], *, by: str,
    forbidden: Callable[[Item], str] = lambda item: "", within: float | None = None, look_again: float = LOOK_AGAIN,
    clock: Callable[[], float] = time.time,
) -> Done:  # fmt: skip
    """Delete what a plan names.

    Args:
        store: the model storage path.
        plan: made a moment ago.
        again: makes it anew, of what there is then, with the same options.
        by: who deletes, for journals and logs.
        forbidden: asked before each thing goes: why it must not, empty where it may.
        within: seconds after which nothing more is begun.
        look_again: seconds after which ``again`` is asked before the next thing goes.
        clock: seconds since 1970.

    Raises:
        StorageError: the store is away and nothing can be looked at again.
    """
    done, begun = Done(), clock()
    looked, fresh = begun, {item.key: item for item in plan.items}
    for place, item in enumerate(plan.items):
        now = clock()
        if within is not None and now - begun >= within:
            done.left = len(plan.items) - place
            break
        if now - looked >= look_again:
            looked, fresh = now, {each.key: each for each in again().items}
        why = _changed(item, fresh) or forbidden(item)
        try:
            why = why or _delete(store, item, by, clock)
        except (StorageError, Contended, BadRecord) as error:
            log.warning("housekeeping by %s: %s was not deleted: %s", by, item.place, error)
            done.failed.append((item, str(error)))
            continue
        if why:
            log.info("housekeeping by %s: %s is spared: %s", by, item.place, why)
            done.spared.append((item, why))
            continue
        log.info(
            "housekeeping by %s: deleted %s %s of %s (%d objects, %d bytes): %s",
            by, item.what, item.place, plan.url, item.objects, item.bytes, item.why,
        )  # fmt: skip
        done.deleted.append(item)
    return done


def _changed(item: Item, fresh: Mapping[tuple[str, str, str], Item]) -> str:
    found = fresh.get(item.key)
    if found is None:
        return "it would not go any more: something speaks for it since, or it is gone"
    return "" if (found.seq, found.identity) == (item.seq, item.identity) else "it went on since"


def _delete(store: ObjectStore, item: Item, by: str, clock: Callable[[], float]) -> str:
    """Delete one thing. Returns why it stays, empty where it is gone."""
    if is_environment(item):
        return remove_environment(item)
    if item.place.startswith("/"):
        return remove_local(item)
    if item.what == "runs":
        return _delete_run(store, item, by, clock())
    if item.what == "code":
        return _delete_code(store, item)
    if item.what == "models":
        return remove_copy(store, item.place, item.identity, by)
    if item.part is not None:
        return "" if store.discard(item.part) else "somebody goes on with it"
    if not item.places:
        store.delete(item.place)
        return ""
    if why := _went_on(store, item):
        return why
    delete_prefixes(store, item.places)
    return ""


def _delete_code(store: ObjectStore, item: Item) -> str:
    """Delete an archive, unless a run that begins just now has written it anew (`automl_core.code.with_code`)."""
    found = next((each for each in store.entries(item.place, "", 1) if each.key == item.place), None)
    if found is not None and repr(found.modified) != item.identity:
        return "a run has begun with it since"
    store.delete(item.place)
    return ""


def _went_on(store: ObjectStore, item: Item) -> str:
    first = first_record(store, item.place)
    if first is None or first.id != item.identity:
        return "another run has begun there since"
    if StudyJournal(store, item.place, sleep=lambda _: None).refresh().seq != item.seq:
        return "it went on since"
    return ""


def _delete_run(store: ObjectStore, item: Item, by: str, now: float) -> str:
    prefix = item.place
    known, first = read_mark(store, prefix), first_record(store, prefix)
    if first is None and known is None:
        return "" if not store.list(prefix, limit=1) else "its journal has no first record any more"
    journal = StudyJournal(store, prefix, sleep=lambda _: None)
    state = journal.refresh()
    claimed = bool(state.acts) and state.acts[-1].act == ACT
    if known is not None and known.covers(first, state.seq, claimed):
        if known.is_fresh(now):
            return f"{known.by} is deleting it just now"
        mark = Mark(known.identity, known.seq, now, by)
    elif first is None or first.id != item.identity:
        return "another run has begun there since"
    else:
        mark, claimed = Mark(first.id, item.seq, now, by), False
    write_mark(store, prefix, mark)
    if first is not None and not claimed:
        data = {"act": ACT, "by": by, "text": "it is deleted by housekeeping"}
        if journal.append("note", data, valid=lambda state: state.seq == mark.seq) is None:
            store.delete(prefix + MARK)
            return "it went on since"
    empty(store, prefix)
    return ""


def empty(store: ObjectStore, prefix: str) -> None:
    """Delete all of a run's folder that bears a mark, the mark last.

    Raises:
        StorageError: the store refuses, is away, or others write there as fast as it is emptied. The mark stands.
    """
    store.delete(prefix + CONTROLLER)
    for name in SNAPSHOTS:
        store.delete(prefix + name)
    store.delete(prefix + JOURNAL + key_of(1))
    store.delete_prefix(prefix + JOURNAL)
    for _ in range(_ROUNDS):
        for name in _names(store, prefix):
            if name.endswith("/"):
                store.delete_prefix(prefix + name)
            elif name != MARK:
                store.delete(prefix + name)
        _discard_all(store, prefix)
        if store.list(prefix, limit=2) == [prefix + MARK]:
            break
    else:
        raise StorageError(f"Cannot delete {prefix} in {store.url}: somebody writes there")
    store.delete(prefix + MARK)
    _remove_folders(store, prefix)


def _discard_all(store: ObjectStore, prefix: str) -> None:
    try:
        for part in store.unfinished(prefix):
            store.discard(part)
    except StorageUnavailable:
        raise
    except StorageError as error:  # not every server that speaks S3 lists uploads
        log.info("what broke off below %s is left: %s", prefix, error)


def _names(store: ObjectStore, prefix: str) -> Iterator[str]:
    """What lies in a folder: names of objects, and of folders with a '/', a request each."""
    after = ""
    while keys := store.list(prefix, start_after=after, limit=1):
        name, slash, _ = keys[0].removeprefix(prefix).partition("/")
        yield name + slash
        after = f"{prefix}{name}0" if slash else keys[0]  # '0' follows '/': what lies below is passed over


def _remove_folders(store: ObjectStore, prefix: str) -> None:
    """On a local folder, the empty folders of a run and of an experiment without runs."""
    here = store.local_path(prefix.rstrip("/"))
    if here is None:
        return
    for folder, _, _ in os.walk(here, topdown=False):
        with suppress(OSError):  # a folder that isn't empty stays
            os.rmdir(folder)
    with suppress(OSError):
        os.rmdir(here.parent)
