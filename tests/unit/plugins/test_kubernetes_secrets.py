"""Secrets of pods that come from Airflow connections: in the cluster's secret, and nowhere else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.triggers.base import TaskSuccessEvent
from kubernetes.client import ApiException

from automl_airflow.kubernetes.belongings import Belonging
from automl_airflow.kubernetes.sweep import sweep
from automl_airflow.kubernetes.trigger import KubernetesTrialTrigger
from automl_core.backends.base import StartError
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.standins.kubernetes.testing import wait_for
from tests.support.said import said_in
from tests.unit.plugins.kubernetes_trials import Setting, context, prepare, run

HIDDEN = "p4ss'w\"ord$(id)"
SECRETS = [
    {"env": "KEY", "connection": "team", "key": "password"},
    {"env": "TOKEN", "connection": "team", "key": "token"},
]
SAYS = 'echo "it is $${#KEY} and $${#TOKEN} long"; echo accuracy=0.5 step=0'


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5) as made:
        yield made


@pytest.fixture
def setting(tmp_path: Path, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch) -> Setting:
    connection = {"conn_type": "http", "login": "u", "password": HIDDEN, "extra": {"token": "t" * 40}}
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", json.dumps(connection))
    return prepare(tmp_path, standin, monkeypatch)


def kept(setting: Setting, name: str) -> dict[str, str]:
    """An attempt's secret, read back."""
    found = setting.core.read_namespaced_secret(name, "default")
    return {key: base64.b64decode(text).decode() for key, text in found.data.items()}


def left(setting: Setting) -> list[str]:
    """What lies in the cluster beside pods: secrets, and files, of this experiment."""
    selector = f"automl/experiment={setting.name}"
    return [
        each.metadata.name
        for lists in (setting.core.list_namespaced_secret, setting.core.list_namespaced_config_map)
        for each in lists("default", label_selector=selector).items
    ]


def test_the_pod_has_the_values_and_nothing_else_does(setting: Setting) -> None:
    setting.create(SAYS, "secretive", secrets=SECRETS)
    binding = setting.bind()
    job = setting.launch(binding)

    assert kept(setting, job["secret"]) == {"KEY": HIDDEN, "TOKEN": "t" * 40}
    (pod,) = setting.core.list_namespaced_pod("default", label_selector="automl/experiment=secretive").items
    assert HIDDEN not in json.dumps(pod.to_dict(), default=str)
    assert isinstance(run(setting.trigger(binding, job)), TaskSuccessEvent)
    said = said_in(setting.folder / "runs")
    assert f"it is {len(HIDDEN)} and 40 long" in said
    assert HIDDEN not in said
    assert "t" * 40 not in said
    wait_for(lambda: left(setting) == [])


def test_what_a_pod_prints_of_its_secrets_is_hidden(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    setting.create('echo "key $KEY"; echo "token $TOKEN"; exit 3', "talkative", secrets=SECRETS)
    binding = setting.bind()
    job = setting.launch(binding)
    # a triggerer has launched nothing: it knows what it reads itself, here from a backend of secrets
    monkeypatch.delenv("AIRFLOW_CONN_TEAM")
    monkeypatch.setattr("automl_airflow.kubernetes.secrets._fields", lambda *_: {"password": HIDDEN, "token": "t" * 40})
    monkeypatch.setattr("automl_core.masking._remembered", ())
    monkeypatch.setattr("automl_core.masking._others", [])
    run(setting.trigger(binding, job))
    reason = setting.study.refresh().works[0].attempts[-1].reason
    assert "key ***" in reason
    assert "token ***" in reason
    found = b"".join(each.read_bytes() for each in (setting.folder / "runs").rglob("*") if each.is_file())
    assert b"token ***" in found
    assert HIDDEN.encode() not in found
    assert b"t" * 40 not in found
    wait_for(lambda: left(setting) == [])


def test_a_connection_that_can_not_be_read_again_costs_no_attempt(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(task: object) -> dict[str, str]:
        raise RuntimeError("the backend of secrets is away")

    monkeypatch.setattr("automl_airflow.kubernetes.secrets.values_of", away)
    task = SimpleNamespace(secrets=[SimpleNamespace(connection="team")])
    KubernetesTrialTrigger._learn_secrets(SimpleNamespace(kubernetes_task=task, job={"name": "p"}))  # type: ignore[arg-type]
    assert "secrets of the pod p are not hidden in its log: the backend of secrets is away" in caplog.text


def test_each_attempt_has_what_the_connection_holds_then(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    setting.create("sleep 600", "renewed", secrets=SECRETS[:1])
    first = setting.bind()
    one = setting.launch(first)
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", '{"conn_type": "http", "password": "another"}')
    two = setting.launch(setting.bind(1))
    assert kept(setting, one["secret"]) == {"KEY": HIDDEN}
    assert kept(setting, two["secret"]) == {"KEY": "another"}
    setting.launch(first)  # taken over
    sweep(context(), setting.study)
    wait_for(lambda: left(setting) == [])


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_stays_of_a_run_that_no_reducer_ever_concludes(setting: Setting, workers: int) -> None:
    (setting.folder / "code.py").write_text("import time; time.sleep(600)")
    name = f"marked-{workers}"
    files = {"/code/x.py": "code.py"}
    setting.create(["python3", "/code/x.py"], name, secrets=SECRETS, files=files, workers=workers)
    for slot in (0, 1):
        setting.launch(setting.bind(slot))
    assert len(left(setting)) == 3, "a secret for each attempt, and files for both"
    first, *others = setting.pods()
    setting.core.delete_namespaced_pod(first, "default", grace_period_seconds=0)
    if workers == 1:
        wait_for(lambda: len(left(setting)) == 2, "its secret to go, and the files to stay for the other")
    for pod in others:
        with suppress(ApiException):  # a Job ends its other pods itself, once it sees that one is gone
            setting.core.delete_namespaced_pod(pod, "default", grace_period_seconds=0)
    selector = f"automl/experiment={name}"
    for job in setting.batch.list_namespaced_job("default", label_selector=selector).items:
        setting.batch.delete_namespaced_job(job.metadata.name, "default", propagation_policy="Background")
    wait_for(lambda: left(setting) == [])
    assert not setting.core.list_namespaced_service("default", label_selector=selector).items


def test_a_worker_that_died_before_it_left_the_secret_to_the_pod_is_made_up_for(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting.create("sleep 600", "died", secrets=SECRETS)
    binding = setting.bind()

    def dies(self: Belonging, *_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as dead:
        dead.setattr(Belonging, "leave_to", dies)
        with pytest.raises(KeyboardInterrupt):
            setting.launch(binding)
    job = setting.launch(binding)
    setting.core.delete_namespaced_pod(job["name"], "default", grace_period_seconds=0)
    wait_for(lambda: left(setting) == [])


def test_a_pod_that_the_cluster_refuses_leaves_no_secret(setting: Setting) -> None:
    (setting.folder / "code.py").write_text("")
    setting.create("true", "refused", secrets=SECRETS, files={"/code/x.py": "code.py"}, service_account="nobody")
    with pytest.raises(StartError, match="nobody"):
        setting.launch(setting.bind())
    assert left(setting) == []


def test_rights_of_an_earlier_release_leave_it_to_the_reducer(setting: Setting, standin: KubernetesStandIn) -> None:
    setting.create("true", "older", secrets=SECRETS)
    binding = setting.bind()
    standin.fail(403, "update", "secrets")
    job = setting.launch(binding)
    standin.clear_faults()
    assert job["loose"]
    setting.study.external(binding, json.dumps(job))
    run(setting.trigger(binding, job))
    assert left(setting) == [job["secret"]]
    sweep(context(), setting.study)
    assert left(setting) == []


def test_a_pod_that_is_kept_keeps_no_password(setting: Setting) -> None:
    setting.create(SAYS, "kept", secrets=SECRETS, keep_pods="always")
    binding = setting.bind()
    job = setting.launch(binding)
    assert isinstance(run(setting.trigger(binding, job)), TaskSuccessEvent)
    assert setting.pods() == [job["name"]]
    assert left(setting) == []
    setting.core.delete_namespaced_pod(job["name"], "default", grace_period_seconds=0)


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (
            {"env": "KEY", "connection": "team", "key": "user"},
            r"secrets\[0\].key: connection team has no user; it has ",
        ),
        ({"env": "KEY", "connection": "nobody", "key": "password"}, r"secrets\[0\].connection: .* 'nobody'"),
    ],
)
def test_what_is_missing_is_named_without_a_value(setting: Setting, secret: dict[str, str], said: str) -> None:
    setting.create(SAYS, "missing", secrets=[secret])
    with pytest.raises(StartError, match=said) as caught:
        setting.launch(setting.bind())
    assert HIDDEN not in str(caught.value)
    assert setting.pods() == []
