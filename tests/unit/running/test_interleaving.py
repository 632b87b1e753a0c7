"""Several processes at one study, each on a state that is old by as much as it likes: the promises hold."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.journal import SNAPSHOT
from automl_core.search.base import Promote
from automl_core.space import Space
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.study import Binding, NotNow, Outcome, Over, Study, StudyJournal
from automl_core.study.state import State
from tests.support.examples import examples
from tests.support.memory_store import MemoryStore
from tests.unit.running.promises import experiment

PREFIX = "e/r/"
TWO_TASKS = [{"name": "train", "command": ["train"]}, {"name": "score", "command": ["score"]}]


class Clock:
    """A second passes between two records."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class Stale(StudyJournal):
    """A journal that often doesn't look: what it decides on is old, and only the race for a place tells it so."""

    rng: random.Random
    lag: float

    def refresh(self) -> State:
        if self._snapshot_read and not self.racing and self.rng.random() < self.lag:
            return self.state
        return super().refresh()

    racing = False

    def append(self, *args: Any, **kwargs: Any) -> Any:
        self.racing = True  # who has lost a race reads on, as ever
        try:
            return super().append(*args, **kwargs)
        finally:
            self.racing = False


class Crowd:
    """Processes that ask, tell, die, stop, cancel and clear in a random order."""

    def __init__(self, spec: Experiment, seed: int, processes: int, lag: float) -> None:
        self.rng, self.store, self.spec = random.Random(seed), MemoryStore(), spec
        self.clock = Clock()
        Study.create(self.journal(0.0), spec, "r", [])
        self.studies = [Study.load(self.journal(lag)) for _ in range(processes)]
        self.held: dict[int, Binding] = {}
        self.told: dict[tuple[int, int, int], Outcome] = {}

    def journal(self, lag: float) -> Stale:
        journal = Stale(self.store, PREFIX, clock=self.clock, sleep=lambda _: None)
        journal.rng, journal.lag = self.rng, lag
        return journal

    def step(self) -> None:
        study, slot = self.rng.choice(self.studies), self.rng.randrange(int(self.studies[0].state.plan["slots"]))
        action = self.rng.choices(
            [self.ask, self.tell, self.release, self.cancel, self.order, self.stop], [8, 8, 1, 0.5, 2, 0.1]
        )[0]
        action(study, slot)

    def ask(self, study: Study, slot: int) -> None:
        answer = study.ask(slot)
        assert isinstance(answer, Binding | NotNow | Over)
        if isinstance(answer, Binding):
            assert study.is_current(answer)
            self.held[slot] = answer

    def tell(self, study: Study, slot: int) -> None:
        binding = self.held.get(slot)
        if binding is None:
            return
        outcome = self.rng.choice([
            Outcome(TrialState.SUCCEEDED, value=self.rng.random(), step=0, curve=((0, 0.5),)),
            Outcome(TrialState.FAILED, "it broke", retryable=True),
            Outcome(TrialState.FAILED, "it is wrong"),
            Outcome(TrialState.EARLY_STOPPED, "hopeless", value=0.1, step=0),
        ])  # fmt: skip
        told = study.tell(binding, outcome)
        if told.accepted:
            first = self.told.setdefault((slot, binding.task, binding.attempt), outcome)
            assert first == outcome, "an attempt was told twice, with different ends"
            if outcome.state is TrialState.SUCCEEDED and binding.task < len(self.spec.tasks) - 1:
                answer = study.resume(slot, binding.task + 1)
                if isinstance(answer, Binding):
                    self.held[slot] = answer

    def release(self, study: Study, slot: int) -> None:
        if slot in study.state.works:
            study.release(slot)

    def cancel(self, study: Study, slot: int) -> None:
        if slot < len(study.state.trials):
            study.cancel_trial(slot, "ada")

    def order(self, study: Study, slot: int) -> None:
        binding = self.held.get(slot)
        if binding is not None and binding.slot in study.state.works:
            study.order(binding)

    def stop(self, study: Study, slot: int) -> None:
        running = self.rng.choice(["drain", "cancel"])
        study.stop("user", ExperimentState.USER_CANCELED, "enough", running=running, by="ada")

    def check(self) -> None:
        stop = Study.load(StudyJournal(self.store, PREFIX, clock=self.clock, sleep=lambda _: None)).finish()
        state = Study.load(StudyJournal(self.store, PREFIX)).state
        assert state.stop == stop
        assert not state.skipped, "a record was written that no longer held"
        keys = [Space.key(trial.params) for trial in state.trials]
        assert len(set(keys)) == len(keys)
        assert [trial.number for trial in state.trials] == list(range(len(state.trials)))
        assert sorted(state.order) == sorted(state.works)
        assert all(work.state.ended for work in state.works.values())
        bare = MemoryStore()
        bare.objects = {key: data for key, data in self.store.objects.items() if not key.endswith(SNAPSHOT)}
        assert Study.load(StudyJournal(bare, PREFIX)).state == state
        replayed = State()
        for record in StudyJournal(self.store, PREFIX).records():
            assert replayed.apply(record) is None
            assert len(replayed.running) <= self.spec.trials.concurrency
        for study in self.studies:
            StudyJournal.refresh(study.journal)
            assert study.state == state, "every process has come to the same state"


@settings(max_examples=examples(60))
@given(
    seed=st.integers(0, 100_000),
    processes=st.integers(2, 5),
    lag=st.sampled_from([0.0, 0.5, 0.95]),
    tasks=st.sampled_from([TWO_TASKS[:1], TWO_TASKS]),
    retries=st.integers(0, 2),
    failed=st.one_of(st.none(), st.integers(0, 4)),
)
def test_however_processes_interleave_the_promises_hold(
    seed: int, processes: int, lag: float, tasks: list[dict[str, Any]], retries: int, failed: int | None
) -> None:
    spec = experiment(
        tasks=tasks, trials={"max": 10, "concurrency": 3, "retries": retries, "max_failed": failed},
        search={"algorithm": random.Random(seed).choice(["random", "evolution"])},
    )  # fmt: skip
    crowd = Crowd(spec, seed, processes, lag)
    for _ in range(80):
        crowd.step()
    crowd.check()


def study_of(**groups: Any) -> tuple[Study, Study]:
    store = MemoryStore()

    def journal() -> StudyJournal:
        return StudyJournal(store, PREFIX, sleep=lambda _: None)

    return Study.create(journal(), experiment(**groups), "r", []), Study.load(journal())


def held(answer: object) -> Binding:
    assert isinstance(answer, Binding), answer
    return answer


def good(value: float = 0.5) -> Outcome:
    return Outcome(TrialState.SUCCEEDED, value=value, step=0)


BROKEN = Outcome(TrialState.FAILED, "it broke", retryable=True)


def test_a_trial_cleared_after_a_cancelled_end_runs_to_its_end() -> None:
    study, _ = study_of()
    study.tell(held(study.ask(0)), good(0.5))
    study.stop("user", ExperimentState.USER_CANCELED, "enough", running="cancel")
    assert isinstance(study.ask(1), Over)
    cleared = held(study.ask(0))
    assert study.order(cleared) is None, "the stop came before: a person wants it all the same"
    assert not cleared.retried, "it begins anew"
    assert study.tell(cleared, good(0.7)).accepted
    assert study.best() == (0, 0.7)


def test_a_trial_cleared_after_it_was_cancelled_runs_to_its_end() -> None:
    study, _ = study_of()
    binding = held(study.ask(0))
    study.cancel_trial(0, "ada")
    study.tell(binding, Outcome(TrialState.USER_CANCELED, "cancelled by ada"))
    cleared = held(study.ask(0))
    assert study.order(cleared) is None
    assert cleared.retried, "it goes on from its checkpoint"


def test_a_cancelled_trial_is_not_tried_again() -> None:
    study, _ = study_of(trials={"retries": 3})
    binding = held(study.ask(0))
    study.cancel_trial(0, "ada")
    assert not study.tell(binding, BROKEN).retry
    lost = held(study.ask(1))
    study.release(lost.slot)
    study.cancel_trial(lost.trial, "ada")
    assert isinstance(study.ask(1), Over)
    assert study.state.works[1].state is TrialState.USER_CANCELED


@pytest.mark.parametrize("trial", [-1, 1, 99])
def test_a_trial_that_there_is_not_can_not_be_cancelled(trial: int) -> None:
    study, _ = study_of()
    held(study.ask(0))
    with pytest.raises(LookupError, match=f"no trial {trial}; 0 to 0 are bound"):
        study.cancel_trial(trial, "ada")


def test_a_retry_waits_for_a_place_as_any_other_does() -> None:
    study, _ = study_of(trials={"concurrency": 1, "retries": 1})
    study.tell(held(study.ask(0)), BROKEN)
    other = held(study.ask(1))
    answer = study.ask(0)
    assert isinstance(answer, NotNow)
    assert answer.full
    study.tell(other, good())
    assert held(study.ask(0)).attempt == 2


def test_work_between_two_training_tasks_is_ended_with_the_experiment() -> None:
    study, _ = study_of(tasks=TWO_TASKS)
    study.tell(held(study.ask(0)), Outcome(TrialState.SUCCEEDED))
    study.finish()
    work = study.state.works[0]
    assert work.state is TrialState.SYS_CANCELED
    assert "never begun" in work.reason


def test_a_later_training_task_that_is_cleared_finds_the_value_that_an_earlier_one_gave() -> None:
    study, _ = study_of(tasks=TWO_TASKS, trials={"retries": 0})
    study.tell(held(study.ask(0)), good(0.8))
    study.tell(held(study.resume(0, 1)), BROKEN)
    assert study.best() is None
    study.tell(held(study.resume(0, 1)), Outcome(TrialState.SUCCEEDED))
    assert study.best() == (0, 0.8)


def test_finishing_leaves_alone_what_somebody_goes_on_with() -> None:
    study, other = study_of(trials={"retries": 1})
    study.tell(held(study.ask(0)), BROKEN)
    seen = study.state.works[0].attempts[-1]
    again = held(other.ask(0))
    study.give_up(0)  # decided on what it saw before
    assert seen.number == 1
    assert study.is_current(again)


def test_a_trial_that_is_cleared_while_it_is_promoted_is_trained_by_one_only(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = {"name": "epochs", "min": 1, "max": 3, "factor": 3}
    groups: dict[str, Any] = {
        "search": {"algorithm": "asha"}, "trials": {"max": 6, "concurrency": 3, "budget": budget},
    }  # fmt: skip
    study, other = study_of(**groups)
    for slot in range(3):
        study.tell(held(study.ask(slot)), good(slot / 10))
    suggest = type(study.algorithm).suggest
    cleared: list[Binding] = []

    def slow(self: Any, history: Any) -> Any:
        decision = suggest(self, history)
        if isinstance(decision, Promote) and not cleared:
            slot = other.refresh().trials[decision.trial].slots[-1]
            cleared.append(held(other.ask(slot)))  # a person clears it in that moment
        return decision

    monkeypatch.setattr(type(study.algorithm), "suggest", slow)
    answer = held(study.ask(3))
    assert cleared
    assert answer.trial != cleared[0].trial
    assert not study.state.skipped
