"""A trial's own model: a folder that opens, made of its folds' models and nothing else.

What `conclude` makes is better: several pipelines, calibrated, judged once on the test part. But it may not come to its
end (the deadline, memory, an error), and what is published then is the best trial's folder. So that folder is a model.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.modelfile.writing import MODEL_FILE
from automl_core.tabular.conclude import document_of, thresholded, write
from automl_core.tabular.finals import bagged
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.scorers import Scorer
from automl_core.tabular.selection import Selection
from automl_core.tabular.slimming import size_of
from automl_core.tabular.trial import TrialResult, held_out
from automl_core.training.problems import say

LARGEST = 200_000_000
"""Bytes of arrays up to which a trial has a model of its own: to write and try it takes a few times as much memory."""

ROWS = 20_000
"""Rows held out that the threshold of a metric is looked for in."""


def write_alone(prepared: Prepared, result: TrialResult, folder: Path, made: Mapping[str, Any]) -> bool:
    """Write the model of one trial, beside what else its folder holds.

    It is made outside the folder, which may be carried to the store meanwhile, and moved into it as a whole; what an
    earlier attempt has left of one is gone first.

    Args:
        prepared: the table.
        result: with its models.
        folder: the trial's.
        made: more about what made it.

    Returns:
        Whether there is one: a learner that has no model as plain data leaves none, and needs `conclude`; so does one
        whose model is larger than `LARGEST`.

    Raises:
        TrainingError: the costs that were given name no class of the table, or it can't be written.
    """
    _remove(folder / MODEL_FILE)  # a trial that is run again need not leave one
    if not result.models or any(each is None for each in result.models):
        return False
    members = bagged(prepared, [(result, 1.0)])
    size = size_of(members.members)
    if size > LARGEST:
        say(f"the trial has no model of its own, which would be of {size / 1e6:,.0f} MB; conclude makes one")
        return False
    document = document_of(prepared, members)
    # one draw of not too many rows: each trial pays for it, and few of these models are ever asked
    rows = held_out(result.outputs)
    if len(rows) > ROWS:
        rows = np.sort(np.random.default_rng([prepared.options.seed, 61]).choice(rows, ROWS, replace=False))
    thresholded(prepared, Selection([(result, 1.0)], result.outputs, rows), document, draws=1)
    scorer = Scorer(document, prepared.schema, {})
    with tempfile.TemporaryDirectory(prefix="automl-alone-") as place:
        home = Path(place) / "model"
        write(prepared, scorer, members, home, dict(made), program_too=False)
        for each in sorted(home.iterdir(), key=lambda file: file.name == MODEL_FILE):
            _remove(folder / each.name)
            shutil.move(each, folder / each.name)  # the file that makes it a model comes last
    return True


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
