"""Labelling over the REST API: who has which item, whose answer stands, nothing lost and nothing twice."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from automl_core.annotation.project import Project
from automl_core.storage.base import StorageError
from automl_core.storage.folder import FolderStore
from tests.unit.web.conftest import World, body_of
from tests.unit.web.lives import HOSTILE
from tests.unit.web.projects import DAG, Loop, project_text

API = "/automl/api/v1/annotations"

Made = tuple[str, Loop, list[str]]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Viewers see what is new at once."""
    monkeypatch.setattr("automl_airflow.web.held_journals.READ_EVERY", 0.0)


_numbers = iter(range(1000))


def asked(world: World, many: int = 4, votes: int = 1, people: str | None = None) -> Made:
    """A project of a test's own in which people are asked about some items."""
    name = f"labelling-{next(_numbers)}"
    text = project_text(world, name, *([people] if people else []))
    world.know_project(text)
    loop = Loop(world, name, text)
    ids = loop.add(many)
    loop.ask(ids, votes=votes)
    return name, loop, ids


def act(world: World, name: str, what: str, user: str = "uma", **body: Any) -> Any:
    return body_of(world.client(user).post(f"{API}/{name}/{what}", json=body))


def answers(world: World, name: str, given: list[dict[str, Any]], user: str = "uma") -> Any:
    return act(world, name, "labels", user, labels=given)


def test_tasks_come_in_their_order_with_what_people_see_and_nothing_of_models(world: World) -> None:
    name, _, ids = asked(world)
    body = act(world, name, "tasks", many=3)
    assert [each["item"] for each in body["tasks"]] == ids[:3]
    assert body["tasks"][2]["content"] == {"text": HOSTILE, "channel": "mail"}
    assert (body["lease"], body["left"], body["lost"]) == (600.0, 4, [])
    assert 590 < body["tasks"][0]["until"] - body["now"] <= 600
    assert set(body["tasks"][0]) == {"item", "content", "shown", "until"}
    assert "thinks" not in json.dumps(body), "why a model chose it is told to nobody before"


def test_no_item_is_with_two_people(world: World) -> None:
    name, _, ids = asked(world)
    mine = [each["item"] for each in act(world, name, "tasks", "uma", many=3)["tasks"]]
    theirs = [each["item"] for each in act(world, name, "tasks", "oli", many=3)["tasks"]]
    assert (mine, theirs) == (ids[:3], ids[3:])
    assert act(world, name, "tasks", "ann", many=3)["tasks"] == []
    found = body_of(world.client("vic").get(f"{API}/{name}"))
    assert [(each["name"], each["tasks"]) for each in found["people"]] == [("oli", 1), ("uma", 3)]
    assert [(each["name"], each["tasks"]) for each in found["workers"]] == [("oli", 1), ("uma", 3)]
    assert body_of(world.client("ann").get(f"{API}/{name}"))["for_me"] == 0
    rows = body_of(world.client("vic").get(f"{API}/{name}/items"))["items"]
    assert [[who["name"] for who in each["workers"]] for each in rows] == [["uma"]] * 3 + [["oli"]]


def test_with_two_votes_each_item_goes_to_two_and_to_nobody_twice(world: World) -> None:
    name, loop, ids = asked(world, many=1, votes=2)
    for user in ("uma", "oli"):
        assert [each["item"] for each in act(world, name, "tasks", user, many=5)["tasks"]] == ids
    assert act(world, name, "tasks", "ann", many=5)["tasks"] == []
    answers(world, name, [{"item": ids[0], "label": "order"}], "uma")
    assert act(world, name, "tasks", "uma", many=5)["tasks"] == []
    answers(world, name, [{"item": ids[0], "label": "other"}], "oli")
    assert {vote.author: vote.label for vote in loop.project.refresh().answers(0)} == {"uma": "order", "oli": "other"}


def test_a_second_page_of_a_person_gets_others_and_one_that_comes_after_a_crash_gets_its_own(world: World) -> None:
    name, _, ids = asked(world, many=4)
    first = [each["item"] for each in act(world, name, "tasks", many=2)["tasks"]]
    second = act(world, name, "tasks", many=2, resume=False)
    assert [each["item"] for each in second["tasks"]] == ids[2:]
    again = act(world, name, "tasks", many=3)
    assert [each["item"] for each in again["tasks"]] == ids[:3], "as many as are asked for, and the same ones again"
    kept = act(world, name, "tasks", many=0, keep=first)
    assert kept["tasks"] == []
    assert set(kept["kept"]) == set(first)


def test_what_is_over_is_lost_and_given_to_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _, ids = asked(world, many=2)
    act(world, name, "tasks", many=2)
    now = Project.now
    monkeypatch.setattr(Project, "now", lambda self: now(self) + 700)
    assert [each["item"] for each in act(world, name, "tasks", "oli", many=1)["tasks"]] == ids[:1]
    body = act(world, name, "tasks", many=0, keep=ids)
    assert body["lost"] == ids[:1]
    assert list(body["kept"]) == ids[1:], "nobody has taken it meanwhile, so it stays"


def test_tasks_that_are_kept_last_longer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _, ids = asked(world, many=1)
    first = act(world, name, "tasks", many=1)["tasks"][0]["until"]
    now = Project.now
    monkeypatch.setattr(Project, "now", lambda self: now(self) + 400)
    assert act(world, name, "tasks", many=0, keep=ids)["kept"][ids[0]] > first + 300


def test_what_is_given_back_is_free_at_once(world: World) -> None:
    name, _, ids = asked(world, many=3)
    act(world, name, "tasks", many=3)
    assert act(world, name, "release", items=ids[:1])["released"] == 1
    assert act(world, name, "release", items=ids[:1])["released"] == 0
    assert [each["item"] for each in act(world, name, "tasks", "oli", many=3)["tasks"]] == ids[:1]
    assert act(world, name, "release", items=ids[:1])["released"] == 0, "it is another's by now"
    assert act(world, name, "release")["released"] == 2


def test_an_answer_has_the_signed_in_author_and_all_that_is_told(world: World) -> None:
    name, loop, _ = asked(world)
    task = act(world, name, "tasks", many=1)["tasks"][0]
    given = {"item": task["item"], "label": "order", "seconds": 3.5, "shown": task["shown"], "ago": 60}
    body = answers(world, name, [given])
    assert (body["new"], body["refused"], body["left"]) == (1, [], 3)
    (vote,) = loop.project.refresh().history(0)
    assert (vote.author, vote.label, vote.seconds, vote.where, vote.price) == ("uma", "order", 3.5, "page", 0.05)
    assert (str(vote.source), vote.kind, vote.batch) == ("person", "useful", 1)
    assert loop.project.clock() - 70 < vote.time < loop.project.clock() - 50, "when it was given, not when it came"
    found = body_of(world.client("uma").get(f"{API}/{name}"))
    assert found["me"]["labelled"] == 1
    assert found["batch"]["open"] == 3


def test_the_same_answer_sent_again_counts_once(world: World) -> None:
    """Its first answer was lost on the way: the page keeps it and sends it again."""
    name, loop, ids = asked(world)
    given = [{"item": ids[0], "label": "order"}, {"item": ids[1], "skipped": True}]
    assert answers(world, name, given)["new"] == 2
    again = answers(world, name, given)
    assert (again["new"], again["same"], again["changed"], again["refused"]) == (0, 2, 0, [])
    state = loop.project.refresh()
    assert [len(state.history(number)) for number in (0, 1)] == [1, 1]
    assert state.history(1)[0].skipped


def test_an_answer_that_comes_late_takes_no_newer_ones_place(world: World) -> None:
    name, loop, ids = asked(world)
    answers(world, name, [{"item": ids[0], "label": "order"}])
    assert answers(world, name, [{"item": ids[0], "label": "refund", "was": "order"}])["changed"] == 1
    late = answers(world, name, [{"item": ids[0], "label": "other"}, {"item": ids[1], "label": "other"}])
    assert late["new"] == 1, "what is wrong with one keeps no other from being taken"
    (refused,) = late["refused"]
    assert refused["item"] == ids[0]
    assert "'refund' already" in refused["why"]
    assert [vote.label for vote in loop.project.refresh().history(0)] == ["order", "refund"]
    assert answers(world, name, [{"item": ids[0], "skipped": True, "was": "refund"}])["changed"] == 1
    assert answers(world, name, [{"item": ids[0], "label": "other", "was": ""}])["changed"] == 1


def test_several_answers_on_an_item_sent_again_together_leave_the_last(world: World) -> None:
    """All were on their way when the server went: it may have had them, and the page can't know."""
    name, loop, ids = asked(world)
    given = [
        {"item": ids[0], "label": "order"}, {"item": ids[0], "label": "refund", "was": "order"},
        {"item": ids[0], "skipped": True, "was": "refund"}, {"item": ids[0], "label": "order", "was": ""},
    ]  # fmt: skip
    first = answers(world, name, given[:3])
    assert (first["new"], first["changed"], first["refused"]) == (1, 2, [])
    again = answers(world, name, given)
    assert again["refused"] == []
    assert [vote.label for vote in loop.project.refresh().history(0)] == ["order", "refund", "", "order"]
    assert [vote.label for vote in loop.project.state.answers(0)] == ["order"]


def test_a_change_counts_however_long_the_answer_before_it_was_on_its_way(world: World) -> None:
    name, loop, ids = asked(world)
    answers(world, name, [{"item": ids[0], "label": "order", "ago": 0}])
    answers(world, name, [{"item": ids[0], "label": "refund", "ago": 3000, "was": "order"}])
    assert [vote.label for vote in loop.project.refresh().answers(0)] == ["refund"]


def test_who_is_asked_again_may_say_something_else(world: World) -> None:
    """A label that is probably wrong goes back to people: its author among them, who knows of no earlier answer."""
    name, loop, ids = asked(world, many=2)
    answers(world, name, [{"item": each, "label": "order"} for each in ids])
    loop.project.end_round(1, {}, DAG)
    loop.ask(ids)
    tasks = act(world, name, "tasks", many=5)["tasks"]
    assert [each["item"] for each in tasks] == ids
    body = answers(world, name, [{"item": ids[0], "label": "refund"}, {"item": ids[1], "label": "order"}])
    assert body["refused"] == []
    state = loop.project.refresh()
    assert [state.answers(number)[0].label for number in (0, 1)] == ["refund", "order"]
    assert state.open_tasks() == [], "both are answers to this batch"


def test_what_can_not_be_a_label_is_refused_by_itself(world: World) -> None:
    name, loop, ids = asked(world)
    body = answers(world, name, [
        {"item": ids[0], "label": "ordre"}, {"item": ids[1], "label": "order", "shown": ids[2]},
        {"item": "i" + "0" * 20, "label": "order"}, {"item": ids[2]}, {"item": ids[3], "label": "other"},
    ])  # fmt: skip
    assert body["new"] == 1
    whys = [each["why"] for each in body["refused"]]
    assert [each["item"] for each in body["refused"]] == [ids[0], ids[1], "i" + "0" * 20, ids[2]]
    assert "did you mean 'order'" in whys[0]
    assert "was shown" in whys[1]
    assert "no item" in whys[2]
    assert len(loop.project.refresh().votes) == 1
    client = world.client("uma")
    for wrong in (
        {}, {"labels": []}, {"labels": [{"item": "x", "label": "order"}]},
        {"labels": [{"item": ids[0], "seconds": -1}]},
        {"labels": [{"item": ids[0], "label": "order", "author": "ann"}]},
        {"labels": [{"item": ids[0], "label": "order"}] * 201},
    ):  # fmt: skip
        assert client.post(f"{API}/{name}/labels", json=wrong).status_code == 422, wrong


def test_a_page_that_somebody_else_has_opened_gives_no_answers_in_this_ones_name(world: World) -> None:
    name, loop, ids = asked(world)
    for what, body in (
        ("labels", {"labels": [{"item": ids[0], "label": "order"}]}), ("tasks", {"many": 1}), ("release", {}),
    ):  # fmt: skip
        answer = world.client("uma").post(f"{API}/{name}/{what}", json={"as": "oli", **body})
        assert answer.status_code == 409
        assert "opened by oli, and uma is signed in" in answer.json()["detail"]
    assert not loop.project.refresh().votes
    assert not loop.project.state.claims


def test_who_may_only_look_labels_nothing(world: World) -> None:
    name, loop, ids = asked(world)
    for what, body in (("labels", {"labels": [{"item": ids[0], "label": "order"}]}), ("tasks", {}), ("release", {})):
        answer = world.client("vic").post(f"{API}/{name}/{what}", json=body)
        assert answer.status_code == 403
        assert "names nobody who labels" in answer.json()["detail"]
    assert not loop.project.refresh().votes
    assert not loop.project.state.claims


def test_two_people_at_once_never_get_the_same_item(world: World) -> None:
    name, _, ids = asked(world, many=12)
    got: dict[str, list[str]] = {"uma": [], "oli": [], "ann": []}

    def work(user: str) -> None:
        for _ in range(2):
            got[user] += [each["item"] for each in act(world, name, "tasks", user, many=2, keep=got[user])["tasks"]]

    threads = [threading.Thread(target=work, args=(user,)) for user in got]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    every = [item for items in got.values() for item in items]
    assert sorted(every) == sorted(ids)
    assert {user: len(items) for user, items in got.items()} == dict.fromkeys(got, 4)


def test_airflows_audit_log_says_who_labels_and_nothing_of_what(world: World) -> None:
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    name, _, ids = asked(world)
    act(world, name, "tasks", many=2)
    act(world, name, "tasks", many=0, keep=ids[:2])
    answers(world, name, [{"item": ids[0], "label": "refund"}])
    act(world, name, "release")
    with create_session() as session:
        found = session.scalars(select(Log).where(Log.dag_id == f"{name}.annotation", Log.owner == "uma")).all()
        told = [(each.event, json.loads(each.extra)) for each in found]
    assert told == [
        ("automl_annotation_tasks", {"items": 2}), ("automl_annotation_labels", {"items": 1}),
        ("automl_annotation_release", {"items": 1}),
    ]  # fmt: skip


def test_a_project_whose_file_is_gone_asks_nobody(world: World) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    name, _, ids = asked(world)
    with create_session() as session:
        dag = session.get(DagModel, f"{name}.annotation")
        assert dag is not None
        dag.is_stale = True
    answer = world.client("uma").post(f"{API}/{name}/tasks", json={"many": 1})
    assert answer.status_code == 409
    assert "file is gone" in answer.json()["detail"]
    listed = [each["annotation"] for each in body_of(world.client("uma").get(API))["annotations"]]
    assert name not in listed
    gone = body_of(world.client("uma").get(API, params={"gone": True, "limit": 500}))["annotations"]
    assert next(each for each in gone if each["annotation"] == name)["gone"]
    assert body_of(world.client("uma").get(f"{API}/{name}/items"))["total"] == len(ids)


def test_a_store_that_is_away_while_labels_come_loses_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    name, loop, ids = asked(world)
    act(world, name, "tasks", many=2)
    given = [{"item": ids[0], "label": "order"}]

    def away(*_: Any, **__: Any) -> Any:
        raise StorageError("the bucket refuses")  # one that is away is asked again for seconds

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "create", away)
        answer = world.client("uma").post(f"{API}/{name}/labels", json={"labels": given})
        assert answer.status_code == 503, "the page keeps what it is not told that the server has"
    assert answers(world, name, given)["new"] == 1
    assert len(loop.project.refresh().history(0)) == 1


def test_the_last_label_of_a_batch_ends_it_for_the_page(world: World) -> None:
    name, loop, ids = asked(world, many=2)
    answers(world, name, [{"item": each, "label": "order"} for each in ids])
    found = body_of(world.client("uma").get(f"{API}/{name}"))
    assert (found["open"], found["batch"]["open"], found["for_me"]) == (0, 0, 0)
    loop.project.end_round(1, {}, DAG)
    assert body_of(world.client("uma").get(f"{API}/{name}"))["batch"] is None
