"""A ledger of a real journal: what was recorded is what is told, and the fold keeps nothing back."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl_core.annotation.items import unpack
from automl_core.annotation.ledger import Ledger, Standing, csv_lines, ledger
from automl_core.annotation.ledger.reading import facts_of
from automl_core.annotation.project import ProjectState
from automl_core.storage.folder import FolderStore
from tests.unit.annotation.ledger.lived import Lived, live


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return live(FolderStore(tmp_path_factory.mktemp("ledger")), "intents")


@pytest.fixture(scope="module")
def made(lived: Lived) -> Ledger:
    return ledger(facts_of(lived.project.state))


def test_every_answer_of_the_journal_is_in_it_models_too(lived: Lived, made: Ledger) -> None:
    state = lived.project.state
    given = [each for each in made.facts.answers if each.source != "models"]
    assert len(given) == len(state.votes)
    assert sorted((each.time, each.item, each.author) for each in given) == sorted(
        (vote.time, vote.item, vote.author) for vote in state.votes
    )
    taken = [each for each in made.facts.answers if each.source == "models"]
    assert len(taken) == sum(each.taken for each in state.thresholds.values()) == 90
    back = [each for each in taken if each.fate == "taken back"]
    assert len(back) == 5
    assert {each.why for each in back} == {"people found two to be wrong"}
    assert {each.round for each in taken} == {1, 2, 3}
    assert {each.author for each in taken} == {"trees 1 + linear 1"}


def test_money_is_what_people_were_paid_for(lived: Lived, made: Ledger) -> None:
    people = [vote for vote in lived.project.state.votes if vote.source == "person"]
    assert made.total.parts == sum(round(vote.price * 1e9) for vote in people)
    assert made.cube.by("source")["person"].answers == len(people)
    assert made.cube.by("source")["models"].cost == 0
    replaced = [each for each in made.facts.answers if each.fate == "replaced"]
    assert [each.author for each in replaced] == ["ben"] * 3
    assert made.total.parts == 50_000_000 * (len(people) - 3), "a change of mind is not paid again"
    assert made.total.timed == len(people)


def test_what_was_trained_is_what_the_set_has(lived: Lived, made: Ledger) -> None:
    state = lived.project.state
    for each in made.facts.sets:
        numbers = set(unpack(state.sets[each.number].items))
        assert set(each.trained) == numbers
        assert len(each.trained) == each.rows
        used = {a.item for a, use in zip(made.facts.answers, made.uses, strict=True) if each.number in use.sets}
        assert used == numbers, "each item of a set is there for somebody's label"
    ids = lived.project.catalog.id_of
    newest = made.facts.sets[-1].trained
    told = {number: lived.truth[ids(number)] for number in newest}
    assert sum(newest[number] == told[number] for number in newest) / len(newest) > 0.85
    assert newest.get(100_000) is None


def test_an_answer_that_is_brought_late_was_in_no_set_that_was_written_before(tmp_path: Path) -> None:
    from automl_core.annotation.project import Label, Person

    lived = live(FolderStore(tmp_path), "late", rounds=2)
    project = lived.project
    answered = {vote.item for vote in project.state.votes}
    number = next(each for each in project.state.sets[1].numbers if each in answered)
    item, first = project.catalog.id_of(number), project.state.answers(number)[0]
    other = next(each for each in ("order", "refund", "other") if each != first.label)
    label = Label(item, other, first.author, time=first.time - 1000, where="file")
    assert project.label([label], Person("anna", "cli")).older == 1
    made = ledger(facts_of(project.state))
    late = next(
        each for each in made.facts.answers if each.item == number and each.label == other and each.place == each.until
    )
    use = made.uses[list(made.facts.answers).index(late)]
    assert (use.standing, use.sets, late.fate) == (Standing.REPLACED, (), "replaced")
    assert late.ended == first.time
    stands = next(
        each for each in made.facts.answers if each.item == number and each.author == first.author and each.stands
    )
    assert stands.label == first.label


def test_standings_tell_what_became_of_each(made: Ledger) -> None:
    found = {each: held.answers for each, held in made.standings.items()}
    assert found[Standing.EVALUATES] > 60
    assert found[Standing.GOLD] > 12
    assert found[Standing.SKIPPED] > 1
    assert found[Standing.OUTVOTED] > 3
    assert found[Standing.TRAINED] > 150
    assert found[Standing.WAITS] == found[Standing.LEFT_OUT] == 0
    assert sum(found.values()) == made.total.answers


def test_people_are_told_apart_by_how_right_they_are(made: Ledger) -> None:
    authors = {each.name: each for each in made.right.authors}
    assert set(authors) == {"anna", "ben"}
    assert authors["anna"].gold.of + authors["ben"].gold.of >= 10
    assert authors["anna"].estimated is not None
    assert authors["ben"].estimated is not None
    assert authors["anna"].estimated > authors["ben"].estimated
    assert made.right.least_right == 0.85


def test_the_audit_is_the_one_that_decides(made: Ledger) -> None:
    third = made.right.taken[2]
    assert (third.judged.right, third.judged.of) == (9, 10)
    assert (third.threshold.accuracy, len(third.threshold.taken)) == (0.97, 30)
    assert len(made.right.taken[1].threshold.back) == 5
    assert made.right.suspects == 3


def test_without_an_audit_in_the_evidence_random_looks_at_taken_labels_count(lived: Lived) -> None:
    state = ProjectState.decode(lived.project.state.encode())
    for each in state.rounds.values():
        each.evaluations[-1].evidence.pop("audits")
    found = facts_of(state).thresholds[0]
    assert 1 <= len(found.judged) <= 4
    assert set(found.judged) <= set(found.taken)
    kinds = {vote.kind for number in found.judged for vote in state.answers(number)}
    assert kinds == {"audit"}


def test_rounds_are_judged_and_gain_by_pairs(made: Ledger) -> None:
    first, second, third = made.steps
    assert (first.accuracy.of, second.accuracy.of, third.accuracy.of) == (12, 24, 36)
    assert second.gain is not None
    assert (second.gain.items, second.gain.lost) == (12, 0)
    assert third.so_far is not None
    assert (third.so_far.since, third.so_far.items) == (1, 12)
    assert first.accuracy.right + third.so_far.won - third.so_far.lost == sum(
        made.facts.rounds[2].models[0].hits[item] is True for item in made.facts.rounds[0].models[0].hits
    )
    assert second.cost > first.cost > 0
    assert made.rounds_json()[0]["models"][0]["classes"][0]["of"] == 4


def test_budget_target_and_bad_cases_come_along(made: Ledger) -> None:
    assert (made.facts.budget, made.facts.target, made.facts.currency) == (50.0, 0.95, "EUR")
    assert {each.state for each in made.facts.cases} == {"open", "fixed"}
    assert all(each.moves[0][2] == "open" for each in made.facts.cases)


def test_a_snapshot_has_the_same_ledger(lived: Lived, made: Ledger) -> None:
    again = ledger(facts_of(ProjectState.decode(lived.project.state.encode())))
    assert again.to_json() == made.to_json()
    assert list(csv_lines(again, str)) == list(csv_lines(made, str))


def test_an_empty_journal_has_a_ledger(tmp_path: Path) -> None:
    made = ledger(facts_of(ProjectState()))
    assert made.total.answers == 0
    assert made.to_json()["use"]["sets"] == []
