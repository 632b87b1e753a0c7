"""Projects and tasks: found or made once, whatever dies meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

import httpx
import pytest

from automl_core.annotation.label_studio import tasks as tasks_module
from automl_core.annotation.label_studio.configuration import Configuration, configuration
from automl_core.annotation.label_studio.errors import NotSure, StudioError
from automl_core.annotation.label_studio.projects import find_project, mark, title_of
from automl_core.annotation.label_studio.server import Server
from automl_core.annotation.label_studio.tasks import (
    DIGEST,
    ITEM,
    OWNER,
    Place,
    Prediction,
    Sent,
    Wanted,
    annotated,
    send,
    shown_digest,
    tasks,
)
from tests.unit.annotation.label_studio.stand_in import LEGACY, Killed, StandIn, refusal

ASKS = configuration("text", ["text"], ["order", "refund"])
MARK = mark("intents", "file:///runs")


def server(studio: StandIn, **transport: Any) -> Server:
    return Server("http://studio.example", LEGACY, transport=studio.transport(**transport), sleep=lambda _: None)


def project(asked: Server, wanted: Configuration = ASKS, **more: Any) -> int:
    return find_project(asked, MARK, title_of("intents"), wanted, **more).id


def some(many: int) -> list[Wanted]:
    return [Wanted(f"i{number}", {"text": f"text {number}"}) for number in range(many)]


def bring(
    studio: StandIn, many: int | list[Wanted] = 5, needed: Collection[str] | None = None, **transport: Any
) -> Sent:
    wanted = some(many) if isinstance(many, int) else many
    with server(studio, **transport) as asked:
        return send(Place(asked, project(asked), MARK), wanted, ("label", "shown"), lambda _: None, needed)


def held(studio: StandIn) -> Counter[str]:
    return Counter(each["data"][ITEM] for each in studio.tasks.values())


# --- projects -----------------------------------------------------------------------------------


def test_a_project_is_made_once_and_found_under_another_title() -> None:
    studio = StandIn()
    with server(studio) as asked:
        first = find_project(asked, MARK, title_of("in"), ASKS, votes=2)
        studio.projects[first.id]["title"] = "renamed by somebody"
        again = find_project(asked, MARK, title_of("in"), ASKS, votes=2)
    assert (first.new, again.new, again.id, again.title) == (True, False, first.id, "renamed by somebody")
    assert studio.projects[1]["maximum_annotations"] == 2


@pytest.mark.parametrize("name", ["in", "intents", "a" * 80])
def test_a_title_that_label_studio_takes(name: str) -> None:
    studio = StandIn()
    with server(studio) as asked:
        find_project(asked, MARK, title_of(name), ASKS)
    assert 3 <= len(studio.projects[1]["title"]) <= 50


def test_projects_of_two_deployments_are_two() -> None:
    studio = StandIn()
    with server(studio) as asked:
        assert project(asked) != find_project(asked, mark("intents", "s3://other"), "intents", ASKS).id


def test_a_project_is_found_among_many() -> None:
    studio = StandIn()
    with server(studio) as asked:
        found = project(asked)
        for number in range(250):
            asked.make("/api/projects", {"title": f"other {number}", "label_config": "<View/>"})
        assert project(asked) == found


def test_of_two_that_were_made_at_once_all_take_the_first() -> None:
    studio = StandIn()
    with server(studio) as asked:
        first = project(asked)
        asked.make("/api/projects", {**studio.projects[first]})
        found = find_project(asked, MARK, "intents", ASKS)
    assert found.id == first
    assert "project 2" in found.notes[0]


def test_a_new_class_comes_into_the_configuration_that_is_ours() -> None:
    studio = StandIn()
    wanted = configuration("text", ["text"], ["order", "refund", "other"])
    with server(studio) as asked:
        project(asked)
        for _ in range(2):
            assert find_project(asked, MARK, "intents", wanted, votes=3).configuration.choices[-1] == "other"
    assert studio.projects[1]["label_config"] == wanted.text
    assert studio.projects[1]["maximum_annotations"] == 3
    assert [method for method, _ in studio.asked].count("PATCH") == 1


def test_what_people_changed_there_stays_and_a_class_that_is_absent_is_told() -> None:
    studio = StandIn()
    with server(studio) as asked:
        number = project(asked)
        theirs = studio.projects[number]["label_config"].replace("<View>", "<View><Header value='Read twice'/>")
        studio.projects[number]["label_config"] = theirs
        assert find_project(asked, MARK, "intents", ASKS).configuration.text == theirs
        with pytest.raises(StudioError, match=r"nobody can choose 'other' there.*has order, refund"):
            project(asked, configuration("text", ["text"], ["order", "refund", "other"]))
        assert project(asked, configuration("text", ["text"], ["order", "refund", "other"]), make=False) == number
    assert studio.projects[number]["label_config"] == theirs


def test_the_file_names_a_project_by_number_or_title() -> None:
    studio = StandIn()
    with server(studio) as asked:
        for title in ("intents", "other", "other", "2026"):
            asked.make("/api/projects", {"title": title, "label_config": ASKS.text})
        assert find_project(asked, MARK, "intents", ASKS, named=2).id == 2
        assert find_project(asked, MARK, "intents", ASKS, named="2026").id == 4
        assert find_project(asked, MARK, "intents", ASKS, named="intents").id == 1
        for named, words in ((9, "no project 9"), ("other", "several projects 'other': 2, 3"), ("intent", "'intents'")):
            with pytest.raises(StudioError, match=words):
                find_project(asked, MARK, "intents", ASKS, named=named)
    assert len(studio.projects) == 4


def test_who_only_collects_makes_nothing() -> None:
    studio = StandIn()
    with server(studio) as asked, pytest.raises(StudioError, match="has no project of intents yet"):
        project(asked, make=False)
    assert not studio.projects


# --- tasks --------------------------------------------------------------------------------------


def test_tasks_are_sent_once_with_our_id_and_a_digest() -> None:
    studio = StandIn()
    wanted = [Wanted("i0", {"text": "a"}, Prediction("order", 0.9, "intents 3")), Wanted("i1", {"text": "b"})]
    assert bring(studio, wanted).new == ["i0", "i1"]
    assert bring(studio, wanted).known == ["i0", "i1"]
    assert held(studio) == {"i0": 1, "i1": 1}
    first = studio.tasks[1]
    assert first["data"] == {"text": "a", ITEM: "i0", DIGEST: wanted[0].digest, OWNER: MARK}
    assert first["predictions"][0]["model_version"] == "intents 3"
    assert first["predictions"][0]["result"][0]["value"] == {"choices": ["order"]}
    assert studio.tasks[2]["predictions"] == []


def test_the_same_item_twice_in_what_is_sent_is_one_task() -> None:
    studio = StandIn()
    assert bring(studio, [*some(2), *some(2)]).new == ["i0", "i1"]


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("later", [True, False])
def test_a_kill_at_any_request_loses_nothing_and_doubles_nothing(
    stored: bool, later: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks_module, "TOGETHER", 4)
    monkeypatch.setattr(tasks_module, "_LISTED", 5)
    deaths, ended = 0, False
    while not ended:
        studio = StandIn()
        try:
            bring(studio, 11, dies_at=deaths, stored=stored, later=later)
            ended = True
        except Killed:
            deaths += 1
            bring(studio, 11)
            studio.settle()  # what the one that died had asked for is done now, after all looks
            bring(studio, 11)
        with server(studio) as asked:  # of two projects one is used
            used = project(asked)
        assert Counter(one["data"][ITEM] for one in studio.tasks.values() if one["project"] == used) == dict.fromkeys(
            (f"i{number}" for number in range(11)), 1
        )
    assert deaths >= 10


def test_an_import_that_gives_no_answer_is_looked_at_before_it_is_sent_again() -> None:
    studio = StandIn()
    left = ["stored", "lost", "stored"]

    def hangs(method: str, path: str, work: Callable[[], Any]) -> Any:
        if method == "POST" and path.endswith("/import") and left:
            if left.pop() == "stored":
                work()
            raise httpx.ReadTimeout("slow")
        return None

    studio.faults.append(hangs)
    told = bring(studio, 250)
    assert sorted(told.new) == sorted(f"i{number}" for number in range(250))
    assert set(held(studio).values()) == {1}


def test_a_server_that_never_answers_an_import_is_told() -> None:
    studio = StandIn()
    studio.faults.append(lambda method, path, work: refusal(500, "no") if path.endswith("/import") else None)
    with pytest.raises(NotSure, match=r"fails \(500\)"):
        bring(studio)


def test_a_task_that_is_refused_keeps_no_neighbour_out() -> None:
    studio = StandIn()
    wanted = [*some(9), Wanted("bad", {"txt": "no text"}), *some(20)[9:]]
    told = bring(studio, wanted)
    assert list(told.refused) == ["bad"]
    assert told.refused["bad"].endswith('non_field_errors: Error at item 0: "text" key is expected in task data')
    assert len(told.new) == 20
    assert set(held(studio).values()) == {1}


def test_a_refusal_of_who_asks_is_not_taken_for_a_bad_task() -> None:
    studio = StandIn()
    studio.faults.append(lambda method, path, work: refusal(403, "no rights") if path.endswith("/import") else None)
    with pytest.raises(StudioError, match=r"does not allow this to the token's user \(403\): no rights"):
        bring(studio)
    assert [path.endswith("/import") for _, path in studio.asked].count(True) == 1


def test_of_doubles_the_one_that_somebody_answered_stays() -> None:
    studio = StandIn()
    bring(studio, 3)
    for number in (1, 2, 3, 1, 2):
        studio.bring(1, {}, [{"data": studio.tasks[number]["data"]}])
    studio.annotate(4, "order")  # the second of i0
    studio.drafts[8] = [{"id": 1}]  # somebody is at the third of i1
    told = bring(studio, 3)
    left = {number: each["data"][ITEM] for number, each in studio.tasks.items()}
    assert left == {2: "i1", 3: "i2", 4: "i0", 8: "i1"}
    assert told.doubles == ["i1"]


def test_a_number_that_is_given_again_meanwhile_is_not_deleted() -> None:
    """SQLite gives the numbers of deleted tasks again."""
    studio = StandIn()
    bring(studio, 2)
    studio.bring(1, {}, [{"data": studio.tasks[1]["data"]}])

    def replaces(method: str, path: str, work: Callable[[], Any]) -> None:
        if (method, path.rstrip("/")) == ("GET", "/api/tasks/3"):
            studio.tasks[3]["data"] = {"text": "somebody's own"}

    studio.faults.append(replaces)
    assert bring(studio, 2).removed == []
    assert 3 in studio.tasks


def test_tasks_of_items_that_nobody_needs_go_unless_they_were_answered() -> None:
    studio = StandIn()
    bring(studio, 4)
    studio.annotate(1, "order")
    told = bring(studio, some(4)[2:], needed=["i2", "i3"])
    assert (sorted(held(studio)), told.removed, told.doubles) == (["i0", "i2", "i3"], [2], [])


def test_tasks_of_others_in_the_same_project_are_left_alone() -> None:
    studio = StandIn()
    bring(studio, 1)
    studio.bring(1, {}, [{"data": {"text": "text 0"}}] * 2)
    studio.bring(1, {}, [{"data": {**studio.tasks[1]["data"], OWNER: mark("intents", "s3://other")}}] * 2)
    assert bring(studio, 2, needed=["i0", "i1"]).removed == []
    assert len(studio.tasks) == 6


def test_pages_leave_nothing_out_while_tasks_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks_module, "_LISTED", 2)
    studio = StandIn()
    bring(studio, 9)
    seen = []
    with server(studio) as asked:
        for each in tasks(Place(asked, 1, MARK)):
            seen.append(each.id)
            studio.tasks.pop(each.id)
    assert seen == list(range(1, 10))


def test_a_task_whose_data_were_changed_there_shows_another_digest() -> None:
    studio = StandIn()
    bring(studio, 1)
    studio.tasks[1]["data"]["text"] = "another text"
    with server(studio) as asked:
        (found,) = tasks(Place(asked, 1, MARK))
    assert found.sent == shown_digest({"text": "text 0"})
    assert found.now == shown_digest({"text": "another text"})
    assert bring(studio, 1).new == ["i0"]  # what should be shown is nowhere


def test_annotated_tasks_since_a_time() -> None:
    studio = StandIn()
    bring(studio, 3)
    studio.annotate(1, "order")
    since = studio.now.timestamp() + 1
    studio.annotate(3, "refund")
    with server(studio) as asked:
        assert [task.item for task, _ in annotated(Place(asked, 1, MARK))] == ["i0", "i2"]
        assert [task.item for task, _ in annotated(Place(asked, 1, MARK), since)] == ["i2"]
