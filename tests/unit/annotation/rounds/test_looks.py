"""Looks at the target: each is paid for once, of what is left over, whatever the file says later."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from automl_core.annotation.project import Label
from automl_core.annotation.rounds import evaluate, predicting, verdict, write_set
from automl_core.annotation.rounds.looks import looks_of, share_now
from automl_core.rates import lowest_rate
from tests.unit.annotation.rounds.world import BY, World, file_of, sure_of, texts

ALPHA = 0.1


def file_with(root: Path, **stop: object) -> object:
    return file_of(root, agree="off", select={"many": 40}, stop={"target": 0.9, "confidence": 1 - ALPHA, **stop})


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A project with a model that is right on four of five items, so that no look ends it."""
    world = World(tmp_path, file_with(tmp_path, rounds=3), texts(400))  # type: ignore[arg-type]
    monkeypatch.setattr(predicting, "scored", world.scored)
    return world


def a_round(world: World, number: int) -> None:
    hard = {text for place, text in enumerate(sorted(world.truth)) if place % 5 == 0}
    world.begin(number)
    world.people()
    write_set(world.project, world.file, number, BY)
    world.train("trees", f"r{number}", sure_of(world.truth, 0.9, lambda text: text in hard), family="trees")
    world.end(number, {"trees": f"r{number}"})


def shares(world: World) -> list[float]:
    return [each.share for each in looks_of(world.project.refresh(), world.file)]


def label_more(world: World, many: int) -> None:
    """People change their minds on items of the stratum, after the round was judged."""
    state, catalog = world.project.state, world.project.catalog
    numbers = sorted(state.stratum())[:many]
    project = world.project
    labels = [
        Label(catalog.id_of(number), "other" if vote.label != "other" else "order", vote.author, where="page")
        for number in numbers
        for vote in state.answers(number)
    ]
    assert project.label(labels, BY).changed == len(labels)


def test_rounds_that_are_added_after_looks_get_what_is_left_and_never_more(world: World) -> None:
    for number in (1, 2, 3):
        a_round(world, number)
    assert shares(world) == pytest.approx([ALPHA / 4] * 3)
    assert world.project.state.stopped is not None
    world.file = file_with(world.root, rounds=30)  # type: ignore[assignment]
    world.project.reopened("more rounds", BY)
    for number in (4, 5, 6):
        a_round(world, number)
    found = shares(world)
    assert found[:3] == pytest.approx([ALPHA / 4] * 3), "what was spent stays spent"
    assert found[3:] == pytest.approx([ALPHA / 4 / 28] * 3)
    assert math.fsum(found) < ALPHA


def test_an_evaluation_that_is_repeated_on_the_same_labels_is_the_same_look(world: World) -> None:
    a_round(world, 1)
    before = shares(world)
    world.file = file_with(world.root, rounds=100)  # type: ignore[assignment]
    evaluate(world.project, world.file, 1, world.models({"trees": "r1"}), world.reach, world.root, BY)
    assert shares(world) == before


def test_one_with_labels_that_came_since_is_another_look_and_is_paid_for(world: World) -> None:
    a_round(world, 1)
    for many in (1, 2, 3):
        label_more(world, many)
        evaluate(world.project, world.file, 1, world.models({"trees": "r1"}), world.reach, world.root, BY)
    found = shares(world)
    left, wanted = ALPHA, []
    for _ in range(4):  # of each look's rest a fourth: three rounds are to come, and one look more
        wanted.append(left / 4)
        left -= left / 4
    assert found == pytest.approx(wanted)
    share, words = share_now(world.project.state, world.file)
    assert share == pytest.approx(found[-1])
    assert "look 4 at the random stratum" in words


def test_the_verdict_stands_on_the_share_of_its_look(world: World) -> None:
    a_round(world, 1)
    label_more(world, 1)
    evaluate(world.project, world.file, 1, world.models({"trees": "r1"}), world.reach, world.root, BY)
    evidence = world.project.state.rounds[1].evaluation.evidence  # type: ignore[union-attr]
    (model,) = evidence["models"]
    low = lowest_rate(model["right"], model["of"], ALPHA * 3 / 16)
    found = verdict(world.project, world.file, 1, BY)
    assert f"accuracy {low:.1%} to" in found.reasons[0]
    assert "may err with 1.88% of the 10.00%" in found.reasons[1]


def test_more_confidence_than_is_left_tells_nothing_and_says_so(world: World) -> None:
    a_round(world, 1)
    a_round(world, 2)
    world.file = file_with(world.root, rounds=3, confidence=0.99)  # type: ignore[assignment]
    share, words = share_now(world.project.state, world.file)
    assert share == 0
    assert "nothing is left, so the target can't be told" in words


def test_looks_of_earlier_releases_had_equal_shares(world: World) -> None:
    a_round(world, 1)
    state = world.project.state
    del state.rounds[1].evaluations[-1].evidence["look"]
    assert shares(world) == pytest.approx([ALPHA / 3])
    assert share_now(state, world.file)[0] == pytest.approx(ALPHA / 3)
