"""Sums add up however they are parted, and each answer has one standing."""

from __future__ import annotations

import csv
import io
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.annotation.ledger import (
    Answer,
    DataSet,
    Facts,
    RoundFacts,
    Standing,
    Training,
    csv_lines,
    ledger,
    lines,
)
from automl_core.annotation.ledger.sums import KEYS, Cube, Sum, total
from automl_core.annotation.ledger.unseen import while_labelling

CLASSES = ("order", "refund", "other")

answers = st.builds(
    Answer,
    item=st.integers(0, 8),
    label=st.sampled_from([*CLASSES, None]),
    author=st.sampled_from(["anna", "ben", "trees + linear"]),
    source=st.sampled_from(["person", "models", "imported"]),
    seconds=st.none() | st.floats(0, 1e5),
    price=st.floats(0, 1e4),
    time=st.floats(0, 100),
    round=st.integers(0, 3),
    kind=st.sampled_from(["", "stratum", "useful"]),
    where=st.sampled_from(["page", "file"]),
    fate=st.sampled_from(["", "", "replaced", "taken back"]),
)


@st.composite
def facts(draw: Any) -> Facts:
    """A project in which anything may have happened."""
    held = draw(st.lists(answers, max_size=40))
    held = [Answer(**{**_fields(each), "ended": each.time + 5.0 if each.fate else None}) for each in held]
    trained = st.dictionaries(st.integers(0, 8), st.sampled_from(CLASSES))
    sets = [
        DataSet(n, n, draw(st.floats(0, 100)), f"sets/{n}", "f", 0, draw(trained))
        for n in range(1, draw(st.integers(1, 4)))
    ]
    some = st.frozensets(st.integers(0, 8), max_size=4)
    return Facts(
        "p", "EUR", CLASSES, 9, held, [RoundFacts(n, n * 10.0, n * 10 + 9.0) for n in (1, 2, 3)], sets,
        retired=dict.fromkeys(draw(some), "changed"), stratum=draw(some),
        gold=dict.fromkeys(draw(some), "order"),
        consensus={item: (label, 1.0, 1) for item, label in draw(trained).items()},
    )  # fmt: skip


def _fields(answer: Answer) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in answer.__struct_fields__}


@given(st.lists(answers, max_size=60))
def test_parts_of_a_sum_are_the_whole_whichever_way_it_is_parted(held: list[Answer]) -> None:
    cube = Cube(held)
    for key in KEYS:
        assert total(cube.by(key).values()) == cube.total(), key
    assert total(cube.by("author", "round", "source").values()) == cube.total()
    assert cube.total() == Cube(reversed(held)).total()
    assert cube.total().answers == len(held)
    exact = sum((Fraction(each.price) for each in held), Fraction(0))
    assert abs(Fraction(cube.total().parts, 10**9) - exact) <= Fraction(len(held), 2 * 10**9)


def test_money_is_not_a_sum_of_floats() -> None:
    prices = [0.1] * 10 + [1e9]
    cube = Cube(Answer(i, "order", "anna", "person", 0.1, price) for i, price in enumerate(prices))
    assert cube.total().parts == 1_000_000_001_000_000_000
    assert cube.total().cost == 1_000_000_001.0
    assert cube.total().milliseconds == 1100


@given(facts())
def test_each_answer_has_one_standing_and_together_they_are_all(found: Facts) -> None:
    made = ledger(found)
    assert total(made.standings.values()) == made.total
    assert len(made.uses) == len(found.answers)
    body = made.to_json()
    assert sum(each["labels"] + each["skipped"] for each in body["use"]["standings"]) == len(found.answers)
    for key in KEYS:
        rows = body["cost"][f"by_{key}"]
        assert sum(each["labels"] for each in rows) == body["cost"]["total"]["labels"]
    rounds = made.rounds_json()
    outside = sum(not each.round for each in found.answers)
    assert (
        sum(each["answers"]["labels"] + each["answers"]["skipped"] for each in rounds) == len(found.answers) - outside
    )


@given(facts())
def test_what_was_trained_was_given_before_and_stood(found: Facts) -> None:
    made = ledger(found)
    sets = {each.number: each for each in found.sets}
    for use, answer in zip(made.uses, found.answers, strict=True):
        assert bool(use.sets) == (use.standing is Standing.TRAINED)
        for number in use.sets:
            assert answer.time <= sets[number].time
            assert answer.ended is None or answer.ended > sets[number].time
            assert sets[number].trained[answer.item] == answer.label
        if answer.label is None:
            continue
        others = {n for n, each in sets.items() if each.trained.get(answer.item) == answer.label} - set(use.sets)
        for number in others:
            assert answer.time > sets[number].time or (answer.ended or 1e9) <= sets[number].time


@given(facts())
def test_what_rounds_cost_never_falls_and_ends_with_all_there_is(found: Facts) -> None:
    made = ledger(found)
    spent = [made.cost_at[each.number] for each in found.rounds]
    assert spent == sorted(spent)
    late = sum(parts_of(each) for each in found.answers if not each.round and each.time > 39)
    assert spent[-1] == (made.total.parts - late) / 1e9


def parts_of(answer: Answer) -> int:
    found = Sum()
    found.add(answer)
    return found.parts


def given_to(label: str | None, item: int = 1, **more: Any) -> Answer:
    held = {"source": "person", "seconds": 2.0, "price": 0.05, "time": 10.0, "round": 1, **more}
    return Answer(item, label, "anna", **held)


def standing(answer: Answer, *others: Answer, **more: Any) -> Standing:
    held = {"sets": [DataSet(1, 1, 20.0, "sets/1", "f", 0, {})], **more}
    return ledger(Facts("p", "EUR", CLASSES, 9, [answer, *others], **held)).uses[0].standing


def a_set(trained: dict[int, str], time: float = 20.0, number: int = 1) -> DataSet:
    return DataSet(number, number, time, f"sets/{number}", "f", len(trained), trained)


def test_every_reason_why_a_label_is_not_used_is_told() -> None:
    assert standing(given_to("order"), sets=[a_set({1: "order"})]) is Standing.TRAINED
    assert standing(given_to("order"), sets=[a_set({1: "refund"})]) is Standing.OUTVOTED
    assert standing(given_to("order"), consensus={1: ("refund", 0.9, 3)}) is Standing.OUTVOTED
    assert standing(given_to(None)) is Standing.SKIPPED
    assert standing(given_to("order"), retired={1: "its text was changed"}) is Standing.RETIRED
    assert standing(given_to("order"), stratum={1}) is Standing.EVALUATES
    assert standing(given_to("order"), gold={1: "order"}) is Standing.GOLD
    assert standing(given_to("order", fate="replaced", ended=11.0)) is Standing.REPLACED
    assert standing(given_to("order", source="models", fate="taken back", ended=11.0)) is Standing.TAKEN_BACK
    assert standing(given_to("order", time=30.0)) is Standing.WAITS
    assert standing(given_to("order"), sets=[]) is Standing.WAITS
    assert standing(given_to("order")) is Standing.LEFT_OUT


def test_a_label_that_models_learned_from_was_used_though_it_was_changed_later() -> None:
    sets = [a_set({1: "order"}, 20.0), a_set({1: "refund"}, 40.0, 2)]
    first = given_to("order", fate="replaced", ended=30.0)
    second = given_to("refund", time=30.0)
    uses = ledger(Facts("p", "EUR", CLASSES, 9, [first, second], sets=sets)).uses
    assert [each.sets for each in uses] == [(1,), (2,)]
    retired = ledger(Facts("p", "EUR", CLASSES, 9, [first], sets=sets, retired={1: "changed"})).uses
    assert retired[0].standing is Standing.TRAINED


def test_lines_tell_sets_and_models_and_are_harmless_in_a_spreadsheet() -> None:
    wild = Answer(1, '=HYPERLINK("x")', "+eve, the\r\n2nd", "person", 1.5, 0.05, 10.0, 1, "useful", "page")
    trainings = [
        Training(1, 1, "intents_trees", "run 1", "SUCCEEDED", {"name": "intents", "version": 3}, 21.0),
        Training(1, 1, "intents_linear", "run 1", "SUCCEEDED", {"prefix": "x/"}, 21.0),
        Training(1, 1, "intents_svm", "run 1", "FAILED", None, 21.0),
    ]
    found = Facts(
        "p", "EUR", CLASSES, 9, [wild, given_to(None, 2)], sets=[a_set({1: wild.label or ""})], trainings=trainings
    )
    text = "".join(csv_lines(ledger(found), lambda number: f"i{number}"))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [each["item"] for each in rows] == ["i1", "i2"]
    assert rows[0]["label"] == '\'=HYPERLINK("x")'
    assert rows[0]["author"] == "'+eve, the\n2nd"
    assert (rows[0]["sets"], rows[0]["models"]) == ("1", "intents 3;intents_linear/run 1")
    assert (rows[1]["label"], rows[1]["standing"], rows[1]["price"]) == ("", "skipped", "0.05")


def test_csv_has_a_line_for_each_answer_however_many_there_are() -> None:
    found = Facts("p", "EUR", CLASSES, 9, [given_to("order", n) for n in range(2503)])
    parts = list(csv_lines(ledger(found), str))
    assert len(parts) == 4
    assert "".join(parts).count("\r\n") == 2504


def test_who_labels_is_not_told_known_answers_nor_what_others_say_of_an_open_item() -> None:
    held = [
        Answer(1, "order", "file", "imported", kind="gold"), Answer(2, "order", "anna", "person"),
        Answer(2, "refund", "ben", "person"), Answer(3, "other", "anna", "person"),
        Answer(1, "order", "ben", "person", kind="gold"),
    ]  # fmt: skip
    made = ledger(Facts("p", "", CLASSES, 9, held, gold={1: "order"}, asked={2}))
    told = [(each["item"], each["label"]) for each in lines(made, str, reader="ben")]
    assert told == [("", None), ("2", None), ("2", "refund"), ("3", "other"), ("", None)]  # its kind would tell
    assert [each["label"] for each in lines(made, str)] == ["order", "order", "refund", "other", "order"]
    assert "order" in "".join(csv_lines(made, str)).splitlines()[1]
    assert "order" not in "".join(csv_lines(made, str, reader="ben")).splitlines()[1]


def test_who_labels_cannot_tell_by_what_is_missing_or_by_times_which_items_are_known() -> None:
    held = [
        Answer(5, "order", "file", "imported", time=1.0), Answer(1, "order", "file", "imported", time=1.0, kind="gold"),
        Answer(6, "refund", "file", "imported", time=1.0), Answer(2, "order", "ben", "person", time=2.0, kind="useful"),
        Answer(1, "refund", "ben", "person", time=3.0, kind="gold"),
        Answer(3, "other", "anna", "person", time=4.0, kind="stratum"),
    ]  # fmt: skip
    gold = ledger(Facts("p", "", CLASSES, 9, held, gold={1: "order"}))
    told = list(lines(gold, str, reader="ben", labels=True))
    mine = [each for each in told if each["author"] == "ben"]
    assert [(each["item"], each["label"], each["time"]) for each in mine] == [("2", "order", 2.0), ("1", "refund", 3.0)]
    alike = ("source", "kind", "standing", "sets", "models", "where", "ended", "why", "round")
    assert [mine[0][name] for name in alike] == [mine[1][name] for name in alike]
    assert [each["item"] for each in told] == ["5", "6", "2", "1", "3", ""], "no gap tells where it came"
    assert (told[-1]["label"], told[-1]["time"], told[-1]["round"]) == (None, None, None)
    paged = [each for first in range(0, 6, 2) for each in lines(gold, str, first, 2, reader="ben", labels=True)]
    assert paged == told
    none = ledger(Facts("p", "", CLASSES, 9, held[3:4]))
    assert next(lines(none, str, reader="ben", labels=True))["kind"] == "useful", "where nothing is known, all is told"


@pytest.mark.parametrize("answers", [1, 2, 5])
def test_figures_for_those_who_label_do_not_move_apart_where_the_item_is_known(answers: int) -> None:
    def told(items: list[int], *, asked: bool = True) -> dict[str, Any]:
        held = [Answer(0, "order", "file", "imported", kind="gold")]
        held += [
            Answer(n, "refund", "ben", "person", time=5.0, kind="gold" if n == 0 else "useful", price=0.1)
            for n in items
        ]
        facts = Facts("p", "", CLASSES, 9, held, gold={0: "order"}, asked={8} if asked else set())
        return while_labelling(ledger(facts))

    known, other = told([0, *range(2, 1 + answers)]), told([1, *range(2, 1 + answers)])
    assert known["cost"] == other["cost"]
    assert known["use"] == other["use"]
    for part in ("people", "imported", "authors", "hidden"):
        assert known["right"][part] == other["right"][part], part
    assert sum(each["labels"] for each in known["cost"]["by_kind"]) == known["cost"]["total"]["labels"]
    assert sum(each["labels"] for each in known["use"]["standings"]) == known["cost"]["total"]["labels"]
    assert told([0], asked=False)["right"]["people"]["of"] == 1, "once no batch is open, it is told"


def test_an_answer_stood_until_the_one_that_replaced_it_was_recorded() -> None:
    """Places decide, not times: the answer at place 4 was replaced by that at place 7."""
    answer = given_to("order", fate="replaced", ended=15.0, place=4, until=7)

    def used(seen: int) -> tuple[int, ...]:
        sets = [DataSet(1, 1, 0.0, "sets/1", "f", 1, {1: "order"}, seen)]
        return ledger(Facts("p", "EUR", CLASSES, 9, [answer], sets=sets)).uses[0].sets

    assert [used(seen) for seen in (4, 5, 7, 8)] == [(), (1,), (1,), ()]


def test_skipped_answers_are_no_labels_and_are_paid() -> None:
    found = Cube([given_to(None), given_to("order"), given_to(None)]).total()
    assert (found.labels, found.skipped, found.answers, found.cost) == (1, 2, 3, 0.15)
    assert found.to_json()["cost_per_label"] == 0.15
    assert found.to_json()["seconds_per_answer"] == 2.0
