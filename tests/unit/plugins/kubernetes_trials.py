"""What tests of the operator and the trigger of trials in pods need: a real study, and pods on the stand-in."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.triggers.base import TriggerEvent
from kubernetes import client, config

from automl_airflow import studies, watching
from automl_airflow.kubernetes.operator import KubernetesTrialOperator
from automl_airflow.kubernetes.trigger import KubernetesTrialTrigger
from automl_core.spec.loader import parse_experiment
from automl_core.storage import open_store
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from tests.standins.kubernetes.standin import KubernetesStandIn

RUN = "manual__1"
SOON = 20.0


class Setting:
    """An experiment with a pod a trial, its study, and the pods in the stand-in."""

    def __init__(self, folder: Path, standin: KubernetesStandIn) -> None:
        self.folder, self.standin = folder, standin
        connected = config.new_client_from_config(config_file=str(standin.kubeconfig))
        self.core, self.batch = client.CoreV1Api(connected), client.BatchV1Api(connected)

    def create(self, command: str | list[str], name: str, trials: dict[str, Any] | None = None, **fields: Any) -> None:
        """Lay out the experiment and open its study."""
        (self.folder / "runs").mkdir(exist_ok=True)
        self.name = name
        body = {
            "name": name,
            "output": {"storage": "file://./runs"},
            "goal": {"metric": "accuracy", "direction": "maximize"},
            "search": {"algorithm": "random"},
            "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
            "trials": {"max": 4, "concurrency": 2, **(trials or {})},
            "tasks": [
                {
                    "name": "train", "backend": "kubernetes", "image": "python:3.11", "command": command, "grace": 1,
                    "storage_mount": {"path": "/mnt/runs", "host_path": "./runs"}, "poll": 0.3, **fields,
                }
            ],
        }  # fmt: skip
        self.journal = StudyJournal(open_store(str(self.folder / "runs")), experiment_prefix(name, RUN))
        self.study = Study.create(self.journal, parse_experiment(yaml.safe_dump(body), "x.yaml"), RUN, [])

    def operator(self) -> KubernetesTrialOperator:
        return KubernetesTrialOperator(
            task_id="trial", storage="file://./runs", connection=None, experiment=self.name, slot=0,
            step_ids=["trial"], cluster="kubernetes_default",
        )  # fmt: skip

    def bind(self, slot: int = 0) -> Binding:
        found = self.study.ask(slot)
        assert isinstance(found, Binding)
        return found

    def launch(self, binding: Binding) -> dict[str, Any]:
        """Start (or take over) the pod of an attempt, as the worker does."""
        return self.operator().launch(context(), self.study, self.journal.store, binding)

    def trigger(self, binding: Binding, job: dict[str, Any]) -> KubernetesTrialTrigger:
        """The trigger that a triggerer would run: made from what was serialized."""
        made = self.operator().watcher(context(), self.study, binding, job)
        path, arguments = made.serialize()
        assert path == "automl_airflow.kubernetes.trigger.KubernetesTrialTrigger"
        return KubernetesTrialTrigger(**json.loads(json.dumps(arguments)))

    def pods(self) -> list[str]:
        selector = f"automl/experiment={self.name}"
        return [pod.metadata.name for pod in self.core.list_namespaced_pod("default", label_selector=selector).items]


def context() -> dict[str, Any]:
    ti = SimpleNamespace(dag_id="d", task_id="trial", map_index=0, try_number=1)
    return {"ti": ti, "run_id": RUN, "dag": SimpleNamespace(parent_dag=None)}


def prepare(folder: Path, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """A folder for an experiment, and the connection to the stand-in."""
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(standin.kubeconfig)}}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("AUTOML_HOME", str(folder))
    monkeypatch.setattr(watching, "LEAST_WAIT", 0.0)
    monkeypatch.setattr(studies, "_studies", studies.SharedStudies(studies._open))
    return Setting(folder, standin)


async def first_event(trigger: KubernetesTrialTrigger) -> TriggerEvent:
    try:
        async with asyncio.timeout(SOON):
            return await anext(aiter(trigger.run()))
    finally:
        await trigger.cleanup()


def run(trigger: KubernetesTrialTrigger) -> TriggerEvent:
    return asyncio.run(first_event(trigger))


GOOD = "for i in 1 2 3; do echo accuracy=0.$i step=$i; sleep 0.1; done; echo model > $AUTOML_MODEL_DIR/model.txt"
