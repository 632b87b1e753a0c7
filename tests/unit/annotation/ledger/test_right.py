"""How right labels are: exact intervals, and on how many items each share stands."""

from __future__ import annotations

import math
import random

import pytest

from automl_core.annotation.ledger import Answer, Facts, Suspect, Threshold, ledger
from automl_core.annotation.ledger.right import Author, Share, watch

CLASSES = ("order", "refund", "other")


def person(item: int, label: str | None, author: str = "anna", **more: object) -> Answer:
    return Answer(item, label, author, "person", **more)  # type: ignore[arg-type]


def authors(facts: Facts) -> dict[str, Author]:
    return {each.name: each for each in ledger(facts).right.authors}


def test_an_author_is_judged_on_gold_with_an_exact_interval() -> None:
    gold = dict.fromkeys(range(20), "order")
    held = [person(n, "order" if n < 18 else "refund") for n in range(20)] + [person(30, "other", "ben")]
    found = authors(Facts("p", "", CLASSES, 40, held, gold=gold, least_right=0.6))
    anna = found["anna"]
    assert (anna.gold.right, anna.gold.of, anna.verdict, anna.missed) == (18, 20, "kept", (18, 19))
    assert (anna.gold.low, anna.gold.high) == (pytest.approx(0.6830, abs=1e-4), pytest.approx(0.9877, abs=1e-4))
    ben = found["ben"]
    assert (ben.gold.of, ben.gold.value, ben.gold.low, ben.gold.high, ben.verdict) == (0, None, 0.0, 1.0, "open")
    assert ben.estimated is None


def test_replaced_and_skipped_answers_say_nothing_of_their_author() -> None:
    held = [person(1, "refund", fate="replaced", ended=2.0), person(1, "order", time=2.0), person(2, None)]
    anna = authors(Facts("p", "", CLASSES, 9, held, gold={1: "order", 2: "order"}))["anna"]
    assert (anna.gold.right, anna.gold.of) == (1, 1)


def test_several_people_on_the_same_items_tell_who_errs() -> None:
    chance = random.Random(3)
    truth = {n: chance.choice(CLASSES) for n in range(400)}
    rates = {"anna": 0.95, "ben": 0.9, "cleo": 0.6}
    held = [
        person(n, truth[n] if chance.random() < rate else chance.choice([c for c in CLASSES if c != truth[n]]), name)
        for n in truth
        for name, rate in rates.items()
    ]
    made = ledger(Facts("p", "", CLASSES, 400, held))
    found = {each.name: each for each in made.right.authors}
    for name in rates:
        really = sum(each.label == truth[each.item] for each in held if each.author == name) / 400
        low, high, value = found[name].low, found[name].high, found[name].estimated
        assert low is not None
        assert high is not None
        assert value is not None
        assert low < really < high, name
        assert 0.02 < high - low < 0.12
        assert found[name].items == 400
    assert found["cleo"].others is not None
    assert found["cleo"].others.of == 400
    assert (made.right.several, made.right.single) == (400, 0)
    assert set(made.right.kappas) == {("anna", "ben"), ("anna", "cleo"), ("ben", "cleo")}
    assert made.right.alpha.low < made.right.alpha.value < made.right.alpha.high
    assert made.right.alpha.items == 400


def test_items_of_one_person_are_told_apart_and_no_agreement_is_made_up() -> None:
    made = ledger(Facts("p", "", CLASSES, 9, [person(1, "order"), person(2, "refund", "ben")]))
    assert (made.right.single, made.right.several) == (2, 0)
    assert math.isnan(made.right.alpha.value)
    body = made.to_json()["right"]
    assert body["alpha"] == {"value": None, "low": None, "high": None, "observed": None, "items": 0}
    assert body["kappas"] == []


def test_imported_labels_are_compared_with_what_people_say() -> None:
    held = [Answer(n, "order", "crm", "imported") for n in range(6)]
    held += [person(0, "order"), person(1, "refund"), person(2, "order"), person(2, "order", "ben"), person(3, None)]
    held += [person(4, "order"), person(4, "refund", "ben"), person(5, "order"), person(5, "refund", "ben")]
    made = ledger(Facts("p", "", CLASSES, 9, held, consensus={4: ("refund", 0.7, 2)}))
    assert (made.right.imported.right, made.right.imported.of) == (2, 4), "an item on which people are divided is none"


def test_what_models_took_is_watched_by_the_audit() -> None:
    taken = dict.fromkeys(range(500), "order")
    kept = watch(Threshold(1, 1, ("trees", "linear"), 0.9, 0.97, 0.95, 1.0, taken, dict.fromkeys(range(120), True)))
    assert not kept.failed
    assert kept.judged.of == 120
    assert 0.0 < kept.highest < 0.06
    broken = watch(Threshold(1, 1, ("trees", "linear"), 0.9, 0.97, 0.95, 1.0, taken, {n: n > 30 for n in range(120)}))
    assert broken.failed
    assert broken.highest > 31 / 120
    nobody = watch(Threshold(1, 1, ("trees", "linear"), 0.9, 0.97, 0.95, 1.0, taken, {}))
    assert (nobody.highest, nobody.failed, nobody.judged.value) == (1.0, False, None)
    assert "nobody" in nobody.reason


def test_a_second_look_at_suspects_is_counted() -> None:
    held = [person(1, "order"), person(2, "order"), person(3, "refund")]
    held += [person(1, "refund", "ben", kind="suspect"), person(2, "order", "ben", kind="suspect")]
    held += [person(9, "order", "ben", kind="suspect"), person(3, "order", "ben", kind="useful")]
    made = ledger(Facts("p", "", CLASSES, 9, held, suspects=[Suspect(3, "refund", "order", 0.9)]))
    assert (made.right.confirmed.right, made.right.confirmed.of, made.right.suspects) == (1, 2, 1)


def test_a_label_that_the_file_does_not_know_any_more_costs_no_ledger() -> None:
    held = [person(1, "complaint"), person(1, "order", "ben"), person(2, "order")]
    made = ledger(Facts("p", "", ("order",), 9, held, gold={2: "praise"}))
    assert authors(made.facts)["anna"].gold.right == 0
    assert made.to_json()["right"]["several"] == 1


def test_an_empty_project_has_a_ledger() -> None:
    body = ledger(Facts("p")).to_json()
    assert body["cost"]["total"]["labels"] == 0
    assert body["right"]["authors"] == []
    assert body["brought"] == {"rounds": [], "next": None}


def test_a_share_of_no_items_is_none() -> None:
    assert Share.counted(0, 0).to_json() == {"value": None, "low": 0.0, "high": 1.0, "right": 0, "of": 0}


def test_others_are_with_an_author_where_half_of_them_say_the_same() -> None:
    def others(*labels: str) -> Share | None:
        held = [person(1, "order")] + [person(1, label, f"other-{n}") for n, label in enumerate(labels)]
        return authors(Facts("p", "", CLASSES, 9, held))["anna"].others

    def with_her(*labels: str) -> int | None:
        found = others(*labels)
        return found.right if found is not None and found.of == 1 else None

    assert [with_her("order"), with_her("refund")] == [1, 0]
    assert [with_her("order", "refund"), with_her("order", "refund", "refund")] == [1, 0]
    assert with_her() is None


def test_where_people_are_divided_imported_labels_are_compared_with_the_consensus_alone() -> None:
    held = [Answer(1, "refund", "crm", "imported"), person(1, "order"), person(1, "refund", "ben")]
    assert ledger(Facts("p", "", CLASSES, 9, held)).right.imported.of == 0
    made = ledger(Facts("p", "", CLASSES, 9, held, consensus={1: ("other", 0.5, 2)}))
    assert made.right.imported.of == 0, "what nobody of them says is no word of theirs"
