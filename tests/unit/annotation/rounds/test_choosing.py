"""What people are asked about: within the money, gold in between, second looks, audits, and a batch sent once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.annotation.project import Label, Project
from automl_core.annotation.rounds import choose, predicting, write_set
from automl_core.annotation.rounds.answers import Answers
from automl_core.annotation.rounds.choosing import affordable, committed, spent
from automl_core.annotation.rounds.drawing import drawn_share
from tests.unit.annotation.rounds.world import BY, CLASSES, World, file_of, sure_of, texts


def world_of(root: Path, monkeypatch: pytest.MonkeyPatch, many: int = 120, **more: Any) -> World:
    world = World(root, file_of(root, **more), texts(many))
    monkeypatch.setattr(predicting, "scored", world.scored)
    return world


def test_no_more_is_asked_for_than_there_is_money(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of(
        tmp_path, monkeypatch, select={"many": 20}, people={"price": 0.1, "votes": 2}, stop={"money": 5.05, "rounds": 9}
    )
    _, _, chosen = world.begin(1)
    assert chosen.items == 20
    state = world.project.state
    assert spent(state) == 0
    assert committed(state) == pytest.approx(4.0)
    assert affordable(state, world.file) == 5  # 1.05 is left, an item costs 0.2
    world.people("anna")
    assert affordable(world.project.state, world.file) == 5
    world.people("ben")
    _, _, chosen = world.begin_again(2)
    assert chosen.items == 5
    assert any("5 items instead of 20" in note for note in chosen.notes)
    world.people("anna")
    world.people("ben")
    _, _, chosen = world.begin_again(3)
    assert (chosen.items, chosen.why, chosen.batch) == (0, "money", None)
    assert spent(world.project.state) == pytest.approx(5.0)


def test_answers_that_do_not_come_free_their_money_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of(tmp_path, monkeypatch, select={"many": 20}, stop={"money": 2, "rounds": 9})
    world.begin(1)
    assert affordable(world.project.state, world.file) == 0
    _, _, chosen = world.begin_again(2)  # which ended the first round, and its batch with it
    assert chosen.items == 20


def test_people_have_their_time_also_where_somebodys_clock_was_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(tmp_path, monkeypatch, people={"within": "1h"})
    ahead = Project(world.store, "intents", clock=lambda: world.now + 86_400, sleep=lambda _: None)
    ahead.begin_round(1, BY)
    world.begin(1)
    batch = world.project.state.batches[1]
    assert batch.until is not None
    assert batch.until >= world.project.now() + 3_600, "`wait` goes by the journal's time, too"


def test_a_batch_is_sent_once_and_told_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of(tmp_path, monkeypatch)
    predicted, _, chosen = world.begin(1)
    world.people()
    again = choose(world.project, world.file, 1, predicted, world.reach, world.root, BY)
    assert (again.batch, again.items, again.kinds) == (chosen.batch, chosen.items, chosen.kinds)
    assert len(world.project.state.batches) == 1


def test_gold_items_are_mixed_in_and_neither_trained_nor_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(
        tmp_path, monkeypatch, items={"gold": "known"}, people={"gold": 0.2}, select={"many": 30, "random_share": 0.3}
    )
    (tmp_path / "data" / "first.jsonl").unlink()
    known = set(list(world.truth)[:40])
    world.bring(world.truth, known=lambda text: world.truth[text] if text in known else "")
    _, _, chosen = world.begin(1)
    batch = world.project.state.batches[1]
    gold = batch.of_kind("gold")
    assert chosen.kinds["gold"] == len(gold) == 6
    places = [batch.items.index(number) for number in gold]
    assert places != list(range(6))
    assert max(places) - min(places) > 6
    world.people()
    version = write_set(world.project, world.file, 1, BY)
    answers = Answers.of(world.project, world.file)
    assert len(answers.gold) == 40
    assert not set(version.numbers) & set(answers.gold)
    assert not set(answers.sample.numbers) & set(answers.gold)
    world.begin_again(2)
    assert not set(world.project.state.batches[2].of_kind("gold")) & set(gold)


def test_bad_cases_outside_the_stratum_come_back_once_for_another_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(tmp_path, monkeypatch, select={"many": 40, "bad_share": 0.25}, agree="off", stop={"rounds": 9})
    world.begin(1)
    world.people()
    hard = {text for place, text in enumerate(sorted(world.truth)) if place % 2}
    for number in (1, 2):
        write_set(world.project, world.file, number, BY)
        opinion = sure_of(world.truth, 0.97, lambda text: text in hard)
        for experiment in ("trees", "linear"):
            world.train(experiment, f"r{number}", opinion, family=experiment)
        world.end(number, {"trees": f"r{number}", "linear": f"r{number}"})
        world.begin(number + 1)
        state, answers = world.project.state, Answers.of(world.project, world.file)
        bad = state.batches[number + 1].of_kind("bad case")
        assert 0 < len(bad) <= 10
        assert not any(answers.stratum[each] for each in bad)
        assert all(state.cases[each].state == "OPEN" for each in bad)
        assert all(len(state.history(each)) == 1 for each in bad)
        world.people("ben")
    assert all(len(world.project.state.history(each)) == 2 for each in bad)


def test_labels_of_models_are_drawn_for_the_audit_once_the_stratum_is_used_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(
        tmp_path, monkeypatch, 150, select={"many": 60, "stratum_share": 0.25, "random_share": 0.75},
        stop={"rounds": 9, "target": 0.8},
    )  # fmt: skip
    world.begin(1)
    world.people()
    write_set(world.project, world.file, 1, BY)
    for experiment in ("trees", "linear"):
        world.train(experiment, "r1", sure_of(world.truth), family=experiment)
    _, settled, chosen = world.begin_again(2)
    assert settled.taken > 30
    state = world.project.state
    audits = state.batches[2].of_kind("audit")
    assert chosen.kinds["audit"] == len(audits) > 20
    assert set(audits) <= set(state.taken)
    world.people()
    from automl_core.annotation.rounds.audits import watched

    answers = Answers.of(world.project, world.file)
    (found,) = watched(world.project, answers, state.thresholds.values(), [])
    assert set(audits) <= {int(each) for each in found.audit.judged}


def test_what_the_promise_has_shown_leaves_more_of_a_batch_to_learn_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(tmp_path, monkeypatch, 400, select={"many": 60}, stop={"rounds": 9})
    _, _, chosen = world.begin(1)
    assert chosen.kinds["stratum"] == 30
    world.people()
    write_set(world.project, world.file, 1, BY)
    hard = {text for place, text in enumerate(sorted(world.truth)) if place % 2}
    world.train("trees", "r1", sure_of(world.truth), family="trees")
    world.train("linear", "r1", sure_of(world.truth, 0.97, lambda text: text in hard), family="linear")
    _, settled, chosen = world.begin_again(2)
    assert settled.threshold == 1
    assert chosen.kinds["stratum"] == 6
    (note,) = [note for note in chosen.notes if "random_share" in note]
    assert note.startswith("10% of the batch are of the random stratum, not 50% (select.random_share): ")
    assert "the promise is shown; there is no target" in note
    world.project.take_back(1, None, "broken", BY)
    share, why = drawn_share(world.project.state, world.file, Answers.of(world.project, world.file))
    assert (share, why) == (0.5, "")


@pytest.mark.parametrize(
    ("agree", "stop", "share", "words"),
    [
        ("off", {}, 0.1, "models label nothing (agree: off); there is no target"),
        ("off", {"target": 0.9}, 0.5, ""),
        ({}, {}, 0.5, ""),
        ({"accuracy": 0.97, "confidence": 0.95}, {}, 0.1, "the promise takes 305 labels at least, and the stratum has"),
        ("off", {"target": 0.999}, 0.1, "the target takes 4380 labels at least, and the stratum has"),
        ({"accuracy": 0.97, "confidence": 0.95}, {"target": 0.9}, 0.5, ""),
        ("off", {"target": 0.5, "rounds": 1}, 0.1, "the target takes 30 labels, and 30 are there"),
        ({"accuracy": 0.5, "confidence": 0.5}, {}, 0.1, "the promise takes 13 labels, and 30 are there"),
    ],
)
def test_the_random_share_is_the_files_until_promise_and_target_have_their_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agree: Any, stop: dict[str, Any], share: float, words: str
) -> None:
    first = file_of(tmp_path, select={"many": 60}, stop={"rounds": 9, "target": 0.9})
    world = World(tmp_path, first, texts(200))
    world.begin(1)
    world.people()
    assert len(Answers.of(world.project, first).sample.numbers) == 30
    file = file_of(tmp_path, agree=agree, stop={"rounds": 3, **stop})
    found, why = drawn_share(world.project.state, file, Answers.of(world.project, file))
    assert found == share
    assert words in why if words else not why


def test_a_committee_of_one_goes_by_margin_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of(tmp_path, monkeypatch, select={"by": "disagreement"})
    world.begin(1)
    world.people()
    write_set(world.project, world.file, 1, BY)
    world.train("trees", "r1", sure_of(world.truth), family="trees")
    _, _, chosen = world.begin_again(2)
    assert any("needs two models" in note for note in chosen.notes)
    assert chosen.kinds["useful"] > 0


def test_what_nobody_answered_has_its_turn_first_in_the_next_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(tmp_path, monkeypatch)
    world.begin(1)
    first = world.project.state.batches[1].of_kind("stratum")
    world.project.label([Label(item=world.project.catalog.id_of(first[0]), label=CLASSES[0], author="anna")], BY)
    world.begin_again(2)
    assert set(first[1:]) <= set(world.project.state.batches[2].of_kind("stratum"))


def test_nothing_left_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of(tmp_path, monkeypatch, 30, select={"many": 40})
    _, _, chosen = world.begin(1)
    assert chosen.items == 30
    world.people()
    _, _, chosen = world.begin_again(2)
    assert (chosen.batch, chosen.why) == (None, "items")
