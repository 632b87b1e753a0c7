"""News of all models of a storage: one listing tells which have changed what answers.

A follower of a thousand models can't ask a thousand journals every second. So where a record changes what answers, its
writer leaves an empty object beside all models, ``_models/_news/NAME/PLACE``, named by the record's place in the
model's journal, and removes the model's earlier ones: a listing of that folder, a request for each thousand models, is
all that a follower needs while nothing happens.

Truth stays the journal. A writer that dies between its record and its news is made up for by the same act, done again,
and by followers, who look at each journal now and then (`automl_core.serving.following`).
"""

from __future__ import annotations

import logging

from automl_core.journal.records import key_of, seq_of
from automl_core.models.life.layout import MODELS
from automl_core.storage.base import ObjectStore, StorageError
from automl_core.study.layout import safe

log = logging.getLogger(__name__)

NEWS = f"{MODELS}_news/"
"""Beside the models' folders; names of models begin with a letter or a digit."""

CHANGING = frozenset({"in_use", "taken_back", "removed", "configured", "rollout_begun", "rollout_step", "rollout_held"})
"""Kinds of record that change what answers, or how."""


def tell(store: ObjectStore, name: str, seq: int) -> None:
    """Say that a model's journal has a record that followers should read. A store that is away is no error: see above.

    Args:
        store: the model storage path.
        name: of the model.
        seq: the record's place in its journal.
    """
    folder = f"{NEWS}{safe(name)}/"
    try:
        store.put(folder + key_of(seq), b"")
        for key in store.list(folder):
            told = seq_of(key.removeprefix(folder))
            if told is not None and told < seq:
                store.delete(key)
    except StorageError as error:
        log.warning("%s: followers hear of record %d later: %s", name, seq, error)


def told(store: ObjectStore) -> dict[str, int]:
    """Folder of a model → the place of the newest record that there is news of. One request for each thousand models.

    Raises:
        StorageError: the store is away.
    """
    found: dict[str, int] = {}
    for key in store.list(NEWS):
        name, _, place = key.removeprefix(NEWS).partition("/")
        seq = seq_of(place)
        if seq is not None:
            found[name] = max(seq, found.get(name, 0))
    return found
