"""Slots that wait ahead of their places: when they take one, and when they give their worker back."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowRescheduleException,
    AirflowSkipException,
    TaskDeferred,
)

from automl_airflow import ahead, compat
from automl_airflow.ahead import AFTER_YOU, LONGEST_STAY, LOOK, RAREST_LOOK, lanes_ahead, slots_ahead, stay
from automl_airflow.factory import experiment_dag
from automl_airflow.labels import NOT_NEEDED
from automl_airflow.machine import seat
from automl_airflow.maxcompute.operator import MaxComputeTrialOperator
from automl_airflow.operators import ProposeOperator
from automl_airflow.places import LEFT_OPEN, SKIPPED_WITHIN, WAKE, PlaceTrigger
from automl_airflow.triggers import JournalTrigger
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.study import Answer, Binding, NotNow, Outcome, Over, Study
from automl_core.study import places as study_places
from automl_core.study.places import WAITING
from tests.support.clocked_study import ClockedStudy
from tests.support.memory_store import MemoryStore
from tests.support.trainjobs import trainjob
from tests.unit.plugins.files import body, write

RUN = "manual__1"
POD = {
    "name": "train", "backend": "kubernetes", "image": "python:3.11", "command": "true",
    "storage_mount": {"path": "/mnt/runs", "host_path": "./runs"},
}  # fmt: skip
LOCAL = {"name": "train", "command": ["true"]}
SQL = {"name": "train", "backend": "maxcompute", "sql": "SELECT 1"}
TRAINJOB = trainjob(["train"], storage_path="/mnt/runs")
OWN: dict[str, Any] = {"storage": "file://./runs", "connection": None, "experiment": "first", "step_ids": ["trial"]}


# --- waiting alive, on simulated time -----------------------------------------------------------


@dataclass
class Room:
    """Where a slot waits, and what happens meanwhile."""

    scene: ClockedStudy
    killed: bool = False
    later: list[tuple[float, Callable[[], Any]]] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    def at(self, seconds: float, action: Callable[[], Any]) -> None:
        self.later.append((self.scene.now + seconds, action))

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.scene.now += seconds
        for due, action in [each for each in self.later if each[0] <= self.scene.now]:
            self.later.remove((due, action))
            action()

    def stay(self, slot: int) -> Answer:
        study = self.scene.study

        def ask() -> Answer:
            return study.ask(slot)

        first = ask()
        assert isinstance(first, NotNow), first
        return stay(
            study, first, ask, slot=slot, lane=None, wanted=lambda: not self.killed, wait=self.wait,
            clock=lambda: self.scene.now,
        )  # fmt: skip


def running(scene: ClockedStudy, *seconds: float) -> list[Binding]:
    """Trials of which some have ended after so many seconds, and three run."""
    scene.lasted(*seconds)
    return [scene.begin() for _ in range(3)]


def test_a_place_is_taken_when_it_becomes_free() -> None:
    scene = ClockedStudy()
    trials = running(scene, 10.0, 10.0)
    room, began = Room(scene), scene.now
    room.at(9.95, lambda: scene.end(trials[0]))
    answer = room.stay(scene.next)
    assert isinstance(answer, Binding)
    assert scene.now - began <= 9.95 + 2 * LOOK
    assert len(scene.study.state.running) == 3


def test_it_is_bound_to_what_is_known_when_it_has_its_place() -> None:
    scene = ClockedStudy()
    trials = running(scene, 10.0)
    room = Room(scene)
    room.at(5, lambda: scene.end(trials[1]))
    answer = room.stay(scene.next)
    assert isinstance(answer, Binding)
    trial = scene.study.state.trials[answer.trial]
    assert trial.seen == scene.study.state.seq - 1, "the record before is that of the end"


def test_the_worker_is_given_back_where_no_place_is_expected_soon() -> None:
    scene = ClockedStudy()
    running(scene, 600.0)
    room = Room(scene)
    assert isinstance(room.stay(scene.next), NotNow)
    assert room.waited == []


def test_the_worker_is_given_back_where_the_others_take_what_is_expected() -> None:
    scene = ClockedStudy()
    running(scene, 10.0)
    room = Room(scene)
    assert isinstance(room.stay(scene.next + 3), NotNow), "three places for the three before it"
    assert room.waited == []


def test_nobody_waits_alive_for_ever() -> None:
    scene = ClockedStudy()
    running(scene, 10.0, 500.0)
    scene.now += 480  # each day one takes as long as the other did
    room, began = Room(scene), scene.now
    assert isinstance(room.stay(scene.next), NotNow)
    assert LONGEST_STAY < scene.now - began < LONGEST_STAY + 1


def test_a_worker_is_kept_while_others_end_and_through_the_first_of_all() -> None:
    scene = ClockedStudy()
    trials = [scene.begin() for _ in range(3)]
    room, began = Room(scene), scene.now
    for number in range(2):
        room.at(61.0 + number, partial(scene.end, trials[number]))
        room.at(61.2 + number, partial(scene.study.ask, 3 + number))
    room.at(63.0, lambda: scene.end(trials[2]))
    assert isinstance(room.stay(5), Binding), "nobody knew how long a trial takes"
    assert scene.now - began < 63.0 + 3 * LOOK


def test_a_place_is_left_to_those_before_and_taken_where_they_are_gone() -> None:
    scene = ClockedStudy()
    trials = running(scene, 10.0)
    room = Room(scene)
    room.at(3.0, lambda: scene.end(trials[0]))
    began = scene.now
    assert isinstance(room.stay(scene.next + 1), Binding)
    assert 3.0 + AFTER_YOU <= scene.now - began < 3.0 + AFTER_YOU + 3 * LOOK


def test_no_worker_is_given_back_while_a_place_is_free() -> None:
    scene = ClockedStudy()
    trials = running(scene, 500.0)
    scene.end(trials[0])
    room = Room(scene)
    assert isinstance(scene.study.ask(scene.next), Binding)  # full again
    scene.study.refresh()
    waiting = scene.next + 10  # those before were marked by a person, and will never ask
    study = scene.study

    def ask() -> Answer:
        return study.ask(waiting)

    first = ask()
    assert isinstance(first, NotNow)
    scene.end(trials[1])
    answer = stay(
        study, first, ask, slot=waiting, lane=None, wanted=lambda: True, wait=room.wait, clock=lambda: scene.now
    )
    assert isinstance(answer, Binding)


def test_who_is_before_takes_the_place_and_the_next_waits_on() -> None:
    scene = ClockedStudy()
    trials = running(scene, 10.0)
    first, second = scene.next, scene.next + 1
    room = Room(scene)
    room.at(3.0, lambda: scene.end(trials[0]))
    room.at(3.3, lambda: scene.study.ask(first))
    room.at(6.0, lambda: scene.end(trials[1]))
    began = scene.now
    assert isinstance(room.stay(second), Binding)
    assert 6.0 <= scene.now - began < 6.0 + 3 * LOOK, "it is the first now: the place is its own at once"


def test_places_that_become_free_at_once_are_taken_at_once() -> None:
    scene = ClockedStudy()
    trials = running(scene, 10.0)
    room = Room(scene)
    room.at(3.0, lambda: [scene.end(trial) for trial in trials])
    began = scene.now
    assert isinstance(room.stay(scene.next + 2), Binding)
    assert scene.now - began < 3.0 + 3 * LOOK


def test_the_end_of_the_experiment_ends_the_waiting() -> None:
    scene = ClockedStudy()
    running(scene, 10.0)
    room = Room(scene)
    room.at(2.0, lambda: scene.study.stop("user", ExperimentState.USER_CANCELED, "enough"))
    began = scene.now
    assert room.stay(scene.next) == Over("enough")
    assert scene.now - began < 2.0 + 3 * LOOK


def test_a_worker_that_is_ended_waits_no_longer() -> None:
    scene = ClockedStudy()
    running(scene, 10.0)
    room = Room(scene)
    room.at(1.0, lambda: setattr(room, "killed", True))
    began = scene.now
    assert isinstance(room.stay(scene.next), NotNow)
    assert scene.now - began < 1.0 + 3 * LOOK


class SlowStore(MemoryStore):
    """Each listing takes its time."""

    pause: Callable[[], None] = staticmethod(lambda: None)

    def list(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> list[str]:
        self.pause()
        return super().list(prefix, start_after, limit)


def test_a_slow_store_is_looked_at_more_rarely() -> None:
    store = SlowStore()
    scene = ClockedStudy(store)
    running(scene, 10.0)
    room = Room(scene)
    store.pause = lambda: setattr(scene, "now", scene.now + 0.015)  # type: ignore[method-assign]
    room.at(3.0, lambda: setattr(room, "killed", True))
    room.stay(scene.next)
    assert all(wait == pytest.approx(0.3) for wait in room.waited)
    store.pause = lambda: setattr(scene, "now", scene.now + 0.2)  # type: ignore[method-assign]
    room.killed, room.waited = False, []
    room.at(3.0, lambda: setattr(room, "killed", True))
    room.stay(scene.next)
    assert set(room.waited) == {RAREST_LOOK}


# --- waiting without a worker ---------------------------------------------------------------------


def trigger(slot: int | None = None, lane: int | None = None) -> PlaceTrigger:
    return PlaceTrigger("s3://bucket/models", "my_s3", "e", "r", slot, lane, 60.0)


def test_a_worker_is_started_before_a_place_is_expected() -> None:
    scene = ClockedStudy()
    running(scene, 60.0)
    waits, began = trigger(scene.next), scene.now
    while not waits.is_due(scene.study, scene.now):
        scene.now += 1
        assert scene.now < began + 60
    assert scene.now - began == 60 - WAKE


def test_a_worker_is_started_for_a_place_that_is_free() -> None:
    scene = ClockedStudy()
    trials = running(scene, 600.0)
    first, second = trigger(scene.next), trigger(scene.next + 1)
    assert not first.is_due(scene.study, scene.now)
    scene.end(trials[0])
    scene.now += 1
    assert first.is_due(scene.study, scene.now)
    assert not second.is_due(scene.study, scene.now), "it is the first's"
    assert second.is_due(scene.study, scene.now + LEFT_OPEN), "who has not taken it"


def test_no_worker_is_started_for_each_that_the_end_of_all_skips() -> None:
    scene = ClockedStudy()
    running(scene, 600.0)
    slot, lane = trigger(scene.next), trigger(lane=3)
    scene.study.stop("user", ExperimentState.USER_CANCELED, "enough")
    assert not slot.is_due(scene.study, scene.now)
    assert slot.is_due(scene.study, scene.now + SKIPPED_WITHIN), "where nobody has"
    assert lane.is_due(scene.study, scene.now), "a lane is skipped by nobody else"


@pytest.mark.parametrize(
    "note", [{"exhausted": "all combinations are bound"}, {"inputs": {"prepare": {"over": "one class"}}}], ids=str
)
def test_each_finds_out_for_itself_that_the_algorithm_has_nothing_more(note: dict[str, Any]) -> None:
    scene = ClockedStudy()
    running(scene, 600.0)
    waits = trigger(scene.next)
    assert not waits.is_due(scene.study, scene.now)
    scene.study.journal.append("note", note)
    assert waits.is_due(scene.study, scene.now)


def test_who_waits_for_the_algorithm_is_woken_in_its_turn_and_not_by_an_estimate() -> None:
    scene = ClockedStudy()
    trials = running(scene, 10.0)
    scene.end(trials[0])
    first, second = scene.next, scene.next + 1
    waits = PlaceTrigger("s3://bucket/models", "my_s3", "e", "r", second, None, 60.0, in_turn=True)
    assert not waits.is_due(scene.study, scene.now)
    assert not waits.is_due(scene.study, scene.now + LEFT_OPEN), "the first may wait for a rung, and so would this one"
    scene.study.ask(first)
    assert not waits.is_due(scene.study, scene.now)
    scene.end(trials[1])
    assert waits.is_due(scene.study, scene.now)


def test_what_airflow_keeps_of_it_makes_the_same_trigger_again() -> None:
    path, arguments = trigger(7).serialize()
    assert path == f"{PlaceTrigger.__module__}.{PlaceTrigger.__name__}"
    assert PlaceTrigger(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)
    assert arguments["connection"] == "my_s3"


# --- how many, and in Airflow's tasks -------------------------------------------------------------


def spec(task: dict[str, Any], **trials: Any) -> Experiment:
    return Experiment.model_validate(body(tasks=[task], trials={"max": 60, "concurrency": 4, **trials}))


def test_as_many_wait_ahead_as_there_are_places_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slots_ahead(spec(POD)) == 4
    assert slots_ahead(spec(POD, concurrency=50)) == ahead.MOST
    assert slots_ahead(spec(LOCAL)) == 4
    assert slots_ahead(spec(TRAINJOB)) == 4
    several = body(tasks=[POD, {**POD, "name": "score"}])
    assert slots_ahead(Experiment.model_validate(several)) == 0
    for stated, number in (("0", 0), ("2", 2), ("99", 4), ("-1", 0)):
        monkeypatch.setenv("AIRFLOW__AUTOML__SLOTS_AHEAD", stated)
        assert slots_ahead(spec(POD)) == number


def test_a_lane_that_trains_itself_needs_none_ahead() -> None:
    assert lanes_ahead(spec(LOCAL)) == 0
    assert lanes_ahead(spec(POD)) == 4


def test_no_local_trial_waits_ahead_on_workers_that_the_file_names() -> None:
    queue = {"airflow": {"queue": "gpu"}}
    assert slots_ahead(spec({**LOCAL, **queue})) == 0, "who only waits would have the worker of one that could train"
    assert slots_ahead(Experiment.model_validate(body(tasks=[LOCAL], **queue))) == 0
    assert slots_ahead(spec({**POD, **queue})) == 4


@pytest.mark.parametrize(
    ("executor", "number"),
    [
        ("LocalExecutor", 4),
        ("LocalExecutor,KubernetesExecutor", 4),
        ("airflow.executors.local_executor.LocalExecutor", 4),
        ("CeleryExecutor", 0),
        ("KubernetesExecutor,LocalExecutor", 0),
        ("LocalExecutor;team_a=CeleryExecutor", 0),
    ],
)
def test_local_trials_wait_ahead_only_where_airflow_starts_no_more_than_it_has_processes(
    monkeypatch: pytest.MonkeyPatch, executor: str, number: int
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    assert slots_ahead(spec(LOCAL)) == number, "stuck in Celery's queue it would be failed, and its trial lost"
    assert slots_ahead(spec(POD)) == 4
    assert slots_ahead(spec({**LOCAL, "airflow": {"executor": "LocalExecutor"}})) == 0


@pytest.mark.parametrize(("processes", "number"), [(32, 4), (12, 4), (8, 2), (6, 1), (5, 0), (4, 0), (2, 0)])
def test_who_waits_leaves_workers_to_other_dags(monkeypatch: pytest.MonkeyPatch, processes: int, number: int) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", str(processes))
    assert slots_ahead(spec(LOCAL)) == number, "four train: half of the others may wait"
    assert slots_ahead(spec(POD)) == 4


def test_nobody_waits_ahead_in_a_pool_that_experiments_share() -> None:
    pool = {"airflow": {"pool": "gpus", "pool_slots": 2}}
    assert slots_ahead(spec({**LOCAL, **pool})) == 0
    assert slots_ahead(spec({**POD, **pool})) == 0, "a pool that counts deferred tasks would count those that wait"
    assert slots_ahead(Experiment.model_validate(body(tasks=[SQL], **pool))) == 0
    everybodys = {**POD, "airflow": {"pool": "default_pool"}}
    assert slots_ahead(Experiment.model_validate(body(tasks=[everybodys], **pool))) > 0, "the task's word goes first"


@pytest.mark.parametrize("task", [LOCAL, POD, SQL, TRAINJOB], ids=lambda task: task.get("backend", "local"))
def test_airflow_lets_start_what_waits_ahead_and_the_dag_has_room_for_it(task: dict[str, Any]) -> None:
    dag = experiment_dag(spec(task, concurrency=20), Path("/dags/experiments/first.yaml"))
    trial: Any = dag.get_task("trial")
    cluster = {"cluster": "kubernetes_default"} if task is POD else {}
    made = trial.operator_class(task_id="one", slot=21, ahead=trial.partial_kwargs["ahead"], **OWN, **cluster)
    assert made.ahead == ahead.MOST
    made.on_kill()
    assert made.killed, "one that waits alive is to stop, and to take no place"
    assert trial.partial_kwargs["max_active_tis_per_dagrun"] == 20 + ahead.MOST
    assert trial.partial_kwargs["ahead"] == ahead.MOST
    assert dag.max_active_tasks >= 20 + ahead.MOST


class TaskInstance:
    """As much of a task instance as the operators use."""

    dag_id = "first"
    max_tries = 10

    def __init__(self, states: dict[str, str | None]) -> None:
        self.states = states

    def get_task_states(self, **_: Any) -> dict[str, Any]:
        return {RUN: dict(self.states)}

    def xcom_push(self, key: str, value: Any) -> None:
        """Kept by Airflow."""


class Elsewhere(MaxComputeTrialOperator):
    """A trial whose job needs nothing."""

    started: tuple[Binding, ...] = ()

    def launch(self, context: Any, study: Study, store: Any, binding: Binding) -> dict[str, Any]:
        self.started += (binding,)
        return {"name": "job"}

    def is_there(self, study: Study, binding: Binding) -> bool:
        return False

    def watcher(self, context: Any, study: Study, binding: Binding, job: dict[str, Any]) -> Any:
        return f"watches {binding.slot}"


class World:
    """One experiment with two places, whose tasks are called one by one."""

    def __init__(self, folder: Path, **trials: Any) -> None:
        storage = f"file://{folder}/runs"
        self.where: dict[str, Any] = {"storage": storage, "connection": None, "experiment": "first"}
        given = {"max": 20, "concurrency": 2, "canary": False, **trials}
        self.file = write(folder, "first.yaml", body(tasks=[SQL], trials=given))
        self.states: dict[str, str | None] = {}

    def context(self) -> dict[str, Any]:
        return {"run_id": RUN, "ti": TaskInstance(self.states), "dag_run": type("Run", (), {"conf": {}})()}

    def propose(self) -> list[int]:
        return ProposeOperator(task_id="propose", file=str(self.file), **self.where).execute(self.context())

    def operator(self, slot: int) -> Elsewhere:
        return Elsewhere(
            task_id="trial", slot=slot, step_ids=["trial"], max_active_tis_per_dagrun=4, ahead=2, **self.where
        )

    def trial(self, slot: int) -> tuple[Any, str]:
        """What a slot's task raises, and how its instance is called."""
        context = self.context()
        with pytest.raises((AirflowException, TaskDeferred, AirflowSkipException, AirflowRescheduleException)) as how:
            self.operator(slot).execute(context)
        return how.value, context.get("label", "")

    def study(self) -> Study:
        return self.operator(0).open_study(self.context())[1]


def nothing_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits alive."""
    monkeypatch.setattr(ahead, "STAY", -1.0)
    monkeypatch.setattr(study_places, "UNKNOWN", -1.0)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    nothing_is_expected(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # other processes of this machine wait elsewhere
    made = World(tmp_path)
    made.propose()
    for slot in range(2):
        assert made.trial(slot)[0].trigger == f"watches {slot}"
        made.states[f"trial_{slot}"] = "deferred"
    return made


def test_the_study_counts_the_places_and_a_slot_ahead_waits_without_a_worker(world: World) -> None:
    deferred, label = world.trial(2)
    assert isinstance(deferred.trigger, PlaceTrigger)
    assert (deferred.trigger.slot, deferred.trigger.lane, deferred.method_name) == (2, None, "execute")
    assert deferred.trigger.patience == ahead.CHECK_FIRST
    assert label == WAITING
    study = world.study()
    assert sorted(study.state.works) == [0, 1], "it is no trial: nobody counts it as running"
    study.tell(study.binding(0, 0), Outcome(TrialState.SUCCEEDED, value=0.5))
    assert world.trial(2)[0].trigger == "watches 2"


def test_a_record_wakes_only_those_whose_turn_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_is_expected(monkeypatch)
    world = World(tmp_path, concurrency=4, canary=True)
    world.propose()
    for slot in range(2):
        world.trial(slot)
    third, last = world.trial(2)[0].trigger, world.trial(4)[0].trigger
    assert isinstance(third, JournalTrigger), "it waits for the first two"
    assert isinstance(last, PlaceTrigger), "it does too, and would have no place"
    assert last.in_turn


def test_slots_that_start_together_leave_the_places_to_the_first_and_ask_when_they_are_woken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = Study.ask

    def ask(self: Study, slot: int | None = None, **more: Any) -> Answer:
        asked.append(int(slot or 0))
        return real(self, slot, **more)

    monkeypatch.setattr(Study, "ask", ask)
    monkeypatch.setattr(ahead, "AFTER_YOU", 600.0)
    monkeypatch.setattr(ahead, "LONGEST_STAY", -1.0)
    world = World(tmp_path)
    world.propose()
    early = world.operator(3)
    monkeypatch.setattr(early, "wait_ahead", lambda context, study, answer, ask: Over(answer.reason))
    monkeypatch.setattr(compat, "skip_instances", lambda *_: None)
    with pytest.raises(AirflowSkipException, match="first claim"):
        early.execute(world.context())
    assert asked == [], "two of the three before it are to have the places"
    with pytest.raises(TaskDeferred):
        world.operator(3).execute(world.context(), {"moved": True})
    assert asked == [3], "a trigger has woken it for a place that the others don't take"


def test_half_of_a_machines_workers_are_left_to_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_places, "UNKNOWN", 90.0)
    monkeypatch.setattr(ahead.time, "sleep", lambda seconds: pytest.fail("it waits alive"))
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "4")
    assert ahead.seats() == 2
    with seat("waiting", 2) as first, seat("waiting", 2) as second, seat("waiting", 2) as third:
        assert (first, second, third) == (True, True, False)
        deferred, _ = world.trial(2)
    assert isinstance(deferred.trigger, PlaceTrigger)
    assert deferred.trigger.in_turn, "it is not woken for an estimate: it would find no place to wait at again"
    with seat("waiting", 2) as again:
        assert again, "places come back"
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW__CELERY__WORKER_CONCURRENCY", "10")
    assert ahead.seats() == 5


def test_those_that_wait_make_room_for_a_trial_whose_worker_was_lost(world: World) -> None:
    world.states["trial_0"] = "scheduled"  # Airflow would start it again, and counts those who wait for it
    assert isinstance(world.trial(2)[0], AirflowRescheduleException)
    world.states["trial_0"] = "running"
    assert world.trial(0)[0].trigger == "watches 0", "which takes over, and needs no further place"
    assert isinstance(world.trial(2)[0], TaskDeferred)
    assert len(world.study().state.running) == 2


def test_the_place_of_a_trial_that_is_to_be_tried_again_is_taken_meanwhile(world: World) -> None:
    world.states["trial_0"] = "up_for_retry"
    assert world.trial(2)[0].trigger == "watches 2"
    deferred, _ = world.trial(0)
    assert isinstance(deferred.trigger, PlaceTrigger)
    world.study().tell(world.study().binding(1, 0), Outcome(TrialState.SUCCEEDED, value=0.5))
    assert world.trial(0)[0].trigger == "watches 0"


def test_a_slot_that_is_not_needed_is_not_called_as_if_it_waited(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "skip_instances", lambda *_: None)  # Airflow's part, which is not running
    world.study().stop("user", ExperimentState.USER_CANCELED, "enough")
    skipped, label = world.trial(2)
    assert isinstance(skipped, AirflowSkipException)
    assert label == NOT_NEEDED


def test_a_worker_that_is_ended_while_it_waits_fails_its_try_and_no_trial(world: World) -> None:
    operator = world.operator(2)
    operator.killed = True
    with pytest.raises(AirflowException, match="while it waited"):
        operator.execute(world.context())
    assert sorted(world.study().state.works) == [0, 1]


def test_the_cluster_may_be_away_while_a_slot_makes_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_airflow.kubernetes.operator import KubernetesTrialOperator

    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", "kubernetes://?kube_config_path=/nowhere/at/all")
    operator = KubernetesTrialOperator(
        task_id="trial", storage="file:///x", connection=None, experiment="e", slot=0, step_ids=["trial"],
        cluster="kubernetes_default", ahead=1,
    )  # fmt: skip
    operator.make_ready(ClockedStudy().study)


def test_lanes_wait_ahead_as_slots_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_is_expected(monkeypatch)
    world = World(tmp_path, max=1001)
    assert world.propose() == [0, 1, 2, 3], "two places, and two ahead"
    for lane in range(2):
        assert world.trial(lane)[0].trigger == f"watches {lane}"
    deferred, _ = world.trial(3)
    assert (deferred.trigger.slot, deferred.trigger.lane) == (None, 3)
