"""Train gradient-boosted trees with XGBoost: ``python train.py --config spec.yaml``.

Metrics are printed every few trees, from scores that XGBoost keeps. The model is that of the best step; `patience`
ends a training that does not get better.

A training that is resumed, after a kill or with a larger budget, ends with the very trees of one that was never
interrupted. Without sampling of rows or columns XGBoost gives that by itself. With it, its random numbers can't be set
back while a booster lives (`seed_per_iteration` does not do it, XGBoost 3.2), so all trainings load their own booster
anew after 25, 50, 100, 200, … trees, and checkpoints are made there: a kill costs half of the trees at most.
"""

from __future__ import annotations

from typing import Any

from automl_core.training import checkpoints
from automl_core.training.config import read_config
from automl_core.training.imports import without
from automl_core.training.problems import run
from automl_core.training.progress import Progress
from automl_core.training.reporting import report
from automl_core.training.tabular import Job, prepare

DEFAULTS: dict[str, Any] = {
    "task": "auto",
    "trees": 1000,
    "learning_rate": 0.1,
    "max_depth": 6,
    "min_child_weight": 1.0,
    "subsample": 1.0,
    "colsample_bylevel": 1.0,
    "colsample_bynode": 1.0,
    "reg_alpha": 0.0,
    "reg_lambda": 1.0,
    "gamma": 0.0,
    "grow_policy": "depthwise",
    "max_leaves": 0,
    "max_bin": 256,
    "max_cat_to_onehot": 4,
    "patience": 100,
    "every": 10,
    "threads": 1,
    "seed": 0,
    "valid_fraction": 0.2,
    "split_seed": 0,
}
OWN = {"task", "trees", "patience", "every", "threads", "seed", "valid_fraction", "split_seed"}
OBJECTIVES = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}
SAMPLING = ("subsample", "colsample_bylevel", "colsample_bynode")
FIRST = 25
"""Trees after which random numbers begin again for the first time."""


def main() -> None:
    """Train up to the budget, from the furthest checkpoint there is."""
    config = read_config("Train gradient-boosted trees with XGBoost.")
    job = prepare(config, config.values(DEFAULTS), steps="trees")
    with without("pandas", "sklearn", "dask", "matplotlib", "graphviz"):
        import xgboost as xgb
    params = {
        **{name: value for name, value in job.params.items() if name not in OWN},
        "objective": OBJECTIVES[job.kind],
        "nthread": job.params["threads"],
        "tree_method": "hist",
        "verbosity": 1,
    }
    if job.kind == "multiclass":
        params["num_class"] = len(job.data.classes)
    found = checkpoints.furthest(config, job.identity)
    progress, raw = Progress(job.params["patience"]), None
    if found is not None and found.step <= job.target:
        progress, raw = Progress.from_json(found.state["progress"], job.params["patience"]), found.arrays["model"]
        print(f"going on from step {found.step}", flush=True)
        report(progress.last_step, progress.last_metrics, name="iteration")
    kinds = ["c" if column.kind == "category" else "q" for column in job.columns]
    train = matrix(xgb, job, kinds, "train")
    valid = matrix(xgb, job, kinds, "valid")
    booster = xgb.Booster(params, cache=[train, valid])
    if raw is not None:
        booster.load_model(bytearray(raw.tobytes()))
    train_on(booster, job, params, train, valid, progress)
    best = booster[: progress.best_step]
    job.model_dir.mkdir(parents=True, exist_ok=True)
    best.save_model(job.model_dir / "model.ubj")
    job.leave("xgboost", best.predict(valid), progress, ["xgboost", "xgboost-cpu", "numpy"])


def train_on(booster: Any, job: Job, params: dict[str, Any], train: Any, valid: Any, progress: Progress) -> None:
    """Add trees, report every few of them, and save where the training stands."""
    every, done = job.params["every"], booster.num_boosted_rounds()
    sampled = any(job.params[name] < 1 for name in SAMPLING)
    pace = checkpoints.Pace()
    last = (
        max((step for step in range(done, job.target + 1) if begins_again(step)), default=0) if sampled else job.target
    )
    for step in range(done + 1, job.target + 1):
        if progress.over():
            break
        before = step - 1
        if sampled and (begins_again(before) or before == done):
            if before > done:
                booster.load_model(booster.save_raw("ubj"))
            booster.set_param({**params, "seed": job.params["seed"] * 1_000_003 + before})
        booster.update(train, before)
        if step % every and step != job.target and not (sampled and begins_again(step)):
            continue
        metrics = {**job.measure(booster.predict(train), "train"), **job.measure(booster.predict(valid), "valid")}
        progress.see(step, metrics["valid_loss"], metrics)
        report(step, metrics, name="iteration")
        if (begins_again(step) if sampled else step % every == 0) and pace.due(progress.over() or step == last):
            state = {"identity": job.identity, "progress": progress.as_json()}
            model = checkpoints.text_array(bytes(booster.save_raw("ubj")))
            checkpoints.save(job.config.checkpoint_dir, checkpoints.Checkpoint(step, state, {"model": model}))


def begins_again(step: int) -> bool:
    """Whether random numbers begin again after so many trees: 25, 50, 100, 200, …."""
    times = step // FIRST
    return step % FIRST == 0 and times > 0 and times & (times - 1) == 0


def matrix(xgb: Any, job: Job, kinds: list[str], part: str) -> Any:
    """One part in XGBoost's own form; categories are its own kind of column."""
    rows, values, target = (
        (job.data.train, job.train_matrix, job.train_target)
        if part == "train"
        else (job.data.valid, job.valid_matrix, job.valid_target)
    )
    return xgb.DMatrix(
        values, target, weight=job.weights(rows), feature_types=kinds, enable_categorical=True,
        nthread=job.params["threads"],
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
