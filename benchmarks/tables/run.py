"""Run systems on sets: ``python -m benchmarks.tables.run --systems ours histgb --sets german --seconds 60``.

Each run is a cold process of its own with a hard limit, on the cores that it is given and no others. One JSON line a
run is added to ``results/``; runs that stand there already are not made again (``--again`` makes them all).
``python -m benchmarks.tables.table`` makes the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.tabular.metrics import find
from benchmarks.tables.datasets import SETS, DataSet
from benchmarks.tables.environments import python
from benchmarks.tables.unseen import HALVES, UNSEEN

ALL = SETS | UNSEEN
HERE = Path(__file__).parent
ROOT = HERE.parents[1]

SYSTEMS = {
    "ours": ("ours", "ours", ""),
    "histgb": ("plain", "histgb", ""),
    "lightgbm": ("plain", "lightgbm_plain", ""),
    "flaml": ("flaml", "flaml_system", ""),
    "autogluon-good": ("autogluon", "autogluon_system", "good_quality"),
    "autogluon-best": ("autogluon", "autogluon_system", "best_quality"),
}
"""Name → (environment, program, preset)."""

HARD = 2.0
"""Times the limit after which a run is killed, and has no result."""


def run(
    system: str, data: DataSet, seconds: float, cores: list[int], seed: int, keep: Path | None = None
) -> dict[str, Any]:
    """One run; what came of it, failures included.

    Args:
        system: of `SYSTEMS`.
        data: the set.
        seconds: the limit.
        cores: that it may use, by their numbers.
        seed: of the parts.
        keep: folder for the job and what the system left, by the set's name, to look into; None: nothing is kept.
    """
    environment, program, preset = SYSTEMS[system]
    train, test = data.parts(seed)
    classes = sorted(str(each) for each in train[data.target].unique()) if data.task != "regression" else []
    with tempfile.TemporaryDirectory(prefix="tables-") as place:
        home = Path(place)
        train.to_csv(home / "train.csv", index=False)
        test.drop(columns=data.target).to_csv(home / "test.csv", index=False)
        job = {"train": f"{home}/train.csv", "test": f"{home}/test.csv", "task": data.task, "target": data.target,
               "metric": data.metric, "seconds": seconds, "cores": len(cores), "classes": classes, "preset": preset,
               "out": f"{home}/out.npz", "folder": f"{home}/model"}  # fmt: skip
        (home / "job.json").write_text(json.dumps(job), encoding="utf-8")
        script = HERE / "systems" / f"{program}.py"
        variables = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONHOME", "OMP_NUM_THREADS")}
        variables |= {"PYTHONWARNINGS": "ignore", "PYTHONPATH": str(ROOT) if system == "ours" else ""}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(python(environment)), str(script), str(home / "job.json")], cwd=home, env=variables, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=lambda: os.sched_setaffinity(0, cores),
            )  # fmt: skip
            try:
                status = process.wait(seconds * HARD + 20)
            except subprocess.TimeoutExpired:
                status = None
        wall = time.monotonic() - began
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found: dict[str, Any] = {
            "system": system, "set": data.name, "seconds": seconds, "seed": seed, "cores": len(cores), "wall":
            round(wall, 2), "cpu": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
            "rows": len(train), "metric": data.metric,
        }  # fmt: skip
        if status != 0 or not (home / "out.npz").exists():
            said = (home / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return {
                **found,
                "value": None,
                "failure": "killed at the hard limit" if status is None else " ".join(said[-3:]),
            }
        value, constant = _measured(data, train, test, home / "out.npz", classes)
        model = home / "model" / "model" if system == "ours" else home / "model"
        size = sum(each.stat().st_size for each in model.rglob("*") if each.is_file()) if model.exists() else None
        found |= {"value": value, "constant": constant, "bytes": size}
        report = model / "report.json"
        if report.exists():
            said = json.loads(report.read_text(encoding="utf-8"))
            learners = {each["trial"]: each["learner"] for each in said["leaderboard"]}
            found["note"] = {
                "trials": said["search"]["trials"], "failed": said["search"]["failed"], "estimate": said["estimate"],
                "validation": said["validation"]["kind"], "group": said["validation"]["group"],
                "ensemble": [[learners[each["trial"]], round(each["weight"], 2)] for each in said["ensemble"]],
            }  # fmt: skip
        if keep is not None:
            shutil.copytree(home, keep / f"{data.name}-{system}-{seed}", dirs_exist_ok=True)
        return found


def _measured(data: DataSet, train: Any, test: Any, out: Path, classes: list[str]) -> tuple[float, float]:
    """(the metric on the test rows, that of a constant model)."""
    with np.load(out) as held:
        outputs, named = held["outputs"], [str(each) for each in held["classes"]]
    if data.task == "regression":
        metric = find(data.metric, "regression")
        truth = test[data.target].to_numpy(dtype=np.float64)
        return metric.score(truth, outputs), metric.score(truth, np.full(len(truth), train[data.target].mean()))
    metric = find(data.metric, data.task, classes=tuple(classes))
    outputs = outputs[:, [named.index(each) for each in classes]]
    truth = np.array([classes.index(str(each)) for each in test[data.target]])
    shares = np.array([(train[data.target].astype(str) == each).mean() for each in classes])
    return metric.score(truth, outputs), metric.score(truth, np.tile(shares, (len(truth), 1)))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=[*ALL, *HALVES], help="or a half of `unseen`")
    parser.add_argument("--keep", type=Path, help="folder for what systems leave, to look into")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--cores", type=int, nargs="+", default=[0, 1], help="numbers of cores, for all alike")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "runs.jsonl")
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args()
    names = list(dict.fromkeys(name for each in given.sets for name in HALVES.get(each, [each])))
    given.results.parent.mkdir(parents=True, exist_ok=True)
    held = given.results.read_text(encoding="utf-8").splitlines() if given.results.exists() else []
    made = {(each["system"], each["set"], each["seconds"], each["seed"]) for each in map(json.loads, held)}
    for seed in given.seeds:
        for name in names:
            for system in given.systems:
                if (system, name, given.seconds, seed) in made and not given.again:
                    continue
                found = run(system, ALL[name], given.seconds, given.cores, seed, given.keep)
                with given.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(found) + "\n")
                said = found["value"] if found["value"] is not None else found["failure"][-200:]
                print(f"{name:12} {system:15} {said}  {found['wall']} s  {found.get('note', '')}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
