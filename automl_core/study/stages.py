"""A stage's study: one trial, in a journal of its own below the experiment's (see `automl_core.spec.stages`)."""

from __future__ import annotations

from dataclasses import dataclass

from automl_core.spec.models import Experiment
from automl_core.spec.stages import STAGES, StageExperiment, StageName, stage_of
from automl_core.states import ExperimentState, TrialState
from automl_core.study.answers import Answer, Binding, Over
from automl_core.study.journal import StudyJournal
from automl_core.study.layout import MODEL_FOLDER, stage_prefix, trial_prefix
from automl_core.study.state import StopRecord
from automl_core.study.study import Study

TRIALS_FILE = "trials.json"
"""What the training tasks of ``conclude`` are told of all trials, below the folder of that stage."""

INPUT = "input/"
"""Folder of a stage for what its training tasks read."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What training tasks find that others made before them, as keys in the store.

    Attributes:
        prepared: the folder that ``prepare`` left, ending with '/'; None where there is no such stage.
        trials: the file that tells of all trials; None but in ``conclude``.
    """

    prepared: str | None = None
    trials: str | None = None


def inputs_of(prefix: str, experiment: Experiment) -> Inputs:
    """What the training tasks of a study find.

    Args:
        prefix: the folder of its journal.
        experiment: its file, or its stage.
    """
    stage = experiment.stage if isinstance(experiment, StageExperiment) else None
    base = prefix.removesuffix(f"{stage}/") if stage else prefix
    prepared = made_by(base, "prepare") if experiment.prepare and stage != "prepare" else None
    return Inputs(prepared, f"{prefix}{INPUT}{TRIALS_FILE}" if stage == "conclude" else None)


def made_by(prefix: str, stage: StageName) -> str:
    """The folder with what a stage has made, ending with '/'.

    Args:
        prefix: the folder of the experiment's run.
        stage: which one.
    """
    return stage_prefix(prefix, stage) + trial_prefix(0) + MODEL_FOLDER


class StageStudy(Study):
    """The study of a stage. ``prepare`` obeys the stop of its experiment, as trials do."""

    _parent: StudyJournal | None = None

    @property
    def stage(self) -> StageName:
        """Which stage it is."""
        assert isinstance(self.experiment, StageExperiment)
        return self.experiment.stage

    def ask(
        self, slot: int | None = None, *, lane: int | None = None, worker: str = "", places: int | None = None,
        generation: int | None = None,
    ) -> Answer:  # fmt: skip
        """What the stage is to do at its first training task; see `Study.ask`."""
        stop = self._stop_of_experiment() if not self.state.works else None
        if stop is not None:
            return Over(stop.reason)
        return super().ask(slot, lane=lane, worker=worker, places=places, generation=generation)

    def order(self, binding: Binding, *, max_age: float = 0.0) -> tuple[TrialState, str] | None:
        """Whether an attempt must end now; see `Study.order`."""
        read = self._refreshed
        ordered = super().order(binding, max_age=max_age)
        if ordered is not None or self._refreshed == read:
            return ordered
        stop = self._stop_of_experiment()
        if stop is None or stop.running != "cancel":
            return None
        by_user = stop.state == ExperimentState.USER_CANCELED
        return TrialState.USER_CANCELED if by_user else TrialState.SYS_CANCELED, stop.reason

    def _stop_of_experiment(self) -> StopRecord | None:
        """The end of the experiment as far as it concerns the stage: when it concludes, the search is over."""
        if self.stage != "prepare":
            return None
        if self._parent is None:
            prefix = self.journal.prefix.removesuffix(f"{self.stage}/")
            self._parent = StudyJournal(self.journal.store, prefix, clock=self.journal.clock)
        return self._parent.refresh().stop


def open_study(journal: StudyJournal) -> Study:
    """The study in a journal, of an experiment or of a stage.

    Raises:
        LookupError: there is none.
    """
    study = Study.load(journal)
    return StageStudy.load(journal) if isinstance(study.experiment, StageExperiment) else study


def stage_journal(journal: StudyJournal, stage: StageName) -> StudyJournal:
    """The journal of a stage, beside that of its experiment."""
    return StudyJournal(journal.store, stage_prefix(journal.prefix, stage), clock=journal.clock)


def stages_of(study: Study) -> dict[StageName, StageStudy]:
    """The stages of an experiment that were begun, in the order in which they run."""
    found = {}
    for stage in STAGES:
        if getattr(study.experiment, stage):
            journal = stage_journal(study.journal, stage)
            if journal.refresh().created:
                found[stage] = StageStudy.load(journal)
    return found


def begin_stage(study: Study, stage: StageName) -> StageStudy:
    """The study of a stage, begun where that has not been done.

    Args:
        study: of the experiment, as last read.
        stage: one that it has.

    Raises:
        ValueError: the experiment has no such stage.
    """
    journal = stage_journal(study.journal, stage)
    if journal.refresh().created:
        return StageStudy.load(journal)
    state = study.state
    return StageStudy.create(journal, stage_of(study.experiment, stage), state.run, [], state.identity)
