"""Annotation projects' files in the REST API: checked as they are typed, saved beside experiments' by who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.web.conftest import World, body_of, of_team
from tests.unit.web.projects import project_text

API = "/automl/api/v1"


def text_of(world: World, name: str, experiment: str, people: str = "{price: 0.05, who: [anna]}") -> str:
    """A project whose two models come of one experiment that is there."""
    text = project_text(world, name, people).replace("  - experiment: messages_trees\n", "")
    return text.replace("experiment: messages_linear", f"experiment: {experiment}\n    families: 2")


def test_a_file_is_checked_as_it_is_typed(world: World, ended: tuple[str, str]) -> None:
    text = text_of(world, "typed-project", ended[0])
    body = body_of(world.client("ann").post(f"{API}/validate", json={"text": text}))
    assert body["ok"], body["problems"]
    assert (body["kind"], body["name"], body["dags"]) == ("annotation", "typed-project", ["typed-project.annotation"])
    assert (body["preview"], body["most"]) == (None, None)
    told = " ".join(body["told"])
    assert "Each round asks for 100 labels of people, on the page in Airflow (anna), and waits for them at most" in told
    assert "At most that is 30 rounds: 3,000 labels, 150.00 EUR." in told
    assert "that takes 305 random labels at least, after round 8" in told
    wrong = text.replace("kind: text", "kind: texts")
    body = body_of(world.client("ann").post(f"{API}/validate", json={"text": wrong}))
    (problem,) = body["problems"]
    assert (body["ok"], problem["path"]) == (False, "items.kind")
    assert problem["line"] == 1 + wrong.splitlines().index("  kind: texts")
    little = body_of(world.client("ann").post(f"{API}/validate", json={"text": f"{text}select: {{many: 10}}\n"}))
    assert little["ok"]
    assert [each["path"] for each in little["warnings"] if each["severity"] == "warning"] == ["agree"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("agree: off\n", "Models label nothing by themselves."),
        ("stop: {target: 95%, rounds: 1}\n", "At most that is 1 round: 100 labels, 5.00 EUR."),
        ("stop: {target: 95%}\n", "can be told after 126 random labels at the earliest, in round 4"),
        ("stop: {money: 7}\n", "At most that is 2 rounds: 140 labels, 7.00 EUR."),
        ("stop: {rounds: null}\n", "Items come from"),
    ],
)
def test_what_it_takes_is_told_in_sentences(world: World, ended: tuple[str, str], more: str, said: str) -> None:
    text = text_of(world, "told-project", ended[0]) + more
    told = body_of(world.client("ann").post(f"{API}/validate", json={"text": text}))["told"]
    assert any(said in each for each in told), told


def test_a_file_is_saved_beside_experiments_and_never_over_another(world: World, ended: tuple[str, str]) -> None:
    text = text_of(world, "saved-project", ended[0])
    client = world.client("oli")
    assert body_of(client.post(f"{API}/annotations", json={"text": text})) == {
        "annotation": "saved-project", "file": "saved-project.annotation.yaml", "replaced": False,
    }  # fmt: skip
    path = world.files / "saved-project.annotation.yaml"
    assert path.read_text() == text
    assert client.post(f"{API}/annotations", json={"text": text}).status_code == 409
    other = f"{text}owner: support\n"
    assert body_of(client.post(f"{API}/annotations", json={"text": other, "replace": True}))["replaced"]
    assert path.read_text() == other
    assert client.post(f"{API}/annotations", json={"text": world.spec("no-project")}).status_code == 422
    for kind in ("models", "experiments"):
        assert client.post(f"{API}/{kind}", json={"text": text}).status_code == 422


def test_who_may_not_save_experiments_saves_no_projects(world: World, ended: tuple[str, str], teams: Path) -> None:
    text = text_of(world, "not-saved-project", ended[0])
    for user in ("uma", "vic"):
        assert world.client(user).post(f"{API}/annotations", json={"text": text}).status_code == 403
    assert of_team(world, "OP", "blue").post(f"{API}/annotations", json={"text": text}).status_code == 403
    assert not (world.files / "not-saved-project.annotation.yaml").exists()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_experiment_that_this_user_may_not_read_or_start_is_refused(
    world: World, ended: tuple[str, str], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Rounds start its runs and show what its models say."""
    from airflow.api_fastapi.app import get_auth_manager

    manager = get_auth_manager()
    allowed = manager.is_authorized_dag

    def is_authorized(**call: Any) -> bool:
        hidden = call["method"] == method and call.get("details") is not None and call["details"].id == ended[0]
        return False if hidden else bool(allowed(**call))

    monkeypatch.setattr(manager, "is_authorized_dag", is_authorized)
    for route in ("annotations", "validate"):
        answer = world.client("oli").post(f"{API}/{route}", json={"text": text_of(world, "peeping-project", ended[0])})
        assert answer.status_code == 403
        assert ended[0] in answer.json()["detail"]


def test_readiness_tells_when_airflow_has_read_a_file(world: World, ended: tuple[str, str]) -> None:
    text = text_of(world, "awaited-project", ended[0])
    body_of(world.client("oli").post(f"{API}/annotations", json={"text": text}))
    asked = f"{API}/annotations/awaited-project/readiness"
    assert body_of(world.client("oli").get(asked))["state"] == "waiting"
    world.know_project(text)
    assert body_of(world.client("oli").get(asked))["state"] == "ready"
    answer = world.client("oli").get(f"{API}/annotations/unheard-of/readiness")
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no annotation project 'unheard-of'")


def test_a_closed_deployment_refuses_what_its_lists_have_not(
    world: World, ended: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED", "True")
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED_STORES", f"file://{world.storage}")
    text = text_of(world, "closed-project", ended[0])
    answer = world.client("oli").post(f"{API}/annotations", json={"text": text})
    assert answer.status_code == 422
    assert "items.data: the data" in answer.text
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED_DATA", f"file://{world.storage}/messages")
    assert world.client("oli").post(f"{API}/annotations", json={"text": text}).status_code == 201


def test_the_schema_of_each_kind(world: World) -> None:
    body = body_of(world.client("vic").get(f"{API}/schema?kind=annotation"))
    assert body["title"] == "AutoML annotation project"
    assert world.client("vic").get(f"{API}/schema?kind=annotations").status_code == 422
