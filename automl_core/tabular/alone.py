"""A trial's own model: a folder that opens, made of its folds' models and nothing else.

What `conclude` makes is better: several pipelines, calibrated, judged once on the test part. But it may not come to its
end (the deadline, memory, an error), and what is published then is the best trial's folder. So that folder is a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automl_core.modelfile.writing import MODEL_FILE
from automl_core.tabular.conclude import document_of, thresholded, write
from automl_core.tabular.finals import bagged
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.scorers import Scorer
from automl_core.tabular.selection import Selection
from automl_core.tabular.trial import TrialResult, held_out


def write_alone(prepared: Prepared, result: TrialResult, folder: Path, made: Mapping[str, Any]) -> bool:
    """Write the model of one trial, beside what else its folder holds.

    Args:
        prepared: the table.
        result: with its models.
        folder: the trial's.
        made: more about what made it.

    Returns:
        Whether there is one: a learner that has no model as plain data leaves none, and needs `conclude`.

    Raises:
        TrainingError: the costs that were given name no class of the table, or it can't be written.
    """
    if not result.models or any(each is None for each in result.models):
        return False
    members = bagged(prepared, [(result, 1.0)])
    document = document_of(prepared, members)
    # one draw: each trial pays for it, and few of these models are ever asked
    thresholded(prepared, Selection([(result, 1.0)], result.outputs, held_out(result.outputs)), document, draws=1)
    scorer = Scorer(document, prepared.schema, {})
    home = folder / "alone"
    write(prepared, scorer, members, home, dict(made), program_too=False)
    for each in sorted(home.iterdir(), key=lambda file: file.name == MODEL_FILE):
        each.rename(folder / each.name)  # the file that makes it a model comes last
    home.rmdir()
    return True
