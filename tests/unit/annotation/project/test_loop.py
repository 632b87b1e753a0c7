"""Rounds, what models label, data sets, trainings, bad cases, the end; each told again at no cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from automl_core.annotation.items import pack
from automl_core.annotation.project import BadCase, DataSetVersion, ItemState, Project, Refused
from automl_core.annotation.project import looping as looping_module
from tests.unit.annotation.project.world import ANNA, BY, DOCUMENT, World, label


def ids(project: Project, *numbers: int) -> list[str]:
    return project.catalog.ids_of(numbers)


def threshold(project: Project, value: float | None = 0.9, look: int = 1) -> int:
    return project.found_threshold(1, ["a 1", "b 2"], value, look, {"accuracy": 0.97}, {"judged": 300}, BY)


def version(number: int, items: list[int], fingerprint: str = "f") -> DataSetVersion:
    return DataSetVersion(number, f"sets/{number}-f/", fingerprint, len(items), pack(items), {"person": len(items)})


# --- rounds -----------------------------------------------------------------------------------------


def test_rounds_are_numbered_and_one_is_open() -> None:
    project = World().filled()
    assert project.state.round is not None
    with pytest.raises(Refused, match="round 1 is open since 1970-01-12 13:46:40 UTC") as refused:
        project.begin_round(2, ANNA)
    assert refused.value.by == BY
    project.end_round(1, {"why": "go on"}, BY)
    with pytest.raises(Refused, match="the next round is 2"):
        project.begin_round(3, BY)
    with pytest.raises(Refused, match="round 1 ended"):
        project.end_round(1, {"why": "something else"}, BY)
    assert project.begin_round(2, BY).open
    assert project.begin_round(1, BY).outcome == {"why": "go on"}  # an old run that is cleared: the same round


def test_there_are_no_rounds_after_the_end_until_somebody_reopens() -> None:
    project = World().filled()
    project.end_round(1, {}, BY)
    project.stopped(1, "target", ["95 % were reached"], BY)
    with pytest.raises(Refused, match="no more rounds: target"):
        project.begin_round(2, BY)
    with pytest.raises(Refused, match="stopped already: target"):
        project.stopped(1, "money", [], BY)
    project.reopened("another class", ANNA)
    assert project.begin_round(2, BY).number == 2


# --- what models label ------------------------------------------------------------------------------


def test_models_take_what_nobody_has_labelled_or_is_asked_about() -> None:
    world = World()
    world.sent([0])
    project = world.open()
    project.label([label(project, 1)], BY)
    project.retire(ids(project, 2), "no", BY)
    found = threshold(project)
    wanted = dict.fromkeys(ids(project, 0, 1, 2, 3, 4), "order")
    done = project.take(found, wanted, BY)
    assert (done.new, done.same) == (2, 0)
    assert [why for _, why in done.left] == [
        "people are asked about it (batch 1)", "it has a label already", "it is retired",
    ]  # fmt: skip
    assert project.state.taken_by(found) == {3: "order", 4: "order"}
    assert [project.state.status(number) for number in (3, 4, 5)] == [ItemState.TAKEN, ItemState.TAKEN, ItemState.NEW]
    other = threshold(project, look=2)
    assert "taken by threshold 1" in project.take(other, dict.fromkeys(ids(project, 3), "refund"), BY).left[0][1]


def test_what_was_taken_wrongly_goes_back_and_is_not_taken_so_again() -> None:
    project = World().filled()
    found = threshold(project)
    labels = dict.fromkeys(ids(project, 3, 4, 5), "order")
    project.take(found, labels, BY)
    assert project.take_back(found, ids(project, 3, 9), "people say otherwise", BY) == 1
    assert project.take_back(found, ids(project, 3), "people say otherwise", BY) == 0
    again = project.take(found, labels, BY)
    assert (again.new, again.same, [why for _, why in again.left]) == (
        0, 2, ["it was taken back under this threshold"],
    )  # fmt: skip
    assert project.state.status(3) is ItemState.NEW
    assert project.take_back(found, None, "the audit has failed", BY) == 2
    assert project.take_back(found, None, "the audit has failed", BY) == 0
    assert (project.state.taken, project.state.thresholds[found].withdrawn) == ({}, True)
    assert (project.state.thresholds[found].taken, project.state.taken_back(found)) == (3, {3, 4, 5})
    assert [(each.labels, each.round) for each in project.state.thresholds[found].takes] == [({"order": [4, -2]}, 1)]
    with pytest.raises(Refused, match="threshold 1 was taken back: the audit has failed"):
        project.take(found, labels, BY)
    assert project.take(threshold(project, look=2), labels, BY).new == 3  # another search may


def test_nothing_is_taken_where_no_threshold_was_found() -> None:
    project = World().filled()
    with pytest.raises(Refused, match="none was found"):
        project.take(threshold(project, None), dict.fromkeys(ids(project, 3), "order"), BY)
    with pytest.raises(Refused, match="no threshold 7"):
        project.take(7, {}, BY)
    with pytest.raises(Refused, match="from 0 to 1"):
        threshold(project, 1.5, look=3)


def test_many_are_taken_and_taken_back_in_several_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looping_module, "MOST_TAKEN", 3)
    project = World().filled()
    found = threshold(project)
    seq = project.state.seq
    assert project.take(found, dict.fromkeys(ids(project, *range(8)), "order"), BY).new == 8
    assert project.state.seq == seq + 3
    assert project.take_back(found, None, "no", BY) == 8
    assert project.state.thresholds[found].withdrawn


def test_a_label_of_a_person_counts_before_that_of_models_which_is_kept_for_the_audit() -> None:
    world = World()
    project = world.filled()
    found = threshold(project)
    project.take(found, dict.fromkeys(ids(project, 3), "order"), BY)
    project.send(1, world.chosen(project, [3], "audit"), "page", 1, BY)
    project.label([label(project, 3, "refund")], BY)
    assert (project.state.status(3), project.state.taken[3].label) == (ItemState.LABELLED, "order")


# --- data sets and trainings ------------------------------------------------------------------------


def test_an_item_is_in_training_once_a_model_has_come_of_it_and_until_its_label_changes() -> None:
    project = World().filled()
    project.label([label(project, number) for number in (0, 1, 2)], BY)
    found = threshold(project)
    project.take(found, dict.fromkeys(ids(project, 5), "order"), BY)
    written = project.wrote_set(1, version(1, [0, 1, 5]), BY)
    assert (written.round, written.seen, written.numbers) == (1, 3, [0, 1, 5])
    project.label([label(project, 1, "refund")], BY)  # while the training runs
    project.trained(1, 1, "intents_trees", "r1", "FAILED", None, BY)
    assert project.state.trained == set()
    project.trained(1, 1, "intents_trees", "r1", "FINISHED", {"accuracy": 0.9}, BY)  # cleared, and ran again
    assert [each.outcome for each in project.state.rounds[1].trainings] == ["FINISHED"]
    assert [project.state.status(number) for number in (0, 1, 2, 5)] == [
        ItemState.TRAINED, ItemState.LABELLED, ItemState.LABELLED, ItemState.TRAINED,
    ]  # fmt: skip
    project.label([label(project, 0, "other")], BY)
    project.take_back(found, None, "no", BY)
    assert [project.state.status(number) for number in (0, 5)] == [ItemState.LABELLED, ItemState.NEW]
    assert project.state.runs_of(1) == [(project.state.rounds[1], 0)]


def test_a_label_that_came_while_a_set_was_written_is_not_in_it() -> None:
    world = World()
    project = world.filled()
    project.label([label(project, 0), label(project, 1)], BY)
    other = world.open()
    other.label([label(other, 1, "refund")], BY)  # after the writer has read
    assert project.wrote_set(1, version(1, [0, 1]), BY).seen == 2
    project.trained(1, 1, "e", "r", "FINISHED", {"x": 1}, BY)
    assert [project.state.status(number) for number in (0, 1)] == [ItemState.TRAINED, ItemState.LABELLED]


def test_data_set_versions_are_numbered_and_one_number_is_one_content() -> None:
    project = World().filled()
    project.wrote_set(1, version(1, [0]), BY)
    with pytest.raises(Refused, match="the next data set version is 2"):
        project.wrote_set(1, version(1, [0], "other"), BY)
    with pytest.raises(Refused, match="the next data set version is 2"):
        project.wrote_set(1, version(3, [0]), BY)
    with pytest.raises(Refused, match="no item number 99"):
        project.wrote_set(1, version(2, [99]), BY)
    with pytest.raises(Refused, match="no data set version 2"):
        project.trained(1, 2, "e", "r", "FINISHED", {}, BY)


# --- bad cases --------------------------------------------------------------------------------------


def test_bad_cases_are_followed_from_model_to_model() -> None:
    project = World().filled()
    a, b, c = ids(project, 1, 2, 3)
    assert project.bad_cases(1, "m1", [a, b], [c], [], BY) == {
        BadCase.OPEN: 2, BadCase.FIXED: 0, BadCase.REGRESSED: 0,
    }  # fmt: skip
    assert project.bad_cases(1, "m1", [a, b], [c], [], BY)[BadCase.OPEN] == 0  # told again
    assert project.bad_cases(1, "m2", [b], [a], [], BY)[BadCase.FIXED] == 1
    assert project.bad_cases(1, "m3", [a, b], [], [], BY)[BadCase.REGRESSED] == 1  # named as new, and yet it came back
    assert [(each.state, each.model) for each in project.state.cases[1].moves] == [
        (BadCase.OPEN, "m1"), (BadCase.FIXED, "m2"), (BadCase.REGRESSED, "m3"),
    ]  # fmt: skip
    assert project.state.cases_in(BadCase.OPEN) == [2]
    assert project.state.cases_in(BadCase.OPEN, BadCase.REGRESSED) == [1, 2]
    with pytest.raises(ValueError, match="as right and as wrong"):
        project.bad_cases(1, "m4", [a], [a], [], BY)


# --- every act --------------------------------------------------------------------------------------

AGAIN: list[Callable[[Project], Any]] = [
    lambda p: p.configure(DOCUMENT | {"description": "x"}, BY),
    lambda p: p.found_threshold(1, ["a", "b"], 0.9, 1, {}, {"n": 1}, BY),
    lambda p: p.take(1, dict.fromkeys(ids(p, 3), "order"), BY),
    lambda p: p.take_back(1, ids(p, 3), "no", BY),
    lambda p: p.take_back(1, None, "no", BY),
    lambda p: p.send(1, World.chosen(p, [4, 5]), "page", 1, BY),
    lambda p: p.claim("anna", 1, 60.0),
    lambda p: p.label([label(p, 4)], BY),
    lambda p: p.release("anna", ids(p, 4)),
    lambda p: p.close_batch(1, "over", BY),
    lambda p: p.retire(ids(p, 5), "no", BY),
    lambda p: p.restore(ids(p, 5), "a mistake", BY),
    lambda p: p.wrote_set(1, version(1, [4]), BY),
    lambda p: p.trained(1, 1, "e", "r", "FINISHED", {"x": 1}, BY),
    lambda p: p.evaluated(1, {"accuracy": 0.9}, BY),
    lambda p: p.bad_cases(1, "m", ids(p, 1), [], [], BY),
    lambda p: p.end_round(1, {"next": True}, BY),
    lambda p: p.stopped(1, "target", ["x"], BY),
    lambda p: p.reopened("more", BY),
]


def test_each_act_done_again_at_once_writes_nothing() -> None:
    world = World()
    world.filled()
    for place, act in enumerate(AGAIN):
        act(world.open())
        seq = world.open().state.seq
        act(world.open())
        assert world.open().state.seq == seq, place
    assert world.open().state.skipped == {}


@pytest.mark.parametrize("act", ["outcome", "evidence", "model", "document", "promise"])
def test_what_is_too_large_for_a_record_is_refused_in_words(act: str) -> None:
    project = World().filled()
    project.wrote_set(1, version(1, [0]), BY)
    large = {"text": "x" * 70_000}
    with pytest.raises(ValueError, match="keep it in an object"):
        {
            "outcome": lambda: project.end_round(1, large, BY),
            "evidence": lambda: project.evaluated(1, large, BY),
            "model": lambda: project.trained(1, 1, "e", "r", "FINISHED", large, BY),
            "document": lambda: project.configure(large, BY),
            "promise": lambda: project.found_threshold(1, [], 0.9, 1, large, {}, BY),
        }[act]()  # type: ignore[no-untyped-call]
    with pytest.raises(ValueError, match="no plain JSON"):
        project.evaluated(1, {"accuracy": float("nan")}, BY)


def test_a_promise_may_be_a_dataclass() -> None:
    @dataclasses.dataclass
    class Promise:
        accuracy: float

    project = World().filled()
    project.found_threshold(1, ["a", "b"], 0.9, 1, Promise(0.97), {}, BY)
    assert project.state.thresholds[1].promise == {"accuracy": 0.97}
