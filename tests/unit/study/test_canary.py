"""Two trials go first: the others wait for the goal to be reported, for a trial's end, or for a time, and no longer."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.metrics.series import Point
from automl_core.running.simulation import SimulatedTraining, Simulation
from automl_core.running.watch import Watch
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.study import Binding, NotNow, Outcome, Study, StudyJournal
from tests.support.memory_store import MemoryStore


def experiment(**trials: Any) -> Experiment:
    return Experiment.model_validate({
        "name": "e", "goal": {"metric": "accuracy", "direction": "maximize"}, "search": {"algorithm": "random"},
        "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
        "trials": {"max": 12, "concurrency": 6, **trials}, "tasks": [{"command": ["true"]}],
    })  # fmt: skip


class Scene:
    """A study with a clock."""

    def __init__(self, **trials: Any) -> None:
        self.now, self.store = 1000.0, MemoryStore()
        journal = StudyJournal(self.store, "e/r/", clock=lambda: self.now, sleep=lambda _: None)
        self.study = Study.create(journal, experiment(**trials), "r", [])

    def bound(self, slot: int) -> Binding:
        answer = self.study.ask(slot, places=6)
        assert isinstance(answer, Binding), answer
        return answer

    def waits(self, slot: int) -> NotNow:
        answer = self.study.ask(slot, places=6)
        assert isinstance(answer, NotNow), answer
        return answer


def test_the_third_slot_waits_and_is_told_for_what_and_how_long() -> None:
    scene = Scene(canary={"after": "10m"})
    scene.bound(0)
    scene.now += 60
    scene.bound(1)
    answer = scene.waits(2)
    assert answer.reason == (
        "2 trials go first; the others follow once one has reported accuracy, "
        "10m 00s after the first one's start at the latest (trials.canary)"
    )
    assert (answer.patience, answer.give_way) == (540.0, False)


def test_the_others_follow_once_a_running_trial_has_reported_the_goal() -> None:
    scene = Scene()
    binding = scene.bound(0)
    scene.bound(1)
    waiting = scene.waits(2)
    watch = Watch(scene.study, scene.store, binding, clock=lambda: scene.now)
    watch.observe([Point(0, {"loss": 1.0})])
    watch.verdict()
    assert scene.study.state.seq == waiting.seq, "another metric says nothing"
    scene.now += 10
    watch.observe([Point(1, {"accuracy": 0.5})])
    watch.verdict()
    assert scene.study.state.seq == waiting.seq + 1, "the journal moves, so whoever waits asks again"
    for slot in (2, 3, 4, 5):
        scene.bound(slot)
    again = Watch(scene.study, scene.store, scene.study.binding(1, 0), clock=lambda: scene.now)
    again.observe([Point(0, {"accuracy": 0.4})])
    seq = scene.study.state.seq
    again.verdict()
    assert scene.study.state.seq == seq, "it is noted once"


def test_the_others_follow_once_a_trial_has_ended_well() -> None:
    scene = Scene()
    first, _ = scene.bound(0), scene.bound(1)
    scene.study.tell(first, Outcome(TrialState.SUCCEEDED, value=0.5))
    assert [scene.bound(slot).slot for slot in (2, 3, 4)] == [2, 3, 4]


def test_failures_let_two_more_go_and_no_crowd() -> None:
    scene = Scene()
    first, second = scene.bound(0), scene.bound(1)
    scene.study.tell(first, Outcome(TrialState.FAILED, "no luck"))
    scene.bound(2)
    scene.waits(3)
    scene.study.tell(second, Outcome(TrialState.FAILED, "no luck"))
    scene.bound(3)
    scene.waits(4)


def test_the_time_is_over_at_last() -> None:
    scene = Scene(canary={"after": "10m"})
    scene.bound(0), scene.bound(1)
    scene.now += 600
    for slot in (2, 3, 4, 5):
        scene.bound(slot)


def test_who_waits_gives_way_to_a_first_trial_that_is_tried_again() -> None:
    scene = Scene(retries=1)
    first, _ = scene.bound(0), scene.bound(1)
    scene.study.tell(first, Outcome(TrialState.FAILED, "no luck", retryable=True))
    assert scene.waits(2).give_way, "deferred instances hold the places that the retry needs"
    assert scene.bound(0).attempt == 2


@pytest.mark.parametrize("trials", [{"canary": False}, {"concurrency": 2}, {"max": 2}])
def test_nobody_waits_where_the_file_says_so_or_two_are_all(trials: dict[str, Any]) -> None:
    scene = Scene(**trials)
    slots = min(trials.get("concurrency", 6), trials.get("max", 12))
    assert [scene.bound(slot).slot for slot in range(slots)] == list(range(slots))


def test_a_whole_experiment_loses_one_step_by_it() -> None:
    def run(canary: bool) -> float:
        spec = experiment(canary=canary, max=24)
        training = SimulatedTraining({step: {"accuracy": 0.1 * step} for step in range(5)})
        return Simulation(spec, lambda binding, params: training, MemoryStore()).run().seconds

    assert run(True) == run(False) + 1.0


def test_an_experiment_whose_trials_report_at_their_end_waits_for_one_of_them_or_for_its_time() -> None:
    def run(after: float) -> float:
        spec = experiment(canary={"after": after}, max=6)
        training = SimulatedTraining({0: {"accuracy": 0.5}}, seconds_per_step=100.0)
        return Simulation(spec, lambda binding, params: training, MemoryStore()).run().seconds

    assert run(30.0) == 130.0
    assert run(600.0) == 200.0


def test_a_mistake_that_all_trials_share_costs_few_of_them() -> None:
    spec = experiment(max=60, concurrency=30)
    training = SimulatedTraining({0: {"loss": 1.0}})
    done = Simulation(spec, lambda binding, params: training, MemoryStore()).run()
    assert (done.stop.kind, len(done.study.state.trials)) == ("same_error", 2)
    assert done.stop.reason.startswith(
        "trial 0 failed as every other would (stop.same_error): goal.metric: 'accuracy' was never reported. Seen: loss"
    )
