"""What an attempt in a closed environment is about to read: a record in the audit before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.audit import read_data
from automl_core.spec.stages import StageExperiment
from automl_core.study import Binding, Study

DATA = "data"
"""Kind of `State.inputs` that has the fingerprints of the run's data sets."""


def record_reads(study: Study, binding: Binding) -> list[str]:
    """Record each data set of a run that an attempt will find; of one that is taken over once a day.

    The training gets their places, and reads what it likes of them: what is recorded is what it was given.

    Args:
        study: of the run, or of a stage of it.
        binding: the attempt.

    Returns:
        Keys of the records; none where the run has no data sets.

    Raises:
        StorageError: one could not be written: the attempt must not start then.
    """
    found: Mapping[str, Mapping[str, Any]] = study.state.inputs.get(DATA, {})
    experiment = study.experiment
    stage = experiment.stage if isinstance(experiment, StageExperiment) else None
    task = experiment.tasks[binding.task].name
    return [
        read_data(
            study.journal.store, experiment=study.state.name, run=study.state.run,
            task=f"{stage}.{task}" if stage else task, attempt=binding.attempt,
            trial=None if stage else binding.trial, name=name, place=str(given.get("place", "")),
            fingerprint=str(given.get("digest", "")),
            more={key: given[key] for key in ("kind", "bytes", "rows") if key in given},
        )
        for name, given in found.items()
    ]  # fmt: skip
