"""The stages of an experiment's run in Airflow: begun by the first task that comes to them, closed by the reducer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowSkipException

if TYPE_CHECKING:
    from automl_core.spec.stages import StageName
    from automl_core.study import Study
    from automl_core.study.stages import StageStudy


def open_stage(study: Study, stage: StageName, task_index: int) -> StageStudy:
    """The study of a stage, begun where it is not, with all that its training tasks are to find.

    Args:
        study: of the experiment, as last read.
        stage: which one.
        task_index: the training task that is about to run.

    Raises:
        AirflowSkipException: the search has found nothing to conclude, or a person has ended it all.
    """
    from automl_core.results.stages import write_trials
    from automl_core.study.stages import begin_stage

    if stage == "conclude":
        why = _nothing_to_conclude(study)
        if why:
            raise AirflowSkipException(f"nothing to conclude: {why}")
        begun = begin_stage(study, "conclude")
        if begun.unfinished(0, task_index) is None:  # what runs has been told, and reads it perhaps now
            write_trials(study, _root(study, task_index))
        return begun
    return begin_stage(study, stage)


def _nothing_to_conclude(study: Study) -> str:
    """Why the stage that follows the search has nothing to do, empty where it has."""
    from automl_core.states import ExperimentState

    stop = study.finish()
    if study.best() is None:
        return f"no trial has a value ({stop.reason})"
    if stop.state == ExperimentState.FAILED:
        return f"the experiment failed: {stop.reason}"
    if stop.state == ExperimentState.USER_CANCELED and stop.running == "cancel":
        return f"everything was cancelled: {stop.reason}"
    return ""


def _root(study: Study, task_index: int) -> str:
    """The model storage path as a training task of ``conclude`` sees it."""
    task, store = study.experiment.conclude[task_index], study.journal.store
    mount = getattr(task, "storage_mount", None)
    if mount is not None:
        return str(mount.path)
    here = store.local_path("") if task.backend == "local" else None
    return str(here) if here is not None else store.url


def finish_stages(study: Study) -> tuple[dict[StageName, StageStudy], list[str]]:
    """Close the stages of an experiment whose run is at its end, and let the experiment fail by one that has.

    Returns:
        The studies of those that were begun; and for people what went wrong in those that failed.
    """
    from automl_core.states import ExperimentState, TrialState
    from automl_core.study.stages import stages_of

    problems, found = [], stages_of(study)
    for stage, begun in found.items():
        begun.finish()
        work = begun.state.works.get(0)
        if work is None or work.state is TrialState.SUCCEEDED:
            continue
        problem = f"{stage} {str(work.state).lower().replace('_', ' ')}: {work.reason}"
        if stage == "prepare":
            state = ExperimentState.FAILED if work.state is TrialState.FAILED else ExperimentState.SYS_CANCELED
            study.stop("prepare", state, problem)
        problems.append(problem)
    return found, problems
