"""Secrets of pods that come from Airflow connections: in the cluster's secret, and nowhere else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.triggers.base import TaskSuccessEvent

from automl_airflow.kubernetes.sweep import sweep
from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.secrets import secret_name
from tests.standins.kubernetes.standin import KubernetesStandIn
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


def kept(setting: Setting) -> dict[str, str]:
    """The run's secret, read back."""
    name = secret_name(f"{setting.journal.store.url}/{setting.journal.prefix}", "train")
    found = setting.core.read_namespaced_secret(name, "default")
    values = found.data or {key: base64.b64encode(text.encode()).decode() for key, text in found.string_data.items()}
    return {key: base64.b64decode(text).decode() for key, text in values.items()}


def test_the_pod_has_the_values_and_nothing_else_does(setting: Setting) -> None:
    setting.create(SAYS, "secretive", secrets=SECRETS)
    binding = setting.bind()
    job = setting.launch(binding)

    assert kept(setting) == {"KEY": HIDDEN, "TOKEN": "t" * 40}
    (pod,) = setting.core.list_namespaced_pod("default", label_selector="automl/experiment=secretive").items
    assert HIDDEN not in json.dumps(pod.to_dict(), default=str)
    assert isinstance(run(setting.trigger(binding, job)), TaskSuccessEvent)
    said = said_in(setting.folder / "runs")
    assert f"it is {len(HIDDEN)} and 40 long" in said
    assert HIDDEN not in said
    assert "t" * 40 not in said


def test_the_next_attempt_has_what_the_connection_holds_then(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    setting.create("sleep 600", "renewed", secrets=SECRETS[:1])
    setting.launch(setting.bind())
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", '{"conn_type": "http", "password": "another"}')
    setting.launch(setting.bind(1))
    assert kept(setting) == {"KEY": "another"}

    sweep(context(), setting.study)
    with pytest.raises(Exception, match="404"):
        kept(setting)


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
