"""The study: asking, telling, trying again, ending; by many processes as by one."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from automl_core.space import Space
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.storage import open_store
from automl_core.study import Binding, Ended, NotNow, Outcome, Over, Study, StudyJournal
from automl_core.study.state import State
from tests.support.memory_store import MemoryStore

PREFIX = "e/r/"


def experiment(**changes: Any) -> Experiment:
    body: dict[str, Any] = {
        "name": "e",
        "goal": {"metric": "accuracy", "direction": "maximize"},
        "search": {"algorithm": "random", "seed": 3},
        "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
        "trials": {"max": 4, "concurrency": 2, "retries": 1},
        "tasks": [{"name": "train", "command": ["true"]}],
    }
    for group, values in changes.items():
        body[group] = {**body[group], **values} if isinstance(body.get(group), dict) else values
    return Experiment.model_validate(body)


class Clock:
    """Simulated seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def open_study(folder: Path, spec: Experiment | None = None, clock: Clock | None = None) -> Study:
    journal = StudyJournal(open_store(str(folder)), PREFIX, clock=clock or Clock(), sleep=lambda _: None)
    return Study.create(journal, spec, "r", []) if spec else Study.load(journal)


def bound(answer: Any) -> Binding:
    assert isinstance(answer, Binding), answer
    return answer


def good(value: float) -> Outcome:
    return Outcome(TrialState.SUCCEEDED, value=value, step=0, metrics={"accuracy": value}, curve=((0, value),))


FAILED = Outcome(TrialState.FAILED, "it broke", retryable=True)


def test_a_slot_gets_a_combination_and_its_value_is_recorded(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment())
    binding = bound(study.ask(0))
    assert (binding.slot, binding.trial, binding.attempt) == (0, 0, 1)
    assert study.space.problem(binding.params) is None
    told = study.tell(binding, good(0.9))
    assert told.accepted
    assert told.stop is None
    other = open_study(tmp_path)
    assert other.best() == (0, 0.9)
    assert other.state.state_of(other.state.trials[0]) is TrialState.SUCCEEDED


def test_a_proposer_that_runs_again_finds_the_same_study(tmp_path: Path) -> None:
    first = open_study(tmp_path, experiment())
    first.tell(bound(first.ask(0)), good(0.5))
    again = open_study(tmp_path, experiment(search={"seed": 99}))
    assert again.experiment.search.seed == 3
    assert len(again.state.trials) == 1


def test_a_failed_attempt_is_tried_again_as_often_as_allowed_and_then_the_trial_has_failed(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment())
    first = bound(study.ask(0))
    assert study.tell(first, FAILED).retry
    assert study.state.state_of(study.state.trials[0]) is TrialState.WAITING
    second = bound(study.ask(0))
    assert (second.trial, second.attempt, second.params) == (0, 2, first.params)
    assert second.retried
    assert not study.tell(second, FAILED).retry
    assert study.state.state_of(study.state.trials[0]) is TrialState.FAILED


def test_a_trial_that_a_person_clears_runs_again_as_a_new_attempt_of_the_same_trial(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment(trials={"retries": 0}))
    first = bound(study.ask(0))
    study.tell(first, FAILED)
    cleared = bound(study.ask(0))
    assert (cleared.trial, cleared.attempt) == (first.trial, 2)
    study.tell(cleared, good(0.7))
    assert study.best() == (0, 0.7)
    assert len(study.state.trials) == 1
    assert study.progress().failed == 0


def test_an_attempt_that_a_later_one_has_overtaken_can_tell_nothing(tmp_path: Path) -> None:
    study, other = open_study(tmp_path, experiment()), open_study(tmp_path)
    lost = bound(study.ask(0))
    again = bound(other.ask(0))
    assert (again.trial, again.attempt) == (lost.trial, 2)
    assert study.order(lost) is not None
    assert not study.tell(lost, good(0.1)).accepted
    assert other.tell(again, good(0.8)).accepted
    assert not other.tell(again, good(0.9)).accepted, "told once"
    assert open_study(tmp_path).best() == (0, 0.8)


def test_the_concurrency_of_the_file_holds_whoever_asks(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment())
    first = bound(study.ask(0))
    bound(study.ask(1))
    assert isinstance(study.ask(2), NotNow)
    study.tell(first, good(0.1))
    assert isinstance(study.ask(2), Binding)


def test_too_many_failures_end_the_experiment_as_failed_and_name_the_slots_to_skip(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment(trials={"max": 5, "retries": 0, "max_failed": 1}))
    assert study.tell(bound(study.ask(0)), FAILED).stop is None
    told = study.tell(bound(study.ask(1)), FAILED)
    assert told.stop is not None
    assert told.stop.state == ExperimentState.FAILED
    assert told.unbound == (2, 3, 4)
    assert isinstance(study.ask(2), Over)


def test_no_slot_is_bound_after_the_stop_whatever_a_process_has_read_before(tmp_path: Path) -> None:
    study, slow = open_study(tmp_path, experiment()), open_study(tmp_path)
    slow.refresh()
    study.stop("user", ExperimentState.USER_CANCELED, "enough", by="ada")
    assert isinstance(slow.ask(0), Over)
    assert not slow.state.works


def test_a_stop_that_cancels_reaches_running_trials_and_one_that_drains_does_not(tmp_path: Path) -> None:
    for running, expected in (("drain", None), ("cancel", TrialState.USER_CANCELED)):
        study = open_study(tmp_path / running, experiment())
        binding = bound(study.ask(0))
        assert study.order(binding) is None
        study.stop("user", ExperimentState.USER_CANCELED, "enough", running=running)
        order = study.order(binding)
        assert (order[0] if order else None) is expected


def test_one_trial_can_be_cancelled_alone(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment())
    one, two = bound(study.ask(0)), bound(study.ask(1))
    study.cancel_trial(one.trial, "ada")
    assert study.order(one) == (TrialState.USER_CANCELED, "cancelled by ada")
    assert study.order(two) is None


def test_time_that_runs_out_is_seen_while_trials_run(tmp_path: Path) -> None:
    clock = Clock()
    study = open_study(tmp_path, experiment(stop={"max_duration": "1m", "running_trials": "cancel"}), clock)
    binding = bound(study.ask(0))
    assert study.order(binding) is None
    clock.now += 61
    order = study.order(binding)
    assert order is not None
    assert order[0] is TrialState.SYS_CANCELED
    assert study.state.stop is not None
    assert study.state.stop.kind == "max_duration"


@pytest.mark.parametrize(("seconds", "ends"), [(59.99, False), (60.0, True)])
def test_the_time_allowed_is_over_when_it_has_passed_and_not_before(tmp_path: Path, seconds: float, ends: bool) -> None:
    clock = Clock()
    study = open_study(tmp_path, experiment(stop={"max_duration": "1m"}), clock)
    binding = bound(study.ask(0))
    clock.now += seconds

    study.order(binding)

    assert (study.state.stop is not None) is ends


PRICED = {
    "tasks": [{"name": "train", "command": ["true"], "cost_per_hour": 36.0}],
    "stop": {"max_cost": 5, "max_duration": "30m", "running_trials": "cancel"},
}


class Shared:
    """A store with a clock of its own, which is right, and machines whose clocks may be wrong."""

    def __init__(self, **spec: Any) -> None:
        self.now = 1000.0
        self.store = MemoryStore(clock=lambda: self.now)
        self.study(0.0, experiment(**spec))

    def study(self, ahead: float, spec: Experiment | None = None) -> Study:
        journal = StudyJournal(self.store, PREFIX, clock=lambda: self.now + ahead, sleep=lambda _: None)
        return Study.create(journal, spec, "r", []) if spec else Study.load(journal)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_an_hour_ahead_or_behind_does_no_harm(hours: int) -> None:
    """Of two machines one is wrong; each asks, watches and tells, and sees the other's records."""
    shared = Shared(**PRICED)
    right, other = shared.study(0.0), shared.study(3600.0 * hours)
    first, second = bound(right.ask(0)), bound(other.ask(1))
    for _ in range(3):
        shared.now += 10
        assert right.order(first) is None
        assert other.order(second) is None
        for study in (right, other):
            assert study.progress().cost >= 0
            assert study.progress().elapsed >= 0
    assert other.tell(second, good(0.5)).stop is None
    assert right.tell(first, good(0.6)).stop is None
    third = bound(right.ask(2))
    assert shared.study(3600.0 * hours).order(third) is None  # a process that begins on the wrong machine
    assert shared.study(0.0).order(third) is None
    assert right.state.stop is None


def test_a_limit_holds_by_a_clock_that_is_ahead_too_once_its_time_has_passed() -> None:
    shared = Shared(**PRICED)
    other = shared.study(3600.0)
    binding = bound(other.ask(0))
    shared.now += 1801

    assert other.order(binding) is not None
    assert other.state.stop is not None
    assert other.state.stop.kind == "max_duration"


def test_a_limit_is_noticed_by_a_process_that_begins_after_a_long_silence() -> None:
    """A triggerer is restarted while one long training runs: the newest record lies hours back, by a right clock."""
    shared = Shared(**PRICED)
    binding = bound(shared.study(0.0).ask(0))
    shared.now += 7200

    fresh = shared.study(0.0)
    assert fresh.order(binding) is not None
    assert fresh.state.stop is not None
    assert fresh.state.stop.kind == "max_duration"
    assert not [key for key in shared.store.objects if "clock-" in key], "what the store was asked by is gone"


def test_running_trials_are_not_counted_again_where_whoever_schedules_lets_no_more_run(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment())
    for slot in range(2):
        bound(study.ask(slot))

    assert isinstance(study.ask(2, places=3), NotNow)  # more places than the file allows at once: counted here
    assert isinstance(study.ask(2, places=2), Binding)  # as many: a third one asks where one has just ended
    assert isinstance(study.ask(3, places=1), Binding)


FINITE = {"space": {"x": {"type": "choice", "values": [1, 2]}}, "trials": {"max": 9, "concurrency": 2, "retries": 0}}


def test_a_search_that_is_exhausted_while_trials_run_ends_by_the_stop_conditions(tmp_path: Path) -> None:
    spec = experiment(**FINITE, stop={"target": 0.9})
    study = open_study(tmp_path, spec)
    first, second = bound(study.ask(0)), bound(study.ask(1))
    study.tell(first, good(0.1))

    answer = open_study(tmp_path).ask(2)

    assert isinstance(answer, Over)
    assert study.refresh().stop is None  # the trial that runs may yet reach the target
    assert isinstance(study.ask(3), Over)
    stop = study.tell(second, good(0.95)).stop
    assert stop is not None
    assert (stop.kind, stop.state) == ("target", ExperimentState.EARLY_STOPPED)


def test_a_search_that_is_exhausted_ends_once_its_last_trial_has(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment(**FINITE))
    first, second = bound(study.ask(0)), bound(study.ask(1))
    study.tell(first, good(0.1))
    assert isinstance(study.ask(2), Over)

    stop = study.tell(second, good(0.2)).stop

    assert stop is not None
    assert (stop.kind, stop.state) == ("exhausted", ExperimentState.NO_MORE_TRIAL)


def test_a_search_that_is_exhausted_after_failures_alone_has_failed(tmp_path: Path) -> None:
    spec = experiment(space=FINITE["space"], trials=FINITE["trials"] | {"max_failed": 1})  # type: ignore[operator]
    study = open_study(tmp_path, spec)
    first, second = bound(study.ask(0)), bound(study.ask(1))
    study.tell(first, FAILED)
    assert isinstance(study.ask(2), Over)

    stop = study.tell(second, FAILED).stop

    assert stop is not None
    assert (stop.kind, stop.state) == ("max_failed", ExperimentState.FAILED)


def test_all_failed_without_a_limit_is_a_failure_and_no_end_of_the_search(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment(**FINITE))
    for binding in [bound(study.ask(0)), bound(study.ask(1))]:
        study.tell(binding, FAILED)

    assert isinstance(study.ask(2), Over)

    stop = study.state.stop
    assert stop is not None
    assert stop.state == ExperimentState.FAILED


def test_finishing_gives_a_reason_ends_what_was_lost_and_changes_nothing_when_repeated(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment())
    for slot in range(3):
        study.tell(bound(study.ask(slot)), good(slot / 10))
    bound(study.ask(3))  # its worker dies without a word
    stop = study.finish()
    assert stop.state == ExperimentState.FINISHED
    assert study.state.state_of(study.state.trials[3]) is TrialState.SYS_CANCELED
    seq = study.state.seq
    assert open_study(tmp_path).finish() == stop
    assert open_study(tmp_path).state.seq == seq


def test_several_training_tasks_are_one_trial(tmp_path: Path) -> None:
    tasks = [{"name": "train", "command": ["true"]}, {"name": "score", "command": ["true"]}]
    study = open_study(tmp_path, experiment(tasks=tasks))
    train = bound(study.ask(0))
    study.tell(train, Outcome(TrialState.SUCCEEDED, metrics={"loss": 1.0}))
    assert study.state.state_of(study.state.trials[0]) is TrialState.RUNNING
    score = bound(study.resume(0, 1))
    assert (score.trial, score.task, score.attempt) == (0, 1, 1)
    study.tell(score, good(0.6))
    assert study.best() == (0, 0.6)
    work = study.state.works[0]
    assert work.metrics == {"loss": 1.0, "accuracy": 0.6}


def test_a_training_task_after_one_that_failed_is_not_begun(tmp_path: Path) -> None:
    tasks = [{"name": "train", "command": ["true"]}, {"name": "score", "command": ["true"]}]
    study = open_study(tmp_path, experiment(tasks=tasks, trials={"retries": 0}))
    study.tell(bound(study.ask(0)), FAILED)
    assert isinstance(study.resume(0, 1), Over)
    assert isinstance(study.resume(3, 1), Over), "of a slot that was never bound"


def test_a_lane_takes_slot_after_slot_and_after_a_crash_its_own_unfinished_trial(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment(trials={"max": 3, "concurrency": 2}))
    one = bound(study.ask(lane=0))
    two = bound(study.ask(lane=1))
    assert (one.slot, two.slot) == (0, 1)
    again = bound(open_study(tmp_path).ask(lane=1))
    assert (again.slot, again.attempt) == (1, 2)
    study.tell(one, good(0.5))
    assert bound(study.ask(lane=0)).slot == 2


def test_more_than_a_thousand_slots_go_in_lanes(tmp_path: Path) -> None:
    assert open_study(tmp_path / "a", experiment(trials={"max": 1000, "concurrency": 9})).state.lanes is None
    assert open_study(tmp_path / "b", experiment(trials={"max": 1001, "concurrency": 9})).state.lanes == 9


def test_the_state_survives_its_snapshot(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment())
    study.tell(bound(study.ask(0)), good(0.5))
    study.tell(bound(study.ask(1)), FAILED)
    bound(study.ask(2))
    state = study.state
    copy = State.decode(state.encode())
    assert copy == state


def _ask_and_tell(folder: str, count: int) -> None:
    study = Study.load(StudyJournal(open_store(folder), PREFIX))
    for _ in range(count):
        answer = study.ask(lane=None)
        while isinstance(answer, NotNow):
            answer = study.ask(lane=None)
        if isinstance(answer, Over):
            return
        study.tell(answer, good(float(answer.params["x"])))  # type: ignore[arg-type]


# Each writes against all the others, so what it costs grows with the square: sixty-four of them once.
@pytest.mark.parametrize(("algorithm", "count", "trials"), [("random", 64, 96), ("sobol", 16, 40)])
def test_many_processes_ask_and_tell_at_once(tmp_path: Path, algorithm: str, count: int, trials: int) -> None:
    spec = experiment(trials={"max": trials, "concurrency": count}, search={"algorithm": algorithm})
    Study.create(StudyJournal(open_store(str(tmp_path)), PREFIX), spec, "r", [])
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_ask_and_tell, args=(str(tmp_path), 4)) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
    assert [process.exitcode for process in processes] == [0] * count
    state = open_study(tmp_path).state
    assert len(state.trials) == trials
    assert [trial.number for trial in state.trials] == list(range(trials))
    assert len({Space.key(trial.params) for trial in state.trials}) == trials, "no combination twice"
    assert sorted(state.works) == list(range(trials)), "no slot twice, none left out"
    assert all(work.state is TrialState.SUCCEEDED and work.value is not None for work in state.works.values())
    assert not state.skipped


# --- whose answer was lost -----------------------------------------------------------------------


def test_telling_the_same_end_again_changes_nothing_and_gets_the_same_answer(tmp_path: Path) -> None:
    """A record lands, and then the store is away for longer than the teller's patience: it tells again."""
    study = open_study(tmp_path, experiment())
    binding = bound(study.ask(0))
    first, seq = study.tell(binding, good(0.5)), study.state.seq
    again = open_study(tmp_path).tell(binding, good(0.5))
    assert (again.accepted, again.retry) == (first.accepted, first.retry) == (True, False)
    assert open_study(tmp_path).state.seq == seq
    failing = bound(study.ask(1))
    broken = Outcome(TrialState.FAILED, "exit code 1", retryable=True)
    assert study.tell(failing, broken).retry
    assert open_study(tmp_path).tell(failing, broken).retry


def test_work_that_has_ended_is_not_done_again_for_a_repeated_question(tmp_path: Path) -> None:
    """The scheduler tries again, without anybody having cleared it: the worker died after it had told the end."""
    study = open_study(tmp_path, experiment())
    binding = bound(study.ask(0, generation=10))
    study.tell(binding, good(0.7))
    seq = study.state.seq
    for asked in (study.ask(0, generation=10), study.resume(0, 0, generation=10)):
        assert isinstance(asked, Ended)
        assert asked.binding == binding
        assert (asked.outcome.state, asked.outcome.value) == (TrialState.SUCCEEDED, 0.7)
    assert study.state.seq == seq


def test_work_that_has_failed_for_good_is_not_done_again_either(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment())
    study.tell(bound(study.ask(0, generation=10)), Outcome(TrialState.FAILED, "it is wrong"))
    answer = study.ask(0, generation=10)
    assert isinstance(answer, Ended)
    assert (answer.outcome.state, answer.outcome.reason) == (TrialState.FAILED, "it is wrong")


def test_what_a_person_clears_is_done_again(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment())
    study.tell(bound(study.ask(0, generation=10)), good(0.7))
    assert bound(study.ask(0, generation=11)).attempt == 2


def test_a_retry_that_is_due_is_made_though_nobody_cleared_anything(tmp_path: Path) -> None:
    study = open_study(tmp_path, experiment())
    broken = Outcome(TrialState.FAILED, "exit code 1", retryable=True)
    assert study.tell(bound(study.ask(0, generation=10)), broken).retry
    assert bound(study.ask(0, generation=10)).attempt == 2


def test_what_was_cancelled_with_its_worker_is_tried_again(tmp_path: Path) -> None:
    """A worker that is shut down ends what it runs: no person has asked for that."""
    study = open_study(tmp_path, experiment())
    study.tell(bound(study.ask(0, generation=10)), Outcome(TrialState.USER_CANCELED, "its worker stopped"))
    assert bound(study.ask(0, generation=10)).attempt == 2


# --- the first record ----------------------------------------------------------------------------


def test_the_first_record_says_which_run_it_is_and_what_suggestions_depend_on(tmp_path: Path) -> None:
    import numpy
    import scipy

    journal = StudyJournal(open_store(str(tmp_path)), PREFIX)
    Study.create(journal, experiment(), "run", [], {"run_after": "2026-11-29T00:00:00+00:00"})
    state = open_study(tmp_path).state
    assert state.identity == {"run_after": "2026-11-29T00:00:00+00:00"}
    assert (state.environment["numpy"], state.environment["scipy"]) == (numpy.__version__, scipy.__version__)
    assert state.environment["features"]
    assert any("openblas" in blas or "mkl" in blas or "blis" in blas for blas in state.environment["blas"])
