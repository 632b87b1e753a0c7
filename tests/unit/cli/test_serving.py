"""`automl serving`: objects as YAML, and servers in the cluster of the kubeconfig."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from automl_core.backends.kubernetes.access import namespace_of_context
from automl_core.cli import main
from automl_core.serving.requests import keys_of
from tests.unit.serving.kubernetes.files import Shore, shore


def written(folder: Path, **deploy: Any) -> str:
    body = {
        "kind": "model", "name": "churn", "candidates": {"experiments": ["churn"]},
        "output": {"storage": "s3://lake/models"},
        "evaluate": {"data": "s3://lake/latest/", "metric": "auc", "target": "churned"},
        "deploy": {"to": "kubernetes", "image": "standin/any:1", "tokens": "churn-tokens", **deploy},
    }  # fmt: skip
    path = folder / "churn.model.yaml"
    path.write_text(yaml.safe_dump(body))
    return str(path)


def by_kubeconfig(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a kubeconfig: in tests its client reads within this process, and has looked for KUBECONFIG when imported."""
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setattr("kubernetes_asyncio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))


def test_manifests_are_yaml_and_nobody_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serving", "manifests", written(tmp_path), "--namespace", "models"]) == 0
    found = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [each["kind"] for each in found] == ["Service", "Deployment", "PodDisruptionBudget"]
    assert {each["metadata"]["namespace"] for each in found} == {"models"}


def test_the_page_asks_as_the_file_on_it_says() -> None:
    """Who follows docs/serving.md gets an answer: its row has the column that its file splits requests by."""
    page = (
        (Path(__file__).parents[3] / "docs" / "serving.md").read_text(encoding="utf-8").partition("## On Kubernetes")[2]
    )
    file = yaml.safe_load(page.partition("```yaml")[2].partition("```")[0])
    (asked,) = re.findall(r"-d '(\{.*?\})'", page)
    (row,) = json.loads(asked)["rows"]
    assert keys_of([row], file["deploy"]["key"], None, None, "request") == [row[file["deploy"]["key"]]]


def test_what_can_not_be_done_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(written(tmp_path))
    path.write_text(path.read_text().replace("s3://lake/models", "file://./runs"))
    assert main(["serving", "manifests", str(path)]) == 1
    assert "deploy.storage.mount" in capsys.readouterr().err
    body = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**body, "deploy": {"to": "servers"}}))
    assert main(["serving", "apply", str(path)]) == 1
    assert "has no `deploy: {to: kubernetes}`" in capsys.readouterr().err
    by_kubeconfig(tmp_path / "none", monkeypatch)
    assert main(["serving", "status", written(tmp_path)]) == 1
    assert "configuration can't be read" in capsys.readouterr().err


@pytest.fixture(scope="module")
def there() -> Iterator[Shore]:
    with shore(back_off=0.05, namespace="models") as made:
        yield made


def test_from_apply_to_delete(
    there: Shore, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_kubeconfig(there.standin.kubeconfig, monkeypatch)
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "churn-tokens"}, "stringData": {"tokens": "x"}}
    there.apply("/api/v1/namespaces/models/secrets/churn-tokens", secret, "admin")
    path = written(tmp_path, pod_template=there.serving, replicas=1)

    assert main(["serving", "status", path]) == 1
    assert "models/automl-churn: there are none" in capsys.readouterr().out
    assert main(["serving", "apply", path]) == 0
    said = capsys.readouterr().out
    assert "models/automl-churn: rolled out: 1 of 1 answer" in said
    assert "http://automl-churn.models.svc answers from within the cluster" in said
    assert main(["serving", "apply", path]) == 0
    assert "all is as the file says" in capsys.readouterr().out
    assert main(["serving", "status", path, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["finished"], told["ready"], told["namespace"]) == (True, 1, "models")

    Path(path).unlink()  # whose file is gone is known by what it has made
    assert main(["serving", "delete", "churn", "--yes"]) == 0
    assert "Deployment removed" in capsys.readouterr().out
    assert main(["serving", "delete", "churn", "--yes"]) == 0
    assert "nothing is there of churn alone" in capsys.readouterr().out


def test_the_namespace_is_that_of_the_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("contexts: [{name: a, context: {namespace: red}}, {name: b, context: {}}]\n")
    two.write_text("current-context: a\ncontexts: [{name: a, context: {namespace: blue}}]\n")
    monkeypatch.setenv("KUBECONFIG", f"{one}:{tmp_path / 'none'}:{two}")
    assert namespace_of_context(None) == "red", "the first file that has it counts"
    assert namespace_of_context("b") is None
    assert namespace_of_context("c") is None
    two.write_text("{not yaml")
    assert namespace_of_context("a") == "red"
