"""Rollouts in the REST API: how one stands, who moved it; who acts on what is so no more is told who was faster."""

from __future__ import annotations

import time
from typing import Any

import pytest

from automl_airflow.web import held_views
from automl_core.models.life import Person, Step, VersionState
from automl_core.models.rollout.layout import look_key
from tests.unit.web.conftest import World, body_of
from tests.unit.web.lives import HOSTILE, ROLL, STEPS, Author, model_text
from tests.unit.web.test_model_acts import logged

API = "/automl/api/v1/models"


@pytest.fixture
def author(world: World, request: pytest.FixtureRequest) -> Author:
    """A model of this test's own: version 1 in use, version 2 in the first step of its rollout."""
    name = f"rolls-{request.node.name[5:60].replace('_', '-')}"
    experiment = world.know(world.spec(f"{name}-search"))
    world.know_model(model_text(world, name, experiment, served=True))
    made = Author(world.storage, name, experiment, start=time.time() - 3600)
    made.use(made.offer("run-1"), made.evaluate(1))
    made.after(600)
    made.roll_out(made.offer("run-2"))
    return made


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a guard has written is seen at once: tests are quicker than the second between two readings."""
    monkeypatch.setattr(held_views, "EVERY", 0.0)


def get(world: World, author: Author, rest: str = "", user: str = "vic", **query: Any) -> Any:
    return body_of(world.client(user).get(f"{API}/{author.life.name}{rest}", params=query))


def post(world: World, author: Author, rest: str, body: dict[str, Any], user: str = "uma") -> Any:
    return world.client(user).post(f"{API}/{author.life.name}{rest}", json=body)


def seen(step: int = 0, rollout: int = 1, **more: Any) -> dict[str, Any]:
    return {"rollout": rollout, "step": step, **more}


def test_a_rollout_is_told_with_its_steps_who_did_what_and_what_its_guard_shows(world: World, author: Author) -> None:
    author.after(60)
    author.life.step_rollout(1, 1, ROLL, "30m are over")
    author.after(60)
    author.life.hold_rollout(1, True, author.person("ben"), "a holiday")
    author.after(5)
    view = author.look(1)
    found = get(world, author, "/rollouts/1")
    rollout = found["rollout"]
    assert (rollout["version"], rollout["champion"], rollout["step"], rollout["share"]) == (2, 1, 1, 0.25)
    assert [each["share"] for each in rollout["steps"]] == [0.05, 0.25, 1.0]
    assert rollout["held"]
    assert rollout["ended"] is None
    assert [(each["what"], each["by"]["name"]) for each in rollout["acts"]] == [
        ("begun", ROLL.name), ("step", ROLL.name), ("held", "ben"),
    ]  # fmt: skip
    assert [each["shares"] for each in found["shares"]] == [{"1": 0.95, "2": 0.05}, {"1": 0.75, "2": 0.25}]
    assert found["view"] == view
    assert HOSTILE in found["view"]["notes"][0]
    assert not found["can"]["step"], "a viewer looks"
    assert "edit runs" in found["why_not"]["take_back"]
    mine = get(world, author, "/rollouts/1", "uma")
    assert mine["can"] == {"step": True, "hold": False, "release": True, "promote": True, "take_back": True}
    assert mine["why_not"] == {"hold": "it is held already"}


def test_a_rollout_is_seen_at_a_glance(world: World, author: Author) -> None:
    wanted = {"id": 1, "version": 2, "champion": 1, "kind": "steps", "step": 0, "share": 0.05, "shadow": False,
              "held": False}  # fmt: skip
    one = get(world, author)
    assert {key: one["rollout"][key] for key in wanted} == wanted
    assert (one["last_rollout"], one["deploy"], one["in_use"]["version"]) == (1, "servers", 1)
    listed = body_of(world.client("vic").get(API, params={"limit": 1000}))
    (found,) = [each for each in listed["models"] if each["model"] == author.life.name]
    assert found["rollout"] == {key: one["rollout"][key] for key in found["rollout"]}
    assert "acts" not in found["rollout"], "a list is short"
    version = get(world, author, "/versions/2", "uma")
    assert (version["state"], version["can"]["take_back"]) == ("ROLLING_OUT", True)
    assert "rolling out" in version["why_not"]["retire"]
    author.life.take_back(2, author.person(), "slow")
    assert get(world, author, seq=author.life.state.seq)["rollout"] is None
    assert get(world, author)["last_rollout"] == 1
    assert not get(world, author, "/versions/2", "uma")["can"]["take_back"]


def test_what_is_known_already_is_not_sent_again_until_the_guard_has_looked(world: World, author: Author) -> None:
    author.look(1)
    client = world.client("vic")
    address = f"{API}/{author.life.name}/rollouts/1"
    first = client.get(address)
    again = client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    author.after(1)
    author.look(2, waits="nothing")
    news = client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert body_of(news)["view"]["waits"] == "nothing"


def test_a_look_that_cant_be_read_costs_nobody_the_page(world: World, author: Author) -> None:
    author.store.put(look_key(author.life.name, 1, 7), b'{"format": 99}')
    found = get(world, author, "/rollouts/1")
    assert found["view"] is None
    assert "later release" in found["problem"]
    assert found["rollout"]["step"] == 0


def test_where_nobody_looks_any_more_that_is_said(world: World, author: Author) -> None:
    """What tests said an hour ago looks as good as what they say now, and nothing would take the version back."""
    assert "nobody has looked at it yet, and it began at" in get(world, author, "/rollouts/1")["problem"]
    author.look(1)
    found = get(world, author, "/rollouts/1")
    assert found["view"]["look"] == 1
    assert "nobody has looked at it since" in found["problem"]
    assert "`roll`" in found["problem"]
    author.clock.now = time.time()
    author.look(2)
    assert get(world, author, "/rollouts/1")["problem"] is None
    author.clock.now = time.time() - 1800
    author.life.take_back(2, author.person(), "slow")
    assert get(world, author, "/rollouts/1", seq=author.life.state.seq)["problem"] is None, "it is over"


def test_what_a_guard_shows_is_read_once_for_all_who_look(
    world: World, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty viewers must not be fifty requests to the store a second; the end of a rollout is not waited for."""
    reads: list[int] = []
    read = held_views.read_view

    def counted(store: Any, model: str, rollout: int) -> dict[str, Any] | None:
        reads.append(rollout)
        return read(store, model, rollout)

    monkeypatch.setattr(held_views, "read_view", counted)
    monkeypatch.setattr(held_views, "EVERY", 3600.0)
    monkeypatch.setattr(held_views, "ENDED", 3600.0)
    author.look(1)
    for user in ("vic", "uma", "ann"):
        assert get(world, author, "/rollouts/1", user)["view"]["look"] == 1
    assert reads == [1]
    author.life.take_back(2, author.person(), "slow")
    author.look(2)
    seq = author.life.state.seq
    for user in ("vic", "uma"):
        found = get(world, author, "/rollouts/1", user, seq=seq)
        assert (found["rollout"]["outcome"], found["view"]["outcome"]) == ("taken_back", "taken_back")
    assert reads == [1, 1]


def test_rollouts_are_listed_the_newest_first_and_one_that_is_not_there_is_said_so(
    world: World, author: Author
) -> None:
    author.life.take_back(2, author.person(), "slow")
    author.roll_out(author.offer("run-3"))
    found = get(world, author, "/rollouts")
    assert [(each["id"], each["version"], each["outcome"]) for each in found["rollouts"]] == [
        (2, 3, None), (1, 2, "taken_back"),
    ]  # fmt: skip
    assert found["matched"] == 2
    assert [each["id"] for each in get(world, author, "/rollouts", offset=1, limit=1)["rollouts"]] == [1]
    answer = world.client("vic").get(f"{API}/{author.life.name}/rollouts/3")
    assert answer.status_code == 404
    assert "1 to 2 are there" in answer.json()["detail"]
    assert get(world, author, "/rollouts/1")["shares"][-1]["shares"] == {"1": 1.0}, "what followed it"
    assert len(get(world, author, "/rollouts/1")["shares"]) == 2, "and nothing of the next one"


def test_traffic_begins_with_what_held_then(world: World, author: Author) -> None:
    begun, used = author.life.state.rollouts[1].begun, author.life.state.shares[0].time
    author.after(60)
    author.life.step_rollout(1, 1, author.person("ben"), "quick")
    moved = author.life.state.rollouts[1].moved
    whole = get(world, author, "/traffic")
    assert [each["cause"] for each in whole["records"]] == ["in_use", "rollout_begun", "rollout_step"]
    assert (whole["records"][-1]["by"], whole["records"][-1]["rollout"]) == ("ben", 1)
    later = get(world, author, "/traffic", since=begun + 1)["records"]
    assert [each["time"] for each in later] == [begun, moved]
    assert [each["time"] for each in get(world, author, "/traffic", since=begun)["records"]] == [begun, moved]
    assert [each["time"] for each in get(world, author, "/traffic", until=begun)["records"]] == [used, begun]
    assert get(world, author, "/traffic", until=used - 1)["records"] == []
    wrong = world.client("vic").get(f"{API}/{author.life.name}/traffic", params={"since": 2, "until": 1})
    assert wrong.status_code == 422


def test_a_person_moves_a_rollout_on_and_back(world: World, author: Author) -> None:
    answer = body_of(post(world, author, "/rollout/step", seen(why="<b>looks</b> good")))
    assert (answer["rollout"]["step"], answer["rollout"]["share"]) == (1, 0.25)
    assert "25 %" in answer["text"]
    last = author.life.refresh().rollouts[1].acts[-1]
    assert (last.what, last.by, last.why) == ("step", Person("uma", "rest"), "<b>looks</b> good")
    assert logged("automl_model_step", f"{author.life.name}.rollout")[-1][0] == "uma"
    assert get(world, author, seq=answer["seq"])["rollout"]["step"] == 1, "the next look is not older than the act"
    assert body_of(post(world, author, "/rollout/step", seen(1, to=0)))["rollout"]["share"] == 0.05
    assert body_of(post(world, author, "/rollout/step", seen(0, to=2)))["rollout"]["share"] == 1.0
    assert author.life.refresh().champion == 1, "the champion stays at hand"
    beyond = post(world, author, "/rollout/step", seen(2))
    assert beyond.status_code == 409
    assert "put version 2 in use" in beyond.json()["detail"]
    assert post(world, author, "/rollout/step", seen(2, to=7)).status_code == 409


def test_an_act_whose_answer_was_lost_is_answered_as_before(world: World, author: Author) -> None:
    first = body_of(post(world, author, "/rollout/step", seen()))
    assert body_of(post(world, author, "/rollout/step", seen()))["seq"] == first["seq"]
    assert post(world, author, "/rollout/step", seen(), "ann").status_code == 409, "somebody else did that"
    done = body_of(post(world, author, "/rollout/promote", seen(1)))
    assert body_of(post(world, author, "/rollout/promote", seen(1)))["seq"] == done["seq"]
    assert len(author.life.refresh().rollouts[1].acts) == 3


def test_who_acts_on_a_step_that_is_over_is_told_who_moved_it_and_when(world: World, author: Author) -> None:
    author.after(30)
    author.life.step_rollout(1, 1, author.person("ben"), "quick")
    author.after(30)
    author.life.hold_rollout(1, True, author.person("eve"))
    for act in ("step", "hold", "release", "promote"):
        answer = post(world, author, f"/rollout/{act}", seen(0))
        assert answer.status_code == 409, act
        told = answer.json()
        assert told["by"] == {"name": "ben", "how": "rest"}, "eve held it, and moved nothing"
        assert told["when"] == pytest.approx(author.life.state.rollouts[1].moved)
        assert "ben" in told["detail"]
        assert "25 %" in told["detail"]
    assert len(author.life.refresh().rollouts[1].acts) == 3


def test_a_move_that_comes_between_the_look_and_the_record_is_not_undone(
    world: World, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard may move it in the moment in which the route has looked and not yet written."""
    from automl_airflow.web.routes import rollout_acts

    looked = rollout_acts.check_seen

    def slow(found: Any, step: int) -> None:
        looked(found, step)
        author.life.step_rollout(1, 2, ROLL)

    monkeypatch.setattr(rollout_acts, "check_seen", slow)
    answer = post(world, author, "/rollout/step", seen(0, to=1))
    assert answer.status_code == 409
    assert answer.json()["by"]["name"] == ROLL.name
    assert author.life.refresh().rollouts[1].step == 2


def test_a_rollout_is_held_and_released(world: World, author: Author) -> None:
    answer = body_of(post(world, author, "/rollout/hold", seen(why="a holiday")))
    assert answer["rollout"]["held"]
    assert "held" in answer["text"]
    assert body_of(post(world, author, "/rollout/hold", seen()))["rollout"]["held"]
    assert body_of(post(world, author, "/rollout/step", seen()))["rollout"]["held"], "a person may move what is held"
    assert not body_of(post(world, author, "/rollout/release", seen(1)))["rollout"]["held"]
    assert [each.what for each in author.life.refresh().rollouts[1].acts] == ["begun", "held", "step", "released"]


def test_a_version_is_put_in_use_before_its_tests_say_so(world: World, author: Author) -> None:
    answer = body_of(post(world, author, "/rollout/promote", seen(why="enough")))
    assert (answer["rollout"]["outcome"], answer["rollout"]["ended"] is not None) == ("promoted", True)
    assert author.life.refresh().champion == 2
    assert author.life.state.versions[2].state is VersionState.IN_USE
    told = post(world, author, "/rollout/hold", seen()).json()
    assert "over: promoted by uma" in told["detail"]
    assert told["by"] == {"name": "uma", "how": "rest"}


def test_a_version_is_taken_back_out_of_its_rollout_whatever_its_step(world: World, author: Author) -> None:
    author.life.step_rollout(1, 1, ROLL)
    answer = body_of(post(world, author, "/take-back", {"version": 2, "why": "complaints"}))
    assert answer["in_use"] == 1
    found = author.life.refresh()
    assert (found.champion, found.rollout, found.rollouts[1].outcome) == (1, None, "taken_back")
    assert found.versions[2].state is VersionState.TAKEN_BACK
    late = post(world, author, "/rollout/step", seen(1))
    assert late.status_code == 409
    assert late.json()["by"]["name"] == "uma"


def test_who_takes_the_champion_back_is_told_which_rollout_that_stops(world: World, author: Author) -> None:
    answer = post(world, author, "/versions/2/evaluate", {})
    assert (answer.status_code, answer.json()["detail"]) == (409, "version 2 is rolling out"), (
        "a run would tell nothing"
    )
    told = body_of(post(world, author, "/take-back", {"version": 1, "why": "bad rows"}))
    assert told["text"] == "version 1 is taken back; nothing is in use; the rollout of version 2 is stopped"
    assert author.life.refresh().rollouts[1].outcome == "stopped"


def test_acts_on_rollouts_need_the_right_to_edit_and_good_bodies(world: World, author: Author) -> None:
    for act in ("step", "hold", "release", "promote"):
        assert post(world, author, f"/rollout/{act}", seen(), "vic").status_code == 403
        assert world.client(None).post(f"{API}/{author.life.name}/rollout/{act}", json=seen()).status_code == 401
        assert post(world, author, f"/rollout/{act}", {"step": 0}).status_code == 422
        assert post(world, author, f"/rollout/{act}", seen(-1)).status_code == 422
        assert post(world, author, f"/rollout/{act}", seen(nonsense=1)).status_code == 422
        assert post(world, author, f"/rollout/{act}", seen(rollout=9)).status_code == 404
    assert len(author.life.refresh().rollouts[1].acts) == 1


def test_a_shadow_answers_nobody(world: World, author: Author) -> None:
    author.life.take_back(2, author.person(), "slow")
    author.roll_out(author.offer("run-3"), [Step(1.0, 3600.0, shadow=True), *STEPS])
    found = get(world, author, "/rollouts/2")
    assert found["rollout"]["shadow"]
    assert found["shares"][0]["shadow"] == {"3": 1.0}
    assert found["shares"][0]["shares"] == {"1": 1.0}
    assert "shadow" in body_of(post(world, author, "/rollout/hold", seen(rollout=2)))["text"]


def test_what_a_guard_writes_is_what_the_page_gets(world: World, author: Author) -> None:
    """The guard itself, on what two servers have counted: the version has far more errors, and is taken back."""
    from automl_core.models.file import parse_model_document
    from automl_core.models.rollout import Counts, Tally, write_tally
    from automl_core.models.rollout.guard import Guard
    from automl_core.models.rollout.rules import Rules

    name = author.life.name
    file, _ = parse_model_document(model_text(world, name, "search", served=True), "x.yaml")
    guard = Guard(author.life, 1, Rules.of(file), clock=author.clock)
    guard.look()
    quiet = get(world, author, "/rollouts/1")["view"]
    assert (quiet["servers"], quiet["ended"]) == ([], None)
    assert {each["state"] for each in quiet["tests"]} <= {"open", "waits"}
    for place in range(1, 21):
        for server in ("one", "two"):
            author.after(0.5)
            at = author.clock.now
            versions = {1: Counts(100, 1, 0, 1.0), 2: Counts(10, 4, 0, 0.1)}
            write_tally(author.store, name, Tally(1, 0, server, place, at - 0.5, at, versions))
    guard.look()
    found = get(world, author, "/rollouts/1")
    assert found["rollout"]["outcome"] == "taken_back"
    assert found["view"]["outcome"] == "taken_back"
    assert found["rollout"]["acts"][-1]["by"]["how"] == "dag"
    (errors,) = [each for each in found["view"]["tests"] if each["name"] == "errors"]
    assert errors["state"] == "worse"
    assert errors["value"] > errors["needed"]
    assert (errors["challenger"]["answers"], errors["challenger"]["hits"]) == (400, 160)
    assert {each["name"] for each in found["view"]["servers"]} == {"one", "two"}
    assert all(len(point) == 5 for point in found["view"]["history"]), "what the page draws"
    assert get(world, author, seq=found["seq"])["in_use"]["version"] == 1
