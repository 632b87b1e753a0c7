"""What is published of a combination where the program reads a spec file: one that it can be trained with by hand."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
import yaml
from google.protobuf import struct_pb2, text_format

from automl_core.results import publish
from automl_core.spec.models import Experiment
from tests.unit.results.lab import Lab, experiment

SPACE = {
    "optim.lr": {"type": "loguniform", "low": 1e-5, "high": 0.1},
    "optim.name": {"type": "choice", "values": ["1e3", "adam"]},
}
PARAMS = {"optim.lr": 1e-5, "optim.name": "1e3"}
BASE = {
    "optim": {"clip": 1},
    "trial": "${trial_id}",
    "out": "${model_dir}/x",
    "made": "${run_id}/${trial_id}",
    "until": "${budget}",
}
BUDGET = {"max": 9, "concurrency": 2, "budget": {"name": "epochs", "min": 1, "max": 9, "factor": 3}}


def published(**groups: Any) -> dict[str, bytes]:
    lab = Lab(experiment(space=SPACE, **groups))
    for value in (0.5, 0.9):
        lab.trial(value, params=PARAMS, **({"budget": 3} if "trials" in groups else {}))
    lab.stop()
    publish(lab.store, lab.prefix, lab.spec, lab.state, algorithm_state=None)
    return {key.removeprefix(lab.prefix): lab.store.get(key) for key in lab.store.list(lab.prefix)}


def test_it_is_the_spec_file_without_what_belongs_to_an_attempt() -> None:
    files = published(spec_file={"base": BASE})
    found = files["recommendation_1.yaml"].decode()
    assert yaml.safe_load(found) == {
        "optim": {"clip": 1, "lr": 1e-5, "name": "1e3"}, "trial": 1, "made": "run-1/1",
    }  # fmt: skip
    assert found.startswith("# experiment: digits\n# run: run-1\n# trial: 1\n")
    assert files["best_model/recommendation.yaml"] == files["recommendation_1.yaml"]
    assert not [name for name in files if name.startswith("recommendation_") and not name.endswith(".yaml")]


def test_the_budget_is_that_which_the_trial_has_had() -> None:
    body = yaml.safe_load(published(spec_file={"base": BASE}, trials=BUDGET)["recommendation_1.yaml"])
    assert (body["until"], body["automl"]) == (3, {"budget": 3})


@pytest.mark.parametrize("form", ["json", "toml"])
def test_the_programs_own_format_lies_beside_it(form: str) -> None:
    files = published(spec_file={"format": form, "base": BASE})
    own = files[f"recommendation_1.{form}"].decode()
    assert (json if form == "json" else tomllib).loads(own) == yaml.safe_load(files["recommendation_1.yaml"])
    assert files[f"best_model/recommendation.{form}"].decode() == own


def test_protobuf_text() -> None:
    space = {
        "fields.key": {"type": "fixed", "value": "lr"},
        "fields.value.number_value": {"type": "fixed", "value": 0.5},
    }
    lab = Lab(experiment(space=space, spec_file={"format": "prototxt"}))
    lab.trial(0.5, params={name: each["value"] for name, each in space.items()})
    publish(lab.store, lab.prefix, lab.spec, lab.state, algorithm_state=None)
    text = lab.store.get(f"{lab.prefix}recommendation_0.prototxt").decode()
    assert dict(text_format.Parse(text, struct_pb2.Struct())) == {"lr": 0.5}


def test_a_template_of_ones_own_keeps_its_ending_and_the_parameters_stand_in_yaml() -> None:
    spec = {"format": "text", "text": "lr=${optim.lr} budget=${budget}\n", "name": "train.conf"}
    files = published(spec_file=spec)
    assert files["recommendation_1.conf"] == b"lr=1e-05 budget=\n"
    assert yaml.safe_load(files["recommendation_1.yaml"]) == {"optim": {"lr": 1e-5, "name": "1e3"}}
    own = published(spec_file=spec | {"name": "train.yaml"})
    assert own["recommendation_1.yaml"] == b"lr=1e-05 budget=\n"


def test_the_published_experiment_is_whole() -> None:
    found = yaml.safe_load(
        published(spec_file={"base": BASE}, code={"folder": "x", "digest": "0" * 64})["experiment.yaml"]
    )
    assert found["spec_file"]["base"] == BASE
    assert Experiment.model_validate(found).program.digest == "0" * 64  # type: ignore[union-attr]


def test_without_a_spec_file_it_is_what_it_was() -> None:
    body = yaml.safe_load(published()["recommendation_1.yaml"])
    assert body == {"experiment": "digits", "run": "run-1", "trial": 1, "params": PARAMS}
