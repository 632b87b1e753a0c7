"""Slot use and CPU of trials in pods, on a real Airflow and the API server stand-in of the tests.

    slot use = (sum of the pods' seconds) / (concurrency × makespan)

The makespan runs from the first pod's start to the last one's end. CPU is that of all of Airflow's processes, less what
they use when nothing runs. SQLite and LocalExecutor, so the figures are those of a small deployment.

    python -m benchmarks.pod_slots --pods 24 --seconds 8 --concurrency 6
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from automl_airflow.standalone import running_airflow
from tests.e2e.cluster import environment, prepare, some_cluster
from tests.e2e.world import World

COMPONENTS = ("scheduler", "triggerer", "dag-processor", "api-server")


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


def main() -> None:
    """Run the benchmark and print its figures as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--concurrency", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, some_cluster() as cluster:
        world = World.make(Path(folder) / "world", **environment(cluster))
        prepare(world)
        name = world.experiment(
            "slots",
            tasks=[cluster.task(world, command=f"echo accuracy=${{x}} step=0; sleep {options.seconds}", files={})],
            trials={"max": options.pods, "concurrency": options.concurrency, "canary": False},
        )
        with running_airflow(world.airflow):
            world.wait_for_dag(name)
            time.sleep(10)
            before, began = cpu_of(world), time.monotonic()
            time.sleep(20)
            idle = (cpu_of(world) - before) / (time.monotonic() - began)
            before, began = cpu_of(world), time.monotonic()
            run, state = world.run(name, seconds=1200)
            used, took = cpu_of(world) - before, time.monotonic() - began
            study = world.study(name, run)
    attempts = [attempt for work in study.state.works.values() for attempt in work.attempts]
    seconds = sum(work.seconds for work in study.state.works.values())
    makespan = max(a.ended or 0 for a in attempts) - min(a.started for a in attempts)
    figures = {
        "state": state,
        "attempts": len(attempts),
        "slot_use": round(options.pods * options.seconds / (options.concurrency * makespan), 3),
        "makespan": round(makespan, 1),
        "trial_seconds_mean": round(seconds / options.pods, 1),
        "cpu_a_trial": round((used - idle * took) / options.pods, 2),
        "idle_cores": round(idle, 3),
        "load": os.getloadavg()[0],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
