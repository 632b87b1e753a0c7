"""Experiment files for tests of closed environments, and deployments with lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from automl_core.closed import Policy, experiment_problems, read_policy
from automl_core.spec.loader import parse_experiment

LISTS = {
    "closed": "True",
    "closed_stores": "s3://lake/models at https://minio.example.com:9000, file:///srv/automl",
    "closed_images": "registry.example.com/ml/, python",
    "closed_data": "s3://lake/data, odps://sales, claim://datasets, file:///srv/datasets",
    "closed_resources": "ray.io/RayJob=ray.io/cluster",
    "closed_network": "10.2.0.0/16:443, 10.9.9.9:9000",
    "closed_reachable": "10.9.9.9:9000",
    "closed_forbidden": "198.51.100.7:443",
}

HOME = Path("/home/automl")


def policy(**changed: str) -> Policy:
    return read_policy({**LISTS, **changed}.get)


def pod(**fields: Any) -> dict[str, Any]:
    return {"backend": "kubernetes", "image": "registry.example.com/ml/train:3", "command": "train", **fields}


def text_of(task: dict[str, Any] | None = None, **more: Any) -> str:
    body = {
        "name": "x",
        "output": {"storage": "s3://lake/models"},
        "goal": {"metric": "loss", "direction": "minimize"},
        "space": {"lr": {"type": "uniform", "low": 0, "high": 1}},
        "tasks": [pod() if task is None else task],
        **more,
    }
    return yaml.safe_dump(body, sort_keys=False)


def problems(
    task: dict[str, Any] | None = None, lists: Policy | None = None, home: Path = HOME, **more: Any
) -> list[str]:
    """What a deployment refuses of an experiment, as ``field: message``."""
    experiment = parse_experiment(text_of(task, **more), "x.yaml")
    return [str(each) for each in experiment_problems(experiment, lists or policy(), home=home)]
