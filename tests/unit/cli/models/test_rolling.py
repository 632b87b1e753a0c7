"""``automl model rollout``, ``step``, ``hold``, ``release``: on a bucket, and where an Airflow is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automl_core.cli.models.rolling import step_of
from automl_core.cli.places import UserError
from automl_core.models.rollout_views import rollout
from tests.unit.cli.conftest import Automl
from tests.unit.cli.fake_airflow import FakeAirflow
from tests.unit.cli.models.shop import Shop
from tests.unit.models.life.world import ANNA, DAG, World, evidence
from tests.unit.models.rollout.rollouts import Rolling

CHURN = "/models/churn"


@pytest.fixture
def world(home: Any) -> World:
    """The shop's model, with a version that answers and one that waits to be rolled out."""
    world = World(Shop(home).store)
    world.in_use("r1")
    return world


def test_an_acceptance_on_the_bucket_skips_no_step_unless_that_is_asked_for(
    world: World, automl: Automl, home: Any
) -> None:
    file = home / "experiments" / "churn.model.yaml"
    file.write_text(f"{file.read_text()}deploy: {{to: servers}}\n")
    version = world.offered("r2")
    digest = world.open().evaluated(version, evidence(version, 1))
    asked = ("model", "accept", "churn", str(version), "--evidence", digest, "--yes", "--by", "anna")
    said = automl(*asked)
    assert said.code == 0, said.err
    assert "churn.rollout of Airflow begins its rollout beside version 1" in said.out
    assert "--use puts it in use for all requests at once" in said.out
    assert world.open().state.shares_now() == {1: 1.0}
    assert automl(*asked, "--use").out.endswith("and in use\n")
    assert world.open().state.shares_now() == {version: 1.0}


def test_before_the_first_there_is_none(world: World, automl: Automl) -> None:
    assert automl("model", "rollout", "churn").out == "churn: no rollout has begun yet\n"
    for command in (("step", "churn", "--yes"), ("hold", "churn"), ("release", "churn")):
        said = automl("model", *command)
        assert (said.code, "churn: no version is being rolled out" in said.err) == (1, True)
    assert "churn has no rollout 3; it has had 0" in automl("model", "rollout", "churn", "3").err
    assert world.open().state.rollouts == {}


def test_a_person_moves_holds_releases_and_takes_back(world: World, automl: Automl) -> None:
    world.rolling("r2")
    said = automl("model", "step", "churn", "--yes", "--by", "anna", "--why", "it is quiet")
    assert (said.code, said.out) == (0, "version 2 is at 5 %\n"), said.err
    assert automl("model", "hold", "churn", "--by", "ben", "--why", "the campaign").out == "version 2 is held at 5 %\n"
    said = automl("model", "step", "churn", "25%", "--yes")
    assert said.out == "version 2 is at 25 %, and held there\n", said.err
    shown = automl("model", "rollout", "churn").out
    assert "churn, rollout 1: version 2 beside version 1, begun" in shown
    assert "steps  shadow of 100 %, 5 %, [25 %], 100 %" in shown
    assert "held by ben since" in shown
    assert "the campaign" in shown
    assert "tests  nobody has looked at it yet, and it began at" in shown
    assert "moved to 5 %, by anna (cli): it is quiet" in shown
    assert "version 2 is being rolled out beside version 1: 25 %, held there" in automl("model", "show", "churn").out
    assert automl("model", "release", "churn").out == "version 2 goes on by itself at 25 %\n"
    assert automl("model", "step", "churn", "back", "--yes").out == "version 2 is at 5 %\n"
    said = automl("model", "take-back", "churn", "--why", "errors", "--by", "anna")
    assert "Take version 2 of churn, which is being rolled out beside version 1 back?" in said.err
    said = automl("model", "take-back", "churn", "--yes", "--why", "errors", "--by", "anna")
    assert (said.code, said.out) == (0, "version 2 is taken back; version 1 answers all\n")
    assert "taken back 20" in automl("model", "rollout", "churn").out
    assert "a rollout of version 2 beside version 1 begun" in automl("model", "history", "churn").out


def test_the_end_can_be_had_at_once_and_the_champion_goes_by_its_number(world: World, automl: Automl) -> None:
    world.rolling("r2")
    assert automl("model", "step", "churn", "use", "--yes").out == "version 2 is in use\n"
    world.clock.now = world.open().state.updated
    world.rolling("r3")
    said = automl("model", "take-back", "churn", "2", "--yes", "--why", "bad")
    assert said.out == "version 2 is taken back; version 1 is in use; the rollout of version 3 is stopped\n", said.err
    assert "stopped 20" in automl("model", "rollout", "churn", "2").out


def test_nothing_is_moved_without_a_person(world: World, automl: Automl) -> None:
    world.rolling("r2")
    said = automl("model", "step", "churn")
    assert (said.code, "Move version 2 of churn from shadow of 100 % to 5 %?" in said.err) == (1, True)
    said = automl("model", "step", "churn", "use")
    assert (said.code, "before its rollout is through?" in said.err) == (1, True)
    assert world.open().state.rollouts[1].step == 0


def test_what_the_tests_say_is_told(home: Any, automl: Automl) -> None:
    rolling = Rolling(store=Shop(home).store)
    rolling.tally((950, 9), (50, 1))
    rolling.clock.now += 5
    view = rolling.guard().look()
    shown = automl("model", "rollout", "churn").out
    assert "looked at 1970-01-12" in shown
    assert all(f"test   {each.words}" in shown for each in view.tests)
    assert view.tests
    assert f"waits  {view.waits}" in shown
    found = json.loads(automl("model", "rollout", "churn", "--json").out)
    assert found["view"]["tests"][0]["words"] == view.tests[0].words
    assert found["rollout"]["steps"][0]["share"] == 0.05


def test_a_look_that_is_none_is_said_and_the_journal_is_told(world: World, automl: Automl) -> None:
    world.rolling("r2")
    world.store.put("_models/churn/rollouts/1/looks/0000000001.json", b"{}")
    shown = automl("model", "rollout", "churn").out
    assert "tests  look 1 at rollout 1 of churn is none" in shown
    assert "begun, by churn.rollout (dag)" in shown


@pytest.mark.parametrize(
    ("at", "to", "place"),
    [(0, "next", 1), (2, "next", 3), (2, "back", 1), (0, "5%", 1), (0, "5 %", 1), (3, "shadow", 0), (1, "100%", 3),
     (1, "use", None)],
)  # fmt: skip
def test_a_step_by_its_name(at: int, to: str, place: int | None) -> None:
    assert step_of(shown(at), to) == place


@pytest.mark.parametrize(
    ("at", "to", "said"),
    [(0, "back", "it is in its first step; `automl model take-back` ends it"),
     (3, "next", "it is in its last step; `step … use` puts its version in use"),
     (0, "30%", "there is no step '30%': its steps are shadow of 100 %, 5 %, 25 %, 100 %"),
     (0, "nxt", "Did you mean 'next'?")],
)  # fmt: skip
def test_a_step_that_is_none(at: int, to: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        step_of(shown(at), to)
    assert said in str(caught.value)


def shown(at: int) -> dict[str, Any]:
    """A rollout in a step, as views have it."""
    world = World()
    found = world.rolling("r2")
    return rollout(world.open().step_rollout(found.id, at, ANNA))


def test_where_an_airflow_is_asked_what_was_seen_is_sent(airflow: FakeAirflow, automl: Automl) -> None:
    world = World()
    world.rolling("r2")
    world.open().step_rollout(1, 1, DAG)
    found = rollout(world.open().state.rollouts[1])
    airflow.answers["GET", CHURN] = {"model": "churn", "in_use": {"version": 1}, "waiting": [], "rollout": found}
    airflow.answers["GET", f"{CHURN}/rollouts"] = {"rollouts": [found], "matched": 1}
    airflow.answers["GET", f"{CHURN}/rollouts/1"] = {"rollout": found, "view": None, "problem": None}
    for act in ("rollout/step", "rollout/hold", "rollout/release", "rollout/promote", "take-back"):
        airflow.answers["POST", f"{CHURN}/{act}"] = {"text": f"done: {act}"}
    assert "steps  shadow of 100 %, [5 %], 25 %, 100 %" in automl("model", "rollout", "churn").out
    seen = {"rollout": 1, "step": 1, "why": "slowly"}
    why = ("--why", "slowly")
    asked: list[tuple[tuple[str, ...], str, dict[str, Any]]] = [
        (("step", "churn", "back", "--yes", *why), "rollout/step", {**seen, "to": 0}),
        (("step", "churn", "use", "--yes", *why), "rollout/promote", seen),
        (("hold", "churn", *why), "rollout/hold", seen),
        (("release", "churn", *why), "rollout/release", seen),
        (("take-back", "churn", "--yes", *why), "take-back", {"version": 2, "why": "slowly", "to": None}),
    ]
    for command, act, body in asked:
        assert automl("model", *command).out == f"done: {act}\n"
        assert next(b for b in reversed(airflow.bodies) if b and "username" not in b) == body
