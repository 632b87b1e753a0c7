"""What is known of each network's container, against what nvidia-tao-core 7.3.0 says (tests/assets/tao)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automl_core.spec.loader import parse_experiment
from automl_core.tao.containers import CONTAINERS, NOT_TRAINED, UnknownAction, checked, container_of
from automl_core.tao.tasks import goal_of, spec_file_of, tasks_of
from tests.sources import ROOT
from tests.support.tao_networks import leaves, recorded

NVIDIAS: dict[str, Any] = json.loads((ROOT / "tests" / "assets" / "tao" / "containers-7.3.0.json").read_text())

NOT_OURS = {"dataset_convert", "gen_trt_engine", "inference_microservice"}
"""Of other containers, or no action on a model."""

SAID_OTHERWISE = {"nvpanoptix3d": "kpi"}
"""Metrics that a configuration names, and that no status file has by this name."""


@pytest.mark.parametrize("network", sorted(NVIDIAS))
def test_actions_metric_and_keys_are_nvidias(network: str) -> None:
    theirs, ours = NVIDIAS[network], container_of(network)
    if network in CONTAINERS:
        assert set(ours.actions) == set(theirs["actions"]) - NOT_OURS
        assert ours.metric == theirs["metric"] or network in SAID_OTHERWISE
    filled = theirs["automl"]
    if container_of(network).format == "toml":
        assert "train.output_dir" in filled
        assert "train.output_dir" in spec_file_of(network)["set"]
    if "train.resume_training_checkpoint_path" in filled:
        assert ours.resume == "train.resume_training_checkpoint_path"
        assert ours.epochs == "train.num_epochs"
        kept = [key for key in ("train.checkpoint_interval", "train.validation_interval") if key in filled]
        assert list(ours.intervals) == kept
    for key, value in ours.fixed.items():
        assert filled[key] == value
    for action in set(ours.actions) - {"train"}:
        named = set(json.loads(tasks_of(network, action)[0]["env"]["TAO_PUT"]))
        expected = {key for key in theirs["models"].get(action, ()) if "trt_engine" not in key}
        assert expected <= named or not expected or network == "vila", (action, expected, named)


@pytest.mark.parametrize("network", sorted(name for name in recorded() if name not in NOT_TRAINED))
def test_the_keys_that_are_put_in_are_in_the_networks_schema(network: str) -> None:
    known = leaves(network)
    if not known:
        return
    container = container_of(network)
    missing = [key for key in (container.epochs, *container.intervals) if key not in known]
    assert missing == WITHOUT.get(network, [])


WITHOUT = {"vila": ["train.validation_interval"]}
"""A network that evaluates at no interval."""


def test_data_services_have_nothing_that_is_trained() -> None:
    for network in NOT_TRAINED:
        with pytest.raises(UnknownAction, match="nothing of it is trained"):
            tasks_of(network)
    with pytest.raises(UnknownAction, match="Did you mean 'export'"):
        checked("dino", "exports")


@pytest.mark.parametrize("network", sorted(CONTAINERS))
def test_every_action_is_a_training_task(network: str) -> None:
    """Local and, laid over it, as a pod; for each network of which something is trained."""
    for action in container_of(network).actions:
        [task] = tasks_of(network, action)
        body = {
            "name": "e", "goal": goal_of(network) or {"metric": "x", "direction": "minimize"}, "code": "src",
            "space": {"train.lr": {"type": "uniform", "low": 0, "high": 1}}, "spec_file": spec_file_of(network),
            "tasks": [task if action == "train" else {"name": "first", "command": ["true"]}],
            "conclude": [] if action == "train" else [task],
        }  # fmt: skip
        experiment = parse_experiment(json.dumps(body), "e.yaml")
        assert experiment.spec_file is not None
        if action == "train":
            assert task["metrics"]["path"].endswith("status.json")
            assert ("-r" in task["command"]) == container_of(network).classic
