"""Rollouts over real servers under real requests on a real Airflow: promoted, taken back by safeguard and by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from automl_core.cli import main
from automl_core.models.life import Rollout
from tests.e2e.models import Models
from tests.e2e.serving import Load, serving
from tests.e2e.world import World, wait_until

pytestmark = pytest.mark.timeout(600)

QUICK = {"to": "servers", "steps": ["20%", "60%", "100%"], "bake": "2s", "least": 20}


@pytest.fixture(scope="module")
def load(world: World) -> Iterator[Load]:
    """People who ask all models of this module, all the time; and what begins at once."""
    models = Models(world)
    accept = {"by": "nobody", "when": "not_worse", "margin": 0.5}
    for name, deploy in (("good", QUICK), ("bad", QUICK), ("hand", {**QUICK, "bake": "1h"})):
        models.use(name, 0.5)
        models.publish(f"{name}_search", "run_2", 1.0, needs="id" if name == "bad" else None)
        models.file(name, accept=accept, deploy=deploy)
    with serving(world.root / "runs", world.root / "server") as server, Load(server, ["good", "bad", "hand"]) as made:
        yield made


@pytest.fixture
def models(world: World) -> Models:
    return Models(world)


def rollout(models: Models, name: str) -> Rollout:
    """The one rollout of a model."""
    (found,) = models.life(name).state.rollouts.values()
    return found


def test_a_good_version_gets_its_share_step_by_step_and_then_all(load: Load, models: Models) -> None:
    version = models.until("good", 2, "IN_USE")
    found = rollout(models, "good")
    assert [(each.what, each.step, each.by.how) for each in found.acts] == [
        ("begun", 0, "dag"), ("step", 1, "dag"), ("step", 2, "dag"), ("promoted", 2, "dag"),
    ]  # fmt: skip
    assert models.world.finish("good.rollout", version.run) == "success"
    assert models.tasks("good.rollout")[version.run]["roll"] == "success"
    log = models.world.log("good.rollout", version.run, "roll", -1)
    assert "step 2 has begun" in log
    assert "version 2 is in use" in log
    told = models.world.call("GET", "/assets/events", params={"source_dag_id": "good.rollout"})["asset_events"]
    assert [each["source_task_id"] for each in told] == ["roll"], "told once, when it is in use"
    answered = load.of["good"]
    wait_until(lambda: set(answered.last) == {2}, 30, "version 2 to answer all")
    assert answered.versions[1] > 0
    assert not answered.failed


def test_a_version_that_refuses_what_the_champion_answers_is_taken_back_by_its_safeguard(
    load: Load, models: Models
) -> None:
    version = models.until("bad", 2, "TAKEN_BACK")
    found = rollout(models, "bad")
    assert (found.outcome, found.step, found.acts[-1].by.how) == ("taken_back", 0, "dag")
    assert "errors" in found.why
    assert models.world.finish("bad.rollout", version.run) == "failed"
    row = models.world.instances("bad.rollout", version.run)["roll", -1]
    assert (row["state"], row["try_number"]) == ("failed", 1), "trying again would bring nothing"
    assert found.why in models.world.log("bad.rollout", version.run, "roll", -1)
    assert models.life("bad").state.champion == 1
    answered = load.of["bad"]
    wait_until(lambda: set(answered.last) == {1}, 30, "version 1 to answer all")
    assert not answered.failed, "the champion has answered in its place"


def test_what_a_person_takes_back_ends_its_task_and_a_clear_changes_nothing(load: Load, models: Models) -> None:
    run = models.until("hand", 2, "ROLLING_OUT").run
    deferred = "its rollout to be looked at"
    wait_until(lambda: models.task("hand.rollout", run, "roll") == "deferred", 60, deferred)
    body = {"dry_run": False, "task_ids": ["roll"], "dag_run_id": run, "only_failed": False, "only_running": False}
    models.world.call("POST", "/dags/hand.rollout/clearTaskInstances", json=body)
    wait_until(
        lambda: models.world.instances("hand.rollout", run)["roll", -1]["try_number"] == 2
        and models.task("hand.rollout", run, "roll") == "deferred",
        60, f"{deferred} again",
    )  # fmt: skip
    assert rollout(models, "hand").open
    address = f"file://{models.world.root}/runs/_models/hand"
    assert main(["model", "take-back", address, "2", "--why", "second thoughts", "--yes", "--by", "anna"]) == 0
    assert models.world.finish("hand.rollout", run) == "success"
    assert models.task("hand.rollout", run, "roll") == "skipped"
    answered = load.of["hand"]
    wait_until(lambda: set(answered.last) == {1}, 30, "version 1 to answer all")
    assert answered.versions[2] > 0
    assert len(models.life("hand").state.rollouts) == 1
