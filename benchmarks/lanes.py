"""Trials of a table in pods: one pod a trial, or one pod for one after the other: ``python -m benchmarks.lanes``.

Operator, trigger, orders and the pod's program are the product's; the cluster is the API server stand-in of the tests,
whose pods are real processes that begin some 1.5 s after they were bound, as on a node that has the image. Blocks
of trials of both ways alternate, so that another one's load meets both. CPU seconds are those of all processes of the
pods, what serves them included; seconds go from the worker's start of an attempt to the trigger's event, so neither has
Airflow's own time between two trials.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path
from statistics import median

import pytest
import yaml

from automl_airflow.kubernetes.trigger import KubernetesTrialTrigger
from automl_core.data.reading import read_table
from automl_core.spec.loader import parse_experiment
from automl_core.storage import open_store
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from automl_core.tabular.options import Options
from automl_core.tabular.prepared import prepare as prepared_of
from automl_core.tabular.program.describing import PRELOAD
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.unit.plugins.kubernetes_trials import RUN, Setting, prepare

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "templates" / "table-classification" / "1" / "trial.py"


def begin(setting: Setting, name: str, learner: str, prepared: Path, *, lane: bool, trials: int) -> None:
    """Lay out an experiment with a pod a trial, or with one for all."""
    setting.name = name
    (setting.folder / "runs").mkdir(exist_ok=True)
    task = {
        "name": "train", "backend": "kubernetes", "image": "python:3.11", "lane": lane, "preload": PRELOAD,
        "command": ["python", str(PROGRAM), "--config", "${spec_file}"], "poll": 1.0,
        "env": {"PYTHONPATH": str(ROOT), "AUTOML_PREPARED_DIR": str(prepared), "OMP_NUM_THREADS": "1"},
        "storage_mount": {"path": "/mnt/runs", "host_path": "./runs"},
        "metrics": {"source": "stdout", "step": ["fold"]},
    }  # fmt: skip
    body = {
        "name": name, "output": {"storage": "file://./runs"}, "goal": {"metric": "loss", "direction": "minimize"},
        "columns": {"target": "cultivar"}, "search": {"algorithm": "random", "seed": 1},
        "space": {
            "learner": {"type": "fixed", "value": learner},
            "features.rare": {"type": "ordinal", "values": [1, 3, 10]},
            "features.keep": {"type": "uniform", "low": 0.5, "high": 1.0},
        },
        "trials": {"max": trials, "concurrency": 1, "canary": False}, "spec_file": {"format": "yaml"}, "tasks": [task],
    }  # fmt: skip
    setting.journal = StudyJournal(open_store(str(setting.folder / "runs")), experiment_prefix(name, RUN))
    setting.study = Study.create(setting.journal, parse_experiment(yaml.safe_dump(body), "x.yaml"), RUN, [])


def one(setting: Setting, slot: int) -> float:
    """Run a trial. Returns its seconds."""
    began = time.monotonic()
    binding = setting.study.ask(slot)
    assert isinstance(binding, Binding), binding
    asyncio.run(watched(setting.trigger(binding, setting.launch(binding))))
    seconds = time.monotonic() - began
    work = setting.study.refresh().works[slot]
    if work.value is None:
        raise SystemExit(f"trial {slot} has no value: {work.reason}")
    return seconds


async def watched(trigger: KubernetesTrialTrigger) -> None:
    """Let a trigger watch its attempt to its end."""
    try:
        await anext(aiter(trigger.run()))
    finally:
        await trigger.cleanup()


def spent(standin: int) -> float:
    """CPU seconds of all processes that a stand-in has begun, and of those that these have."""
    tick = os.sysconf("SC_CLK_TCK")
    stats: dict[int, tuple[int, list[str]]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        stats[int(path.parent.name)] = (int(fields[1]), fields[11:15])
    below, found = {standin}, 0.0
    while more := {pid for pid, (parent, _) in stats.items() if parent in below} - below:
        below |= more
    for pid in below:
        own, system, reaped, reaped_system = map(int, stats[pid][1])
        found += (reaped + reaped_system + (0 if pid == standin else own + system)) / tick
    return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=6, help="in a block")
    parser.add_argument("--blocks", type=int, default=2, help="of each way")
    parser.add_argument("--learners", nargs="+", default=["naive_bayes", "lightgbm"])
    told = parser.parse_args()
    print("| learner | trials a minute: a pod each | one pod | times | CPU s a trial: a pod each | one pod | times |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        place = Path(folder)
        rows = read_table(str(ROOT / "examples" / "data" / "wine.csv"))
        prepared_of(rows, Options.of(target="cultivar", structure=False)).save(place / "prepared")
        with KubernetesStandIn(start=1.5) as standin:
            setting = prepare(place, standin, patch)
            for learner in told.learners:
                seconds: dict[bool, list[float]] = {True: [], False: []}
                cpu: dict[bool, list[float]] = {True: [], False: []}
                for block in range(told.blocks):
                    for lane in (False, True):
                        name = f"{learner}-{block}-{lane}".lower().replace("_", "-")
                        begin(setting, name, learner, place / "prepared", lane=lane, trials=told.trials)
                        before = spent(standin.pid)
                        seconds[lane] += [one(setting, slot) for slot in range(told.trials)]
                        cpu[lane].append((spent(standin.pid) - before) / told.trials)
                        for pod in setting.pods():
                            setting.core.delete_namespaced_pod(pod, "default", grace_period_seconds=1)
                rate = {lane: 60 * len(each) / sum(each) for lane, each in seconds.items()}
                used = {lane: median(each) for lane, each in cpu.items()}
                print(
                    f"| {learner} | {rate[False]:.1f} | {rate[True]:.1f} | {rate[True] / rate[False]:.1f} | "
                    f"{used[False]:.2f} | {used[True]:.2f} | {used[False] / used[True]:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
