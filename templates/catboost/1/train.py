"""Train gradient-boosted trees with CatBoost: ``python train.py --config spec.yaml``.

The model is that of the best step; `patience` ends a training that does not get better. Checkpoints are CatBoost's own
snapshots: a training that is resumed, after a kill or with a larger budget, ends with the very trees of one that was
never interrupted. For that CatBoost (1.2.10) is always told the same number of trees, and is ended before: where it
is to make fewer it begins with other trees.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from rows import features, library

from automl_core.training import checkpoints, model
from automl_core.training.config import read_config
from automl_core.training.problems import run, say
from automl_core.training.progress import Progress
from automl_core.training.reporting import report
from automl_core.training.tabular import Job, prepare

DEFAULTS: dict[str, Any] = {
    "task": "auto",
    "trees": 1000,
    "learning_rate": 0.1,
    "depth": 6,
    "l2_leaf_reg": 3.0,
    "subsample": 0.8,
    "rsm": 1.0,
    "grow_policy": "SymmetricTree",
    "min_data_in_leaf": 1,
    "random_strength": 1.0,
    "leaf_estimation_iterations": 1,
    "one_hot_max_size": 2,
    "max_ctr_complexity": 4,
    "border_count": 254,
    "patience": 100,
    "every": 10,
    "threads": 1,
    "seed": 0,
    "valid_fraction": 0.2,
    "split_seed": 0,
}
OWN = {"task", "trees", "patience", "every", "threads", "seed", "valid_fraction", "split_seed"}
LOSSES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}
NAMES = {
    "Accuracy": "accuracy",
    "TotalF1:average=Macro": "f1_macro",
    "AUC": "roc_auc",
    "MAE": "mae",
    "R2": "r2",
}
"""CatBoost's measures → ours."""
MEASURES = {
    "binary": ("Accuracy", "TotalF1:average=Macro", "AUC"),
    "multiclass": ("Accuracy", "TotalF1:average=Macro"),
    "regression": ("MAE", "R2"),
}
JUDGED_ALONE = "hints=skip_train~true"
"""Not measured on the rows to learn from."""
SNAPSHOT = "snapshot.bin"
ITERATIONS = 100_000
"""What CatBoost is told, whatever is wanted: where it is to make fewer, it makes others. Curve ends the training."""


def main() -> None:
    """Train up to the budget, from the furthest snapshot there is."""
    config = read_config("Train gradient-boosted trees with CatBoost.")
    job = prepare(config, config.values(DEFAULTS), steps="trees")
    catboost = library()
    train, valid = pool(catboost, job, "train"), pool(catboost, job, "valid")
    curve = Curve(job)
    folder = snapshot_folder(job)
    try:
        booster = fit(catboost, job, train, valid, curve, folder)
    except catboost.CatBoostError as error:
        if folder is None or "snapshot" not in str(error):
            raise
        say("the snapshot was made with other parameters: not used")  # as population-based training hands on
        (folder / SNAPSHOT).unlink()
        curve = Curve(job)
        booster = fit(catboost, job, train, valid, curve, folder)
    progress = curve.progress
    booster.shrink(ntree_end=progress.best_step)
    job.model_dir.mkdir(parents=True, exist_ok=True)
    booster.save_model(str(job.model_dir / "model.cbm"))
    kind = "RawFormulaVal" if job.kind == "regression" else "Probability"
    outputs = np.asarray(booster.predict(valid, prediction_type=kind), dtype=np.float64)
    job.leave("catboost", outputs, progress, ["catboost", "numpy"])


class Curve:
    """CatBoost's callback: reports every few trees, and ends the training where it does not get better."""

    def __init__(self, job: Job) -> None:
        """Nothing is seen yet; a snapshot brings its own history."""
        self.job, self.progress, self.seen = job, Progress(job.params["patience"]), 0

    def after_iteration(self, info: Any) -> bool:
        """Look at one more tree. Returns whether to go on."""
        self.look(info.metrics, info.iteration)
        checkpoints.refuse_if_replaced()
        return not self.progress.over() and info.iteration < self.job.target

    def look(self, curves: Any, count: int) -> None:
        """Look at all trees that were not looked at: one, or with the first all that a snapshot brings.

        Args:
            curves: part → measure → its values, one a tree.
            count: trees there are.
        """
        job, every = self.job, self.job.params["every"]
        loss, own = LOSSES[job.kind], "rmse" if job.kind == "regression" else "log_loss"
        learned, judged = curves["learn"][loss], curves["validation"]
        steps = range(self.seen + 1, min(count, job.target) + 1)
        brought = len(steps) > 1
        for step in steps:
            self.seen = step
            if step % every and step != job.target:
                continue
            metrics = {"train_loss": learned[step - 1], "valid_loss": judged[loss][step - 1]}
            metrics |= {f"valid_{own}": judged[loss][step - 1]}
            metrics |= {f"valid_{NAMES[name]}": judged[name][step - 1] for name in MEASURES[job.kind]}
            self.progress.see(step, metrics["valid_loss"], metrics)
            if not brought:  # what a snapshot brings was reported when it was measured, but for its end
                report(step, metrics, name="iteration")
            if self.progress.over():
                break
        if brought:
            print(f"going on from step {max(1, count - 1)}", flush=True)
            if self.progress.last_step:
                report(self.progress.last_step, self.progress.last_metrics, name="iteration")


def fit(catboost: Any, job: Job, train: Any, valid: Any, curve: Curve, folder: Path | None) -> Any:
    """Train; the snapshot in the folder, if there is one, is gone on from."""
    params = {name: value for name, value in job.params.items() if name not in OWN}
    booster = catboost.CatBoost(
        {
            **params,
            "loss_function": LOSSES[job.kind],
            "custom_metric": [f"{name}{';' if ':' in name else ':'}{JUDGED_ALONE}" for name in MEASURES[job.kind]],
            "iterations": ITERATIONS,
            "bootstrap_type": "Bernoulli",
            "random_seed": job.params["seed"],
            "thread_count": job.params["threads"],
            "use_best_model": False,
            "verbose": False,
            "allow_writing_files": folder is not None,
            **({} if folder is None else {
                "train_dir": str(folder), "save_snapshot": True, "snapshot_file": SNAPSHOT,
                "snapshot_interval": int(checkpoints.Pace().seconds),
            }),
        }
    )  # fmt: skip
    booster.fit(train, eval_set=valid, callbacks=[curve])
    if not curve.seen:  # a snapshot with all trees: there was nothing left to do
        curve.look(booster.get_evals_result(), booster.tree_count_)
    return booster


def snapshot_folder(job: Job) -> Path | None:
    """Where the snapshot lies, with the one to go on from in it; None where nothing is kept."""
    if job.config.checkpoint_dir is None:
        return None
    checkpoints.refuse_if_replaced()
    folder = job.config.checkpoint_dir / "catboost"
    for other in (folder, job.config.resume_from and job.config.resume_from / "catboost"):
        if other is None or not (other / SNAPSHOT).exists():
            continue
        told = json.loads((other / "made_from.json").read_text(encoding="utf-8"))
        if told["identity"] != job.identity:
            say(f"{other}: the snapshot was made from other data or columns: not used")
            (other / SNAPSHOT).unlink() if other == folder else None
            continue
        if other != folder:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(other / SNAPSHOT, folder / ".snapshot.partial")
            (folder / ".snapshot.partial").replace(folder / SNAPSHOT)
        break
    model.write_json(folder / "made_from.json", {"identity": job.identity})
    return folder


def pool(catboost: Any, job: Job, part: str) -> Any:
    """One part in CatBoost's own form."""
    rows, target = (job.data.train, job.train_target) if part == "train" else (job.data.valid, job.valid_target)
    return catboost.Pool(features(catboost, job.columns, rows.table), label=target, weight=job.weights(rows))


if __name__ == "__main__":
    run(main, hidden=())  # CatBoost needs pandas
