"""The stages of an experiment's run in Airflow: begun by the first task that comes to them, closed by the reducer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automl_core.spec.stages import StageName
    from automl_core.study import Study
    from automl_core.study.stages import StageStudy


def open_stage(study: Study, stage: StageName, task_index: int, generation: int | None = None) -> StageStudy:
    """The study of a stage, begun where it is not, with all that its training tasks are to find.

    Args:
        study: of the experiment, as last read.
        stage: which one.
        task_index: the training task that is about to run.
        generation: how often people had cleared its task.

    Raises:
        AirflowSkipException: the search has found nothing to conclude, or a person has ended it all.
        AirflowFailException: the run began without this training task.
    """
    from automl_core.results.stages import write_trials
    from automl_core.study.prepared import has_prepared, take_over, taken_in
    from automl_core.study.stages import begin_stage

    if task_index >= len(getattr(study.experiment, stage)):
        raise AirflowFailException(
            f"the file was edited while this run was on, which began without this task of {stage}: start a new run for "
            "the edited file, or put its tasks back"
        )
    if stage == "conclude":
        why = _nothing_to_conclude(study)
        if why:
            raise AirflowSkipException(f"nothing to conclude: {why}")
        begun = begin_stage(study, "conclude")
        if begun.unfinished(0, task_index) is None:  # what runs has been told, and reads it perhaps now
            write_trials(study, partial(_seen, study, task_index))
        return begun
    begun = begin_stage(study, stage)
    taken = taken_in(study.state.inputs)
    if taken is not None:
        if has_prepared(study.journal.store, taken):
            take_over(begun, taken, generation)
        else:  # deleted since the run began
            begun.use_own()
    return begun


def _nothing_to_conclude(study: Study) -> str:
    """Why the stage that follows the search has nothing to do, empty where it has."""
    from automl_core.results.stages import nothing_to_conclude
    from automl_core.study.stages import stages_of

    begun = stages_of(study)
    if "prepare" in begun:
        fail_by_prepare(study, begun["prepare"])
    study.finish()
    return nothing_to_conclude(study.experiment, study.state)


def _seen(study: Study, task_index: int, key: str) -> str:
    """How a training task of ``conclude`` sees a folder of the store."""
    task, store = study.experiment.conclude[task_index], study.journal.store
    mount = getattr(task, "storage_mount", None)
    root = mount.path if mount is not None else getattr(task, "storage_path", None)
    here = store.local_path(key) if task.backend == "local" else None
    return str(here) if here is not None else f"{(root or store.url).rstrip('/')}/{key}"


def finish_stages(study: Study) -> tuple[dict[StageName, StageStudy], list[str]]:
    """Close the stages that were begun. Where ``prepare`` came to no good end, the experiment ends by that.

    Returns:
        The stages' studies; and for people what went wrong in those that failed.
    """
    from automl_core.results.stages import AGAIN, concluded_model
    from automl_core.study.stages import stages_of

    problems, found = [], stages_of(study)
    for stage, begun in found.items():
        _close(begun)
        problem = fail_by_prepare(study, begun) if stage == "prepare" else _problem(begun)
        if problem and stage == "conclude":
            problem = f"{problem.rstrip()}\nWhat the best trial has left is published; {AGAIN}"  # logs end in lines
        if problem:
            problems.append(problem)
    reason = never_begun(study, found)
    if reason:
        before = concluded_model(study.journal.store, study.journal.prefix, found)
        what = "it made of the search before" if before else "the best trial has left"
        problems.append(f"conclude was never begun: {reason}. What {what} is published; {AGAIN}")
    return found, problems


def never_begun(study: Study, stages: Mapping[StageName, StageStudy]) -> str:
    """Why nothing of ``conclude`` ran though it was to run, for people; empty where it ran or had nothing to do."""
    from automl_core.results.stages import NEVER_BEGUN, never_concluded

    found = never_concluded(study.experiment, study.state, stages)
    return str(found["reason"]) if found is not None and found["state"] == NEVER_BEGUN else ""


def fail_by_prepare(study: Study, prepare: StageStudy) -> str:
    """End an experiment whose ``prepare`` is over without having done its work.

    Where there are trials all the same, a person has let them begin (marked the task, or cleared it later): what they
    found stands.

    Returns:
        What went wrong, for people; empty where all is well, or it goes on.
    """
    from automl_core.states import ExperimentState, TrialState

    _close(prepare)
    problem = _problem(prepare)
    if problem and not study.state.trials:
        failed = prepare.state.works[0].state is TrialState.FAILED
        study.stop("prepare", ExperimentState.FAILED if failed else ExperimentState.SYS_CANCELED, problem)
    return problem


def _close(stage: StageStudy) -> None:
    """Close a stage of which something has run; one that has not come to that may still, in a run that is extended."""
    if stage.state.works:
        stage.finish()


def _problem(stage: StageStudy) -> str:
    """How a stage ended that did not succeed, for people; empty otherwise."""
    from automl_core.states import TrialState

    work = stage.state.works.get(0)
    if work is None or work.state is TrialState.SUCCEEDED:
        return ""
    return f"{stage.stage} {str(work.state).lower().replace('_', ' ')}: {work.reason}"
