"""Trials in pods on a real Airflow: what a user gets, and each failure that they must take.

On the API server stand-in, or on a real cluster (`make test-cluster`). Tests that make a fault which only the
stand-in can make are marked so; nothing else depends on it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest

from automl_core.storage import open_store
from automl_core.study import Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from automl_core.study.places import WAITING
from tests.e2e.cluster import TestCluster, environment, prepare
from tests.e2e.world import MISSED_SOON, World, wait_until
from tests.sources import ROOT
from tests.support.patience import stretched

pytestmark = pytest.mark.timeout(420)


@pytest.fixture(scope="module")
def told(cluster: TestCluster) -> dict[str, str]:
    return {**environment(cluster), **MISSED_SOON}


@pytest.fixture(scope="module", autouse=True)
def prepared(world: World, cluster: TestCluster) -> None:
    prepare(world)
    cluster.look_for_folder(world)


Runs = dict[str, str]
"""Experiment → id of its run."""

ONE = {"max": 1, "concurrency": 1, "retry_delay": "1s"}
STEPS = 25
AWAY = 120
"""Seconds that the API server is away, which every trial has to outlast."""


@pytest.fixture(scope="module")
def runs(world: World, cluster: TestCluster) -> Runs:
    """Experiments that go on at the same time: name → run id."""

    def task(mode: str = "", **fields: Any) -> list[dict[str, Any]]:
        return [cluster.task(world, mode, **fields)]

    world.experiment("plain", tasks=task(), trials={"max": 4, "concurrency": 2})
    if cluster.standin is not None:  # a real cluster's image would need this product
        world.experiment(
            "follow", tasks=task(lane=True, env={"PYTHONPATH": str(ROOT)}), trials={"max": 5, "concurrency": 2},
        )  # fmt: skip
    world.experiment(
        "flat", tasks=task("flat"),
        trials={**ONE, "early_stopping": {"rule": "patience", "patience": 3}},
    )  # fmt: skip
    world.experiment("same_error", tasks=task("bad"), stop={"same_error": 2}, trials={"max": 6, "concurrency": 1})
    world.experiment("exit1", tasks=task("exit1"), trials={**ONE, "retries": 1})
    world.experiment(
        "memory", trials=ONE,
        tasks=task(
            "memory", resources={"cpu": "50m", "memory": "80Mi"}, memory_limit_on_oom={"factor": 4, "max": "1Gi"}
        ),
    )  # fmt: skip
    world.experiment(
        "no_room", trials=ONE,
        tasks=task(resources={"gpu": {"count": 64, "type": "none-such"}}, pending={"timeout": "3s", "then": "fail"}),
    )  # fmt: skip
    world.experiment(
        "no_secret", trials=ONE,
        tasks=task(secrets=[{"env": "KEY", "secret": "automl-none", "key": "k"}], pending={"config": "3s"}),
    )  # fmt: skip
    world.experiment(
        "rungs", tasks=task(), search={"algorithm": "hyperband", "seed": 1},
        trials={"max": 20, "concurrency": 2, "budget": {"name": "steps", "min": 1, "max": 3, "factor": 3}},
    )  # fmt: skip
    world.experiment(
        "mixed", trials=ONE,
        tasks=[
            {"name": "prepare", "command": ["sh", "-c", "echo prepared > $AUTOML_MODEL_DIR/data.txt"]},
            cluster.task(
                world, workers=2,
                command="cat $AUTOML_MODEL_DIR/data.txt; echo rank $RANK of $WORLD_SIZE; echo accuracy=${x} step=0",
            ),
        ],
    )  # fmt: skip
    world.experiment(
        "staged", trials={**ONE, "max": 2},
        prepare=[cluster.task(world, command="echo rows of the table > $AUTOML_MODEL_DIR/rows", files={})],
        tasks=[cluster.task(world, command="cat $AUTOML_PREPARED_DIR/rows; echo accuracy=${x} step=0", files={})],
        conclude=[
            cluster.task(
                world, files={},
                command="grep -q '\"rank\": 1' $AUTOML_TRIALS_FILE && "
                "echo refit of rank 1 | tee $AUTOML_MODEL_DIR/refit",
            )
        ],
    )  # fmt: skip
    names = sorted(path.stem for path in (world.root / "experiments").glob("*.yaml"))
    for name in names:
        world.wait_for_dag(name, 180)
    return {name: world.start(name) for name in names}


def trial(world: World, name: str, run: str, number: int = 0) -> dict[str, Any]:
    """A trial as it was published."""
    found: dict[str, Any] = world.controller(name, run)["trials"][number]
    return found


def left(cluster: TestCluster, name: str) -> list[str]:
    """Pods of an experiment that have not ended."""
    return [pod.metadata.name for pod in cluster.pods(name) if pod.status.phase not in ("Succeeded", "Failed")]


def test_pods_find_and_publish_the_best_model(world: World, cluster: TestCluster, runs: Runs) -> None:
    name, run = "plain", runs["plain"]
    assert world.finish(name, run) == "success"
    result = world.controller(name, run)
    assert [each["state"] for each in result["trials"]] == ["SUCCEEDED"] * 4
    best = result["trials"][result["experiment"]["best_trial"]]
    if cluster.shares_folders:
        model = json.loads((world.folder(name, run) / "best_model" / "model" / "model.json").read_text())
        assert model == {"x": best["params"]["x"]}
    assert best["value"] == max(each["value"] for each in result["trials"])
    shown = world.log(name, run, "trial", 0)
    assert shown.count("step=2") == 1, "each line once"
    assert cluster.pods(name) == [], "no pod is left"
    instances = world.instances(name, run)
    assert {row["try_number"] for (task, _), row in instances.items() if task == "trial"} == {1}
    assert instances["trial", 0]["operator"] == "KubernetesTrialOperator"


def test_trials_follow_one_another_in_a_pod(world: World, cluster: TestCluster, runs: Runs) -> None:
    if cluster.standin is None:
        pytest.skip("the image of a real cluster does not have this product")
    name, run = "follow", runs["follow"]
    assert world.finish(name, run) == "success"
    result = world.controller(name, run)
    assert [each["state"] for each in result["trials"]] == ["SUCCEEDED"] * 5
    journal = StudyJournal(open_store(str(world.root / "runs")), experiment_prefix(name, run))
    attempts = [each for work in Study.load(journal).state.works.values() for each in work.attempts]
    pods = [json.loads(each.external)["name"] for each in attempts]
    assert len(pods) == 5
    assert len(set(pods)) <= 2, "as many as run at once"
    assert world.log(name, run, "trial", 0).count("step=2") == 1, "its own lines, each once"
    assert cluster.pods(name) == [], "no pod is left"


def test_a_trial_that_stands_still_is_ended_early(world: World, cluster: TestCluster, runs: Runs) -> None:
    assert world.finish("flat", runs["flat"]) == "success"
    found = trial(world, "flat", runs["flat"])
    assert found["state"] == "EARLY_STOPPED"
    assert found["value"] == pytest.approx(found["params"]["x"], rel=1e-4)
    assert left(cluster, "flat") == []
    assert world.states("flat", runs["flat"]) == {"success": 1}


def test_the_same_error_in_trials_running_stops_the_experiment(world: World, runs: Runs) -> None:
    assert world.finish("same_error", runs["same_error"]) == "failed"
    result = world.controller("same_error", runs["same_error"])
    assert result["experiment"]["state"] == "FAILED"
    assert "ValueError: this combination is bad" in result["experiment"]["stop_reason"]
    assert [each["state"] for each in result["trials"]] == ["FAILED"] * 2
    assert [len(each["attempts"]) for each in result["trials"]] == [1, 1]
    assert world.states("same_error", runs["same_error"]) == {"failed": 2, "skipped": 4}


def test_an_exit_code_is_tried_again_as_often_as_the_file_says(world: World, runs: Runs) -> None:
    assert world.finish("exit1", runs["exit1"]) == "failed"
    found = trial(world, "exit1", runs["exit1"])
    assert [attempt["state"] for attempt in found["attempts"]] == ["FAILED", "FAILED"]
    assert "exit code 1" in found["reason"]


def test_out_of_memory_is_tried_again_with_more(world: World, runs: Runs) -> None:
    assert world.finish("memory", runs["memory"]) == "success"
    found = trial(world, "memory", runs["memory"])
    assert found["state"] == "SUCCEEDED"
    assert [attempt["state"] for attempt in found["attempts"]] == ["FAILED", "SUCCEEDED"]
    assert "out of memory" in found["attempts"][0]["reason"]
    asked = [json.loads(attempt["external"])["memory"] for attempt in found["attempts"]]
    assert asked[1] == 4 * asked[0]


def test_a_pod_that_no_node_takes_fails_with_the_schedulers_message(
    world: World, cluster: TestCluster, runs: Runs
) -> None:
    assert world.finish("no_room", runs["no_room"]) == "failed"
    assert "nodes are available" in trial(world, "no_room", runs["no_room"])["reason"]
    assert cluster.pods("no_room") == []


def test_a_missing_secret_is_named(world: World, runs: Runs) -> None:
    assert world.finish("no_secret", runs["no_secret"]) == "failed"
    found = trial(world, "no_secret", runs["no_secret"])
    assert "automl-none" in found["reason"]
    assert len(found["attempts"]) == 1


def test_a_promoted_trial_resumes_from_its_own_rung(world: World, cluster: TestCluster, runs: Runs) -> None:
    cluster.needs_shared_folder()
    assert world.finish("rungs", runs["rungs"], seconds=300) == "success"
    result = world.controller("rungs", runs["rungs"])
    # a trial's own log is that of its last attempt, and whole: into Airflow's goes what it can take at the time
    folders = [world.folder("rungs", runs["rungs"]) / f"experiment_{each['number']}" for each in result["trials"]]
    logs = [(folder / "log.txt").read_text() for folder in folders]
    assert any("resumed after step 0" in log for log in logs)
    assert any(len({attempt["slot"] for attempt in each["attempts"]}) == 2 for each in result["trials"])


def test_local_tasks_and_workers_that_train_as_one_make_a_trial(world: World, cluster: TestCluster, runs: Runs) -> None:
    cluster.needs_shared_folder()
    assert world.finish("mixed", runs["mixed"]) == "success"
    found = trial(world, "mixed", runs["mixed"])
    assert found["value"] == pytest.approx(found["params"]["x"])
    shown = world.log("mixed", runs["mixed"], "trial.train", 0)
    assert "prepared" in shown, "the output of the training task before"
    assert "rank 0 of 2" in shown
    assert "[worker 1] rank 1 of 2" in shown
    assert cluster.pods("mixed") == []


def test_a_pod_taken_away_is_replaced_and_goes_on_from_its_checkpoint(world: World, cluster: TestCluster) -> None:
    name = world.experiment(
        "taken", tasks=[slow(world, cluster)], trials={"max": 1, "concurrency": 1, "retry_delay": "1s"}
    )
    run = world.start(name)
    pod = first_pod(cluster, name)
    wait_for_step(world, name, run, 2)
    cluster.api.delete_namespaced_pod(pod, cluster.namespace, grace_period_seconds=1)
    assert world.finish(name, run) == "success"
    found = trial(world, name, run)
    assert [attempt["state"] for attempt in found["attempts"]] == ["FAILED", "SUCCEEDED"], "not counted: retries is 0"
    assert "deleted" in found["attempts"][0]["reason"]
    if cluster.shares_folders:
        assert "resumed after step" in world.log(name, run, "trial", 0, attempt=2)


def test_a_triggerer_that_dies_and_comes_back_goes_on_with_the_same_pod(world: World, cluster: TestCluster) -> None:
    name = world.experiment("triggerer", tasks=[slow(world, cluster)], trials=ONE)
    run = world.start(name)
    pod = first_pod(cluster, name)
    wait_for_step(world, name, run, 1)
    world.airflow.kill_component("triggerer")
    time.sleep(2)
    world.airflow.start_component("triggerer")
    assert world.finish(name, run) == "success"
    found = trial(world, name, run)
    assert [json.loads(attempt["external"])["name"] for attempt in found["attempts"]] == [pod]
    assert steps_in_log(world, name, run) == list(range(STEPS))
    assert cluster.pods(name) == []


@pytest.mark.long  # a minute; make faults runs it
def test_a_worker_that_dies_before_it_has_deferred_leaves_its_pod_to_the_next(
    world: World, cluster: TestCluster
) -> None:
    for tries in range(3):
        name = world.experiment(f"worker_{tries}", tasks=[slow(world, cluster)], trials=ONE)
        run = world.start(name)
        pod = first_pod(cluster, name, pause=0.005)
        pid = int(world.study(name, run).state.works[0].attempts[0].worker.rpartition(":")[2])
        os.kill(pid, signal.SIGSTOP)
        if world.study(name, run).state.works[0].attempts[0].external:  # it was faster: once more
            os.kill(pid, signal.SIGCONT)
            world.finish(name, run)
            continue
        os.kill(pid, signal.SIGKILL)
        break
    else:
        pytest.skip("the worker was always faster than this test")
    assert world.finish(name, run) == "success"
    found = trial(world, name, run)
    assert [json.loads(attempt["external"])["name"] for attempt in found["attempts"]] == [pod]
    assert world.instances(name, run)["trial", 0]["try_number"] == 2


def test_slots_wait_ahead_and_never_more_pods_run_than_there_are_places(world: World, cluster: TestCluster) -> None:
    if cluster.standin is None:
        pytest.skip("only the stand-in says exactly when a pod was created and ended")
    task = cluster.task(world, command="echo accuracy=${x} step=0; sleep 2", files={})
    name = world.experiment("ahead", tasks=[task], trials={"max": 8, "concurrency": 2, "canary": False})
    run, state = world.run(name)
    assert state == "success"
    assert [len(each["attempts"]) for each in world.controller(name, run)["trials"]] == [1] * 8
    ours = {json.loads(work.attempts[0].external)["name"] for work in world.study(name, run).state.works.values()}
    lives = [life for life in cluster.standin.pod_times() if life["name"] in ours]
    assert len(lives) == 8
    for life in lives:
        beside = [each for each in lives if each["created"] <= life["created"] < each["ended"]]
        assert len(beside) <= 2
    names = [row["rendered_map_index"] for (step, _), row in world.instances(name, run).items() if step == "trial"]
    assert not [each for each in names if each == WAITING]


def test_a_cleared_trial_ends_its_pod_and_one_marked_failed_too(world: World, cluster: TestCluster) -> None:
    endless = cluster.task(world, arguments={"steps": 600, "pause": 0.8})
    name = world.experiment("cleared", tasks=[endless], trials=ONE)
    run = world.start(name)
    first = first_pod(cluster, name)
    wait_for_step(world, name, run, 1)
    body = {
        "dry_run": False,
        "task_ids": [["trial", 0]],
        "dag_run_id": run,
        "only_running": False,
        "only_failed": False,
    }
    world.call("POST", f"/dags/{name}/clearTaskInstances", json=body)
    wait_until(lambda: first not in left(cluster, name), 60, "the cleared trial's pod to end")
    second = first_pod(cluster, name)
    assert second != first
    wait_for_step(world, name, run, 1)
    path = f"/dags/{name}/dagRuns/{run}/taskInstances/trial/0"
    world.call("PATCH", path, json={"new_state": "failed"})
    wait_until(lambda: left(cluster, name) == [], 60, "the pod of the trial marked failed to end")
    world.finish(name, run)
    first_state, second_state = [attempt["state"] for attempt in trial(world, name, run)["attempts"]]
    assert first_state == "USER_CANCELED"
    assert second_state in ("USER_CANCELED", "SYS_CANCELED"), "by whoever was first, the trigger or the reducer"


def test_a_run_marked_failed_ends_its_pods(world: World, cluster: TestCluster) -> None:
    endless = cluster.task(world, arguments={"steps": 600, "pause": 0.8})
    name = world.experiment("run_failed", tasks=[endless], trials={"max": 2, "concurrency": 2})
    run = world.start(name)
    wait_until(lambda: len(left(cluster, name)) == 2, 120, "both pods")
    wait_for_step(world, name, run, 1)
    world.call("PATCH", f"/dags/{name}/dagRuns/{run}", json={"state": "failed"})
    wait_until(lambda: left(cluster, name) == [], 60, "the pods of the run marked failed to end")
    assert set(world.states(name, run)) <= {"failed", "skipped"}


@pytest.mark.long
def test_an_api_server_that_is_away_changes_nothing(world: World, cluster: TestCluster) -> None:
    if cluster.standin is None:
        pytest.skip("only the stand-in goes away on demand")
    name = world.experiment("away", tasks=[slow(world, cluster)], trials=ONE)
    run = world.start(name)
    pod = first_pod(cluster, name)
    wait_for_step(world, name, run, 1)
    cluster.standin.away(AWAY)
    assert world.finish(name, run, seconds=AWAY + 165) == "success"
    found = trial(world, name, run)
    assert [json.loads(attempt["external"])["name"] for attempt in found["attempts"]] == [pod]
    shown = world.log(name, run, "trial", 0)
    assert "can't be reached" in shown
    assert "reached again" in shown


@pytest.mark.long  # a minute; make faults runs it
def test_an_airflow_that_is_restarted_goes_on_with_the_same_pod(world: World, cluster: TestCluster) -> None:
    task = cluster.task(world, arguments={"steps": 40, "pause": 1})
    name = world.experiment("restarted", tasks=[task], trials=ONE)
    run = world.start(name)
    pod = first_pod(cluster, name)
    wait_for_step(world, name, run, 1)
    world.airflow.stop()
    world.airflow.start()
    assert world.finish(name, run) == "success"
    found = trial(world, name, run)
    assert [json.loads(attempt["external"])["name"] for attempt in found["attempts"]] == [pod]
    assert steps_in_log(world, name, run) == list(range(40))
    assert cluster.pods(name) == []


def slow(world: World, cluster: TestCluster, **fields: Any) -> dict[str, Any]:
    """A training task of some twenty seconds with a checkpoint at each step."""
    return cluster.task(world, arguments={"steps": STEPS, "pause": 0.8}, **fields)


def first_pod(cluster: TestCluster, name: str, pause: float = 0.5) -> str:
    """Name of the pod that an experiment runs now, once it does."""
    api, deadline = cluster.api, time.monotonic() + stretched(120)
    while time.monotonic() < deadline:
        for pod in api.list_namespaced_pod(cluster.namespace, label_selector=f"automl/experiment={name}").items:
            if pod.status.phase not in ("Succeeded", "Failed") and pod.metadata.deletion_timestamp is None:
                return str(pod.metadata.name)
        time.sleep(pause)
    raise AssertionError(f"no pod of {name} within {stretched(120):.0f} s")


def steps_in_log(world: World, name: str, run: str) -> list[int]:
    """The steps in the published log of the first trial: each once, in order, whatever happened meanwhile."""
    log = (world.folder(name, run) / "experiment_0" / "log.txt").read_text()
    return [int(line.rpartition("step=")[2]) for line in log.splitlines() if "step=" in line]


def wait_for_step(world: World, name: str, run: str, step: int) -> None:
    """Wait until the running trial has reported a step."""
    path = world.folder(name, run) / "experiment_0" / "metrics.json"

    def reported() -> bool:
        return path.is_file() and any(row[0] >= step for row in json.loads(path.read_text())["points"]["points"])

    wait_until(reported, 90, f"step {step} of {name}", lambda: path.read_text()[:300] if path.is_file() else "none")


def test_prepare_and_conclude_run_in_pods_too(world: World, cluster: TestCluster, runs: Runs) -> None:
    name, run = "staged", runs["staged"]
    assert world.finish(name, run) == "success"
    told = world.controller(name, run)["experiment"]
    assert {stage: entry["state"] for stage, entry in told["stages"].items()} == {
        "prepare": "SUCCEEDED", "conclude": "SUCCEEDED",
    }  # fmt: skip
    assert told["model_from"] == "conclude"
    assert "rows of the table" in world.log(name, run, "trial", 0)
    assert "refit of rank 1" in world.log(name, run, "conclude", -1)
    if cluster.shares_folders:
        assert (world.folder(name, run) / "best_model" / "model" / "refit").is_file()
    assert cluster.pods(name) == [], "no pod is left"
