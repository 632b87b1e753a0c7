"""Trials of a network's template as pods: TAO's container is the stand-in, the cluster too, the pods are processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.triggers.base import TaskSuccessEvent

from automl_core.code import with_code
from automl_core.specfiles.beside import with_base
from automl_core.storage import open_store
from automl_core.study import Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from automl_core.templates.loading import parse_experiment
from automl_core.templates.places import Places
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.standins.tao.container import load
from tests.standins.tao.installing import install
from tests.support.patience import stretched
from tests.support.tao_networks import folder_of
from tests.unit.plugins.kubernetes_trials import RUN, Setting, prepare, run


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5) as made:
        yield made


@pytest.fixture
def setting(tmp_path: Path, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setenv("AUTOML_CODE_CACHE", str(tmp_path / "cache"))
    return prepare(tmp_path, standin, monkeypatch)


def create(setting: Setting, name: str, env: dict[str, str] | None = None, **groups: Any) -> None:
    """An experiment from the template whose pods find the folder of the runs where it is.

    A pod's spec file is text, in which the stand-in replaces no paths: so the mount has the folder's own.
    """
    folder, setting.name = setting.folder, name
    (folder / "runs").mkdir(exist_ok=True)
    folder_of("dino", folder / "templates")
    programs = install(folder / "bin", "dino")
    pod = {
        "backend": "kubernetes", "image": "registry.example.com/tao-toolkit:6.25.10-pyt", "grace": 1, "poll": 0.3,
        "storage_mount": {"path": str(folder / "runs"), "host_path": str(folder / "runs")},
        "env": {"PATH": f"{programs}:/usr/bin:/bin", "TAO_POLL": "0.05", **(env or {})},
    }  # fmt: skip
    body = {
        "name": name, "template": "tao/dino@1", "output": {"storage": f"file://{folder / 'runs'}"},
        "spec_file": {"base": {"train": {"seed": 7}}}, "tasks": {"train": pod}, **groups,
    }  # fmt: skip
    file = folder / f"{name}.yaml"
    store = open_store(str(folder / "runs"))
    experiment = with_base(parse_experiment(yaml.safe_dump(body), str(file), Places((folder / "templates",))), file)
    experiment, _ = with_code(experiment, file, store)
    setting.journal = StudyJournal(store, experiment_prefix(name, RUN))
    setting.study = Study.create(setting.journal, experiment, RUN, [])


def place(setting: Setting, below: str) -> Path:
    return setting.folder / "runs" / setting.journal.prefix / below


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + stretched(30)
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_rungs_in_pods_go_on_from_the_exact_checkpoint(setting: Setting) -> None:
    create(
        setting, "rungs", search={"algorithm": "hyperband"},
        trials={"max": 3, "canary": False, "budget": {"min": 1, "max": 3, "factor": 3}},
    )  # fmt: skip
    for slot in range(4):
        binding = setting.bind(slot)
        event = run(setting.trigger(binding, setting.launch(binding)))
        assert isinstance(event, TaskSuccessEvent), (event, place(setting, f"experiment_{binding.trial}/log.txt"))
    assert binding.budget == 3
    log = place(setting, f"experiment_{binding.trial}/log.txt").read_text()
    assert "model_epoch_000_step_00010.pth" in log, "it says what it goes on from"
    setting.study.refresh()
    last = max(setting.study.state.works.values(), key=lambda work: work.budget or 0)
    model = place(setting, f"experiment_{binding.trial}/model")
    spec = yaml.safe_load((model / "spec.yaml").read_text())
    assert spec["train"]["num_epochs"] == 3
    assert last.budget == 3
    assert sorted(load(path)["epoch"] for path in model.rglob("*.pth")), "the model is there"


def test_a_pod_that_is_taken_away_and_the_next_one_are_one_training(setting: Setting) -> None:
    create(setting, "taken", env={"STANDIN_HOLD_AFTER": "2"}, set={"train.num_epochs": 4}, trials={"max": 1})
    binding = setting.bind()
    job = setting.launch(binding)
    kept = place(setting, "experiment_0/checkpoints")
    until(lambda: any(path.name.startswith("model_epoch_001") for path in kept.rglob("*.pth")), "two epochs are kept")
    setting.standin.fault(vanish=f"default/{job['name']}")
    run(setting.trigger(binding, job))
    setting.study.refresh()
    again = setting.bind()
    assert (again.trial, again.attempt) == (0, 2)
    # the same epochs' worth, without the stop
    setting.study.experiment.tasks[0].env["STANDIN_HOLD_AFTER"] = "0"
    event = run(setting.trigger(again, setting.launch(again)))
    assert isinstance(event, TaskSuccessEvent), event
    spec = yaml.safe_load((place(setting, "experiment_0/model") / "spec.yaml").read_text())
    assert spec["train"]["resume_training_checkpoint_path"].endswith("model_epoch_001_step_00020.pth")
    assert (place(setting, "experiment_0/model") / "checkpoint.json").is_file()
