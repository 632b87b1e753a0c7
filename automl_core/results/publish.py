"""Publishing an experiment: its files below its folder in the store, its best model, and what is kept of the others.

All of it is derived from the journal and written whole each time, so it can be done as often as one likes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl_core.results.best_model import publish_best_model
from automl_core.results.entries import experiment_state, has_ended
from automl_core.results.files import render
from automl_core.results.names import BEST_MODEL, CONTROLLER
from automl_core.results.stages import concluded_model, never_concluded, stage_entries
from automl_core.results.writing import delete_prefixes, put_all
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState
from automl_core.storage.base import ObjectStore
from automl_core.study.history import history_of, ranking
from automl_core.study.layout import SCRATCH, stage_prefix
from automl_core.study.stages import stages_of
from automl_core.study.state import State

if TYPE_CHECKING:
    from automl_core.spec.stages import StageName
    from automl_core.study.stages import StageStudy
    from automl_core.study.study import Study

log = logging.getLogger(__name__)

_BULKY = re.compile(r"experiment_(\d+)/(?:model|checkpoints)/")
"""What `keep_models` is about."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was published.

    Attributes:
        folder: where, for people: a path, or the URL of a folder in a bucket.
        url: where, always as a URL.
        best_trial, best_value: the best trial's number and value; None while no trial has a value.
        state: of the experiment; RUNNING while trials still drain.
        reason: why it ends or ended; empty before that is known.
        files: names below the folder, sorted.
    """

    folder: str
    url: str
    best_trial: int | None
    best_value: float | None
    state: ExperimentState
    reason: str
    files: tuple[str, ...]


def publish(
    store: ObjectStore, prefix: str, experiment: Experiment, state: State, *,
    algorithm_state: Mapping[str, Any] | None, stages: Mapping[StageName, StageStudy] | None = None,
) -> Published:  # fmt: skip
    """Write an experiment's result, in place of whatever was published before.

    While the experiment runs nothing but the result itself is touched. Once it has ended, the models and
    checkpoints of the trials that ``output.keep_models`` doesn't name are removed. controller.json is written
    after all other files, and the removal comes after it.

    Args:
        store: the model storage path.
        prefix: the experiment's folder in it, ending with '/'.
        experiment: its file, with the run's overrides.
        state: folded from its journal.
        algorithm_state: the algorithm's state for brain.json (`Algorithm.describe`); None leaves it out.
        stages: those that were begun; the model that ``conclude`` has made is published in place of the best trial's.
            None: it is not known, and nothing is said of them.

    Raises:
        StorageError: the store refuses. What was written stands; publishing again completes it.
    """
    ranked = ranking(state, experiment)
    best = ranked[0] if ranked else None
    never = never_concluded(experiment, state, stages) if stages is not None and has_ended(state) else None
    stages = stages or {}
    model = concluded_model(store, prefix, stages)
    told = stage_entries(stages) | ({"conclude": never} if never is not None else {})
    files = render(experiment, state, algorithm_state, told, "conclude" if model else "trial")
    of_best = {name: data for name, data in files.items() if name.startswith(BEST_MODEL)}
    put_all(store, {prefix + name: data for name, data in files.items() if name not in (CONTROLLER, *of_best)})
    number = best[0].number if best else None
    copied = publish_best_model(store, prefix, number, of_best, afresh=has_ended(state), model=model)
    store.put(prefix + CONTROLLER, files[CONTROLLER])
    if has_ended(state):
        over = [stage for stage, study in stages.items() if not study.state.unended]
        for folder in (prefix, *(stage_prefix(prefix, stage) for stage in over)):
            store.delete_prefix(folder + SCRATCH)
        keep = experiment.output.keep_models
        if keep != "all":
            kept = ranked[: 1 if keep == "best" else keep]
            _remove_models(store, prefix, {trial.number for trial, _ in kept})
    local = store.local_path(prefix.rstrip("/")) if prefix else None
    url = f"{store.url}/{prefix}".rstrip("/")
    return Published(
        folder=str(local) if local is not None else url,
        url=url,
        best_trial=number,
        best_value=best[1].value if best else None,
        state=experiment_state(state),
        reason=state.stop.reason if state.stop else "",
        files=tuple(sorted({*files, *copied})),
    )


def publish_study(study: Study) -> Published:
    """Publish a study as last read, its algorithm's state included; see `publish`."""
    journal, state, experiment = study.journal, study.state, study.experiment
    described: Mapping[str, Any] | None = None
    try:
        described = study.algorithm.describe(history_of(state, experiment))
    except (ArithmeticError, LookupError, TypeError, ValueError):
        # a result must not be lost for want of what only explains it
        log.warning("the state of algorithm %s is left out of brain.json", state.algorithm, exc_info=True)
    stages = stages_of(study)
    return publish(journal.store, journal.prefix, experiment, state, algorithm_state=described, stages=stages)


def _remove_models(store: ObjectStore, prefix: str, kept: set[int]) -> None:
    """Remove the models and checkpoints of all trials but those kept."""
    found = (_BULKY.match(key.removeprefix(prefix)) for key in store.list(f"{prefix}experiment_"))
    delete_prefixes(store, sorted({prefix + m[0] for m in found if m is not None and int(m[1]) not in kept}))
