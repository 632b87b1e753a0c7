"""Make the folders beside this file: small searches of NVIDIA's package, whose jobs are a function here.

Run by a Python that has nvidia-tao-automl 7.2.0 and what its search needs (see peers-requirements-tao.txt in
benchmarks/search): ``python -P tests/assets/tao/make_folders.py``. What is drawn, and when, differs from run to run;
the tests hold for any.
"""

from __future__ import annotations

import logging
import random
import shutil
from pathlib import Path
from typing import Any

logging.disable(logging.CRITICAL)

import numpy as np  # noqa: E402
from tao_automl import AutoML  # type: ignore[import-not-found]  # noqa: E402

HERE = Path(__file__).parent

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "train": {
            "type": "object",
            "properties": {
                "num_epochs": {"type": "integer", "default": 9, "value_type": "int"},
                "optim": {
                    "type": "object",
                    "properties": {
                        "lr": {
                            "type": "number", "default": 0.001, "minimum": 1e-5, "maximum": 0.1,
                            "automl_enabled": "TRUE", "value_type": "float",
                        },
                        "policy": {
                            "type": "string", "default": "step", "enum": ["step", "cosine"], "automl_enabled": "TRUE",
                            "value_type": "categorical",
                        },
                    },
                },
            },
        },
        "model": {
            "type": "object",
            "properties": {
                "layers": {
                    "type": "integer", "default": 3, "minimum": 1, "maximum": 6, "automl_enabled": "TRUE",
                    "value_type": "int",
                },
            },
        },
    },
}  # fmt: skip
SPEC = {"train": {"num_epochs": 9, "optim": {"lr": 0.001, "policy": "step"}}, "model": {"layers": 3}}


def job(specs: dict[str, Any]) -> dict[str, float]:
    """What a training comes to."""
    loss = abs(specs["train.optim.lr"] - 0.01) * 10 + abs(specs["model.layers"] - 4) / 10
    loss += 0.05 * (specs["train.optim.policy"] == "step") + 1 / specs.get("train.num_epochs", 9)
    return {"val_loss": round(loss, 6), "latency": float(specs["model.layers"])}


def search(name: str, settings: dict[str, Any], most: int = 40, fails: tuple[int, ...] = ()) -> None:
    """One folder."""
    random.seed(1)
    np.random.seed(1)
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    ranges = {"model.layers": {"valid_min": 1, "valid_max": 5}}
    found = AutoML(
        workspace=str(folder), network="small", train_specs=SPEC, search_schema=SCHEMA, custom_param_ranges=ranges,
        settings={"session_id": name, **settings},
    )  # fmt: skip
    done = 0
    while not found.is_complete() and done < most:
        for recommendation in found.next_recommendation():
            values = job(recommendation.specs)
            several = "objectives" in settings
            if recommendation.id in fails:
                found.report_result(recommendation.id, {"val_loss": 0.0}, status="failure")
            else:
                found.report_result(recommendation.id, values if several else values[settings["metric"]], best_epoch=3)
            done += 1
    if name == "bayesian":
        found.next_recommendation()  # and one that is out
    for lock in folder.rglob("*.lock"):
        lock.unlink()


if __name__ == "__main__":
    search("bayesian", {"algorithm": "bayesian", "metric": "val_loss", "automl_max_recommendations": 7}, 6, fails=(2,))
    search("hyperband", {"algorithm": "hyperband", "metric": "val_loss", "automl_max_epochs": 9})
    objectives = [{"metric": "val_loss", "weight": 2.0}, {"metric": "latency", "scale": 10.0}]
    search("objectives", {"algorithm": "bayesian", "objectives": objectives, "automl_max_recommendations": 4})
