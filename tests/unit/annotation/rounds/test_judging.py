"""How good models are, what becomes of bad cases, and when it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.annotation.items import unpack
from automl_core.annotation.rounds import predicting, verdict, write_set
from automl_core.annotation.rounds.answers import Answers
from automl_core.annotation.rounds.evaluating import best_of, hits_of
from automl_core.annotation.rounds.judging import rounds_of
from automl_core.annotation.rounds.told import fitting
from tests.unit.annotation.rounds.world import BY, CLASSES, Opinion, World, file_of, sure_of, texts


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A project whose models may label nothing."""
    file = file_of(tmp_path, agree="off", select={"many": 40}, stop={"rounds": 9, "target": 0.9, "confidence": 0.9})
    world = World(tmp_path, file, texts(400))
    monkeypatch.setattr(predicting, "scored", world.scored)
    return world


def a_round(world: World, number: int, trees: Opinion, linear: Opinion) -> None:
    world.begin(number)
    world.people()
    write_set(world.project, world.file, number, BY)
    world.train("trees", f"r{number}", trees, family="trees")
    world.train("linear", f"r{number}", linear, family="linear")
    world.end(number, {"trees": f"r{number}", "linear": f"r{number}"})


def test_models_are_judged_on_the_stratum_alone_and_what_was_skipped_counts_as_wrong(world: World) -> None:
    world.begin(1)
    catalog, state = world.project.catalog, world.project.state
    stratum = sorted(state.stratum())
    skip = [str(catalog.content(catalog.id_of(number))["text"]) for number in stratum[:4]]
    world.people(skip=skip)
    wrong = str(catalog.content(catalog.id_of(stratum[5]))["text"])
    write_set(world.project, world.file, 1, BY)
    world.train("trees", "r1", sure_of(world.truth, 0.9, lambda text: text == wrong), family="trees")
    world.end(1, {"trees": "r1"})
    evidence = world.project.state.rounds[1].evaluation
    assert evidence is not None
    (model,) = evidence.evidence["models"]
    assert (model["right"], model["of"]) == (15, 20)
    assert unpack(model["hits"]["unanswered"]) == stratum[:4]
    assert unpack(model["hits"]["wrong"]) == [stratum[5]]
    assert model["low"] < 15 / 20 < model["high"]
    assert sum(each["of"] for each in model["classes"].values()) == 16
    assert sum(each["right"] for each in model["classes"].values()) == 15
    assert hits_of(model)[str(stratum[0])] is None
    assert evidence.evidence["cost"] == pytest.approx(4.0)


def test_a_class_that_nobody_has_labelled_yet_counts_as_wrong(world: World) -> None:
    world.begin(1)
    world.people()
    write_set(world.project, world.file, 1, BY)

    def opinion(text: str) -> dict[str, float]:
        return {"order": 0.9, "refund": 0.1} if world.truth[text] == "order" else {"order": 0.1, "refund": 0.9}

    world.train("trees", "r1", opinion, family="trees")
    world.end(1, {"trees": "r1"})
    best = best_of(world.project.state.rounds[1].evaluation.evidence)  # type: ignore[union-attr]
    assert best is not None
    assert best["classes"]["other"]["of"] > 0
    assert best["classes"]["other"]["right"] == 0
    assert best["classes"]["order"]["right"] == best["classes"]["order"]["of"]


def test_bad_cases_open_are_fixed_and_regress(world: World) -> None:
    hard = {text for place, text in enumerate(sorted(world.truth)) if place % 4 == 0}
    bad = sure_of(world.truth, 0.9, lambda text: text in hard)
    good = sure_of(world.truth, 0.9)
    a_round(world, 1, bad, bad)
    state = world.project.state
    opened = set(state.cases_in("OPEN"))
    assert opened
    catalog = world.project.catalog
    assert all(str(catalog.content(catalog.id_of(number))["text"]) in hard for number in opened)
    a_round(world, 2, good, good)
    assert set(world.project.state.cases_in("FIXED")) >= opened
    assert not world.project.state.cases_in("OPEN")
    a_round(world, 3, bad, bad)
    regressed = set(world.project.state.cases_in("REGRESSED"))
    assert regressed >= opened
    case = world.project.state.cases[min(opened)]
    assert [str(move.state) for move in case.moves] == ["OPEN", "FIXED", "REGRESSED"]
    assert [move.model for move in case.moves] == ["trees@r1", "trees@r2", "trees@r3"]


def test_what_the_models_that_a_round_began_with_had_said_opens_cases(world: World) -> None:
    hard = {text for place, text in enumerate(sorted(world.truth)) if place % 3 == 0}
    bad = sure_of(world.truth, 0.5, lambda text: text in hard)
    good = sure_of(world.truth, 0.9)
    a_round(world, 1, bad, bad)
    a_round(world, 2, good, good)
    answers = Answers.of(world.project, world.file)
    fixed = [number for number in world.project.state.cases_in("FIXED") if not answers.stratum[number]]
    second = set(world.project.state.batches[2].items)
    assert second & set(fixed)  # opened by the first round's model as people labelled them, fixed by the second's
    (moves,) = {
        tuple(str(move.state) for move in world.project.state.cases[each].moves) for each in second & set(fixed)
    }
    assert moves == ("OPEN", "FIXED")


def test_it_ends_where_the_target_is_shown_and_says_the_same_when_asked_again(world: World) -> None:
    good = sure_of(world.truth, 0.9)
    for number in range(1, 10):
        a_round(world, number, good, good)
        if world.project.state.stopped is not None:
            break
    assert world.project.state.stopped is not None
    assert world.project.state.stopped.why == "target"
    # 9 looks, one that is kept, and 2 models share 10 %: n right ones show 0.9 where 0.9 ** n <= 0.1 / 20
    assert len(Answers.of(world.project, world.file).sample.labels) == 60
    before = world.project.state.seq
    again = verdict(world.project, world.file, number, BY)
    assert (again.why, world.project.refresh().seq) == ("target", before)
    assert [each.labels for each in rounds_of(world.project.state)] == [20, 40, 60]


def test_rounds_without_any_model_end_all_the_same(tmp_path: Path) -> None:
    world = World(tmp_path, file_of(tmp_path, stop={"rounds": 2}), texts(90))
    for number, why in ((1, None), (2, "rounds")):
        world.begin(number)
        world.people()
        assert world.end(number, None).why == why


def test_it_ends_where_nothing_is_left(tmp_path: Path) -> None:
    world = World(tmp_path, file_of(tmp_path), texts(20))
    world.begin(1)
    world.people()
    found = world.end(1, None)
    assert found.why == "items"
    assert set(CLASSES) == {vote.label for vote in world.project.state.votes}


def test_an_evaluation_that_no_record_holds_loses_first_what_nothing_is_decided_by() -> None:
    hits = {"right": "x" * 400, "wrong": [], "unanswered": []}

    def evidence() -> dict[str, Any]:
        models = [{"name": name, "hits": dict(hits), "classes": {"a": {"right": 1, "of": 2}}} for name in ("m", "n")]
        return {"models": models, "best": 1, "suspects": [{"item": place, "label": "a"} for place in range(60)]}

    notes: list[str] = []
    assert fitting(evidence(), notes, 10_000) == evidence()
    assert notes == []
    found = fitting(evidence(), notes, 2_000)
    assert len(found["suspects"]) == 20
    assert [each["hits"] == hits for each in found["models"]] == [True, True]
    found = fitting(evidence(), notes, 1_300)
    assert [each["hits"] == hits for each in found["models"]] == [False, True]
    assert len(notes) == 3
