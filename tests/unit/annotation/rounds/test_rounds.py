"""Whole projects on simulated people: what is in the journal at the end, however often a process was killed."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automl_core.annotation.items import unpack
from automl_core.annotation.project import Source
from automl_core.annotation.rounds import choose, collect, evaluate, predict, predicting, settle, verdict, write_set
from automl_core.annotation.rounds.answers import Answers
from automl_core.annotation.selection import Stratum
from automl_core.storage.folder import FolderStore
from tests.support.examples import examples
from tests.unit.annotation.rounds.world import BY, CLASSES, World, file_of, texts, unsure_of


class Killed(BaseException):
    """The process was killed."""


class Mortal(FolderStore):
    """A folder whose process is killed at one of its writes: before it, or just after."""

    left = -1
    after = False

    def create(self, key: str, data: bytes) -> bool:
        return bool(self._write(lambda: FolderStore.create(self, key, data)))

    def put(self, key: str, data: bytes) -> None:
        self._write(lambda: FolderStore.put(self, key, data))

    def _write(self, do: Any) -> Any:
        last = self.left == 0
        self.left -= 1
        if last and not self.after:
            raise Killed
        done = do()
        if last:
            raise Killed
        return done


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> dict[str, World]:
    """The world whose functions take the place of models."""
    held: dict[str, World] = {}
    monkeypatch.setattr(predicting, "scored", lambda *given, **more: held["world"].scored(*given, **more))
    return held


def a_round(world: World, number: int, *, share: float = 0.3, who: str = "anna") -> None:
    """One round as Airflow's tasks make it: each a process of its own, tried again where it was killed."""
    runs = {"trees": f"r{number}", "linear": f"r{number}"}

    def tried(step: Any) -> Any:
        try:
            return step()
        except Killed:
            world.store.left = -1
            world.reopen().refresh()
            return step()

    def train() -> None:
        version = world.project.state.sets[number].number
        for experiment in runs:
            opinion = unsure_of(world.truth, share, number + len(experiment))
            world.train(experiment, runs[experiment], opinion, family=experiment)
            world.project.trained(number, version, experiment, runs[experiment], "FINISHED", {"name": "m"}, BY)

    tried(lambda: world.first(number))
    tried(lambda: collect(world.project, world.file, world.reach, BY))
    predicted = tried(lambda: predict(world.project, world.file, number, world.models(), world.reach, world.root))
    tried(lambda: settle(world.project, world.file, number, predicted, BY))
    tried(lambda: choose(world.project, world.file, number, predicted, world.reach, world.root, BY))
    tried(lambda: world.people(who))
    tried(lambda: write_set(world.project, world.file, number, BY))
    tried(train)
    tried(lambda: evaluate(world.project, world.file, number, world.models(runs), world.reach, world.root, BY))
    tried(lambda: world.project.end_round(number, {}, BY))
    tried(lambda: verdict(world.project, world.file, number, BY))


def test_three_rounds_keep_the_stratum_apart_and_end_by_themselves(tmp_path: Path, said: dict[str, World]) -> None:
    world = said["world"] = World(tmp_path, file_of(tmp_path), texts(300))
    for number in (1, 2, 3):
        a_round(world, number)
    state = world.project.state
    assert state.stopped is not None
    assert state.stopped.why == "rounds"
    stratum = Stratum(3, 0.5)
    ids = world.project.catalog.id_of
    assert state.taken
    assert not any(stratum.has(ids(number)) for number in state.taken)
    for version in state.sets.values():
        assert not any(stratum.has(ids(number)) for number in version.numbers)
        rows = list(csv.DictReader(io.StringIO(world.store.get(version.prefix + "train.csv").decode())))
        assert [row["item"] for row in rows] == [ids(number) for number in version.numbers]
        assert all(world.truth[row["text"]] == row["label"] for row in rows if row["source"] == "person")
    by_models = [row for row in rows if row["source"] == "models"]
    weight = sum(float(row["weight"]) for row in by_models)
    assert len(by_models) > state.sets[3].by_source["person"]
    assert weight == pytest.approx(state.sets[3].by_source["person"], rel=0.01)
    evidence = state.rounds[3].evaluation.evidence  # type: ignore[union-attr]
    sample = Answers.of(world.project, world.file).sample
    for model in evidence["models"]:
        counted = [number for each in model["hits"].values() for number in unpack(each)]
        assert sorted(counted) == sample.numbers
        assert model["set"] == 3


def test_the_fingerprint_of_a_version_is_what_a_run_on_the_newest_records(
    tmp_path: Path, said: dict[str, World]
) -> None:
    world = said["world"] = World(tmp_path, file_of(tmp_path), texts(120))
    a_round(world, 1)
    (found,) = [each.set for each in world.models({"trees": "r1", "linear": "r1"}).found[:1]]
    assert found == 1


def _end_of(world: World) -> Any:
    state = world.project.refresh()
    return (
        [(vote.item, vote.label, vote.author, vote.kind, vote.batch) for vote in state.votes],
        sorted((number, each.threshold, each.label) for number, each in state.taken.items()),
        {number: (each.items, each.kinds) for number, each in state.batches.items()},
        {number: (each.prefix, each.fingerprint, each.rows) for number, each in state.sets.items()},
        [(each.round, each.threshold, each.look) for each in state.thresholds.values()],
        {number: [move.state for move in case.moves] for number, case in state.cases.items()},
        [(len(each.evaluations), each.open) for each in state.rounds.values()], state.skipped,
    )  # fmt: skip


def test_a_round_that_is_killed_at_a_write_ends_as_one_that_is_not(tmp_path: Path, said: dict[str, World]) -> None:
    world = said["world"] = World(tmp_path, file_of(tmp_path, select={"many": 24}), texts(70))
    for number in (1, 2):
        a_round(world, number)
    shutil.copytree(tmp_path / "runs", tmp_path / "before")
    draws = world.draw.getstate()

    def third(kill: int, *, after: bool = False) -> Any:
        shutil.rmtree(tmp_path / "runs")
        shutil.copytree(tmp_path / "before", tmp_path / "runs")
        world.draw.setstate(draws)
        world.store = store = Mortal(tmp_path / "runs")
        store.left, store.after = kill, after
        try:
            world.reopen().refresh()
        except Killed:  # a snapshot is a write, too
            world.reopen().refresh()
        a_round(world, 3)
        assert kill < 0 or store.left < 0
        return _end_of(world)

    whole = third(-1)
    writes = -1 - world.store.left
    assert world.project.state.taken
    assert writes > 15
    for kill in range(0, writes, 5):
        assert third(kill, after=kill % 2 == 0) == whole, f"killed at write {kill}"


@given(
    share=st.floats(0.05, 0.9), errors=st.floats(0, 0.3), many=st.integers(6, 30), money=st.floats(0.5, 6),
    stratum=st.floats(0.1, 0.8), votes=st.integers(1, 2), seed=st.integers(0, 99),
)  # fmt: skip
@settings(
    max_examples=examples(4),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_people_and_models_say(
    tmp_path_factory: pytest.TempPathFactory, said: dict[str, World], share: float, errors: float, many: int,
    money: float, stratum: float, votes: int, seed: int,
) -> None:  # fmt: skip
    root = tmp_path_factory.mktemp("any")
    file = file_of(
        root, select={"many": many, "stratum_share": stratum, "seed": seed}, people={"votes": votes, "price": 0.1},
        stop={"money": money, "rounds": 4},
    )  # fmt: skip
    world = said["world"] = World(root, file, texts(90, seed), errors)
    apart = Stratum(seed, stratum)
    for number in (1, 2, 3):
        world.begin(number)
        for who in ("anna", "ben")[:votes]:
            world.people(who)
        state = world.project.state
        spent = sum(vote.price for vote in state.votes)
        assert spent <= money + 1e-9
        people = {vote.item for vote in state.votes if vote.source is Source.PERSON}
        ids = world.project.catalog.id_of
        assert not any(apart.has(ids(each)) for each in state.taken)
        rows = Answers.of(world.project, file)
        assert not set(rows.trainable(state)) - people
        if len({each.label for each in rows.trainable(state).values()}) < 2:
            break
        version = write_set(world.project, file, number, BY)
        assert not any(apart.has(ids(each)) for each in version.numbers)
        for experiment in ("trees", "linear"):
            world.train(experiment, f"r{number}", unsure_of(world.truth, share, number), family=experiment)
        if world.end(number, {"trees": f"r{number}", "linear": f"r{number}"}).ended:
            break
    assert set(CLASSES) >= {vote.label for vote in state.votes if not vote.skipped}
    assert not state.skipped
