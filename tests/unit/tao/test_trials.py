"""Whole trials of a network's template, with the stand-in for its container as a local process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from automl_core.code import with_code
from automl_core.metrics.series import Series
from automl_core.results import publish_study
from automl_core.results.stages import write_trials
from automl_core.running.local import LocalRun
from automl_core.specfiles.beside import with_base
from automl_core.states import TrialState
from automl_core.storage import open_store
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.stages import begin_stage
from automl_core.tao.tasks import tasks_of
from automl_core.templates.loading import parse_experiment
from automl_core.templates.places import Places
from tests.standins.tao.container import load
from tests.standins.tao.installing import install
from tests.support.tao_networks import folder_of

PREFIX = "dino/r/"


class Bench:
    """A study of dino in a folder; its slots are run one after the other."""

    def __init__(self, folder: Path, **groups: Any) -> None:
        folder_of("dino", folder / "templates")
        self.folder, self.store = folder, open_store(str(folder / "runs"))
        body = {
            "name": "dino", "template": "tao/dino@1",
            "spec_file": {"base": {"train": {"seed": 7, "validation_interval": 5}, "dataset": {"num_classes": 3}}},
            "trials": {"max": 9, "canary": False},
            **groups,
        }  # fmt: skip
        file = folder / "dino.yaml"
        experiment = with_base(parse_experiment(yaml.safe_dump(body), str(file), Places((folder / "templates",))), file)
        experiment, _ = with_code(experiment, file, self.store)
        self.study = Study.create(StudyJournal(self.store, PREFIX), experiment, "r", [])
        self.lines: list[str] = []

    def run(self, slot: int) -> tuple[Binding, Any]:
        binding = self.study.ask(slot)
        assert isinstance(binding, Binding), binding
        outcome, _ = LocalRun(self.study, self.store, binding, home=self.folder, emit=self.lines.append).run()
        return binding, outcome

    def series(self, trial: int) -> dict[float, float]:
        """Epoch → the goal's metric, as recorded."""
        found = Series.from_json(json.loads(self.store.get(f"{PREFIX}experiment_{trial}/metrics.json"))["points"])
        return {each.step: each.values["val_mAP50"] for each in found.by_axis() if "val_mAP50" in each.values}

    def path(self, below: str) -> Path:
        return self.folder / "runs" / PREFIX / below


@pytest.fixture(autouse=True)
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container's command and a python3 that is this one, with PyYAML as TAO's containers have it."""
    programs = install(tmp_path / "bin", "dino")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("TAO_POLL", "0.05")
    monkeypatch.setenv("AUTOML_CODE_CACHE", str(tmp_path / "cache"))


def test_a_trial_has_its_metrics_its_spec_and_the_best_epochs_model(tmp_path: Path) -> None:
    bench = Bench(tmp_path, set={"train.num_epochs": 4})
    binding, outcome = bench.run(0)
    assert outcome.state is TrialState.SUCCEEDED, outcome.message
    model = bench.path("experiment_0/model")
    told = yaml.safe_load((model / "spec.yaml").read_text())
    assert told["train"]["optim"]["lr"] == binding.params["train.optim.lr"]
    assert told["train"]["num_epochs"] == 4
    assert told["train"]["validation_interval"] == 4, "5 would be refused by TAO: it is more than there are epochs"
    assert told["dataset"]["num_classes"] == 3
    assert (model / "train" / "experiment.yaml").is_file(), "as TAO saves it"
    [weights] = model.rglob("*.pth")
    assert load(weights)["epoch"] == 3
    about = json.loads((model / "checkpoint.json").read_text())
    assert about["value"] == outcome.value == bench.series(0)[3]
    assert list(bench.series(0)) == [3], "it was validated once"


def test_rungs_go_on_from_the_exact_checkpoint_and_have_one_curve(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path, search={"algorithm": "hyperband"},
        spec_file={"base": {"train": {"seed": 7}}},
        trials={"max": 5, "canary": False, "budget": {"min": 1, "max": 3, "factor": 3}},
    )  # fmt: skip
    budgets: list[tuple[int, int | None]] = []
    for slot in range(4):
        binding, outcome = bench.run(slot)
        assert outcome.state is TrialState.SUCCEEDED, outcome.message
        budgets.append((binding.trial, binding.budget))
    promoted = next(trial for trial, budget in budgets if budget == 3)
    assert sorted(budget for _, budget in budgets if budget is not None) == [1, 1, 1, 3]
    folder = bench.path(f"experiment_{promoted}/checkpoints")
    spec = yaml.safe_load((bench.path(f"experiment_{promoted}/model") / "spec.yaml").read_text())["train"]
    assert spec["num_epochs"] == 3
    resumed = Path(spec["resume_training_checkpoint_path"])
    assert resumed.name == "model_epoch_000_step_00010.pth"
    assert resumed.parent.parent == folder, "the rung's own folder, not the latest of anything"
    assert list(bench.series(promoted)) == [0, 1, 2], "one curve over both rungs"


def test_conclude_evaluates_and_exports_the_best_trial_and_its_model_is_published(tmp_path: Path) -> None:
    conclude = [*tasks_of("dino", "evaluate"), *tasks_of("dino", "export")]
    bench = Bench(tmp_path, set={"train.num_epochs": 2}, trials={"max": 2, "canary": False}, conclude=conclude)
    values = {binding.trial: outcome.value for binding, outcome in map(bench.run, range(2))}
    best = max(values, key=lambda trial: values[trial])
    bench.study.finish()
    stage = begin_stage(bench.study, "conclude")
    write_trials(bench.study, lambda key: str(bench.folder / "runs" / key))
    for task in range(2):
        binding = stage.resume(0, task) if task else stage.ask(0)
        assert isinstance(binding, Binding)
        outcome, _ = LocalRun(stage, bench.store, binding, home=bench.folder, emit=bench.lines.append).run()
        assert outcome.state is TrialState.SUCCEEDED, bench.lines[-5:]
    assert any(f"of trial {best}" in line for line in bench.lines)
    publish_study(bench.study)
    model = bench.path("best_model/model")
    told = [json.loads(line) for line in (model / "evaluate" / "status.json").read_text().splitlines()]
    measured = [float(line["kpi"]["test_mAP50"]) for line in told if "kpi" in line]
    assert measured[-1] == values[best]
    assert (model / "export" / "model.onnx").is_file()
    assert (model / json.loads((model / "checkpoint.json").read_text())["checkpoint"]).is_file(), "weights as well"


def test_what_tao_refuses_is_the_trials_failure_in_its_words(tmp_path: Path) -> None:
    bench = Bench(tmp_path, spec_file={"base": {"train": {"learning_rate": 3}}})
    _, outcome = bench.run(0)
    assert outcome.state is TrialState.FAILED
    assert any("Key 'learning_rate' not in" in line for line in bench.lines)


def test_the_published_model_is_the_best_trials(tmp_path: Path) -> None:
    bench = Bench(tmp_path, set={"train.num_epochs": 2}, trials={"max": 2, "canary": False})
    values = {}
    for slot in range(2):
        binding, outcome = bench.run(slot)
        values[binding.trial] = outcome.value
    best = max(values, key=lambda trial: values[trial])
    bench.study.finish()
    publish_study(bench.study)
    assert (bench.path("best_model/model") / "checkpoint.json").is_file()
    told = yaml.safe_load((bench.path("best_model/model") / "spec.yaml").read_text())
    assert told["results_dir"].endswith("model"), "its own spec goes along"
    assert not list(bench.path(f"experiment_{1 - best}").rglob("*.pth")), "the other one's weights are gone"
