"""Ours by a fixed number of trials and no clock: what a machine that others use can't change.

    python -m benchmarks.tables.fixed write DIR --sets development       # parts as CSV, where the sets' packages are
    python -m benchmarks.tables.fixed search DIR --trials 16             # ours: prepare and search, kept below DIR
    python -m benchmarks.tables.fixed peers DIR                          # scikit-learn's and LightGBM's defaults
    python -m benchmarks.tables.fixed conclude DIR --label before        # the model of those trials, measured
    python -m benchmarks.tables.fixed table DIR                          # all of it side by side

`conclude` makes the model anew from the same trials each time it is called, so two builds' ways to choose are compared
on equal trials. Each line of ``DIR/results.jsonl`` is one measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables.unseen import HALVES, UNSEEN

HERE = Path(__file__).parent
FOLDS: int | None = None
ONLY: list[str] = []
"""Of `--folds` and `--only`: what makes a look cheaper."""


def write(home: Path, names: list[str]) -> None:
    """Each set's parts and its job, as `run` gives them to a system."""
    for name in names:
        data, folder = UNSEEN[name], home / name
        folder.mkdir(parents=True, exist_ok=True)
        train, test = data.parts(0)
        train.to_csv(folder / "train.csv", index=False)
        test.drop(columns=data.target).to_csv(folder / "test.csv", index=False)
        test[[data.target]].to_csv(folder / "truth.csv", index=False)
        classes = sorted(str(each) for each in train[data.target].unique()) if data.task != "regression" else []
        job = {"train": str(folder / "train.csv"), "test": str(folder / "test.csv"), "task": data.task,
               "target": data.target, "metric": data.metric, "seconds": 60, "cores": 1, "classes": classes,
               "preset": "", "out": str(folder / "out.npz"), "folder": str(folder / "peer")}  # fmt: skip
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")


def _jobs(home: Path, names: list[str]) -> list[tuple[str, Path, dict[str, Any]]]:
    return [(each, home / each, json.loads((home / each / "job.json").read_text())) for each in names]


def peers(home: Path, names: list[str]) -> None:
    """Defaults, on one thread."""
    for name, folder, _ in _jobs(home, names):
        for system, program in (("histgb", "histgb"), ("lightgbm", "lightgbm_plain")):
            began = time.process_time()
            variables = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "PYTHONPATH": ""}
            script = HERE / "systems" / f"{program}.py"
            subprocess.run([sys.executable, str(script), str(folder / "job.json")], env=variables, check=True)
            with np.load(folder / "out.npz") as held:
                _measured(home, name, folder, system, held["outputs"], [str(each) for each in held["classes"]])
            print(name, system, round(time.process_time() - began, 1), flush=True)


def _options(job: dict[str, Any], trials: int) -> Any:
    from automl_core.tabular.options import Options

    more = {"folds": FOLDS, "validation": "auto"} if FOLDS else {}
    more |= {"allowed": tuple(ONLY)} if ONLY else {}

    task = "regression" if job["task"] == "regression" else "classification"
    return Options.of(target=job["target"], task=task, metric=job["metric"], iterations=trials, workers=2, **more)


def search(home: Path, names: list[str], trials: int) -> None:
    """Prepare and search, the portfolio first; a folder that holds the search already is gone on with."""
    from automl_core.tabular.deadline import Deadline
    from automl_core.tabular.prepared import prepare
    from automl_core.tabular.running import spaces
    from automl_core.tabular.searching import Search
    from automl_core.tabular.warming import warm

    for name, folder, job in _jobs(home, names):
        began = time.monotonic()
        prepared = prepare(job["train"], _options(job, trials))
        space, portfolio = spaces(prepared)
        found = Search(
            prepared, folder / "trials", Deadline(None, None), space=space, portfolio=portfolio,
            warm=lambda first=portfolio: warm(first),
        ).run()  # fmt: skip
        usable = [each for each in found.results if each.usable]
        print(f"{name:10} {len(usable)} of {len(found.results)} trials, {time.monotonic() - began:.0f} s,"
              f" {prepared.structure.get('why', '')[:90]}", flush=True)  # fmt: skip


def conclude(home: Path, names: list[str], label: str, trials: int) -> None:
    """The model of the trials that are there, by this build."""
    import shutil

    from automl_core.data.reading import read_table
    from automl_core.tabular.conclude import conclude as concluded
    from automl_core.tabular.prepared import prepare
    from automl_core.tabular.trial import TrialResult

    for name, folder, job in _jobs(home, names):
        prepared = prepare(job["train"], _options(job, trials))
        numbers = sorted(int(each.stem[6:]) for each in (folder / "trials").glob("trial_*.json"))
        results = [TrialResult.load(folder / "trials", each, prepared.problem) for each in numbers]
        for each in results:
            each.models = []
        shutil.rmtree(folder / "model", ignore_errors=True)
        model = concluded(prepared, results, folder=folder / "model", trials=folder / "trials", check=False)
        outputs = model.scorer.outputs(model.scorer.read(read_table(job["test"])))
        _measured(home, name, folder, label, outputs, list(prepared.problem.classes))
        chosen = [(each["learner"], round(each["weight"], 2)) for each in model.report["ensemble"] if "learner" in each]
        print(f"{name:10} {label} {chosen}", flush=True)


def _measured(home: Path, name: str, folder: Path, system: str, outputs: Any, named: list[str]) -> None:
    """A line of results: the metric on the test rows, and that of a constant."""
    from automl_core.data.reading import read_table
    from automl_core.tabular.metrics import find

    data = UNSEEN[name]
    truth = read_table(folder / "truth.csv").column(0).to_pylist()
    known = read_table(folder / "train.csv").column(data.target).to_pylist()
    if data.task == "regression":
        metric, right = find(data.metric, "regression"), np.asarray(truth, dtype=np.float64)
        constant = np.full(len(right), np.mean(np.asarray(known, dtype=np.float64)))
    else:
        classes = sorted({str(each) for each in known})
        outputs = np.asarray(outputs)[:, [named.index(each) for each in classes]]
        metric = find(data.metric, data.task, classes=tuple(classes))
        right = np.array([classes.index(str(each)) for each in truth])
        shares = np.array([sum(str(one) == each for one in known) / len(known) for each in classes])
        constant = np.tile(shares, (len(right), 1))
    line = {"set": name, "system": system, "metric": data.metric, "value": float(metric.score(right, outputs)),
            "constant": float(metric.score(right, constant))}  # fmt: skip
    with (home / "results.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def table(home: Path, names: list[str]) -> str:
    """Markdown: normalised scores as `table` has them, set by set and on the whole; the last measurement counts."""
    from benchmarks.tables.table import interval, normalised, ranks

    lines = [json.loads(each) for each in (home / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    latest = {(each["set"], each["system"]): each for each in lines if each["set"] in names}
    systems = list(dict.fromkeys(each["system"] for each in lines))
    sets = [name for name in names if all((name, each) in latest for each in systems)]
    scores = normalised([run for (name, _), run in latest.items() if name in sets])
    rank = ranks(scores, systems, sets)
    head = f"| set ({len(sets)}) | " + " | ".join(systems) + " |"
    text = [head, "|---" * (len(systems) + 1) + "|"]
    means = {each: [scores[name, each] for name in sets] for each in systems}
    spans = {each: interval(means[each]) for each in systems}
    text.append("| mean | " + " | ".join(f"{statistics.fmean(means[each]):.1f}" for each in systems) + " |")
    text.append("| interval | " + " | ".join(f"{low:.1f} … {high:.1f}" for low, high in spans.values()) + " |")
    text.append("| rank | " + " | ".join(f"{rank[each]:.2f}" for each in systems) + " |")
    text += [f"| {name} | " + " | ".join(f"{scores[name, each]:.1f}" for each in systems) + " |" for name in sets]
    return "\n".join(text) + "\n"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["write", "search", "peers", "conclude", "table"])
    parser.add_argument("home", type=Path, metavar="DIR")
    parser.add_argument("--sets", nargs="+", default=list(HALVES), choices=[*UNSEEN, *HALVES])
    parser.add_argument("--without", nargs="+", default=[], choices=list(UNSEEN))
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--label", default="ours")
    parser.add_argument("--folds", type=int, help="None: as many as ours takes by itself")
    parser.add_argument("--only", nargs="+", default=[], metavar="LEARNER")
    given = parser.parse_args()
    global FOLDS, ONLY
    FOLDS, ONLY = given.folds, given.only
    names = list(dict.fromkeys(name for each in given.sets for name in HALVES.get(each, [each])))
    names = [each for each in names if each not in given.without]
    if given.what == "write":
        write(given.home, names)
    elif given.what == "search":
        search(given.home, names, given.trials)
    elif given.what == "peers":
        peers(given.home, names)
    elif given.what == "conclude":
        conclude(given.home, names, given.label, given.trials)
    else:
        print(table(given.home, names), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
