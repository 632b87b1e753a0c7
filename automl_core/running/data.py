"""The data sets of a run as its attempts find them: where they are, and what has changed since the run began."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from automl_core.data.access import Access, FromEnvironment
from automl_core.data.inputs import DataOfRun
from automl_core.spec.dates import run_dates
from automl_core.study import Binding, Study
from automl_core.study.stages import DATA


def data_of(study: Study, home: Path, bundle: Path | None = None, access: Access | None = None) -> DataOfRun:
    """The data sets of a study's run.

    Args:
        study: of an experiment or of a stage.
        home: AUTOML_HOME.
        bundle: folder of the DAG bundle that the experiment file comes from.
        access: opens what they lie in; with the environment's keys when None.
    """
    state = study.state
    return DataOfRun(
        study.experiment, run_dates(state.identity), home, bundle, access or FromEnvironment(),
        recorded=state.inputs.get(DATA, {}),
    )  # fmt: skip


def warn_of_changes(study: Study, binding: Binding, changed: Iterable[str], say: Callable[[str], None]) -> None:
    """Say in an attempt's log, and note in the journal, that its data are others than when the run began."""
    attempt = study.state.works[binding.slot].attempt(binding.task, binding.attempt)
    told = attempt.warnings if attempt is not None else []
    for words in changed:
        if words in told:  # by a process that died before it had started the training
            continue
        say(f"warning: {words}")
        study.warn(binding, words)
