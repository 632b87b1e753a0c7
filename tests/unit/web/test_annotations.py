"""Annotation projects in the REST API: the list, one of them, its items; by who may read them and see data."""

from __future__ import annotations

import time
from typing import Any

import pytest

from automl_airflow.web.held_journals import HeldJournals
from automl_airflow.web.held_projects import held_projects, the_project
from automl_core.storage.base import StorageUnavailable
from automl_core.storage.folder import FolderStore
from tests.support.patience import stretched
from tests.unit.web.conftest import World, body_of
from tests.unit.web.lives import HOSTILE
from tests.unit.web.projects import DAG, Loop, project_text

API = "/automl/api/v1/annotations"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Viewers see what is new at once."""
    monkeypatch.setattr("automl_airflow.web.held_journals.READ_EVERY", 0.0)


def get(world: World, path: str, user: str = "vic", **query: Any) -> Any:
    return body_of(world.client(user).get(f"{API}{path}", params=query))


def own(world: World, name: str, many: int = 6, people: str | None = None, more: str = "") -> tuple[Loop, list[str]]:
    """A project of a test's own, with items that nobody is asked about yet."""
    text = project_text(world, name, *([people] if people else []), more=more)
    world.know_project(text)
    loop = Loop(world, name, text)
    return loop, loop.add(many)


def test_projects_are_listed_with_how_they_stand(world: World, messages: str) -> None:
    found = next(each for each in get(world, "")["annotations"] if each["annotation"] == messages)
    assert found["problem"] is None
    assert (found["items"], found["labelled"], found["taken"], found["open"], found["round"]) == (12, 2, 1, 6, 2)
    assert found["counts"] == {"NEW": 2, "TAKEN": 1, "SENT": 6, "LABELLED": 2, "TRAINED": 0, "RETIRED": 1}
    assert found["batch"] == {"number": 2, "to": "page", "votes": 1, "items": 6, "open": 6, "until": None}
    assert found["workers"] == []
    assert not found["can_label"], "vic may only look"
    assert "document" not in found
    mine = next(each for each in get(world, "", "uma")["annotations"] if each["annotation"] == messages)
    assert mine["can_label"]
    assert HOSTILE.replace('"', "'") in found["description"]


def test_a_projects_dag_is_no_experiment_and_no_model(world: World, messages: str, churn: str) -> None:
    listed = body_of(world.client().get("/automl/api/v1/experiments"))["experiments"]
    assert not [each for each in listed if each["experiment"].startswith(messages)]
    assert messages not in [each["model"] for each in body_of(world.client().get("/automl/api/v1/models"))["models"]]
    assert world.client().get(f"/automl/api/v1/experiments/{messages}.annotation").status_code == 404
    for name in (churn, "ended-one", "nothing"):
        answer = world.client().get(f"{API}/{name}")
        assert answer.status_code == 404
        assert "no AutoML annotation project" in answer.json()["detail"]


def test_lists_are_searched_sorted_and_paged(world: World, messages: str) -> None:
    for n in range(3):
        own(world, f"listed-{n}", many=n + 1)
    found = get(world, "", search="listed-", sort="-name", limit=2)
    assert [each["annotation"] for each in found["annotations"]] == ["listed-2", "listed-1"]
    assert (found["matched"], found["offset"], found["limit"]) == (3, 0, 2)
    by_items = get(world, "", search="listed-", sort="-items")
    assert [each["items"] for each in by_items["annotations"]] == [3, 2, 1]
    waiting = [each["annotation"] for each in get(world, "", waiting="true")["annotations"]]
    assert messages in waiting
    assert not [each for each in waiting if each.startswith("listed-")]
    assert world.client().get(API, params={"sort": "nonsense"}).status_code == 422


def test_one_project_tells_what_a_page_needs(world: World, messages: str) -> None:
    found = get(world, f"/{messages}", "uma")
    assert found["classes"] == ["order", "refund", "other", "constructor"]
    assert found["keyboard"] == {"o": "order", "1": "refund", "2": "other", "3": "constructor"}
    assert found["hints"] == {"order": "wants to buy"}
    assert (found["where"], found["who"], found["votes"], found["lease"]) == ("page", None, 1, 600.0)
    assert found["me"]["name"] == "uma"
    assert found["for_me"] == 6
    assert found["can"]["label"]
    assert found["airflow"].endswith(f"dags/{messages}.annotation")
    assert found["spent"] == pytest.approx(0.1)
    assert found["seconds"] == 8.0
    seen = get(world, f"/{messages}", "vic")
    assert not seen["can"]["label"]
    assert "start runs" in seen["why_not"]["label"]


def test_who_labels_is_who_the_file_names(world: World) -> None:
    own(world, "named-people", people="{where: page, who: [vic, 'role:op']}")
    assert get(world, "/named-people", "vic")["can"]["label"]
    assert get(world, "/named-people", "oli")["can"]["label"]
    for user in ("ann", "uma"):
        found = get(world, "/named-people", user)
        assert not found["can"]["label"], user
        assert found["why_not"]["label"] == "people.who of its file names vic, role:op"
        assert world.client(user).post(f"{API}/named-people/tasks", json={}).status_code == 403
    assert world.client("vic").post(f"{API}/named-people/tasks", json={}).status_code == 200


def test_people_who_label_elsewhere_are_sent_there(world: World) -> None:
    loop, ids = own(world, "in-files", people="{where: files}")
    loop.ask(ids[:2], to="files")
    found = get(world, "/in-files", "uma")
    assert "export" in found["why_not"]["label"]
    assert found["batch"]["open"] == 2
    answer = world.client("uma").post(f"{API}/in-files/tasks", json={})
    assert answer.status_code == 409
    assert "people.where" in answer.json()["detail"]


def test_items_are_searched_and_paged(world: World, messages: str) -> None:
    every = get(world, f"/{messages}/items")
    assert (every["total"], every["matched"], len(every["items"])) == (12, 12, 12)
    assert every["items"][2]["content"] == {"text": HOSTILE, "channel": "mail"}
    assert every["items"][2]["key"] == "m2"
    page = get(world, f"/{messages}/items", offset=3, limit=2)
    assert [each["number"] for each in page["items"]] == [3, 4]
    assert page["matched"] == 12
    assert [each["number"] for each in get(world, f"/{messages}/items", search="Message 7:")["items"]] == [7]
    assert [each["number"] for each in get(world, f"/{messages}/items", search="m11")["items"]] == [11]
    item = every["items"][5]["item"]
    assert [each["number"] for each in get(world, f"/{messages}/items", search=item[:12])["items"]] == [5]
    assert [each["number"] for each in get(world, f"/{messages}/items", label="order")["items"]] == [0, 1]
    assert [each["number"] for each in get(world, f"/{messages}/items", author="ben")["items"]] == [0, 1]
    sent = get(world, f"/{messages}/items", state="sent,retired", limit=3)
    assert (sent["matched"], [each["number"] for each in sent["items"]]) == (7, [2, 3, 4])
    assert world.client().get(f"{API}/{messages}/items", params={"state": "odd"}).status_code == 422


def test_a_search_goes_so_far_and_says_so(world: World, messages: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_airflow.web.routes.annotations.MOST_LOOKED", 5)
    found = get(world, f"/{messages}/items", search="parcel")
    assert found["cut"]
    assert found["looked"] == 5
    assert {each["number"] for each in found["items"]} <= {0, 1, 2, 3, 4}


def test_an_items_labels_are_told_with_their_history(world: World) -> None:
    loop, ids = own(world, "histories")
    loop.ask(ids[:1], votes=2)
    loop.label(ids[0], "order", "ben", seconds=3.0)
    loop.label(ids[0], "refund", "ben", seconds=2.0)
    loop.label(ids[0], "other", "eve")
    found = get(world, f"/histories/items/{ids[0]}")
    assert [(each["label"], each["author"], each["replaced"]) for each in found["history"]] == [
        ("order", "ben", True), ("refund", "ben", False), ("other", "eve", False),
    ]  # fmt: skip
    assert found["state"] == "LABELLED"
    assert found["mine"] is None
    row = next(each for each in get(world, "/histories/items")["items"] if each["item"] == ids[0])
    assert (row["labels"], row["authors"]) == (["refund", "other"], ["ben", "eve"])
    loop.take({ids[1]: "order"})
    taken = get(world, f"/histories/items/{ids[1]}")["history"]
    assert [(each["label"], each["source"]) for each in taken] == [("order", "models")]
    assert world.client().get(f"{API}/histories/items/i{'0' * 20}").status_code == 404
    assert world.client().get(f"{API}/histories/items/nonsense").status_code == 422


def test_while_people_are_asked_nobody_is_told_what_others_say(world: World) -> None:
    """Models among them: a taken item that is looked at again must be judged on its own."""
    loop, ids = own(world, "own-opinions")
    loop.project.begin_round(1, DAG)
    loop.take({ids[0]: "refund"})
    loop.label(ids[1], "constructor", "known", source="imported", kind="gold")
    loop.ask(ids[:3], votes=2, number=1)
    loop.label(ids[0], "other", "ben")
    loop.label(ids[2], "other", "uma")
    for user, own_labels in (("vic", {}), ("uma", {ids[2]: ["other"]})):
        rows = get(world, "/own-opinions/items", user)["items"]
        assert {each["item"]: each["labels"] for each in rows if each["labels"]} == own_labels
        for item in ids[:3]:
            found = get(world, f"/own-opinions/items/{item}", user)
            assert [each["label"] for each in found["history"]] == own_labels.get(item, [])
    assert get(world, "/own-opinions/items", label="refund")["items"] == []
    assert get(world, "/own-opinions/items", author="ben")["items"] == []
    loop.project.end_round(1, {}, DAG)
    rows = {each["item"]: each["labels"] for each in get(world, "/own-opinions/items")["items"]}
    assert rows[ids[0]] == ["other"]
    assert rows[ids[1]] == [], "a known answer is never told: people are measured by it"
    found = get(world, "/own-opinions/items", state="labelled")
    assert [each["item"] for each in found["items"]] == [ids[0], ids[2]], "nor which items have one"
    assert found["matched"] == get(world, "/own-opinions")["counts"]["LABELLED"] == 2


def test_a_list_shows_the_beginning_of_a_huge_text_and_the_item_all_of_it(world: World) -> None:
    loop, _ = own(world, "huge-texts", 1)
    loop.project.add_items([{"text": "x" * 900_000}], DAG, source="messages")
    huge = get(world, "/huge-texts/items")["items"][1]
    assert len(huge["content"]["text"]) == 10_000
    assert (huge["content"]["text"][-2:], huge["shortened"]) == ("x…", True)
    assert len(get(world, f"/huge-texts/items/{huge['item']}")["content"]["text"]) == 900_000
    assert not get(world, "/huge-texts/items")["items"][0]["shortened"]


def test_a_closed_project_shows_items_to_who_may_see_data_and_records_it(world: World) -> None:
    loop, ids = own(world, "closed-messages", people="{where: page, who: [uma, oli]}")
    loop.project.configure({**loop.project.state.document, "closed": True}, DAG)
    loop.ask(ids[:2])
    hidden = get(world, "/closed-messages/items", "uma")
    assert {each["content"] for each in hidden["items"]} == {None}
    assert get(world, "/closed-messages/items", "uma", search="parcel")["items"] == [], "nor told by what is found"
    found = get(world, f"/closed-messages/items/{ids[0]}", "uma")
    assert found["content"] is None
    assert found["shown"] is None
    about = get(world, "/closed-messages", "uma")
    assert not about["data"]["allowed"]
    assert "edit task logs" in about["why_not"]["label"]
    store = FolderStore(world.storage)
    before = len(store.list("_audit/"))
    assert get(world, "/closed-messages/items", "oli", limit=3)["items"][0]["content"]["channel"] == "mail"
    records = store.list("_audit/")
    assert len(records) == before + 1
    record = store.get(records[-1])
    assert b'"oli"' in record
    assert ids[2].encode() in record
    assert b"parcel" not in record


def test_in_a_closed_project_who_may_not_see_data_gets_no_task(world: World) -> None:
    loop, ids = own(world, "closed-tasks", people="{where: page, who: [uma, oli]}")
    loop.project.configure({**loop.project.state.document, "closed": True}, DAG)
    loop.ask(ids[:2])
    answer = world.client("uma").post(f"{API}/closed-tasks/tasks", json={"many": 1})
    assert answer.status_code == 403, answer.text
    assert "edit task logs" in answer.json()["detail"]
    before = len(FolderStore(world.storage).list("_audit/"))
    tasks = body_of(world.client("oli").post(f"{API}/closed-tasks/tasks", json={"many": 1}))["tasks"]
    assert [each["item"] for each in tasks] == ids[:1]
    assert len(FolderStore(world.storage).list("_audit/")) == before + 1


def test_a_project_that_this_user_may_not_read_does_not_appear(
    world: World, messages: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    manager = get_auth_manager()
    allowed = manager.is_authorized_dag

    def is_authorized(**call: Any) -> bool:
        details = call.get("details")
        hidden = details is not None and details.id == f"{messages}.annotation" and call["user"].get_name() == "vic"
        return False if hidden else bool(allowed(**call))

    monkeypatch.setattr(manager, "is_authorized_dag", is_authorized)
    assert messages not in [each["annotation"] for each in get(world, "")["annotations"]]
    for part in ("", "/items", f"/items/i{'0' * 20}"):
        assert world.client("vic").get(f"{API}/{messages}{part}").status_code == 403


def test_a_store_that_is_away_leaves_the_project_as_it_was(
    world: World, messages: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = get(world, f"/{messages}")

    def listed() -> Any:
        return next(each for each in get(world, "")["annotations"] if each["annotation"] == messages)

    ends = time.monotonic() + stretched(20)
    while listed()["problem"] is not None:  # the list has to have been read once, too
        assert time.monotonic() < ends

    def away(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable("the bucket is away")

    monkeypatch.setattr(FolderStore, "list", away)
    monkeypatch.setattr("automl_airflow.web.aside.seconds", lambda place, patience: 0.5)
    answer = world.client("vic").get(f"{API}/{messages}")
    assert body_of(answer)["counts"] == before["counts"]
    assert str(world.storage) in answer.headers["x-automl-stale"] or "away" in answer.headers["x-automl-stale"]
    assert "as it was" in listed()["problem"]
    refused = world.client("uma").post(f"{API}/{messages}/tasks", json={"many": 1})
    assert refused.status_code == 503, "an act is not judged by what was"
    assert int(refused.headers["retry-after"]) > 0


def test_a_journal_is_read_once_however_many_look(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    own(world, "read-once-project")
    monkeypatch.setattr("automl_airflow.web.held_journals.READ_EVERY", 3600.0)
    counted = []
    listing = FolderStore.list

    def count(self: Any, prefix: str = "", *rest: Any, **more: Any) -> Any:
        counted.append(prefix)
        return listing(self, prefix, *rest, **more)

    monkeypatch.setattr(FolderStore, "list", count)
    assert get(world, "/read-once-project")["items"] == 6
    journal = "_annotation/read-once-project/journal/"
    first = counted.count(journal)
    assert first > 0
    for _ in range(5):
        get(world, "/read-once-project")
        get(world, "/read-once-project/items")
    assert counted.count(journal) == first


def test_projects_are_held_as_far_as_their_items_fit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldJournals("project", held_projects._make, 32, weigh=lambda each: each.acts.state.count, most=10)
    infos = []
    for name in ("fits-one", "fits-two", "fits-three"):
        own(world, name, 6)
        infos.append(the_project(name))
    first = held.read(infos[0])
    assert first.acts.catalog._held is held.read(infos[1]).acts.catalog._held, "what is in items has one bound for all"
    assert (held.known(infos[0]), len(held)) == (None, 1)
    held.read(infos[2])
    assert held.known(infos[2]) is not None
    assert len(held) == 1


def test_who_has_an_answer_is_not_sent_it_again(world: World, messages: str) -> None:
    client = world.client("vic")
    first = client.get(f"{API}/{messages}")
    assert client.get(f"{API}/{messages}", headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_a_known_answer_does_not_show_by_what_is_learned_from_it(world: World) -> None:
    from automl_airflow.web.annotation_views import told_counts, told_state
    from automl_core.annotation.items import pack
    from automl_core.annotation.project import DataSetVersion, ItemState

    loop, ids = own(world, "own-known")
    project = loop.project
    project.begin_round(1, DAG)
    loop.label(ids[1], "constructor", "known", source="imported", kind="gold")
    loop.ask(ids[:3], votes=1, number=1)
    for each in ids[:3]:
        loop.label(each, "other", "uma")
    numbers = [project.catalog.number_of(each) for each in ids[:3]]
    assert {told_state(project.refresh(), each) for each in numbers} == {ItemState.LABELLED}
    learned = [numbers[0], numbers[2]]
    project.wrote_set(1, DataSetVersion(1, f"{project.prefix}sets/1-a/", "f" * 64, 2, pack(learned)), DAG)
    project.trained(1, 1, "intents_trees", "r1", "SUCCEEDED", {"prefix": "x/"}, DAG)
    state = project.refresh()
    assert state.status(numbers[1]) is ItemState.LABELLED
    assert {told_state(state, each) for each in numbers} == {ItemState.TRAINED}
    counts = told_counts(state)
    assert (counts[ItemState.TRAINED], counts[ItemState.LABELLED]) == (3, 0)


def test_runs_that_are_waited_for_are_told_with_what_holds_them(world: World) -> None:
    experiment, name = world.know(world.spec("awaited_linear")), "own-awaited"
    text = project_text(world, name).replace("messages_linear", experiment)
    Loop(world, world.know_project(text), text)
    run, other = f"annotation_{name}_round_1_set_1-abc", f"annotation_{name}x_round_1_set_1-abc"
    for each in (run, other, "by_hand"):
        body = {"logical_date": None, "dag_run_id": each, "conf": {}}
        assert world.client().post(f"/api/v2/dags/{experiment}/dagRuns", json=body).status_code == 200
    (found,) = get(world, f"/{name}")["awaited"]
    assert (found["experiment"], found["run"], found["state"], found["paused"]) == (experiment, run, "queued", False)
    assert found["words"] == f"The run {run} of {experiment} is waited for, 7d 00h at most (models.within)."
    assert found["since"] is not None
    paused = {"is_paused": True}
    assert world.client().patch(f"/api/v2/dags/{experiment}", json=paused).status_code == 200
    (found,) = get(world, f"/{name}")["awaited"]
    assert found["words"].endswith("and its DAG is paused: let it go on in Airflow, or delete the run.")
    assert world.client().delete(f"/api/v2/dags/{experiment}/dagRuns/{run}").status_code == 204
    assert get(world, f"/{name}")["awaited"] == []
