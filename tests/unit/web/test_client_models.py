"""The notebook's client on models, against the real API."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from automl_airflow.web import held_journals
from automl_core.client import Model, Rollout
from automl_core.client.errors import AlreadyExists, AuthError, ClientError, Conflict, NotKnown
from tests.unit.web.conftest import World
from tests.unit.web.lives import DAG, Author, life_of, model_text
from tests.unit.web.test_client import Clocked, connect
from tests.unit.web.watched import watch


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Viewers see what is new at once: simulated time passes faster than the two seconds between their looks."""
    monkeypatch.setattr(held_journals, "READ_EVERY", 0.0)


@pytest.fixture
def model(world: World, churn: str) -> Model:
    return connect(world, "vic").model(churn)


def test_models_are_found_with_what_is_in_use(world: World, model: Model) -> None:
    found = {each["model"]: each for each in connect(world, "vic").models()}
    assert found[model.name]["in_use"]["version"] == 3
    assert [each["model"] for each in connect(world).models(search=model.name)] == [model.name]
    assert model.in_use is not None
    assert model.in_use["version"] == 3
    with pytest.raises(NotKnown, match="no AutoML model"):
        connect(world).model("nothing").overview()


def test_what_was_in_use_is_asked_by_a_time(world: World, model: Model) -> None:
    first = life_of(world, model.name).shares[0].time
    assert model.at(first - 10) is None
    found = model.at(datetime.fromtimestamp(first + 10, UTC))
    assert found is not None
    assert (found["version"], found["accepted"]["by"]["name"]) == (1, "ann")


def test_lists_are_frames(model: Model) -> None:
    assert list(model.versions.index) == [1, 2, 3, 4, 5]
    assert model.versions.loc[3, "state"] == "IN_USE"
    assert set(model.history["kind"]) >= {"offered", "in_use", "taken_back"}
    assert list(model.intervals["version"]) == [3, 1, 1, 1]
    assert list(model.quality["version"]) == [1, 3, 4]
    assert set(model.cases(3)["state"]) == {"fixed", "still", "regressed", "unseen"}
    assert model.retrainings[0]["reason"] == {"by_hand": "new prices"}
    assert len(model.efficiency["versions"]) == 5
    assert model.version(4)["state"] == "TAKEN_BACK"
    assert model.evidence(3)["champion"] == 1


@pytest.fixture
def author(world: World, request: pytest.FixtureRequest) -> Author:
    """Version 1 in use, version 2 asked about."""
    name = f"client-{request.node.name[5:50].replace('_', '-')}"
    experiment = world.know(world.spec(f"{name}-search"))
    world.know_model(model_text(world, name, experiment))
    made = Author(world.storage, name, experiment, start=time.time() - 600)
    made.use(made.offer("run-1"), made.evaluate(1))
    made.ask(made.offer("run-2"), made.evaluate(2, 0.03))
    return made


def test_a_version_is_accepted_waited_for_and_taken_back(world: World, author: Author) -> None:
    automl = connect(world, "ann")
    model = automl.model(author.life.name)
    digest = model.wait_until_asked(2, timeout=30)
    assert digest == model.evidence(2)["digest"]
    assert "accepted" in model.accept(2, digest, "good")
    clock = Clocked(automl)
    with pytest.raises(TimeoutError, match="version 2 waits after 5 s"):
        model.wait_until_in_use(2, timeout=5)
    after(clock, 3, lambda: author.life.put_in_use(2, DAG))
    assert model.wait_until_in_use(2, timeout=60) == 2
    assert "version 1 is in use" in model.take_back(2, "wrong")
    with pytest.raises(Conflict, match="taken back"):
        model.wait_until_in_use(2, timeout=60)
    with pytest.raises(Conflict, match="ann"):
        model.reject(2, digest)
    assert "retired" in model.retire(2, "no use")


def test_any_new_version_can_be_waited_for(world: World, author: Author) -> None:
    automl = connect(world, "ann")
    clock = Clocked(automl)

    def use() -> None:
        author.use(2, author.evaluate(2, 0.01, again=1))

    after(clock, 4, use)
    assert automl.model(author.life.name).wait_until_in_use(timeout=60) == 2


def test_a_rejected_version_is_not_waited_for(world: World, author: Author) -> None:
    model = connect(world, "ann").model(author.life.name)
    assert "rejected" in model.reject(2, str(model.evidence(2)["digest"]), "no")
    with pytest.raises(Conflict, match="rejected"):
        model.wait_until_in_use(2, timeout=60)
    with pytest.raises(Conflict, match="rejected"):
        model.wait_until_asked(2, timeout=60)


def test_acts_are_told_in_words(world: World, author: Author, ended: tuple[str, str]) -> None:
    automl = connect(world, "ann")
    model = automl.model(author.life.name)
    assert "evaluated again" in model.evaluate(2)
    assert author.experiment in model.retrain("prices have changed")
    with pytest.raises(Conflict, match="publish"):
        model.offer(automl.run(*ended))
    author.score(0, 1)
    assert "scored again" in model.score(next(iter(author.life.refresh().scoring.done)), "late rows")
    with pytest.raises(AuthError, match="may not do this"):
        connect(world, "vic").model(author.life.name).evaluate(2)


@pytest.fixture
def rolling(world: World, request: pytest.FixtureRequest) -> Author:
    """Version 1 in use, version 2 in the first step of its rollout, whose guard has looked."""
    name = f"client-{request.node.name[5:50].replace('_', '-')}"
    experiment = world.know(world.spec(f"{name}-search"))
    world.know_model(model_text(world, name, experiment, served=True) + "watch: {every: 1h}\n")
    made = Author(world.storage, name, experiment, start=time.time() - 600)
    made.use(made.offer("run-1"), made.evaluate(1))
    made.after(60)
    made.roll_out(made.offer("run-2"))
    made.look(1)
    return made


def test_a_rollout_is_moved_held_released_and_ended_by_who_has_seen_it(world: World, rolling: Author) -> None:
    model = connect(world, "uma").model(rolling.life.name)
    seen = model.rollout()
    assert isinstance(seen, Rollout)
    assert (seen.id, seen.version, seen.champion, seen.step, seen.share, seen.open) == (1, 2, 1, 0, 0.05, True)
    assert [each.share for each in seen.steps] == [0.05, 0.25, 1.0]
    assert [each["state"] for each in seen.tests] == ["open", "worse", "open", "waits"]
    assert "nobody has looked at it since" in str(seen.problem), "its one look is nine minutes old"
    moved = model.step(seen, why="quick")
    assert (moved.step, moved.acts[-1].by, moved.acts[-1].how, moved.why) == (1, "uma", "rest", "quick")
    with pytest.raises(Conflict, match=r"not in step 0 any more.*by uma"):
        connect(world, "ann").model(rolling.life.name).hold(seen)
    assert model.hold(moved, "a holiday").held
    assert not model.release(moved).held
    back = model.step(moved, to=0)
    assert back.step == 0
    done = model.promote(back, "enough")
    assert (done.open, done.outcome) == (False, "promoted")
    assert model.rollout() is None
    with pytest.raises(Conflict, match="over: promoted by uma"):
        model.release(back)
    assert [(each.id, each.outcome) for each in model.rollouts] == [(1, "promoted")]
    again = model.rollout(1)
    assert again is not None
    assert again.ended == done.ended
    with pytest.raises(NotKnown, match="no rollout 2"):
        model.rollout(2)
    with pytest.raises(AuthError, match="may not do this"):
        connect(world, "vic").model(rolling.life.name).step(back)


def test_a_version_is_waited_for_through_its_rollout(world: World, rolling: Author) -> None:
    automl = connect(world, "ann")
    model, clock = automl.model(rolling.life.name), Clocked(automl)
    after(clock, 3, lambda: rolling.life.put_in_use(2, DAG))
    assert model.wait_until_in_use(2, timeout=60) == 2
    rolling.roll_out(rolling.offer("run-3"))
    assert "version 2 is in use" in model.take_back(3, "complaints")
    with pytest.raises(Conflict, match="taken back"):
        model.wait_until_in_use(3, timeout=60)


def test_shares_and_drift_are_frames(world: World, rolling: Author) -> None:
    watch(rolling.store, rolling.life.name, 1, rolling.clock.now)
    model = connect(world, "vic").model(rolling.life.name)
    rolled = rolling.life.state.rollouts[1].begun
    assert list(model.traffic()["cause"]) == ["in_use", "rollout_begun"]
    assert list(model.traffic(since=datetime.fromtimestamp(rolled + 1, UTC))["cause"]) == ["rollout_begun"]
    assert list(model.traffic(until=rolled - 1)["cause"]) == ["in_use"]
    drift = model.drift
    assert set(drift.columns) == {"time", "column", "distance"}
    assert drift.loc[drift["column"] == "age", "distance"].max() == pytest.approx(0.18)


def test_an_answer_of_another_release_is_said_to_be_one() -> None:
    with pytest.raises(ClientError, match="another release"):
        Rollout.from_json({"id": 1})


def test_a_models_file_is_saved_and_waited_for(world: World, ended: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "churn.model.yaml"
    file.write_text(model_text(world, "from-a-notebook", ended[0]))
    automl = connect(world, "oli")
    after(Clocked(automl), 1, lambda: world.know_model(file.read_text()))
    assert automl.deploy(file).name == "from-a-notebook"
    with pytest.raises(AlreadyExists, match="there is a model"):
        automl.deploy(file)


def after(clock: Clocked, seconds: float, do: Callable[[], object]) -> None:
    """Do something once the client has waited for so long."""
    done = []
    sleep = clock.sleep

    def waited(spent: float) -> None:
        sleep(spent)
        if clock.now >= seconds and not done:
            done.append(do())

    clock.client._sleep = waited
