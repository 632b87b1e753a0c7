"""TAO's couplings in every suggestion of every algorithm; the oracle is what networks fail on, not our templates."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from automl_core.optimizer import Optimizer
from automl_core.search import names
from automl_core.search.registry import algorithm_class
from automl_core.spec.models import Experiment
from automl_core.templates import parse_experiment
from automl_core.templates.places import Places
from tests.sources import ROOT

SCHEMAS = ROOT / "tests" / "assets" / "tao" / "networks-7.2.0.json.gz"
DETECTORS = ("dino", "deformable_detr", "grounding_dino", "rtdetr")
"""Networks of which the package holds num_select below in code (search_space/params.py)."""


@cache
def schemas() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(gzip.decompress(SCHEMAS.read_bytes()))["networks"]
    return found


def experiment(folder: Path, network: str, more: str = "") -> Experiment:
    """The default search of a network."""
    (folder / "tao").mkdir()
    (folder / "tao" / f"{network}.json").write_text(json.dumps(schemas()[network]["schema"]))
    return parse_experiment(f"name: x\ntemplate: tao/{network}@1\n{more}", "x.yaml", Places((folder,)))


def broken(params: Mapping[str, Any], classes: int) -> list[str]:
    """What a training would fail on."""
    found = []
    prefix = next((name.removesuffix("num_select") for name in params if name.endswith("num_select")), None)
    if prefix is not None:
        select, queries = params[f"{prefix}num_select"], params.get(f"{prefix}num_queries", 10**9)
        if select > queries or select > queries * classes - 1:
            found.append(f"num_select {select} of {queries} queries")
    crops = [name for name in params if name.endswith("crop_max")]
    found += [
        f"{name} {params[name]}" for name in crops if params[name] <= params.get(name.replace("_max", "_min"), -1)
    ]
    found += [
        f"{name} {params[name]}" for name in params if name.endswith((".lr", "weight_decay")) and params[name] <= 0
    ]
    return found


def classes_of(found: Experiment) -> int:
    """The classes of an experiment: those that it sets, else the network's own."""
    for name, model in found.space.items():
        if name.endswith("num_classes"):
            return int(model.value)
    return 91


@pytest.mark.parametrize("algorithm", sorted(set(names()) - {"auto", "grid"}))
def test_every_suggestion_for_dino_can_be_trained(tmp_path: Path, algorithm: str) -> None:
    found = experiment(tmp_path, "dino")
    budget = {"max": 9} if algorithm_class(algorithm).uses_budget else None
    space = {name: model.model_dump() for name, model in found.space.items()}
    optimizer, asked = Optimizer(space, algorithm=algorithm, max_trials=8, budget=budget), 0
    while (suggestion := optimizer.ask()) is not None and asked < 8:
        asked += 1
        params: dict[str, Any] = dict(suggestion.params)
        assert broken(params, classes_of(found)) == [], params
        optimizer.tell(suggestion, (params["model.num_select"] - 20) ** 2 + params["model.num_queries"])
    assert asked == 8


@pytest.mark.parametrize("network", DETECTORS)
def test_few_queries_of_one_class_leave_one_less(tmp_path: Path, network: str) -> None:
    """A data set of one class: the package's own rule is num_queries * num_classes - 1."""
    classes = next((name for name in ("dataset.num_classes", "model.num_classes") if _has(network, name)), None)
    more = "set: {model.num_queries: 100" + (f", {classes}: 1" if classes else "") + "}\n"
    found = experiment(tmp_path, network, more)
    optimizer = Optimizer({name: model.model_dump() for name, model in found.space.items()}, algorithm="random")
    asked = (optimizer.ask() for _ in range(300))
    seen = {each.params["model.num_select"] for each in asked if each is not None}
    assert 90 < max(seen) <= (99 if classes else 100)  # type: ignore[type-var, operator]


def _has(network: str, name: str) -> bool:
    node: Any = schemas()[network]["schema"]
    for part in name.split("."):
        node = (node.get("properties") or {}).get(part)
        if node is None:
            return False
    return True
