"""Annotation projects below ``_annotation/``: which runs their models came of.

The journal says it. What else lies there are items, labels and predictions: data, which may say anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from automl_core.annotation.project.layout import ANNOTATION, BATCHES, ITEMS, NEWEST, ROUNDS, SETS
from automl_core.housekeeping.mentions import Text
from automl_core.journal import JOURNAL, SNAPSHOTS, Journal
from automl_core.storage.base import Entry, ObjectStore, StorageError

if TYPE_CHECKING:
    from automl_core.annotation.project.state import ProjectState

_KNOWN = (ITEMS, BATCHES, ROUNDS, SETS, NEWEST, JOURNAL, *SNAPSHOTS)
"""What is known to name no run, or is asked itself."""


def annotations_in(store: ObjectStore, reserved: Iterable[Entry]) -> tuple[list[Text], list[Entry]]:
    """What projects among the objects of reserved folders name, and the objects whose texts may name runs all the same.

    Three requests a project. Of one whose journal can't be read every object is among the latter.

    Raises:
        StorageUnavailable: the store is away.
    """
    found: dict[str, list[Entry]] = {}
    others = []
    for entry in reserved:
        name, slash, _ = entry.key.removeprefix(ANNOTATION).partition("/")
        if entry.key.startswith(ANNOTATION) and slash:
            found.setdefault(name, []).append(entry)
        else:
            others.append(entry)
    texts: list[Text] = []
    for name, entries in found.items():
        prefix = f"{ANNOTATION}{name}/"
        state = _read(store, prefix)
        if state is None:
            others += entries
            continue
        texts.append(Text(f"the annotation {name}", "\n".join(_named(state)), as_reference=True))
        others += [each for each in entries if not each.key.removeprefix(prefix).startswith(_KNOWN)]
    return texts, others


def _named(state: ProjectState) -> list[str]:
    """Runs whose models a round has: a round that is done again asks them again, and the next one asks the newest."""
    found = [
        f"{training.experiment}@{training.run}"
        for each in state.rounds.values()
        for training in each.trainings
        if training.model is not None
    ]
    return [*found, *(name for each in state.thresholds.values() for name in each.models)]


def _read(store: ObjectStore, prefix: str) -> ProjectState | None:
    """A project's state, None where it can't be told what that is."""
    from automl_core.annotation.project.state import ProjectState

    journal: Journal[ProjectState] = Journal(store, prefix, ProjectState, sleep=lambda _: None)
    journal.paced = False
    try:
        state = journal.refresh()
    except StorageError:
        return None
    unsettled = [seq for seq in journal.unreadable if seq > state.seq]
    return None if journal.later or unsettled or not state.seq else state
