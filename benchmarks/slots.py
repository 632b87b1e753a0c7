"""Slot use: how much of the time that the concurrency allows is spent in trials.

    slot use = (sum of trial seconds) / (concurrency × makespan)

64 local trials of lognormal durations, 8 at a time, on a real Airflow with PostgreSQL started for it.
A trial's seconds are those of its training process by its own clock; the makespan runs from the first
one's start to the last one's end.

``cpu_a_trial`` is the processor time of Airflow a trial, without the training: of its scheduler, API server, triggerer,
DAG processor and all that these start (task processes, guards, importing programs), from the start of the run to its
end, less what the trainings themselves took. Airflow's idling during that time is in it, the database is not. A busy
machine makes it larger (caches), so two builds are compared in turn.

    python -m benchmarks.slots --mean 2
    python -m benchmarks.slots --mean 10
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from automl_airflow.standalone import COMPONENTS, StandaloneAirflow, running_airflow
from automl_core.backends.guard import descendants, process_table
from automl_core.client.airflow import AirflowClient
from automl_core.client.credentials import find_credentials
from tests.support.postgres import postgres

TRAIN = """
import json, os, sys, time
seconds, file = float(sys.argv[1]), sys.argv[2]
started = time.time()
time.sleep(seconds)
with open(file, "a") as out:
    out.write(json.dumps([started, time.time(), sum(os.times()[:2])]) + "\\n")
print("accuracy=0.5", flush=True)
"""


def experiment(folder: Path, trials: int, concurrency: int, durations: list[float]) -> str:
    """The experiment file: a grid over the trials' numbers, each of which stands for its duration."""
    values = ", ".join(f"{seconds:.6f}" for seconds in durations)
    return f"""
name: slots
output: {{storage: "file://{folder}/runs"}}
goal: {{metric: accuracy, direction: maximize}}
search: {{algorithm: grid}}
space:
  seconds: {{type: choice, values: [{values}]}}
trials: {{max: {trials}, concurrency: {concurrency}, retries: 1, canary: false}}
tasks:
  - command: [{sys.executable}, -S, {folder}/train.py, "${{seconds}}", {folder}/times.jsonl]
"""


def run(
    mean: float, trials: int, concurrency: int, sigma: float, database: str, parallelism: int = 32
) -> dict[str, float]:
    """One measurement; ``sigma`` is that of the durations' logarithm, ``parallelism`` Airflow's worker processes."""
    rng = random.Random(1)
    durations = [rng.lognormvariate(0, sigma) for _ in range(trials)]
    scale = mean * trials / sum(durations)
    folder = Path(tempfile.mkdtemp(prefix="slots-"))
    try:
        (folder / "train.py").write_text(TRAIN)
        dags = folder / "dags"
        (dags / "experiments").mkdir(parents=True)
        text = experiment(folder, trials, concurrency, [scale * d for d in durations])
        (dags / "experiments" / "slots.yaml").write_text(text)
        with contextlib.ExitStack() as stack:
            url = stack.enter_context(postgres()) if database == "postgres" else None
            airflow = StandaloneAirflow(
                folder / ".airflow", dags=dags, automl_home=folder, database=url, parallelism=parallelism, port=0
            )
            stack.enter_context(running_airflow(airflow))
            with AirflowClient(find_credentials(folder, {})) as client:
                client.wait_for_dag("slots", file="slots.yaml", timeout=60)
                before = cpu_seconds(airflow)
                started = client.trigger("slots")
                while not (now := client.run("slots", started.run_id)).over:
                    time.sleep(1)
                taken = {part: seconds - before[part] for part, seconds in cpu_seconds(airflow).items()}
        if now.state != "success":
            raise RuntimeError(f"the run ended as {now.state}")
        times = [json.loads(line) for line in (folder / "times.jsonl").read_text().splitlines()]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    busy = sum(end - start for start, end, _ in times)
    makespan = max(end for _, end, _ in times) - min(start for start, _, _ in times)
    taken["tasks"] -= sum(cpu for _, _, cpu in times)
    ideal = list_schedule([scale * d for d in durations], concurrency)
    return {
        "trials": len(times), "mean_seconds": busy / len(times), "makespan": makespan, "ideal_makespan": ideal,
        "slot_use": busy / (concurrency * makespan), "best_possible": busy / (concurrency * ideal),
        "cpu_a_trial": sum(taken.values()) / trials,
        **{f"cpu_{part}": seconds / trials for part, seconds in taken.items()},
    }  # fmt: skip


def cpu_seconds(airflow: StandaloneAirflow) -> dict[str, float]:
    """Processor time of each component with all that it has started so far, by its name; the tasks' processes apart.

    What has ended counts with its parent, which has waited for it; nothing of Airflow's leaves a child alone.
    """
    table = process_table()
    found = {"tasks": 0.0}
    for part in COMPONENTS:
        root = airflow.pid(part)
        own, ended = _seconds(root)
        started = ended + sum(sum(_seconds(pid)) for pid in descendants(root, table))
        if part == "scheduler":  # LocalExecutor's workers are its children
            found |= {part: own, "tasks": started}
        else:
            found[part] = own + started
    return found


def _seconds(pid: int) -> tuple[float, float]:
    """Processor time of a process and of its children that it has waited for; none of one that has just gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0
    user, system, ended_user, ended_system = map(int, fields[11:15])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + system) / tick, (ended_user + ended_system) / tick


def list_schedule(durations: list[float], places: int) -> float:
    """The makespan of the same trials in the same order with no overhead at all."""
    free = [0.0] * places
    for seconds in durations:
        first = min(range(places), key=free.__getitem__)
        free[first] += seconds
    return max(free)


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mean", type=float, default=2.0, help="mean trial seconds")
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--sigma", type=float, default=0.25, help="of the logarithm of the durations")
    parser.add_argument("--database", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--parallelism", type=int, default=32, help="worker processes (Airflow's own default: 32)")
    options = parser.parse_args()
    found = run(options.mean, options.trials, options.concurrency, options.sigma, options.database, options.parallelism)
    print("  ".join(f"{name} {value:.4g}" for name, value in found.items()))


if __name__ == "__main__":
    main()
