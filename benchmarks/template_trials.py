"""What a trial of the `lightgbm` template costs beside its training, and the same training as a local trial without it.

100 trials on a table of 20,000 rows and 22 columns (a CSV), on a real Airflow with PostgreSQL started for it: first
as `template: lightgbm@1` with `data:`, then the same combinations as a program that one writes without it (pandas,
LightGBM, scikit-learn's measures), a command of `tasks:`. A trial's overhead is its seconds, as published, less those
of training by the program's own clock: the interpreter's start, imports, reading, and what the platform does around it.

    python -m benchmarks.template_trials
    python -m benchmarks.template_trials --trials 10 --concurrency 1 --database sqlite
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from automl_airflow.standalone import StandaloneAirflow, running_airflow
from automl_core.client.airflow import AirflowClient
from automl_core.client.credentials import find_credentials
from tests.support.postgres import postgres

ROWS, TREES = 20_000, 200

PLAIN = """
import json, os, sys, time
import lightgbm as lgb, pandas as pd
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

params = json.loads(os.environ["AUTOML_PARAMS"])
frame = pd.read_csv(sys.argv[1])
for name in ("city", "plan"):
    frame[name] = frame[name].astype("category")
rows, target = frame.drop(columns="churned"), (frame["churned"] == "yes").astype(int)
x, x_valid, y, y_valid = train_test_split(rows, target, test_size=0.2, random_state=0, stratify=target)
began = time.monotonic()
train, valid = lgb.Dataset(x, y), None
valid = lgb.Dataset(x_valid, y_valid, reference=train)

def measure(now):
    if (now.iteration + 1) % 10 == 0:
        found = now.model.predict(x_valid, num_threads=1)
        print(f"iteration={now.iteration + 1} valid_loss={log_loss(y_valid, found):.6f} "
              f"valid_accuracy={accuracy_score(y_valid, found > 0.5):.6f} "
              f"valid_roc_auc={roc_auc_score(y_valid, found):.6f} "
              f"valid_f1_macro={f1_score(y_valid, found > 0.5, average='macro'):.6f}", flush=True)

model = lgb.train(
    {**params, "objective": "binary", "metric": "None", "verbosity": -1, "num_threads": 1, "bagging_freq": 1},
    train, TREES, valid_sets=[valid], callbacks=[measure],
)
folder = os.environ["AUTOML_MODEL_DIR"]
model.save_model(os.path.join(folder, "model.txt"))
json.dump({"seconds": time.monotonic() - began}, open(os.path.join(folder, "model.json"), "w"))
"""

SPACE = {
    "learning_rate": {"type": "loguniform", "low": 0.02, "high": 0.2},
    "num_leaves": {"type": "logint", "low": 8, "high": 63},
    "min_data_in_leaf": {"type": "logint", "low": 5, "high": 100},
    "feature_fraction": {"type": "uniform", "low": 0.5, "high": 1.0},
    "bagging_fraction": {"type": "uniform", "low": 0.6, "high": 0.99},
}


def write_table(path: Path) -> None:
    """Customers, some of whom leave: 20 measurements, two categories, some gaps."""
    drawn = np.random.default_rng(0)
    values = drawn.normal(size=(ROWS, 20))
    city, plan = drawn.integers(0, 40, ROWS), drawn.integers(0, 5, ROWS)
    score = values[:, 0] + values[:, 1] * values[:, 2] + (city % 7 == 0) - (plan == 2) + drawn.normal(size=ROWS)
    lines = [",".join([*(f"m{index}" for index in range(20)), "city", "plan", "churned"])]
    for row in range(ROWS):
        cells = [f"{value:.5f}" for value in values[row]]
        if row % 11 == 0:
            cells[5] = ""
        lines.append(",".join([*cells, f"c{city[row]}", f"p{plan[row]}", "yes" if score[row] > 0 else "no"]))
    path.write_text("\n".join(lines) + "\n")


def experiments(folder: Path, trials: int, concurrency: int) -> dict[str, dict[str, Any]]:
    """Both experiments, with the same combinations: Sobol points of one seed in one space."""
    shared = {
        "output": {"storage": f"file://{folder}/runs", "keep_models": "all"},
        "trials": {"max": trials, "concurrency": concurrency, "canary": False, "early_stopping": None},
        "search": {"algorithm": "sobol", "seed": 1},
    }
    template = {
        "name": "template", "template": "lightgbm@1", "data": {"train": str(folder / "rows.csv")},
        "columns": {"target": "churned"}, **shared,
        "search": {**shared["search"], "remove": ["lambda_l2", "extra_trees"]},
        "set": {"trees": TREES, "patience": 0}, "space": SPACE,
    }  # fmt: skip
    plain = {
        "name": "plain", "goal": {"metric": "valid_loss", "direction": "minimize", "final": "best"}, **shared,
        "space": SPACE, "tasks": [{"command": [sys.executable, f"{folder}/plain.py", f"{folder}/rows.csv"]}],
    }  # fmt: skip
    return {"template": template, "plain": plain}


def run(trials: int, concurrency: int, database: str) -> dict[str, dict[str, float]]:
    """One measurement of both, one after the other."""
    folder = Path(tempfile.mkdtemp(prefix="template-trials-"))
    try:
        write_table(folder / "rows.csv")
        (folder / "plain.py").write_text(PLAIN.replace("TREES", str(TREES)))
        (folder / "dags" / "experiments").mkdir(parents=True)
        bodies = experiments(folder, trials, concurrency)
        for name, body in bodies.items():
            (folder / "dags" / "experiments" / f"{name}.yaml").write_text(yaml.safe_dump(body, sort_keys=False))
        with contextlib.ExitStack() as stack:
            url = stack.enter_context(postgres()) if database == "postgres" else None
            airflow = StandaloneAirflow(
                folder / ".airflow", dags=folder / "dags", automl_home=folder, database=url,
                parallelism=concurrency + 4, port=0,
            )  # fmt: skip
            stack.enter_context(running_airflow(airflow))
            with AirflowClient(find_credentials(folder, {})) as client:
                return {name: measured(client, folder, name) for name in bodies}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measured(client: AirflowClient, folder: Path, name: str) -> dict[str, float]:
    """Seconds a trial of one experiment: all, training, and what is beside it."""
    client.wait_for_dag(name, file=f"{name}.yaml", timeout=120)
    started = client.trigger(name)
    while not (now := client.run(name, started.run_id)).over:
        time.sleep(1)
    if now.state != "success":
        raise RuntimeError(f"the run of {name} ended as {now.state}")
    (controller,) = (folder / "runs" / name).rglob("controller.json")
    entries = json.loads(controller.read_text())
    entries = entries["trials"] if isinstance(entries, dict) else entries
    whole = [float(entry["seconds"]) for entry in entries]
    trained = [json.loads(path.read_text())["seconds"] for path in (folder / "runs" / name).rglob("model.json")
               if "best_model" not in path.parts]  # fmt: skip
    if len(trained) != len(whole):
        raise RuntimeError(f"{name}: {len(whole)} trials, and {len(trained)} models")
    return {
        "trials": len(whole), "seconds": statistics.mean(whole), "training": statistics.mean(trained),
        "overhead": statistics.mean(whole) - statistics.mean(trained),
    }  # fmt: skip


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--database", choices=["postgres", "sqlite"], default="postgres")
    options = parser.parse_args()
    found = run(options.trials, options.concurrency, options.database)
    for name, values in found.items():
        print(f"{name:9}", "  ".join(f"{key} {value:.3g}" for key, value in values.items()))
    share = found["template"]["overhead"] / found["plain"]["overhead"]
    print(f"overhead of the template / of the plain trial: {share:.2f}")


if __name__ == "__main__":
    main()
