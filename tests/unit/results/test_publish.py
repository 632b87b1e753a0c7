"""The published files: which there are, what they say, that they come out the same every time, what is removed."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from automl_core.results import publish, publish_study
from automl_core.results.publish import Published
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.base import ObjectStore, StorageError
from automl_core.storage.folder import FolderStore
from automl_core.study.state import State
from tests.support.memory_store import MemoryStore
from tests.unit.results.lab import Lab, experiment

BUDGET = {"max": 9, "concurrency": 2, "budget": {"name": "epochs", "min": 1, "max": 9, "factor": 3}}


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return MemoryStore() if request.param == "memory" else FolderStore(tmp_path)


def put_out(lab: Lab, state: State | None = None, algorithm_state: Any = None) -> Published:
    return publish(lab.store, lab.prefix, lab.spec, state or lab.state, algorithm_state=algorithm_state)


def finished(store: ObjectStore | None = None, **groups: Any) -> Lab:
    """Four trials have run, trial 2 is the best, trial 3 failed."""
    lab = Lab(experiment(**groups), store=store)
    for value in (0.5, 0.7, 0.9, None):
        lab.trial(value)
    lab.stop()
    return lab


def read(lab: Lab, name: str) -> Any:
    data = lab.store.get(lab.prefix + name)
    return json.loads(data) if name.endswith(".json") else yaml.safe_load(data)


def listed(lab: Lab) -> list[str]:
    return [key.removeprefix(lab.prefix) for key in lab.store.list(lab.prefix) if "/journal" not in key]


def everything(lab: Lab) -> dict[str, bytes]:
    return {name: lab.store.get(lab.prefix + name) for name in listed(lab)}


def test_the_layout_is_that_of_tao(store: ObjectStore) -> None:
    lab = finished(store)
    published = put_out(lab)
    assert [name for name in listed(lab) if not name.startswith("experiment_")] == [
        "automl_metadata.json",
        "best_model/experiment.yaml",
        "best_model/log.txt",
        "best_model/metrics.json",
        "best_model/model/weights.bin",
        "best_model/recommendation.yaml",
        "best_model/status.json",
        "brain.json",
        "controller.json",
        "experiment.yaml",
        "leaderboard.csv",
        "leaderboard.md",
        "recommendation_0.yaml",
        "recommendation_1.yaml",
        "recommendation_2.yaml",
        "recommendation_3.yaml",
    ]
    assert (published.best_trial, published.best_value) == (2, 0.9)
    assert (published.state, published.reason) == (ExperimentState.FINISHED, "all trials have run")
    assert set(published.files) <= set(listed(lab))
    assert "experiment_3/status.json" in published.files
    assert "best_model/model/weights.bin" in published.files


def test_the_folder_is_named_for_people(tmp_path: Path) -> None:
    assert put_out(finished()).folder == "memory://test/digits/run-1"
    published = put_out(finished(FolderStore(tmp_path)))
    assert published.folder == f"{tmp_path}/digits/run-1"
    assert published.url == f"file://{tmp_path}/digits/run-1"


def test_controller_json_is_one_object_of_the_experiment_and_its_trials() -> None:
    lab = finished()
    put_out(lab)
    body = read(lab, "controller.json")
    assert list(body) == ["experiment", "trials"]
    assert body["experiment"]["best_trial"] == 2
    assert [trial["number"] for trial in body["trials"]] == [0, 1, 2, 3]
    assert read(lab, "experiment_1/status.json") == body["trials"][1]
    assert read(lab, "best_model/status.json") == body["trials"][2]


def test_a_recommendation_is_a_combination_with_its_budget() -> None:
    lab = Lab(experiment(trials=BUDGET), plan={"slots": 2, "trials": 1, "units": 9, "note": ""})
    lab.trial(0.5, budget=3, params={"lr": 1e-05, "solver": "no"})
    lab.trial(0.6, trial=0, budget=9, resume_budget=3)
    put_out(lab)
    assert read(lab, "recommendation_0.yaml") == {
        "experiment": "digits",
        "run": "run-1",
        "trial": 0,
        "budget": {"epochs": 9},
        "params": {"lr": 1e-05, "solver": "no"},
    }


def test_the_resolved_experiment_is_an_experiment_file_again() -> None:
    space = {"units": {"type": "int", "low": 1, "high": 9}, "lr": {"type": "uniform", "low": 0, "high": 1}}
    tasks = [{"command": "train ${lr}", "metrics": {"source": "stdout", "patterns": {"accuracy": "acc=(.*)"}}}]
    lab = finished(space=space, tasks=tasks, trials={"timeout": "2m", "early_stopping": {"rule": "median"}})
    put_out(lab)
    assert Experiment.model_validate(read(lab, "experiment.yaml")) == lab.spec
    assert list(read(lab, "experiment.yaml")["space"]) == ["units", "lr"], "the order of a space is that of its file"


def test_metadata_has_the_facts_of_the_run_under_taos_names() -> None:
    lab = Lab(experiment(trials=BUDGET), plan={"slots": 5, "trials": 3, "units": 14, "note": ""})
    lab.trial(0.5, seconds=20, budget=1)
    lab.trial(0.4, seconds=20, budget=1)
    put_out(lab)
    body = read(lab, "automl_metadata.json")
    assert body["best_accuracy"] == 0.5
    assert body["Current experiment number"] == 2
    assert body["Number of epochs yet to start"] == 12
    assert body["Time per epoch in seconds"] == 20.0
    assert body["Estimated time for automl completion"] == "2m 40s"  # three works of 80 s on two places
    assert (body["units"], body["units_planned"]) == ("epochs", 14)
    assert [trial["seconds"] for trial in body["trials"]] == [20.0, 20.0]
    assert body["versions"]["python"].startswith("3.")
    assert "pydantic" in body["versions"]
    assert body["experiment"] == lab.spec.model_dump(mode="json")


def test_brain_json_is_for_people_and_takes_what_algorithms_say_of_themselves() -> None:
    import numpy as np

    lab = finished()
    said = {
        "length_scales": np.array([0.1 + 0.2, np.inf]), "noise": np.float64(1e-9), "best": (1, 2),
        "done": np.bool_(True), 3: {"b", "a"}, "model": object(), "nothing": None,
    }  # fmt: skip
    put_out(lab, algorithm_state=said)
    brain = read(lab, "brain.json")
    assert (brain["algorithm"], brain["asked_for"], brain["seed"], brain["why"]) == (
        "random",
        "auto",
        0,
        "as asked for",
    )
    assert brain["state"] == {
        "length_scales": [0.3, "inf"], "noise": 1e-9, "best": [1, 2], "done": True, "3": ["a", "b"],
        "model": "<object>", "nothing": None,
    }  # fmt: skip


@given(
    values=st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=6),
    names=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5), max_size=3),
    stopped=st.booleans(),
)
def test_publishing_again_gives_the_same_bytes(values: list[float | None], names: list[str], stopped: bool) -> None:
    lab = Lab()
    for value in values:
        metrics = dict.fromkeys(names, 1 / 3) | {"accuracy": value} if value is not None else {}
        slot = lab.bind(params={"lr": 0.1 / 3, **dict.fromkeys(names, "=x|\n")})
        lab.clock.now += 0.1 + 0.2
        lab.end(slot, value, state=TrialState.SUCCEEDED if value is not None else TrialState.FAILED, metrics=metrics)
        lab.keep(slot)
    if stopped:
        lab.stop()
    put_out(lab)
    first = everything(lab)

    lab.clock.now += 1000
    put_out(lab)
    assert everything(lab) == first

    state = lab.replayed()
    put_out(lab, state)
    assert everything(lab) == first


def test_a_folder_and_a_bucket_get_the_same_bytes(tmp_path: Path) -> None:
    on_folder, in_memory = finished(FolderStore(tmp_path)), finished()
    put_out(on_folder)
    put_out(in_memory)
    assert everything(on_folder) == everything(in_memory)


def models(lab: Lab) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {"model": [], "checkpoints": []}
    for number in range(len(lab.state.trials)):
        for kind, numbers in found.items():
            if lab.store.list(f"{lab.prefix}experiment_{number}/{kind}/"):
                numbers.append(number)
    return found


@pytest.mark.parametrize(
    ("keep", "kept", "checkpoints"),
    [("best", [2], [2]), (2, [1, 2], [1, 2]), (10, [0, 1, 2], [0, 1, 2]), ("all", [0, 1, 2], [0, 1, 2, 3])],
)
def test_models_are_kept_as_the_file_says(
    store: ObjectStore, keep: str | int, kept: list[int], checkpoints: list[int]
) -> None:
    lab = finished(store, output={"keep_models": keep})
    put_out(lab)
    assert models(lab) == {"model": kept, "checkpoints": checkpoints}
    assert lab.store.get(f"{lab.prefix}experiment_0/log.txt"), "logs and metrics are kept in any case"
    assert lab.store.get(f"{lab.prefix}best_model/model/weights.bin") == b"weights of slot 2"


def test_nothing_is_removed_while_a_trial_runs() -> None:
    lab = Lab()
    for value in (0.5, 0.7):
        lab.trial(value)
    draining = lab.bind()
    lab.stop(ExperimentState.EARLY_STOPPED, "target reached", "target")
    published = put_out(lab)
    assert (published.state, published.reason) == (ExperimentState.RUNNING, "target reached")
    assert models(lab) == {"model": [0, 1], "checkpoints": [0, 1]}
    assert read(lab, "controller.json")["experiment"]["state"] == "RUNNING"

    lab.clock.now += 5
    lab.end(draining, 0.9)
    lab.keep(draining)
    assert put_out(lab).state is ExperimentState.EARLY_STOPPED
    assert models(lab) == {"model": [2], "checkpoints": [2]}


def test_models_of_trials_with_like_numbers_are_told_apart() -> None:
    lab = Lab(experiment(trials={"max": 12}))
    for number in range(12):
        lab.trial(1.0 if number == 1 else 0.5)
    lab.stop()
    put_out(lab)
    assert models(lab) == {"model": [1], "checkpoints": [1]}


def test_an_experiment_without_a_value_is_published_without_a_best_model() -> None:
    lab = Lab()
    lab.trial()
    lab.stop(ExperimentState.FAILED, "1 of at most 0 trials failed", "max_failed")
    published = put_out(lab)
    assert (published.best_trial, published.best_value) == (None, None)
    assert not [name for name in listed(lab) if name.startswith("best_model/")]
    assert read(lab, "controller.json")["experiment"]["state"] == "FAILED"


class RefusingStore(MemoryStore):
    """Refuses to write one key."""

    refused = ""

    def put(self, key: str, data: bytes) -> None:
        if self.refused and key.endswith(self.refused):
            raise StorageError(f"Cannot write {key}: refused")
        super().put(key, data)


def test_the_controller_is_written_when_all_else_stands_and_before_anything_is_removed() -> None:
    store = RefusingStore()
    lab = finished(store)
    store.refused = "recommendation_1.yaml"
    with pytest.raises(StorageError, match=r"recommendation_1\.yaml: refused"):
        put_out(lab)
    assert "controller.json" not in listed(lab)
    assert models(lab)["model"] == [0, 1, 2]

    store.refused = ""
    put_out(lab)
    assert models(lab)["model"] == [2]


def test_publishing_leaves_no_thread_behind() -> None:
    put_out(finished())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("automl-publish")]


class Described:
    """A study as far as publishing looks at it."""

    def __init__(self, lab: Lab, error: Exception | None) -> None:
        self.journal, self.state, self.experiment = lab.journal, lab.state, lab.spec
        self.algorithm = self
        self._error = error

    def describe(self, history: Any) -> dict[str, Any]:
        if self._error:
            raise self._error
        return {"trials": [trial.loss for trial in history]}


def test_a_study_is_published_with_its_algorithms_state() -> None:
    lab = finished()
    assert publish_study(Described(lab, None)).best_trial == 2  # type: ignore[arg-type]
    assert read(lab, "brain.json")["state"] == {"trials": [-0.5, -0.7, -0.9, None]}


def test_an_algorithm_that_cannot_describe_itself_costs_no_result(caplog: pytest.LogCaptureFixture) -> None:
    lab = finished()
    assert publish_study(Described(lab, ValueError("not positive definite"))).best_trial == 2  # type: ignore[arg-type]
    assert read(lab, "brain.json")["state"] is None
    assert "algorithm random is left out" in caplog.text
