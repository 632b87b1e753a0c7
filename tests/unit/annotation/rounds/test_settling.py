"""What models may label, and what is taken back: on models that are functions, and people who know the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.annotation.agreement.draws import drawn
from automl_core.annotation.agreement.pair import PURPOSE
from automl_core.annotation.agreement.plan import CALIBRATING
from automl_core.annotation.file.forecast import forecast
from automl_core.annotation.items import unpack
from automl_core.annotation.project import ItemState, Label, Source
from automl_core.annotation.rounds import predicting, predictions, settle, write_set
from automl_core.annotation.rounds.answers import Answers
from tests.unit.annotation.rounds.world import BY, Opinion, World, file_of, sure_of, texts


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A project whose first round is labelled: 60 items, half of them of the stratum."""
    file = file_of(tmp_path, select={"many": 60}, stop={"rounds": 9})
    world = World(tmp_path, file, texts(300))
    monkeypatch.setattr(predicting, "scored", world.scored)
    world.begin(1)
    return world


def second(world: World, trees: Opinion, linear: Opinion, **entry: Any) -> Any:
    """Train on the first round, and begin the second."""
    write_set(world.project, world.file, 1, BY)
    world.train("trees", "r1", trees, family="trees", **entry)
    world.train("linear", "r1", linear, family="linear")
    return world.begin_again(2)


def test_what_both_are_sure_of_is_taken_and_the_stratum_never_is(world: World) -> None:
    world.people()
    _, settled, _ = second(world, sure_of(world.truth), sure_of(world.truth, 0.9))
    state = world.project.state
    answers = Answers.of(world.project, world.file)
    assert settled.threshold == 1
    assert settled.taken == len(state.taken) > 50
    assert not any(answers.stratum[number] for number in state.taken)
    evidence = state.thresholds[1].evidence
    assert unpack(evidence["sample"]) == answers.sample.numbers
    assert evidence["testing"] + evidence["calibrating"] == len(answers.sample.numbers)


def test_the_labels_that_a_round_says_it_takes_are_those_of_the_preview(tmp_path: Path) -> None:
    world = World(tmp_path, file_of(tmp_path, agree={"accuracy": 0.97, "confidence": 0.95}), texts(60))
    ahead = forecast(world.file).promise
    assert ahead is not None
    _, settled, _ = world.begin(1)
    (note,) = settled.notes
    assert f": {ahead.least} labels of a random sample" in note
    assert f"; {ahead.advised} labels show it" in note


def test_a_second_try_neither_searches_nor_takes_again(world: World) -> None:
    world.people()
    predicted, settled, _ = second(world, sure_of(world.truth), sure_of(world.truth, 0.9))
    before = world.project.state.seq
    again = settle(world.project, world.file, 2, predicted, BY)
    assert (again.threshold, again.taken) == (settled.threshold, settled.taken)
    assert world.project.refresh().seq == before


def test_what_people_could_not_tell_counts_as_wrong(world: World) -> None:
    project = world.project
    asked = [project.catalog.id_of(number) for number in project.state.open_tasks()]
    of_stratum = {project.catalog.id_of(number) for number in project.state.stratum()}
    stratum = [str(project.catalog.content(each)["text"]) for each in asked if each in of_stratum]
    world.people(skip=stratum[::2])
    _, settled, _ = second(world, sure_of(world.truth), sure_of(world.truth, 0.9))
    assert len(Answers.of(project, world.file).sample.skipped) == 15
    assert not world.project.state.taken
    assert world.project.state.thresholds[1].threshold is None
    assert "are wrong" in settled.notes[-1]
    skipped = sorted(Answers.of(project, world.file).sample.skipped)
    calibrates = drawn(project.catalog.ids_of(skipped), CALIBRATING, seed=3, purpose=PURPOSE).tolist()
    used = unpack(world.project.state.thresholds[1].evidence["sample"])
    assert True in calibrates
    assert [number in used for number in skipped] == [not each for each in calibrates]


def test_labels_that_were_imported_are_no_random_sample(world: World) -> None:
    project = world.project
    answers = Answers.of(project, world.file)
    free = [number for number in range(project.state.count) if answers.stratum[number]]
    ids = project.catalog.ids_of([each for each in free if each not in project.state.tasks][:40])
    truth = [world.truth[str(each["text"])] for each in project.catalog.contents(ids)]
    project.label(
        [
            Label(item=id, label=label, author="old", source=Source.IMPORTED)
            for id, label in zip(ids, truth, strict=True)
        ],
        BY,
    )
    world.people()
    after = Answers.of(project, world.file)
    assert len(after.sample.labels) == 30
    assert len(after.sample.passed) == 40
    version = write_set(project, world.file, 1, BY)
    assert version.by_source == {"person": 30}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("one", "only trees@r1 is there"), ("family", "one family"), ("foreign", "trained on other data"),
        ("none", "models label nothing yet"),
    ],
)  # fmt: skip
def test_without_two_models_that_may_nothing_is_taken_and_it_is_said(world: World, how: str, words: str) -> None:
    world.people()
    write_set(world.project, world.file, 1, BY)
    other = world.root / "other.csv"
    other.write_text("text,label\nbuy,order\n")
    if how != "none":
        world.train("trees", "r1", sure_of(world.truth), family="trees")
    if how in ("family", "foreign"):
        family = "trees" if how == "family" else "linear"
        data = other if how == "foreign" else None
        world.train("linear", "r1", sure_of(world.truth), family=family, data=data)
    _, settled, chosen = world.begin_again(2)
    assert any(words in note for note in settled.notes), settled.notes
    assert not world.project.state.taken
    assert chosen.items == 60
    assert ("useful" in chosen.kinds) == (how != "none")


def test_a_threshold_whose_promise_breaks_is_taken_back_and_its_items_are_asked_about_again(world: World) -> None:
    world.people()
    seen = {str(each["text"]) for each in _asked(world)}
    # right on all that was labelled, both wrong on a third of all else: nothing in the sample shows it
    hard = {text for place, text in enumerate(sorted(set(world.truth) - seen)) if place % 3 == 0}
    wrong = sure_of(world.truth, 0.97, lambda text: text in hard)
    _, settled, _ = second(world, wrong, wrong)
    taken = set(world.project.state.taken)
    assert settled.taken == len(taken) > 20
    for number in (2, 3, 4):
        world.people()
        write_set(world.project, world.file, number, BY)
        for experiment in ("trees", "linear"):
            world.train(experiment, f"r{number}", wrong, family=experiment)
        _, settled, _ = world.begin_again(number + 1)
        if settled.back:
            break
    state = world.project.state
    assert settled.back[1] > 20
    assert state.thresholds[1].withdrawn
    assert any("taken back" in note for note in settled.notes)
    assert not [
        number for number in taken if state.status(number) is ItemState.TAKEN and state.taken[number].threshold == 1
    ]
    looks = [each.look for each in state.thresholds.values()]
    assert looks == sorted(set(looks))


def test_the_audit_counts_the_sample_that_came_later_and_nothing_that_was_chosen(world: World) -> None:
    from automl_core.annotation.rounds.audits import watched

    world.people()
    second(world, sure_of(world.truth), sure_of(world.truth, 0.9))
    before = set(Answers.of(world.project, world.file).sample.numbers)
    world.people()
    answers = Answers.of(world.project, world.file)
    (found,) = watched(world.project, answers, world.project.state.thresholds.values(), [])
    later = set(answers.sample.numbers) - before
    assert later
    assert {int(each) for each in found.audit.judged} == later & set(found.would)
    assert found.audit.wrong == 0
    assert set(map(int, found.audit.taken)) == set(world.project.state.taken)


def test_what_an_audit_found_wrong_still_counts_when_it_has_gone_back(world: World) -> None:
    from automl_core.annotation.rounds.audits import watched
    from automl_core.annotation.selection import Choice

    world.people()
    second(world, sure_of(world.truth), sure_of(world.truth, 0.9))
    world.people()
    project = world.project
    world.begin_again(3)
    drawn_for_audit = project.catalog.ids_of(sorted(project.state.taken_by(1))[:2])
    project.send(3, [Choice(id, 0, 0, "audit", "") for id in drawn_for_audit], "page", 1, BY, name="audit")
    for id, right in zip(drawn_for_audit, (True, False), strict=True):
        truth = world.truth[str(project.catalog.content(id)["text"])]
        said = truth if right else next(each for each in world.file.labels.classes if each != truth)
        project.label([Label(item=id, label=said, author="anna", where="page")], BY)

    def judged() -> tuple[int, int]:
        answers = Answers.of(project, world.file)
        (found,) = [
            each for each in watched(project, answers, project.state.thresholds.values(), [])
            if each.threshold.id == 1
        ]  # fmt: skip
        return found.audit.wrong, len(found.audit.judged)

    before = judged()
    assert before[0] == 1
    _, settled, _ = world.begin_again(4)
    assert settled.back == {1: 1}
    assert judged() == before, "the audit has forgotten what it had found"


def _asked(world: World) -> list[Any]:
    catalog = world.project.catalog
    return catalog.contents(catalog.ids_of(world.project.state.batches[1].items))


def test_what_a_model_has_learned_proves_nothing(world: World) -> None:
    world.people()
    predicted, _, _ = second(world, sure_of(world.truth), sure_of(world.truth, 0.9))
    table = predictions.read(world.store, str(predicted.key))
    learned = set(world.project.state.sets[1].numbers)
    assert learned
    for number, row in table.rows.items():
        assert table.usable()[:, row].any() == (number not in learned)


def test_a_later_search_is_another_look_at_another_pool(world: World) -> None:
    from automl_core.annotation.rounds.audits import would_take

    world.people()
    # one is wrong on every third text, so the first search leaves these for a second
    third = {text for place, text in enumerate(sorted(world.truth)) if place % 3 == 0}
    other = sure_of(world.truth, 0.9, lambda text: text in third)
    predicted, settled, _ = second(world, sure_of(world.truth), other)
    first = world.project.state.thresholds[1]
    would = would_take(predictions.read(world.store, str(predicted.key)), first)
    assert settled.taken > 20
    for number in (2, 3):
        world.people()
        write_set(world.project, world.file, number, BY)
        for experiment in ("trees", "linear"):
            world.train(experiment, f"r{number}", sure_of(world.truth), family=experiment)
        world.begin_again(number + 1)
    later = [each for each in world.project.state.thresholds.values() if each.id > 1]
    assert later
    assert [each.look for each in later] == list(range(2, 2 + len(later)))
    for each in later:
        sample = unpack(each.evidence["sample"])
        assert sample
        assert not set(sample) & set(would)
