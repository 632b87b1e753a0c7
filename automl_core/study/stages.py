"""A stage's study: one trial, in a journal of its own below the experiment's (see `automl_core.spec.stages`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automl_core.spec.models import Experiment
from automl_core.spec.stages import STAGES, StageExperiment, StageName, stage_of
from automl_core.spec.units import format_duration
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.base import ObjectStore
from automl_core.study.answers import Answer, Binding, Outcome, Over, Told
from automl_core.study.beginning import DATA as DATA
from automl_core.study.journal import StudyJournal
from automl_core.study.layout import MODEL_FOLDER, stage_prefix, trial_prefix
from automl_core.study.prepared import OVER, PREPARE, TAKEN, nothing_to_search, over_in, taken_in
from automl_core.study.state import State
from automl_core.study.study import Study

TRIALS_FILE = "trials.json"
"""What the training tasks of ``conclude`` are told of all trials, below the folder of that stage."""

SEARCH = "search"
"""Among what ``conclude`` works on: the search as it stood when it was begun, see `mark_of`."""

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


def inputs_of(prefix: str, experiment: Experiment, found: Mapping[str, Any] | None = None) -> Inputs:
    """What the training tasks of a study find.

    Args:
        prefix: the folder of its journal.
        experiment: its file, or its stage.
        found: what its run works on (`State.inputs`): what was prepared may be an earlier run's.
    """
    stage = experiment.stage if isinstance(experiment, StageExperiment) else None
    base = prefix.removesuffix(f"{stage}/") if stage else prefix
    taken = taken_in(found or {})
    made = taken.prepared if taken is not None else made_by(base, "prepare")
    prepared = made if experiment.prepare and stage != "prepare" else None
    return Inputs(prepared, f"{prefix}{INPUT}{TRIALS_FILE}" if stage == "conclude" else None)


def made_by(prefix: str, stage: StageName) -> str:
    """The folder with what a stage has made, ending with '/'.

    Args:
        prefix: the folder of the experiment's run.
        stage: which one.
    """
    return stage_prefix(prefix, stage) + trial_prefix(0) + MODEL_FOLDER


class StageStudy(Study):
    """The study of a stage. It obeys the experiment: ``prepare`` its stop, ``conclude`` its deadline."""

    taking = False
    """Whether what an earlier run has prepared is being taken over just now."""
    _whole: Study | None = None
    _looked = float("-inf")

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
        if self.stage == "prepare" and not self.state.works:
            stop = self._experiments().state.stop
            if stop is not None:
                return Over(stop.reason)
        answer = super().ask(slot, lane=lane, worker=worker, places=places, generation=generation)
        if isinstance(answer, Binding):
            self.use_own()
            self._note_search()
        if self.stage == "conclude" and isinstance(answer, Binding) and answer.attempt > 1:
            # what it made of fewer trials is not to be published should it make nothing of all
            self.journal.store.delete_prefix(self.journal.prefix + trial_prefix(0) + MODEL_FOLDER)
        return answer

    def resume(self, slot: int, task: int, *, worker: str = "", generation: int | None = None) -> Answer:
        """What the stage is to do at a later training task; see `Study.resume`."""
        answer = super().resume(slot, task, worker=worker, generation=generation)
        if isinstance(answer, Binding):
            self.use_own(copy=True)
            self._note_search()
        return answer

    def _note_search(self) -> None:
        """Note with ``conclude`` which search it concludes: where that goes on, this attempt knows nothing of it.

        After the attempt's own record: where nothing follows that, its work has not succeeded.
        """
        if self.stage != "conclude":
            return
        mark = mark_of(self._experiments().state)
        self.journal.append("note", {"inputs": {SEARCH: mark}}, valid=lambda s: s.inputs.get(SEARCH) != mark)

    def use_own(self, *, copy: bool = False) -> None:
        """From now on the run uses its own ``prepare``, and not what was taken of an earlier run.

        A person has cleared it, or what was taken is gone.

        Args:
            copy: whether what was taken is brought here first, for a training task that goes on from it.
        """
        if self.stage != "prepare" or self.taking:
            return
        whole = self._experiments()
        taken = taken_in(whole.state.inputs)
        if taken is None:
            return
        if copy:
            self.journal.store.copy(taken.prepared, made_by(whole.journal.prefix, "prepare"))
        own = {name: each for name, each in whole.state.inputs[PREPARE].items() if name != TAKEN}
        whole.journal.append("note", {"inputs": {PREPARE: own}})

    def tell(self, binding: Binding, outcome: Outcome) -> Told:
        """Record how an attempt ended; see `Study.tell`. That ``prepare`` found no search to make is noted before."""
        last = binding.task == len(self.experiment.tasks) - 1
        if self.stage == "prepare" and last and outcome.state is TrialState.SUCCEEDED:
            self._note_over()
        return super().tell(binding, outcome)

    def _note_over(self) -> None:
        """Note with the experiment that one trial stands for all, or does so no more, before its trials may begin."""
        whole = self._experiments()
        taken = taken_in(whole.state.inputs)
        prepared = taken.prepared if taken is not None else made_by(whole.journal.prefix, "prepare")
        why = nothing_to_search(self.journal.store, prepared)
        if why != over_in(whole.state.inputs):
            own = {**whole.state.inputs.get(PREPARE, {}), OVER: why}
            whole.journal.append("note", {"inputs": {PREPARE: own}})

    def order(self, binding: Binding, *, max_age: float = 0.0) -> tuple[TrialState, str] | None:
        """Whether an attempt must end now; see `Study.order`."""
        ordered = super().order(binding, max_age=max_age)
        now = self.journal.clock()
        if ordered is not None or (max_age > 0 and now - self._looked < max_age):
            return ordered
        self._looked = now
        return self._ended_by_stop() if self.stage == "prepare" else self._ended_by_deadline()

    def goes_on(self, binding: Binding, *, max_age: float) -> bool:
        """Whether an attempt goes on is told by the whole experiment, of which nothing is known here (see `order`)."""
        return False

    def _ended_by_stop(self) -> tuple[TrialState, str] | None:
        """While it is prepared, the experiment may be stopped, or its time be over."""
        whole = self._experiments()
        if whole.state.stop is None:
            whole.stop_when_overdue()
        stop = whole.state.stop
        if stop is None or stop.running != "cancel":
            return None
        by_user = stop.state == ExperimentState.USER_CANCELED
        return TrialState.USER_CANCELED if by_user else TrialState.SYS_CANCELED, stop.reason

    def _ended_by_deadline(self) -> tuple[TrialState, str] | None:
        """What is concluded may take until the deadline; an attempt that a person has it make later may take longer."""
        whole = self._experiments()
        allowed, attempt = whole.experiment.stop.deadline, self.state.works[0].last_attempt()
        if allowed is None or (attempt is not None and attempt.started >= whole.state.created + allowed):
            return None
        if whole.clock.now() < whole.state.created + allowed or whole.clock.is_wrong():
            return None
        return TrialState.SYS_CANCELED, f"the experiment's {format_duration(allowed)} are over (stop.deadline)"

    def _experiments(self) -> Study:
        """The study of the whole experiment, as it stands now."""
        if self._whole is None:
            prefix = self.journal.prefix.removesuffix(f"{self.stage}/")
            self._whole = Study.load(StudyJournal(self.journal.store, prefix, clock=self.journal.clock))
        else:
            self._whole.refresh()
        return self._whole


def mark_of(state: State) -> list[float]:
    """What tells a search that has ended from the same one gone on: its stop, and the end of its last work.

    Both by records of its own journal, so clocks that differ can't mistake it.

    Args:
        state: of the experiment.
    """
    return [state.stop.time if state.stop is not None else 0.0, max(state.order.ranks.values(), default=0)]


def has_gone_on(state: State, conclude: StageStudy) -> bool:
    """Whether a search was extended, or a trial of it made again, since its ``conclude`` was last begun.

    Args:
        state: of the experiment.
        conclude: its stage; one that an earlier release began has not noted its search, and is believed.
    """
    mark = conclude.state.inputs.get(SEARCH)
    return mark is not None and not conclude.state.unended and list(mark) != mark_of(state)


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


def stages_of(
    study: Study, known: Mapping[StageName, StageStudy] | None = None, *, store: ObjectStore | None = None
) -> dict[StageName, StageStudy]:
    """The stages of an experiment that were begun, in the order in which they run, as they stand now.

    Args:
        study: of the experiment.
        known: those that were found before; they are read on.
        store: where they lie, if not where the study's own journal says.
    """
    found = {}
    for stage in STAGES:
        begun = (known or {}).get(stage)
        if begun is not None:
            begun.refresh()
        elif getattr(study.experiment, stage):
            own = study.journal
            journal = StudyJournal(store or own.store, stage_prefix(own.prefix, stage), clock=own.clock)
            begun = StageStudy.load(journal) if journal.refresh().created else None
        if begun is not None:
            found[stage] = begun
    return found


def running_stages(study: Study, *, store: ObjectStore | None = None) -> list[StageStudy]:
    """The stages that have begun and not ended: the one that runs, or none.

    Args:
        study: of the experiment.
        store: where they lie, if not where the study's own journal says.
    """
    begun = stages_of(study, store=store).values()
    return [stage for stage in begun if stage.state.unended]


def begin_stage(study: Study, stage: StageName) -> StageStudy:
    """The study of a stage, begun where that has not been done.

    Args:
        study: of the experiment, as last read.
        stage: one that it has.

    Raises:
        ValueError: the experiment has no such stage.
    """
    journal, state = stage_journal(study.journal, stage), study.state
    if journal.refresh().created:
        prepared = state.inputs.get(PREPARE, {})
        if stage != "prepare" and journal.state.inputs.get(PREPARE, {}) != prepared:
            # made anew since this stage began, in the place of what was taken of an earlier run
            journal.append("note", {"inputs": {PREPARE: prepared}})
        return StageStudy.load(journal)
    inputs = {kind: found for kind, found in state.inputs.items() if kind in (DATA, PREPARE)}
    return StageStudy.create(journal, stage_of(study.experiment, stage), state.run, [], state.identity, inputs=inputs)
