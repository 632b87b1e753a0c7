"""The notebook's client on annotation projects, against the real API."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.client import Annotation, AutoML
from automl_core.client.errors import AuthError, Conflict, NotKnown
from tests.unit.annotation.ledger.lived import Lived
from tests.unit.web.conftest import World
from tests.unit.web.projects import Loop, project_text
from tests.unit.web.test_annotation_ledger import made
from tests.unit.web.test_client import connect


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Viewers see what is new at once."""
    monkeypatch.setattr("automl_airflow.web.held_journals.READ_EVERY", 0.0)


@pytest.fixture(scope="module")
def lived(world: World) -> Lived:
    return made(world, "ledger-of-client")


@pytest.fixture
def project(world: World, lived: Lived) -> Annotation:
    return connect(world, "vic").annotation("ledger-of-client")


def open_project(world: World, name: str) -> tuple[Annotation, list[str]]:
    """One in which uma is asked about four items."""
    text = project_text(world, name)
    world.know_project(text)
    loop = Loop(world, name, text)
    ids = loop.add(6)
    loop.ask(ids[:4])
    return connect(world, "uma").annotation(name), ids


def test_projects_are_found_and_tell_how_they_stand(world: World, project: Annotation) -> None:
    automl: AutoML = connect(world, "vic")
    found = {each["annotation"]: each for each in automl.annotations()}
    assert found[project.name]["items"] == 240
    assert [each["annotation"] for each in automl.annotations(search=project.name)] == [project.name]
    assert project.status()["counts"]["TRAINED"] > 50
    assert repr(project) == "Annotation('ledger-of-client')"
    with pytest.raises(NotKnown, match="no AutoML annotation project"):
        automl.annotation("nothing").status()


def test_items_come_page_by_page(monkeypatch: pytest.MonkeyPatch, project: Annotation) -> None:
    monkeypatch.setattr("automl_core.client.annotations._PAGE", 100)
    items = list(project.items())
    assert len(items) == len({each["item"] for each in items}) == 240
    trained = list(project.items(state="TRAINED"))
    assert {each["state"] for each in trained} == {"TRAINED"}
    assert project.item(items[0]["item"])["item"] == items[0]["item"]
    with pytest.raises(NotKnown):
        project.item("i" + "0" * 20)


def test_tasks_are_taken_answered_and_given_back(world: World) -> None:
    mine, ids = open_project(world, "labelled-by-client")
    tasks = mine.claim(3)
    assert [each["item"] for each in tasks] == ids[:3]
    assert tasks[0]["content"] == {"text": "message 0: where is my parcel?", "channel": "mail"}
    assert mine.label(tasks[0], "order", seconds=2.5)["new"] == 1
    assert mine.label(tasks[0], "order")["same"] == 1
    assert mine.label(tasks[0]["item"], "refund", instead_of="order")["changed"] == 1
    assert mine.label(tasks[1]["item"], None)["new"] == 1
    with pytest.raises(Conflict, match="ordre"):
        mine.label(tasks[2], "ordre")
    assert mine.release() == 1
    assert mine.release() == 0
    found = mine.label_many([{"item": ids[2], "label": "order"}, {"item": ids[3], "label": "no class"}])
    assert (found["new"], [each["item"] for each in found["refused"]]) == (1, [ids[3]])
    history = mine.item(ids[0])["history"]
    assert [(each["label"], each["author"], each["replaced"]) for each in history] == [
        ("order", "uma", True),
        ("refund", "uma", False),
    ]
    with pytest.raises(AuthError):
        connect(world, "vic").annotation("labelled-by-client").claim()


def test_many_labels_are_sent_some_at_a_time(monkeypatch: pytest.MonkeyPatch, project: Annotation) -> None:
    sent: list[list[dict[str, Any]]] = []

    def act(part: str, body: Any) -> dict[str, Any]:
        sent.append(body["labels"])
        return {"new": len(body["labels"]), "same": 0, "changed": 0, "refused": []}

    monkeypatch.setattr(project, "act", act)
    assert project.label_many({"item": f"i{n}", "label": "order"} for n in range(450))["new"] == 450
    assert [len(each) for each in sent] == [200, 200, 50]


def test_the_ledger_is_plain_data_and_frames(
    monkeypatch: pytest.MonkeyPatch, project: Annotation, lived: Lived
) -> None:  # fmt: skip
    found = project.ledger()
    votes = lived.project.state.votes
    assert found["cost"]["by_source"][1]["source"] == "models"
    monkeypatch.setattr("automl_core.client.annotations._LINES", 100)
    labels = project.labels
    assert len(labels) == len(votes) + 90
    assert labels["price"].sum() == pytest.approx(found["cost"]["total"]["cost"])
    assert set(labels["standing"]) >= {"trained", "evaluates", "gold", "skipped"}
    people = project.authors
    assert people.loc["anna", "estimated_low"] < people.loc["anna", "estimated"] < people.loc["anna", "estimated_high"]
    assert people["labels"].sum() == found["cost"]["total"]["labels"]
    rounds = project.rounds
    assert list(rounds.index) == [1, 2, 3]
    assert list(rounds["judged_on"]) == [12, 24, 36]
    assert list(rounds["gain_on"])[1:] == [12, 24]
    assert len(project.suspects) == 3
    assert set(project.cases(state="open,fixed")["state"]) <= {"open", "fixed"}
    assert len(project.cases()) == len(lived.project.state.cases)


def test_in_a_closed_environment_who_may_not_see_data_gets_figures_alone(world: World) -> None:
    made(world, "closed-for-client", closed=True)
    project = connect(world, "vic").annotation("closed-for-client")
    assert project.ledger()["cost"]["total"]["labels"] > 100
    for part in ("labels", "suspects"):
        with pytest.raises(AuthError, match="rows of data"):
            getattr(project, part)
