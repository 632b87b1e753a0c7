"""deploy/kubernetes/rbac.yaml: the rights that the worker and the triggerer use, each of them and no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from automl_airflow.kubernetes.sweep import sweep
from automl_core.backends.base import StartError
from automl_core.backends.kubernetes import group, hub
from tests.sources import ROOT
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.unit.plugins.kubernetes_trials import GOOD, Setting, context, prepare, run

Right = tuple[str, str, str]
"""API group, resource, verb."""


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5) as made:
        yield made


@pytest.fixture
def setting(tmp_path: Path, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    yield prepare(tmp_path, standin, monkeypatch)
    standin.clear_faults()


class Role:
    """One role of the file, and what was asked for under it."""

    def __init__(self, name: str, standin: KubernetesStandIn) -> None:
        documents = yaml.safe_load_all((ROOT / "deploy/kubernetes/rbac.yaml").read_text())
        found = next(doc for doc in documents if doc["kind"] == "Role" and doc["metadata"]["name"] == name)
        self.rules: list[dict[str, Any]] = found["rules"]
        self.used: set[Right] = set()
        self._standin = standin

    @property
    def granted(self) -> set[Right]:
        return {right for rule in self.rules for right in product(rule["apiGroups"], rule["resources"], rule["verbs"])}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Who asks meanwhile has these rights alone."""
        self._standin.restrict(self.rules)
        self._standin.forget_requests()
        try:
            yield
            asked = self._standin.requests()
            assert [each for each in asked if each["status"] == 403] == []
            self.used |= {(each["group"], each["resource"], each["verb"]) for each in asked}
        finally:
            self._standin.restrict(None)


def test_the_rights_are_those_that_are_used(
    setting: Setting, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MEMORY_EVERY", 0.2)
    (setting.folder / "code.py").write_text("import time; time.sleep(600)")
    worker, triggerer = Role("automl-worker", standin), Role("automl-triggerer", standin)

    def attempt(*, deleted: bool = False) -> TriggerEvent:
        binding = setting.bind()
        with worker.held():
            job = setting.launch(binding)
        if deleted:  # before anybody has seen it
            setting.core.delete_collection_namespaced_pod("default", grace_period_seconds=0)
            setting.batch.delete_collection_namespaced_job("default", propagation_policy="Background")
        with triggerer.held():
            return run(setting.trigger(binding, job))

    monkeypatch.setattr(group, "_MADE_BY", 0.0)
    setting.create("true", "unadmitted", workers=2, service_account="nobody", pending={"config": "1s"})
    assert not isinstance(attempt(), TaskSuccessEvent)
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", '{"conn_type": "http", "password": "s3cr3t"}')
    secrets = [{"env": "KEY", "connection": "team", "key": "password"}]
    for name, more in {"single": {}, "group": {"workers": 2}}.items():
        setting.create(f"{GOOD}; sleep 1", name, **more)
        assert isinstance(attempt(), TaskSuccessEvent), name
        setting.create("sleep 600", f"{name}-deleted", **more)
        assert not isinstance(attempt(deleted=True), TaskSuccessEvent)
        setting.create(
            ["python3", "/code/x.py"], f"{name}-left", files={"/code/x.py": "code.py"}, secrets=secrets, **more
        )
        with worker.held():
            setting.launch(setting.bind())
            setting.launch(setting.bind(1))  # finds what the first has made
            sweep(context(), setting.study)
    setting.create("true", "kept", secrets=secrets, keep_pods="always")
    assert not isinstance(attempt(), TaskSuccessEvent)
    for more in ({}, {"workers": 2}):  # what was made for a pod that the cluster then refuses
        setting.create(["true"], f"refused-{len(more)}", files={"/code/x.py": "code.py"}, secrets=secrets, **more)
        binding = setting.bind()
        standin.fail(422, "create", "jobs" if more else "pods")
        with worker.held(), pytest.raises(StartError):
            setting.launch(binding)
        standin.clear_faults()

    assert worker.used == worker.granted
    assert triggerer.used == triggerer.granted
