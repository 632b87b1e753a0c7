"""Trials that wait in a queue of Kueue with less quota than they have concurrency, through a real Airflow.

Pods of one experiment and TrainJobs of another, on the stand-in, which has Kueue and Kubeflow Trainer.
"""

from __future__ import annotations

import os

import pytest

from tests.e2e.cluster import TestCluster, environment, prepare
from tests.e2e.world import MISSED_SOON, World, wait_until
from tests.support.kueue import Queues
from tests.support.trainjobs import trainjob

pytestmark = [
    pytest.mark.timeout(420),
    pytest.mark.skipif("CLUSTER_KUBECONFIG" in os.environ, reason="the queues and their quota are the stand-in's"),
]
SCRIPT = (
    "echo accuracy=${x} step=0; python3 -c 'import time; time.sleep(2)'; echo model > $AUTOML_MODEL_DIR/model.txt; "
    "echo accuracy=${x} step=1"
)


@pytest.fixture(scope="module")
def told(cluster: TestCluster) -> dict[str, str]:
    """As test_kubernetes.py tells its Airflow, which is this one's too."""
    return {**environment(cluster), **MISSED_SOON}


@pytest.fixture(scope="module", autouse=True)
def prepared(world: World) -> None:
    prepare(world)


@pytest.fixture(scope="module")
def runs(world: World, cluster: TestCluster) -> dict[str, str]:
    """Both experiments, which go on at the same time: name → run id."""
    standin = cluster.standin
    assert standin is not None
    looked = standin.counts().get(("list", "workloads"), 0)
    queues = Queues(cluster.kubeconfig)
    for name in ("pods", "trains"):  # shut until trials of both are seen to wait, however slow the machine is
        queues.make(name, {"cpu": "0"})
    pod = cluster.task(
        world, command=SCRIPT, files={}, resources={"cpu": "1"}, kueue={"queue": "pods"},
        pending={"timeout": "1s", "then": "fail"},
    )  # fmt: skip
    mount = {"host_path": str(world.root / "runs"), "path": "/mnt/runs"}
    train = trainjob(["sh", "-c", SCRIPT], nodes=2, mount=mount, kueue={"queue": "trains"})
    trials = {"max": 3, "concurrency": 3}
    world.experiment("queued_pods", tasks=[pod], trials=trials)
    world.experiment("queued_trainjobs", tasks=[train], trials=trials)
    names = ("queued_pods", "queued_trainjobs")
    for name in names:
        world.wait_for_dag(name, 180)
    started = {name: world.start(name) for name in names}
    # each hub asks for the Workloads once one of its trials is seen to wait
    wait_until(
        lambda: standin.counts().get(("list", "workloads"), 0) >= looked + 2,
        180,
        "trials of both to wait in their queue",
    )
    for name, cpu in (("pods", "1"), ("trains", "2")):
        flavor = {"name": "any", "resources": [{"name": "cpu", "nominalQuota": cpu}]}
        queues.change(name, {"resourceGroups": [{"coveredResources": ["cpu"], "flavors": [flavor]}]})
    return started


@pytest.mark.parametrize(("name", "kind"), [("queued_pods", "Pod"), ("queued_trainjobs", "TrainJob")])
def test_trials_take_turns_in_their_queue_and_the_best_is_published(
    world: World, cluster: TestCluster, runs: dict[str, str], name: str, kind: str
) -> None:
    run = runs[name]
    assert world.finish(name, run) == "success"
    result = world.controller(name, run)
    assert [each["state"] for each in result["trials"]] == ["SUCCEEDED"] * 3
    assert {len(each["attempts"]) for each in result["trials"]} == {1}, "waiting was nobody's failure"
    best = result["trials"][result["experiment"]["best_trial"]]
    assert best["value"] == max(each["params"]["x"] for each in result["trials"])
    assert (world.folder(name, run) / "best_model" / "model" / "model.txt").read_text() == "model\n"
    logs = [world.log(name, run, "trial", index) for index in range(3)]
    waited = [log for log in logs if "it waits for its turn in the queue" in log]
    assert waited, "some have waited"
    assert all("it has its turn in the queue" in log for log in waited)
    wait_until(lambda: not _left(cluster, kind), 60, f"every {kind} to be gone, and its quota with it")


def _left(cluster: TestCluster, kind: str) -> list[str]:
    """Workloads of a kind that are there still."""
    found = Queues(cluster.kubeconfig).workloads()
    return [each["metadata"]["name"] for each in found if each["metadata"]["ownerReferences"][0]["kind"] == kind]
