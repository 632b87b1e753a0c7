"""Binding a slot to its work: the moment at which an algorithm's suggestion becomes a trial."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

from automl_core.extras import needed_by
from automl_core.search import outcomes
from automl_core.search.base import BASELINE, Algorithm, Exhausted, NewTrial, Promote, Wait
from automl_core.space import Space
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.study.answers import Binding, NotNow, Over
from automl_core.study.baseline import is_baseline
from automl_core.study.canary import waits_for_the_first
from automl_core.study.history import history_of
from automl_core.study.journal import StudyJournal
from automl_core.study.narrowed import known_within
from automl_core.study.state import State


class Binder:
    """Binds slots by the state that the journal has read, if that state still holds when the record is written."""

    def __init__(
        self,
        journal: StudyJournal,
        experiment: Experiment,
        algorithm: Callable[[], Algorithm],
        *,
        gated: bool,
        generation: int | None = None,
    ) -> None:
        """Make ready.

        Args:
            journal: of the experiment; read by the caller.
            experiment: its file.
            algorithm: gives the algorithm when it is needed.
            gated: whether running trials are counted against the file's concurrency (see `is_full`).
            generation: of the attempt that a binding begins, see `Attempt`.
        """
        self.journal, self.experiment, self.gated, self.generation = journal, experiment, gated, generation
        self._algorithm = algorithm

    @property
    def state(self) -> State:
        """The state as last read."""
        return self.journal.state

    def bind(
        self, slot: int | None, lane: int | None, worker: str, *, lenient: bool
    ) -> Binding | NotNow | Over | Exhausted | None:
        """Bind a slot.

        Args:
            slot: its number, None for the next free one.
            lane: the lane that asks, if it is one.
            worker: who asks, for people.
            lenient: take a suggestion that was made on older state, if nobody has its combination: after
                several that others overtook, rather than computing one more.

        Returns:
            The binding; why there is none now or any more; or None when other processes were faster and the
            newer state is to be asked.
        """
        state = self.state
        if self._is_full(state):
            return no_place(state)
        waits = self._waits(state)
        if waits is not None:
            return waits
        place = slot if slot is not None else self._free_slot()
        if place is None:
            return Over("every slot is taken")
        seen, bound, decision = state.seq, len(state.works), self._decide()
        if isinstance(decision, Promote) and not _can_go_on(decision, state):
            name, trial = self.experiment.search.algorithm, decision.trial
            raise RuntimeError(f"a fault of the algorithm {name}: it promotes trial {trial}, which can't go on now")
        if isinstance(decision, Wait):
            return NotNow(decision.reason, state.seq, give_way=a_retry_is_due(state))
        if isinstance(decision, Exhausted):
            return decision

        def valid(now: State) -> bool:
            if now.stop is not None or place in now.works or self._is_full(now) or self._waits(now) is not None:
                return False
            if isinstance(decision, Promote) and not _can_go_on(decision, now):
                return False
            if len(now.works) == bound:
                return True
            return lenient and isinstance(decision, NewTrial) and self._still_new(decision, now)

        data = {"slot": place, "lane": lane, "worker": worker, "seen": seen}
        if self.generation is not None:
            data["generation"] = self.generation
        computed = len(state.trials) >= len(state.proposals)
        return binding_of(self.state, place, 0) if self._append(data, decision, valid, decided=computed) else None

    def _append(
        self, data: dict[str, Any], decision: NewTrial | Promote, valid: Callable[[State], bool], *, decided: bool
    ) -> bool:
        data |= {
            "budget": decision.budget, "bracket": decision.bracket, "rung": decision.rung, "note": decision.note,
        }  # fmt: skip
        if isinstance(decision, Promote):
            finished = [b for b in finished_budgets(self.state, decision.trial) if b < decision.budget]
            data |= {"trial": decision.trial, "resume_budget": max(finished, default=None)}
            return self.journal.append("bound", data, valid=valid, decided=decided) is not None
        data |= {"params": decision.params, "parent": decision.parent}

        def valid_and_numbered(now: State) -> bool:
            data["trial"] = len(now.trials)
            return valid(now)

        return self.journal.append("bound", data, valid=valid_and_numbered, decided=decided) is not None

    def _decide(self) -> NewTrial | Promote | Wait | Exhausted:
        number = len(self.state.trials)
        if number < len(self.state.proposals):
            note = BASELINE if is_baseline(self.experiment, number) else "known before the start"
            return NewTrial(self.state.proposals[number], note=note)
        algorithm, history = self._algorithm(), history_of(self.state, self.experiment)
        if self.state.narrowed:
            history = known_within(history, algorithm.context.space)
        with needed_by(f"the search algorithm {algorithm.name}"):
            return algorithm.suggest(history)

    def _still_new(self, decision: NewTrial, now: State) -> bool:
        """Whether a suggestion made on older state still is a combination that nobody has."""
        if decision.budget is not None:
            return False
        return Space.key(decision.params) not in now.combinations()

    def _is_full(self, state: State) -> bool:
        return self.gated and is_full(state, self.experiment)

    def _waits(self, state: State) -> NotNow | None:
        return waits_for_the_first(state, self.experiment, self.journal.clock())

    def _free_slot(self) -> int | None:
        slots, works = int(self.state.plan["slots"]), self.state.works
        candidates = chain(range(len(works), slots), range(slots))  # slots mostly come in order: the first is free
        return next((place for place in candidates if place not in works), None)


def is_full(state: State, experiment: Experiment) -> bool:
    """Whether as many trials are running as the file allows at once."""
    return len(state.running) >= experiment.trials.concurrency


def no_place(state: State) -> NotNow:
    """The answer to whoever asks then."""
    return NotNow(f"{len(state.running)} trials are running, as many as allowed", state.seq, full=True)


def a_retry_is_due(state: State) -> bool:
    """Whether a trial waits for a new attempt."""
    return any(work.state is TrialState.WAITING for work in state.unended)


def _can_go_on(decision: Promote, state: State) -> bool:
    """Whether a trial can be trained on: it exists and nobody works on it."""
    return decision.trial < len(state.trials) and state.state_of(state.trials[decision.trial]).ended


def finished_budgets(state: State, trial: int) -> list[int]:
    """Budgets that a trial has finished with a value."""
    return outcomes.finished_budgets(state.works[slot] for slot in state.trials[trial].slots)


def becomes_the_trials(state: State, trial: int, outcome: TrialState) -> bool:
    """Whether the model of work that ends so is its trial's: where its value is (`State.counted`)."""
    return outcome is TrialState.SUCCEEDED or (outcome.has_value and not finished_budgets(state, trial))


def binding_of(state: State, slot: int, task: int) -> Binding:
    """The newest attempt of a bound slot at a training task."""
    work = state.works[slot]
    trial = state.trials[work.trial]
    attempt = work.last_attempt(task)
    if attempt is None:
        raise LookupError(f"slot {slot} has no attempt at training task {task}")
    earlier = [a for a in work.attempts if a.task == task and a.number < attempt.number]
    parent = None
    if trial.parent is not None and len(trial.slots) == 1:
        parent = (trial.parent, max(finished_budgets(state, trial.parent), default=None))
    return Binding(
        slot=slot, trial=trial.number, task=task, attempt=attempt.number, params=trial.params, budget=work.budget,
        resume_budget=work.resume_budget, parent=parent,
        retried=bool(earlier) and not earlier[-1].state.has_value, note=trial.note,
    )  # fmt: skip
