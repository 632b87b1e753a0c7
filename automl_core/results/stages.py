"""What the stage ``conclude`` is told of all trials, and what is published of the stages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from automl_core.results.entries import controller, iso
from automl_core.spec.stages import STAGES, StageName
from automl_core.study.layout import MODEL_FOLDER, trial_prefix
from automl_core.study.stages import INPUT, TRIALS_FILE, made_by, stage_journal
from automl_core.study.layout import stage_prefix
from automl_core.study.progress import spent

if TYPE_CHECKING:
    from automl_core.study.study import Study


def write_trials(study: Study, root: str) -> None:
    """Write the file that tells the training tasks of ``conclude`` of all trials.

    It is what controller.json will be, and each trial's ``model``: its folder as the training sees it.

    Args:
        study: of the experiment, whose search is over.
        root: the model storage path as the training sees it.

    Raises:
        StorageError: the store refuses or is away.
    """
    store, prefix = study.journal.store, study.journal.prefix
    body = controller(study.experiment, study.state)
    for entry in body["trials"]:
        folder = prefix + trial_prefix(int(entry["number"])) + MODEL_FOLDER
        has_model = bool(store.list(folder, limit=1))
        entry["model"] = f"{root.rstrip('/')}/{folder}".rstrip("/") if has_model else None
    key = stage_prefix(prefix, "conclude") + INPUT + TRIALS_FILE
    store.put(key, json.dumps(body, indent=1, sort_keys=True).encode())
