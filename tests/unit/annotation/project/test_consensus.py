"""Which label counts, of several."""

from __future__ import annotations

import random

import pytest

from automl_core.annotation.items import pack
from automl_core.annotation.project import ConsensusRule, Project, ProjectState, Source, Told, consensus
from automl_core.annotation.project.labels import Vote
from automl_core.annotation.quality import Votes, dawid_skene
from tests.unit.annotation.project.test_loop import ids, threshold
from tests.unit.annotation.project.world import BY, World, label


def voted(*votes: tuple[int, str, str]) -> ProjectState:
    """A state with labels of people: (item, author, label)."""
    state = ProjectState()
    state.count = 1 + max(number for number, _, _ in votes)
    state.add_votes([
        Vote(number, what, author, Source.PERSON, float(at)) for at, (number, author, what) in enumerate(votes)
    ])  # fmt: skip
    return state


def test_a_label_alone_is_told_apart() -> None:
    told = consensus(voted((0, "anna", "order"), (1, "anna", "order"), (1, "ben", "order"), (2, "ben", "refund")))
    assert told[0][:4] == ("order", None, 1, True)
    assert (told[1][:4], told[1].by) == (("order", 1.0, 2, False), "majority")
    assert (told[2].single, told[2].by) == (True, "alone")


def test_few_labels_are_counted_and_ties_are_told() -> None:
    votes = [
        (0, "anna", "order"),
        (0, "ben", "refund"),
        (0, "carl", "refund"),
        (1, "ben", "other"),
        (1, "anna", "order"),
    ]
    told = consensus(voted(*votes))
    assert told[0] == Told("refund", 2 / 3, 3, by="majority")
    assert (told[1].label, told[1].probability, told[1].tied) == ("other", 0.5, True)  # the one that was given first


def test_what_counts_is_what_each_has_said_last_and_nothing_that_was_skipped() -> None:
    world = World()
    project = world.filled()
    project.label([label(project, 0, "order"), label(project, 0, "refund", "ben")], BY)
    project.label([label(project, 0, "refund"), label(project, 1, skipped=True)], BY)
    assert consensus(project.state)[0][:3] == ("refund", 1.0, 2)
    assert 1 not in consensus(project.state)
    project.label([label(project, 0, skipped=True)], BY)
    assert consensus(project.state)[0][:4] == ("refund", None, 1, True)


def test_gold_counts_before_people_people_before_imported_and_that_before_models() -> None:
    world = World()
    project = world.filled()
    project.take(threshold(project), dict.fromkeys(ids(project, 0, 1, 2, 3), "other"), BY)
    imported = {"source": Source.IMPORTED, "where": "file", "author": "lake"}
    project.label([label(project, number, "refund", **imported) for number in (1, 2)], BY)  # type: ignore[arg-type]
    project.label([label(project, 3, "refund", kind="gold", **imported)], BY)  # type: ignore[arg-type]
    project.label([label(project, number, "order") for number in (2, 3)], BY)
    told = consensus(project.state)
    assert [(told[number].label, told[number].source) for number in range(4)] == [
        ("other", Source.MODELS), ("refund", Source.IMPORTED), ("order", Source.PERSON), ("refund", Source.IMPORTED),
    ]  # fmt: skip
    assert (told[3].probability, told[3].by, told[0].by) == (1.0, "gold", "models")
    assert consensus(project.state, numbers=[2, 9]).keys() == {2}


def crowd(many: int = 60) -> ProjectState:
    """Three careful authors and two careless ones; some items by one of them alone."""
    rng = random.Random(0)
    classes = ["a", "b", "c"]
    votes = []
    for number in range(many):
        right = rng.choice(classes)
        for author, care in (("x", 0.95), ("y", 0.95), ("z", 0.9), ("careless", 0.4), ("wild", 0.34)):
            said = right if rng.random() < care else rng.choice(classes)
            votes.append((number, author, said))
    votes += [(many, "x", "a"), (many + 1, "wild", "a"), (many + 2, "stranger", "b")]
    return voted(*votes)


def test_with_enough_labels_authors_count_by_how_often_they_err() -> None:
    state = crowd()
    told = consensus(state)
    several = [(f"{vote.item:03d}", vote.author, vote.label) for vote in state.votes if vote.item < 60]
    wanted = dawid_skene(Votes.of(several))
    for place, name in enumerate(wanted.votes.items):
        assert told[int(name)].label == wanted.votes.classes[wanted.label[place]]
        assert told[int(name)].probability == pytest.approx(wanted.probability[place].max(), abs=1e-6)
    assert {told[number].by for number in range(60)} == {"dawid-skene"}
    assert told[60].single
    assert told[61].single
    assert (told[60].label, told[61].label) == ("a", "a")
    assert told[60].probability is not None
    assert told[61].probability is not None
    assert told[60].probability > 0.9 > told[61].probability  # alone, and yet their author is known
    assert told[62].probability is None  # this one is not


@pytest.mark.parametrize(
    ("rule", "by"),
    [
        (ConsensusRule("majority"), "majority"),
        (ConsensusRule(largest=100), "majority"),
        (ConsensusRule(least_items=61), "majority"),
        (ConsensusRule(least_each=61), "majority"),
        (ConsensusRule("dawid-skene", least_items=1000), "dawid-skene"),
        (ConsensusRule(), "dawid-skene"),
    ],
)
def test_the_rule_bounds_what_is_worked_out(rule: ConsensusRule, by: str) -> None:
    assert consensus(crowd(), rule)[0].by == by


def test_one_class_needs_no_weighing() -> None:
    votes = [(number, author, "a") for number in range(40) for author in ("x", "y")]
    assert consensus(voted(*votes), ConsensusRule("dawid-skene"))[3][:3] == ("a", 1.0, 2)


def test_of_a_project_with_many_items_it_is_worked_out_of_what_has_labels() -> None:
    project: Project = World().filled(3)
    assert consensus(project.state) == {}
    assert pack(consensus(project.state)) == []
