"""From what the study answers to what becomes of a task instance, without an Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
    TaskDeferred,
)

from automl_airflow import ahead, compat, naming, session
from automl_airflow.operators import ProposeOperator, ReduceOperator, TrialOperator
from automl_airflow.places import PlaceTrigger
from automl_core.backends.ready import ReadyGuard
from automl_core.states import ExperimentState, TrialState
from automl_core.storage import StorageUnavailable
from automl_core.storage.base import AccessRefused
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding, Outcome, Study
from tests.unit.plugins.files import body, write

RUN = "manual__2026-11-21T04:10:00+00:00"


class TaskInstance:
    """As much of a task instance as the operators use."""

    dag_id = "first"

    def __init__(self, states: Mapping[str, str]) -> None:
        self.states = states
        self.pushed: dict[str, Any] = {}

    def get_task_states(self, **_: Any) -> dict[str, Any]:
        return {RUN: dict(self.states)}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


class World:
    """One experiment whose tasks are called one by one."""

    def __init__(self, folder: Path, **groups: Any) -> None:
        self.folder = folder
        self.skipped: list[tuple[str, int]] = []
        storage = f"file://{folder}/runs"
        self.where: dict[str, Any] = {"storage": storage, "connection": None, "experiment": "first"}
        self.file = write(folder, "first.yaml", body(**groups))
        self.states: dict[str, str] = {}

    def context(self, conf: dict[str, Any] | None = None) -> dict[str, Any]:
        run = type("Run", (), {"conf": conf or {}})()
        return {"run_id": RUN, "ti": TaskInstance(self.states), "dag_run": run}

    def propose(self, conf: dict[str, Any] | None = None) -> list[int]:
        return ProposeOperator(task_id="propose", file=str(self.file), **self.where).execute(self.context(conf))

    def operator(self, slot: int, places: int = 3) -> TrialOperator:
        return TrialOperator(
            task_id="trial", slot=slot, step_ids=["trial"], max_active_tis_per_dagrun=places, **self.where
        )

    def trial(self, slot: int, places: int = 3) -> Any:
        return self.operator(slot, places).execute(self.context())

    def reduce(self) -> Any:
        return ReduceOperator(task_id="reduce", **self.where).execute(self.context())

    def study(self) -> Study:
        return self.operator(0).open_study(self.context())[1]


def prints(line: str, code: int = 0) -> list[dict[str, Any]]:
    return [{"name": "train", "command": f"echo {line}; exit {code}"}]


@pytest.fixture
def skipped(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    instances: list[tuple[str, int]] = []
    monkeypatch.setattr(compat, "skip_instances", lambda context, given: instances.extend(given))
    return instances


def test_an_experiment_from_its_file_to_its_result(tmp_path: Path, skipped: list[tuple[str, int]]) -> None:
    world = World(tmp_path, tasks=prints("accuracy=${x}"))
    assert world.propose() == [0, 1, 2, 3, 4, 5]
    values = [world.trial(slot)["value"] for slot in range(6)]
    result = world.reduce()
    assert result["state"] == ExperimentState.FINISHED
    assert result["best_value"] == max(values)
    assert (Path(result["result"]) / "controller.json").is_file()
    assert world.reduce() == result, "cleared and run again it gives the same"


def test_the_reducer_sums_up_predictions_that_no_worker_has(tmp_path: Path, skipped: list[tuple[str, int]]) -> None:
    leave = "printf 'truth,prediction\\na,a\\nb,a\\n' > $AUTOML_MODEL_DIR/predictions.csv"
    task = {"name": "train", "command": f"{leave}; echo accuracy=${{x}}"}
    world = World(tmp_path, tasks=[task], trials={"max": 2})
    slots = world.propose()
    for slot in slots:
        world.trial(slot)
    run = next((tmp_path / "runs").rglob("experiment_0")).parent
    made = [(run / f"experiment_{slot}" / name) for slot in slots for name in ("details.json", "details-rows.json")]
    assert all(path.is_file() for path in made), "the workers did"
    for path in made:
        path.unlink()  # as where a pod has trained
    best = world.reduce()["best_trial"]
    assert all(path.is_file() for path in made), "of every trial, before the models of all but the best go"
    assert [(run / f"experiment_{slot}" / "model").is_dir() for slot in slots] == [slot == best for slot in slots]


def test_the_runs_conf_is_taken_and_a_wrong_one_is_not_tried_again(tmp_path: Path) -> None:
    assert World(tmp_path / "a").propose({"max_trials": 2}) == [0, 1]
    with pytest.raises(AirflowFailException, match="max_trails"):
        World(tmp_path / "b").propose({"max_trails": 2})


def test_a_failed_training_is_tried_again_as_often_as_the_file_says(tmp_path: Path) -> None:
    world = World(tmp_path, tasks=prints("hopeless", 3), trials={"max": 2, "retries": 1})
    world.propose()
    with pytest.raises(AirflowException, match="hopeless") as first:
        world.trial(0)
    assert not isinstance(first.value, AirflowFailException)
    with pytest.raises(AirflowFailException, match="hopeless"):
        world.trial(0)


def test_the_end_of_the_experiment_skips_the_slots_not_yet_bound_and_no_other(
    tmp_path: Path, skipped: list[tuple[str, int]]
) -> None:
    world = World(tmp_path, tasks=prints("accuracy=1"), stop={"target": 0.9})
    world.propose()
    world.trial(0)
    assert skipped == [("trial", slot) for slot in range(1, 6)]
    with pytest.raises(AirflowSkipException, match="target"):
        world.trial(1)
    assert world.reduce()["state"] == ExperimentState.EARLY_STOPPED


def test_an_experiment_that_failed_is_published_and_its_run_is_red(tmp_path: Path, skipped: list[Any]) -> None:
    world = World(tmp_path, tasks=prints("hopeless", 3), trials={"max": 6, "max_failed": 0})
    world.propose()
    with pytest.raises(AirflowFailException):
        world.trial(0)
    with pytest.raises(AirflowFailException, match="max_failed"):
        world.reduce()
    assert list((tmp_path / "runs").rglob("controller.json"))


def test_nothing_to_publish_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(AirflowFailException, match="log of `propose`"):
        World(tmp_path).reduce()


def test_a_slot_that_can_not_be_bound_yet_defers_until_the_journal_moves(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.propose({"concurrency": 1})
    study = world.study()
    assert isinstance(study.ask(0), Binding)
    world.states = {"trial_0": "running"}
    with pytest.raises(TaskDeferred) as deferred:
        world.trial(1)
    assert deferred.value.trigger.seq == study.state.seq


def test_a_dead_workers_place_is_taken(tmp_path: Path) -> None:
    world = World(tmp_path, tasks=prints("accuracy=1"))
    world.propose({"concurrency": 1})
    world.study().ask(0)  # its worker is killed, and Airflow has seen it
    world.states = {"trial_0": "up_for_retry"}
    assert world.trial(1)["trial"] == 1
    assert world.study().state.works[0].state is TrialState.WAITING


def test_a_slot_that_waits_for_a_rung_does_not_hold_the_place_that_a_retry_needs(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        search={"algorithm": "hyperband"},
        trials={"max": 3, "concurrency": 1, "retries": 1, "budget": {"min": 1, "max": 3}},
    )
    slots = world.propose()
    study = world.study()
    lost = None
    for slot in slots:
        answer = study.ask(slot)
        if not isinstance(answer, Binding):
            break
        if slot == slots[1]:
            lost = slot
            study.tell(answer, Outcome(TrialState.FAILED, "it broke", retryable=True))
        else:
            study.tell(answer, Outcome(TrialState.SUCCEEDED, value=0.5, step=0, metrics={"accuracy": 0.5}))
    assert lost is not None
    world.states = {f"trial_{lost}": "up_for_retry"}
    with pytest.raises(AirflowRescheduleException):
        world.trial(slot)


def test_who_waits_makes_room_for_a_trial_whose_worker_was_lost_and_whose_task_airflow_can_not_start(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, trials={"max": 4, "concurrency": 3})
    world.propose({"concurrency": 1})
    assert isinstance(world.study().ask(0), Binding)
    world.states = {"trial_0": "scheduled"}  # Airflow's three places are held by those who wait for it
    with pytest.raises(AirflowRescheduleException):
        world.trial(1)
    world.states = {"trial_0": "running"}
    with pytest.raises(TaskDeferred):
        world.trial(1)


def test_a_retry_that_airflow_will_not_make_any_more_is_given_up(tmp_path: Path) -> None:
    world = World(tmp_path, trials={"max": 3, "concurrency": 1, "retries": 1})
    world.propose()
    study = world.study()
    binding = study.ask(0)
    assert isinstance(binding, Binding)
    study.tell(binding, Outcome(TrialState.FAILED, "it broke", retryable=True))
    for state, expected in (("up_for_retry", TrialState.WAITING), ("failed", TrialState.FAILED)):
        world.states = {"trial_0": state}
        compat.release_lost(world.context(), study, ["trial"])
        assert study.state.works[0].state is expected


def test_a_fault_while_a_trial_runs_is_recorded_and_not_taken_for_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("automl_core.running.folders.Folders.prepare", breaks)
    world = World(tmp_path, trials={"max": 2, "retries": 0})
    world.propose()
    with pytest.raises(AirflowException, match="no space left") as raised:
        world.trial(0)
    assert not isinstance(raised.value, AirflowFailException), "a disk that is full is no failure of the training"
    assert world.study().state.works[0].failures == 0
    assert not world.study().state.running


def test_a_try_that_nobody_asked_for_concludes_what_was_told(tmp_path: Path, skipped: list[tuple[str, int]]) -> None:
    """The worker dies after the trial's end stands in the journal: Airflow tries again, and nothing is trained."""
    world = World(tmp_path, tasks=prints("accuracy=${x}"))
    world.propose()
    context = world.context()
    context["ti"].max_tries = 10
    first = world.operator(0).execute(context)
    again = world.operator(0).execute(context)
    assert again == first
    assert len(world.study().state.works[0].attempts) == 1
    context["ti"].max_tries = 11  # a person clears it
    world.operator(0).execute(context)
    assert len(world.study().state.works[0].attempts) == 2


def test_a_try_after_a_failure_for_good_fails_and_trains_nothing(
    tmp_path: Path, skipped: list[tuple[str, int]]
) -> None:
    world = World(tmp_path, tasks=prints("broken", 3), trials={"max": 6, "concurrency": 3, "retries": 0})
    world.propose()
    context = world.context()
    context["ti"].max_tries = 10
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="exit code 3"):
            world.operator(0).execute(context)
    assert len(world.study().state.works[0].attempts) == 1


def test_a_store_that_is_away_fails_no_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As each task begins, and as the result is published."""
    monkeypatch.setattr("automl_core.running.patience.FIRST_PAUSE", 0.01)
    world = World(tmp_path, tasks=prints("accuracy=${x}"), trials={"max": 1, "retries": 0})
    left = 0

    class Away(FolderStore):
        def _told(self, operation: str, key: str) -> Any:
            nonlocal left
            if left:
                left -= 1
                raise StorageUnavailable(f"Cannot {operation} {key}: away on purpose")
            return super()._told(operation, key)

    monkeypatch.setattr(session, "open_experiment_store", lambda storage, connection: Away(tmp_path / "runs"))
    for step in (world.propose, lambda: world.trial(0), world.reduce):
        left = 4
        step()
        assert left == 0
    assert world.study().state.works[0].failures == 0


def test_keys_that_are_refused_in_mid_experiment_are_waited_for_and_at_its_start_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody rotates them: a slot that is not bound yet, and the reducer, have few tries, seconds apart."""
    monkeypatch.setattr("automl_core.running.patience.FIRST_PAUSE", 0.001)
    world = World(tmp_path, tasks=prints("accuracy=${x}"), trials={"max": 1, "retries": 0})
    left = 4

    class Refusing(FolderStore):
        def _told(self, operation: str, key: str) -> Any:
            nonlocal left
            if left:
                left -= 1
                raise AccessRefused(f"Cannot {operation} {key}: InvalidAccessKeyId")
            return super()._told(operation, key)

    monkeypatch.setattr(session, "open_experiment_store", lambda storage, connection: Refusing(tmp_path / "runs"))
    with pytest.raises(AccessRefused):
        world.propose()
    left = 0
    world.propose()
    for step in (lambda: world.trial(0), world.reduce):
        left = 4
        step()
        assert left == 0
    assert world.study().state.works[0].failures == 0


def test_a_store_that_stays_away_past_all_patience_is_no_failure_of_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__AUTOML__STORAGE_PATIENCE", "0")
    world = World(tmp_path, tasks=prints("accuracy=${x}"), trials={"max": 1, "retries": 0})
    world.propose()

    def away(self: Any) -> None:
        raise StorageUnavailable("the bucket is away")

    with monkeypatch.context() as patched:
        patched.setattr("automl_core.running.folders.Folders.keep_log", away)
        with pytest.raises(StorageUnavailable):
            world.trial(0)
    assert world.study().state.works[0].failures == 0
    assert world.trial(0)["state"] == "SUCCEEDED", "Airflow tries the task again, and the trial is not lost"


def test_a_local_trial_runs_in_the_bundle_that_airflow_gave_its_process(tmp_path: Path) -> None:
    bundle = tmp_path / "versions" / "3f2a"
    bundle.mkdir(parents=True)
    (bundle / "train.sh").write_text("echo accuracy=0.5\n")
    world = World(tmp_path, tasks=[{"name": "train", "command": ["sh", "train.sh"], "cwd": "bundle"}])
    world.propose()
    context = world.context()
    context["ti"].bundle_instance = type("Bundle", (), {"path": bundle, "version": "3f2a"})()
    assert world.operator(0).execute(context)["value"] == 0.5


# --- a slot that waits ahead of its place, on this machine -------------------------------------------


def waiting(world: World, slot: int) -> TrialOperator:
    return TrialOperator(
        task_id="trial", slot=slot, step_ids=["trial"], ahead=2, max_active_tis_per_dagrun=4, **world.where
    )


def test_a_slot_ahead_trains_in_the_place_that_becomes_free_with_the_guard_it_has(
    tmp_path: Path, skipped: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = {"name": "train", "command": "echo accuracy=0.5 guard=$PPID"}
    world = World(tmp_path, tasks=[task], trials={"max": 4, "concurrency": 2, "canary": False})
    world.propose()
    study = world.study()
    bindings = [study.ask(slot, places=4) for slot in (0, 1)]
    started: list[ReadyGuard] = []
    make = ReadyGuard.__init__

    def ends_meanwhile(self: ReadyGuard, label: str) -> None:
        make(self, label)
        started.append(self)
        assert isinstance(bindings[0], Binding)
        study.tell(bindings[0], Outcome(TrialState.SUCCEEDED, value=0.4, metrics={"accuracy": 0.4}))

    monkeypatch.setattr(ReadyGuard, "__init__", ends_meanwhile)
    result = waiting(world, 2).execute(world.context())
    assert result["value"] == 0.5
    assert result["metrics"]["guard"] == started[0].process.pid
    assert len(started) == 1
    assert world.study().state.works[2].state is TrialState.SUCCEEDED
    assert len(world.study().state.running) == 1


def test_a_slot_ahead_that_gives_its_worker_back_leaves_no_guard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, tasks=prints("accuracy=0.5"), trials={"max": 4, "concurrency": 2, "canary": False})
    world.propose()
    study = world.study()
    for slot in (0, 1):
        study.ask(slot, places=4)
    monkeypatch.setattr(ahead, "stay", lambda study, answer, *_, **__: answer)  # no place is expected soon
    operator = waiting(world, 2)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(world.context())
    assert isinstance(deferred.value.trigger, PlaceTrigger)
    assert operator._guard is not None
    assert operator._guard.process.returncode == 0
    assert 2 not in world.study().state.works


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(compat, "name_map_index", lambda context, label: found.append(label))
    return found


def test_a_short_trial_is_named_once_it_has_ended(
    tmp_path: Path, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naming, "NAMED_AFTER", 3600.0)
    world = World(tmp_path, tasks=prints("accuracy=0.5"))
    world.propose()
    context = world.context()
    world.operator(0).execute(context)
    assert names == [], "a request to Airflow for a name that nobody would read"
    assert context["label"].startswith("0 · "), "Airflow renders it when the task has ended"
    assert "accuracy 0.5" in context["label"]
    assert context["ti"].rendered_map_index == context["label"], "and sends it with the end alone"


def test_a_trial_that_goes_on_is_named_while_it_trains(
    tmp_path: Path, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "named"
    wait = f"for i in $(seq 600); do test -e {seen} && break; sleep 0.1; done; echo accuracy=0.5"

    def name(context: dict[str, Any], label: str) -> None:
        names.append(label)
        seen.touch()

    monkeypatch.setattr(naming, "NAMED_AFTER", 0.0)
    monkeypatch.setattr(compat, "name_map_index", name)
    world = World(tmp_path, tasks=[{"name": "train", "command": wait}])
    world.propose()
    context = world.context()
    world.operator(0).execute(context)
    assert len(names) == 1
    assert names[0].startswith("0 · ")
    assert context["label"] != names[0], "the last name is that of its end"
