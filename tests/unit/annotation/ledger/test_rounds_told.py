"""The ledger of rounds as they are made: labels as the written files have them, money and audits as decisions have."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from automl_core.annotation.ledger import Ledger, Standing, ledger
from automl_core.annotation.ledger.reading import facts_of
from automl_core.annotation.project import DataSetVersion
from automl_core.annotation.rounds import predicting, write_set
from automl_core.annotation.rounds.answers import Answers
from automl_core.annotation.rounds.audits import watched
from automl_core.annotation.rounds.choosing import spent
from tests.unit.annotation.rounds.world import BY, World, file_of, sure_of, texts, unsure_of


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three rounds of two people who err, with labels that came with the data."""
    root = tmp_path_factory.mktemp("told")
    file = file_of(root, people={"votes": 2, "price": 0.1}, agree={"accuracy": 0.5, "confidence": 0.6})
    made = World(root, file, texts(220), errors=0.15)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predicting, "scored", lambda *given, **more: made.scored(*given, **more))
        for number in (1, 2, 3):
            made.begin(number)
            made.people("anna")
            made.people("ben")
            version = write_set(made.project, made.file, number, BY)
            runs = dict.fromkeys(("trees", "linear"), f"r{number}")
            made.train("trees", f"r{number}", sure_of(made.truth), family="lightgbm")
            made.train("linear", f"r{number}", unsure_of(made.truth, 0.3, number), family="linear")
            _trained(made, number, version, runs)
            made.end(number, runs)
        yield made


def _trained(world: World, number: int, version: DataSetVersion, runs: dict[str, str]) -> None:
    for experiment, run in runs.items():
        world.project.trained(
            number, version.number, experiment, run, "FINISHED", {"prefix": f"{experiment}/{run}/"}, BY
        )


@pytest.fixture(scope="module")
def made(world: World) -> Ledger:
    return ledger(facts_of(world.project.refresh()))


def test_labels_of_a_set_are_those_of_the_file_that_was_written(world: World, made: Ledger) -> None:
    compared = 0
    for each in made.facts.sets:
        text = world.store.get(f"{each.prefix}train.csv").decode()
        written = {row["item"]: row["label"] for row in csv.DictReader(io.StringIO(text))}
        told = {world.project.catalog.id_of(number): label for number, label in each.trained.items()}
        assert told == written
        compared += len(written)
    assert compared > 60
    assert len(made.facts.sets) == 3


def test_money_is_what_decisions_count(world: World, made: Ledger) -> None:
    assert made.total.cost == pytest.approx(spent(world.project.state), abs=1e-9)
    assert made.total.cost > 5


def test_the_audit_is_that_of_settling(world: World, made: Ledger) -> None:
    answers = Answers.of(world.project, world.file)
    notes: list[str] = []
    found = {each.threshold.id: each.audit for each in watched(
        world.project, answers, world.project.state.thresholds.values(), notes
    )}  # fmt: skip
    told = {each.threshold.id: each for each in made.right.taken}
    assert found, "a threshold was found"
    for id, audit in found.items():
        assert told[id].judged.of == len(audit.judged)
        assert told[id].judged.of - told[id].judged.right == audit.wrong
        assert told[id].highest == audit.highest
    assert sum(each.judged.of for each in told.values()) > 0


def test_rounds_are_as_their_evaluation_has_them(world: World, made: Ledger) -> None:
    assert [each.round for each in made.steps] == [1, 2, 3]
    for step in made.steps:
        evidence: Any = world.project.state.rounds[step.round].evaluation
        best = evidence.evidence["models"][evidence.evidence["best"]]
        assert (step.accuracy.right, step.accuracy.of, step.model) == (best["right"], best["of"], best["name"])
        assert (step.accuracy.low, step.accuracy.high) == (pytest.approx(best["low"]), pytest.approx(best["high"]))


def test_nothing_of_the_stratum_is_trained_and_nothing_is_left_unexplained(made: Ledger) -> None:
    found = made.standings
    assert found[Standing.EVALUATES].answers > 10
    assert found[Standing.OUTVOTED].answers > 2
    assert found[Standing.LEFT_OUT].answers == 0
    trained = {a.item for a, use in zip(made.facts.answers, made.uses, strict=True) if use.sets}
    assert not trained & made.facts.stratum
