"""Slot use, hand-over and CPU of trials in pods, on a real Airflow and the API server stand-in of the tests.

    slot use = (sum of the pods' seconds) / (concurrency × makespan)
    hand-over = from the end of the k-th pod's container to the creation of the pod that has its place: the
                (concurrency + k)-th that was created

The makespan runs from the first trial's start to the last one's end. The times of pods are the stand-in's own; it
takes as long as a cluster to start and to delete them. CPU is that of all of Airflow's processes, less what they use
when nothing runs. SQLite and LocalExecutor, so the figures are those of a small deployment.

    python -m benchmarks.pod_slots                            # 24 pods of 8 s and 12 of 60 s, 6 at once
    python -m benchmarks.pod_slots --other ../before          # the same, in turns with another build
    python -m benchmarks.pod_slots --pods 24 --seconds 8      # one of them

Another build is a checkout with an environment of its own (`make setup-dev` there). It gets this benchmark and this
stand-in, so that both are measured alike.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from automl_airflow.standalone import running_airflow
from automl_core.spec.models import Trials
from tests.e2e.cluster import TestCluster, environment, prepare, some_cluster
from tests.e2e.world import World
from tests.standins.kubernetes.standin import KubernetesStandIn

COMPONENTS = ("scheduler", "triggerer", "dag-processor", "api-server")

SHAPES = ((24, 8.0), (12, 60.0))
"""Pods and the seconds of each."""

START, DELETION = 1.5, 0.5
"""Seconds that a cluster takes to start a pod's container, and to delete a pod that has ended."""

LOG_DELAY = 0.3
"""Seconds after which a line that was printed can be read."""

ROOT = Path(__file__).resolve().parents[1]


def cpu_of(world: World) -> float:
    """Seconds of CPU that Airflow's processes and their ended children have used."""
    ticks = 0
    for component in COMPONENTS:
        try:
            root = world.airflow.pid(component)
        except KeyError:
            continue
        for pid in [root, *children(root)]:
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """All living descendants of a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children(child)]
    return found


def hand_overs(pods: list[dict[str, Any]], places: int) -> list[float]:
    """Seconds from each container's end to the creation of the pod that gets its place, in the order of the ends.

    Args:
        pods: what the stand-in says of them.
        places: trials at once.
    """
    created = sorted(pod["created"] for pod in pods)
    ended = sorted(pod["ended"] for pod in pods if pod["ended"] is not None)
    return [begun - end for end, begun in zip(ended, created[places:], strict=False)]


@contextmanager
def cluster_for(options: argparse.Namespace) -> Iterator[TestCluster]:
    """The real cluster that the environment names, else a stand-in with a cluster's delays."""
    if os.environ.get("CLUSTER_KUBECONFIG"):
        with some_cluster() as found:
            yield found
        return
    with KubernetesStandIn(start=options.start, deletion=options.deletion, log_delay=LOG_DELAY) as standin:
        yield TestCluster(standin.kubeconfig, "python:3.11-slim", "default", standin)


def measure(pods: int, seconds: float, options: argparse.Namespace) -> dict[str, Any]:
    """Run one experiment. Returns its figures."""
    all_at_once = {"canary": False} if "canary" in Trials.model_fields else {}  # an older build knows nothing else
    with tempfile.TemporaryDirectory() as folder, cluster_for(options) as cluster:
        world = World.make(Path(folder) / "world", **environment(cluster))
        prepare(world)
        name = world.experiment(
            "slots",
            tasks=[cluster.task(world, command=f"echo accuracy=${{x}} step=0; sleep {seconds}", files={})],
            trials={"max": pods, "concurrency": options.concurrency, **all_at_once},
        )
        with running_airflow(world.airflow):
            world.wait_for_dag(name)
            time.sleep(10)
            before, began = cpu_of(world), time.monotonic()
            time.sleep(20)
            idle = (cpu_of(world) - before) / (time.monotonic() - began)
            if cluster.standin is not None:
                cluster.standin.forget_requests()
            before, began = cpu_of(world), time.monotonic()
            run, state = world.run(name, seconds=1200)
            used, took = cpu_of(world) - before, time.monotonic() - began
            study = world.study(name, run)
        lives = cluster.standin.pod_times() if cluster.standin is not None else []
        asked = cluster.standin.counts() if cluster.standin is not None else {}
    attempts = [attempt for work in study.state.works.values() for attempt in work.attempts]
    ran = sum(work.seconds for work in study.state.works.values())
    makespan = max(a.ended or 0 for a in attempts) - min(a.started for a in attempts)
    figures: dict[str, Any] = {
        "pods": pods,
        "seconds": seconds,
        "state": state,
        "attempts": len(attempts),
        "slot_use": round(pods * seconds / (options.concurrency * makespan), 3),
        "makespan": round(makespan, 1),
        "trial_seconds_mean": round(ran / pods, 1),
        "cpu_a_trial": round((used - idle * took) / pods, 2),
        "idle_cores": round(idle, 3),
    }
    gaps = hand_overs(lives, options.concurrency)
    if gaps:
        figures["hand_over"] = {
            "median": round(median(gaps), 2), "p90": round(quantiles(gaps, n=10, method="inclusive")[-1], 2),
            "all": [round(gap, 2) for gap in gaps],
        }  # fmt: skip
        figures["create_to_gone"] = round(median(pod["removed"] - pod["created"] for pod in lives if pod["removed"]), 2)
        figures["calls_a_pod"] = round(sum(asked.values()) / pods, 1)
        figures["calls"] = {" ".join(key): count for key, count in sorted(asked.items())}
    return figures | {"load": round(os.getloadavg()[0], 1)}


def elsewhere(checkout: Path, arguments: list[str]) -> None:
    """Run this benchmark on another build: its product, this benchmark and this stand-in."""
    python = checkout.resolve() / ".venv" / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"--other: {python} is not there; run `make setup-dev` in that checkout first")
    with tempfile.TemporaryDirectory() as folder:
        junk = shutil.ignore_patterns("__pycache__", "assets")
        shutil.copytree(checkout / "tests", Path(folder) / "tests", ignore=junk)
        for part in ("benchmarks", "tests/standins/kubernetes"):
            shutil.copytree(ROOT / part, Path(folder) / part, ignore=junk, dirs_exist_ok=True)
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        subprocess.run([str(python), "-m", "benchmarks.pod_slots", *arguments], cwd=folder, env=clean, check=True)


def main() -> None:
    """Run the benchmark and print the figures of each experiment as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, help="of one experiment; 24 of 8 s and 12 of 60 s when left out")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--concurrency", type=int, default=6)
    parser.add_argument("--start", type=float, default=START, help="seconds until a pod's container starts")
    parser.add_argument("--deletion", type=float, default=DELETION, help="seconds until an ended pod is gone")
    parser.add_argument("--other", type=Path, help="checkout of another build, measured in turns with this one")
    parser.add_argument("--build", default="this", help="name of the build, for people")
    options = parser.parse_args()
    shapes = SHAPES if options.pods is None else ((options.pods, options.seconds),)
    for pods, seconds in shapes:
        print(json.dumps({"build": options.build, **measure(pods, seconds, options)}), flush=True)
        if options.other is not None:
            given = {"pods": pods, "seconds": seconds, "build": "other"}
            given |= {name: getattr(options, name) for name in ("concurrency", "start", "deletion")}
            elsewhere(options.other, [f"--{name}={value}" for name, value in given.items()])


if __name__ == "__main__":
    main()
