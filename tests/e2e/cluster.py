"""The cluster of the Kubernetes tests: the stand-in on loopback, or a real one (`make test-cluster`)."""

from __future__ import annotations

import json
import os
import secrets
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from tests.e2e.world import World, wait_until
from tests.standins.kubernetes.standin import KubernetesStandIn

TRAIN = """
# Training code of the tests; needs nothing but python3. Prints accuracy = x * (1 - 0.5 ** (step + 1)).
import json, os, pathlib, signal, sys, time

args = dict(a.split("=", 1) for a in sys.argv[1:])
x, mode = float(args.get("x", 0.5)), args.get("mode", "")
steps, pause = int(args.get("steps", 3)), float(args.get("pause", 0.1))
attempt = int(os.environ["AUTOML_ATTEMPT"])
first = 0
resume = os.environ.get("AUTOML_RESUME_FROM")
if resume:
    first = json.loads(pathlib.Path(resume, "state.json").read_text())["step"] + 1
    print(f"resumed after step {first - 1}", flush=True)
if mode == "bad":
    raise ValueError(f"this combination is bad: {x}")
if mode == "exit1":
    raise SystemExit(1)
if mode == "memory" and attempt == 1:
    held = []
    for _ in range(60):
        held.append(bytearray(os.urandom(1) * 10_000_000))
        time.sleep(0.02)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "nan":
    print("accuracy=nan step=0", flush=True)
    time.sleep(600)
if mode == "flat":
    for step in range(1000):
        print(f"accuracy={x:.6f} step={step}", flush=True)
        time.sleep(0.5)
last = int(os.environ.get("AUTOML_BUDGET", steps))
for step in range(first, last):
    print(f"accuracy={x * (1 - 0.5 ** (step + 1)):.6f} step={step}", flush=True)
    if os.path.isdir(os.environ["AUTOML_CHECKPOINT_DIR"]):
        pathlib.Path(os.environ["AUTOML_CHECKPOINT_DIR"], "state.json").write_text(json.dumps({"step": step}))
    time.sleep(pause)
if os.path.isdir(os.environ["AUTOML_MODEL_DIR"]):
    pathlib.Path(os.environ["AUTOML_MODEL_DIR"], "model.json").write_text(json.dumps({"x": x}))
"""


@dataclass
class TestCluster:
    """A cluster that pods of tests run in.

    Attributes:
        kubeconfig: the file that leads to it.
        image: an image with python3 and /bin/sh.
        namespace: where the pods go.
        standin: the stand-in, None on a real cluster.
        shares_folders: whether pods and this machine see the same folder of runs.
    """

    __test__ = False

    kubeconfig: Path
    image: str
    namespace: str
    standin: KubernetesStandIn | None = None
    shares_folders: bool = True

    @property
    def api(self) -> client.CoreV1Api:
        """The official client."""
        return client.CoreV1Api(config.new_client_from_config(config_file=str(self.kubeconfig)))

    def connection(self) -> str:
        """An Airflow connection, as the value of an environment variable."""
        extra = {"kube_config_path": str(self.kubeconfig), "namespace": self.namespace}
        return json.dumps({"conn_type": "kubernetes", "extra": extra})

    def task(self, world: World, mode: str = "", **fields: Any) -> dict[str, Any]:
        """A training task that runs the tests' training code."""
        arguments = {"x": "${x}", **({"mode": mode} if mode else {}), **fields.pop("arguments", {})}
        return {
            "name": "train",
            "backend": "kubernetes",
            "image": self.image,
            "command": ["python3", "/automl/code/train.py", *(f"{key}={value}" for key, value in arguments.items())],
            "files": {"/automl/code/train.py": "train_pod.py"},
            "storage_mount": self.storage_mount(world),
            "resources": {"cpu": "50m", "memory": "128Mi"},
            "security": {"run_as_user": 1000},
            "metrics": {"source": "stdout"},
            **fields,
        }

    def storage_mount(self, world: World) -> dict[str, Any]:
        """How pods find the folder of the runs: on the node, or as CLUSTER_STORAGE (JSON) says.

        A volume that CLUSTER_STORAGE names is mounted here at CLUSTER_RUNS, and the tests' folders are below that.
        """
        stated = os.environ.get("CLUSTER_STORAGE")
        if not stated:
            return {"path": "/mnt/runs", "host_path": str(world.root / "runs")}
        below = (world.root / "runs").relative_to(Path(os.environ["CLUSTER_RUNS"]).resolve())
        return {**json.loads(stated), "sub_path": str(below)}

    def look_for_folder(self, world: World) -> None:
        """Ask a pod on the cluster whether it sees this machine's folder of runs, where nobody has said so."""
        if self.standin is not None or os.environ.get("CLUSTER_STORAGE"):
            return
        mark = world.root / "runs" / "seen-by-nodes"
        mark.touch()
        name = f"automl-tests-{secrets.token_hex(4)}"
        volume = {"name": "runs", "hostPath": {"path": str(mark.parent)}}
        container = {
            "name": "look", "image": self.image, "command": ["sh", "-c", f"test -e /mnt/runs/{mark.name}"],
            "volumeMounts": [{"name": "runs", "mountPath": "/mnt/runs"}],
        }  # fmt: skip
        spec = {"restartPolicy": "Never", "containers": [container], "volumes": [volume]}
        self.api.create_namespaced_pod(self.namespace, {"metadata": {"name": name}, "spec": spec})
        try:
            wait_until(lambda: self._phase(name) in ("Succeeded", "Failed"), 240, f"pod {name} to look for {mark}")
            self.shares_folders = self._phase(name) == "Succeeded"
        finally:
            self.api.delete_namespaced_pod(name, self.namespace, grace_period_seconds=0)

    def _phase(self, pod: str) -> str:
        return str(self.api.read_namespaced_pod(pod, self.namespace).status.phase)

    def needs_shared_folder(self) -> None:
        """Skip a test of what pods leave in the storage, where they see none of it."""
        if not self.shares_folders:
            pytest.skip("the nodes don't see this machine's folders: STORAGE=… and RUNS=… say where they see one")

    def pods(self, experiment: str) -> list[Any]:
        """The pods of an experiment that there are, running or ended."""
        return list(
            self.api.list_namespaced_pod(self.namespace, label_selector=f"automl/experiment={experiment}").items
        )


@contextmanager
def some_cluster(**options: float) -> Iterator[TestCluster]:
    """The real cluster that the environment names, else the stand-in with these options."""
    stated = os.environ.get("CLUSTER_KUBECONFIG")
    if stated:
        namespace = os.environ.get("CLUSTER_NAMESPACE", "default")
        yield TestCluster(Path(stated), os.environ.get("CLUSTER_IMAGE", "python:3.11-slim"), namespace)
        return
    with KubernetesStandIn(**options) as standin:
        yield TestCluster(standin.kubeconfig, "python:3.11-slim", "default", standin)


def environment(cluster: TestCluster) -> dict[str, str]:
    """What Airflow's processes are told of the cluster; the files that name it are written after their start."""
    return {"AIRFLOW_CONN_KUBERNETES_DEFAULT": cluster.connection(), "AUTOML_PRELOAD_KUBERNETES": "1"}


def prepare(world: World) -> None:
    """Put the training code where experiment files find it, and let pods of any user write the runs."""
    (world.root / "train_pod.py").write_text(textwrap.dedent(TRAIN).lstrip())
    runs = world.root / "runs"
    runs.mkdir(exist_ok=True)
    runs.chmod(0o777)
