"""Train gradient-boosted trees with LightGBM: ``python train.py --config spec.yaml``.

Metrics are printed every few trees, from scores that LightGBM keeps anyway, so they cost next to nothing. The model is
that of the best step; `patience` ends a training that does not get better.

A training that is resumed, after a kill or with a larger budget, ends with the very trees of one that was never
interrupted. LightGBM alone does not give that (its random numbers begin again with each training that goes on), so they
begin again at every step in all trainings, from seeds that the step's number decides.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.training import cache, checkpoints
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
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "feature_fraction": 1.0,
    "bagging_fraction": 1.0,
    "lambda_l1": 0.0,
    "lambda_l2": 0.0,
    "extra_trees": False,
    "max_depth": -1,
    "min_gain_to_split": 0.0,
    "path_smooth": 0.0,
    "cat_smooth": 10.0,
    "cat_l2": 10.0,
    "max_bin": 255,
    "patience": 100,
    "every": 10,
    "threads": 1,
    "seed": 0,
    "valid_fraction": 0.2,
    "split_seed": 0,
}
OWN = {"task", "trees", "patience", "every", "threads", "seed", "valid_fraction", "split_seed", "max_bin"}
"""Parameters that are not LightGBM's, or whose place is the data's."""


def main() -> None:
    """Train up to the budget, from the furthest checkpoint there is."""
    config = read_config("Train gradient-boosted trees with LightGBM.")
    job = prepare(config, config.values(DEFAULTS), steps="trees")
    with without("pandas", "sklearn", "dask", "matplotlib", "graphviz"):
        import lightgbm as lgb
    params = {
        **{name: value for name, value in job.params.items() if name not in OWN},
        "objective": job.kind,  # LightGBM calls them the same
        "num_class": len(job.data.classes) if job.kind == "multiclass" else 1,
        "num_threads": job.params["threads"],
        "metric": "None",  # measured below, in steps
        "verbosity": -1,
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "bagging_freq": 1 if job.params["bagging_fraction"] < 1 else 0,
    }
    found = checkpoints.furthest(config, job.identity)
    progress, init = Progress(job.params["patience"]), None
    if found is not None and found.step <= job.target:
        progress = Progress.from_json(found.state["progress"], job.params["patience"])
        init = lgb.Booster(model_str=found.arrays["model"].tobytes().decode())
        print(f"going on from step {found.step}", flush=True)
        report(progress.last_step, progress.last_metrics, name="iteration")
    booster = train_on(lgb, job, params, init, progress)
    best = progress.best_step
    job.model_dir.mkdir(parents=True, exist_ok=True)
    booster.save_model(job.model_dir / "model.txt", num_iteration=best)
    outputs = booster.predict(job.valid_matrix, num_iteration=best, num_threads=job.params["threads"])
    job.leave("lightgbm", outputs, progress, ["lightgbm", "numpy"])


def train_on(lgb: Any, job: Job, params: dict[str, Any], init: Any, progress: Progress) -> Any:
    """Add trees, report every few of them, and save where the training stands. Returns the booster with all trees."""
    every, done = job.params["every"], 0 if init is None else init.current_iteration()
    if progress.over() or done >= job.target:
        return init
    train, valid = datasets(lgb, job, keep=init is None)
    pace = checkpoints.Pace()

    def begin_again(now: Any) -> None:
        if now.iteration % every == 0 and now.iteration > now.begin_iteration:
            fraction = params["bagging_fraction"]
            if fraction < 1:  # LightGBM leaves its random numbers alone where the fraction stays the same
                now.model.reset_parameter({"bagging_fraction": fraction * 0.999})
            now.model.reset_parameter({"bagging_fraction": fraction, **seeds(job.params["seed"], now.iteration)})

    begin_again.before_iteration = True  # type: ignore[attr-defined] # how LightGBM tells callbacks apart

    def measure(now: Any) -> None:
        step = now.iteration + 1
        if step % every and step != job.target:
            return
        metrics = scores(now.model, job, train)
        progress.see(step, metrics["valid_loss"], metrics)
        report(step, metrics, name="iteration")
        # only where random numbers begin again anyway: a budget between two such steps is gone on from the one before
        if step % every == 0 and pace.due(progress.over() or step + every > job.target):
            state = {"identity": job.identity, "progress": progress.as_json()}
            text = checkpoints.text_array(now.model.model_to_string(num_iteration=-1))
            checkpoints.save(job.config.checkpoint_dir, checkpoints.Checkpoint(step, state, {"model": text}))
        if progress.over():
            raise lgb.callback.EarlyStopException(progress.best_step - 1, [])

    return lgb.train(
        {**params, **seeds(job.params["seed"], done)}, train, job.target - done, valid_sets=[valid],
        valid_names=["valid"], init_model=init, callbacks=[begin_again, measure], keep_training_booster=True,
    )  # fmt: skip


def scores(booster: Any, job: Job, train: Any) -> dict[str, float]:
    """Measure from the scores that LightGBM keeps of both parts: no tree is asked again."""
    found: dict[str, float] = {}

    def look(outputs: Any, dataset: Any) -> tuple[str, float, bool]:
        found.update(job.measure(outputs, "train" if dataset is train else "valid"))
        return "seen", 0.0, False

    booster.eval_train(look)
    booster.eval_valid(look)
    return found


def seeds(seed: int, iteration: int) -> dict[str, int]:
    """Where LightGBM's random numbers begin at a step."""
    drawn = np.random.default_rng([seed, iteration]).integers(1, 2**31 - 1, size=3)
    names = ("bagging_seed", "feature_fraction_seed", "extra_seed")
    return {name: int(value) for name, value in zip(names, drawn, strict=True)}


def datasets(lgb: Any, job: Job, keep: bool) -> tuple[Any, Any]:
    """Both parts in LightGBM's own form.

    Args:
        lgb: the library.
        job: the training.
        keep: whether the binned rows to learn from are kept for other trials of this machine, and taken from there.
            A training that goes on needs the rows themselves.
    """
    options = {
        "max_bin": job.params["max_bin"], "feature_pre_filter": False, "data_random_seed": 1, "verbosity": -1,
        "num_threads": job.params["threads"],
    }  # fmt: skip
    shared = {
        "params": options,
        "free_raw_data": False,
        "feature_name": [f"column_{index}" for index in range(len(job.columns))],
        "categorical_feature": job.columns.positions("category"),
    }
    train = lgb.Dataset(job.train_matrix, job.train_target, weight=job.weights(job.data.train), **shared)
    if keep:
        key = {
            "what": "lightgbm", "version": lgb.__version__, "identity": job.identity, "options": options,
            "data": cache.fingerprint(job.config.place("train")), "valid": cache.fingerprint(job.config.place("valid")),
            "columns": dict(job.config.columns), "split": [job.params["valid_fraction"], job.params["split_seed"]],
        }  # fmt: skip
        entry = cache.kept(key, lambda folder: train.save_binary(folder / "train.bin"))
        if entry is not None:
            train = lgb.Dataset(str(entry / "train.bin"), params=options)
    valid = lgb.Dataset(
        job.valid_matrix, job.valid_target, weight=job.weights(job.data.valid), reference=train, **shared
    )
    return train, valid


if __name__ == "__main__":
    run(main)
