"""What in a valid file of an annotation project may be a slip: what can never be shown is said before it is begun."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.annotation.agreement import Promise, labels_needed, plan
from automl_core.annotation.agreement.bounds import alpha_of_look
from automl_core.annotation.file.ahead import ahead, faultless, first_search, least_for_promise, least_for_target
from automl_core.annotation.file.checks import examine_annotation_file, examine_annotation_text
from automl_core.annotation.selection import sizing
from automl_core.spec.errors import SpecError
from tests.unit.annotation.file.files import file_of, text_of, warned, write

QUIET: dict[str, Any] = {"people": {"who": ["anna"], "price": 0.05}}


def test_a_usual_file_has_no_warning() -> None:
    assert warned(**QUIET) == []
    assert all(": note: " in f": {each}" for each in warned())


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"select": {"many": 12}}, "agree: 0.97 right with confidence 0.95: this can never be shown: it takes 153 of"),
        ({"select": {"many": 12}}, "30 rounds of 12 items bring 150 labels of the random stratum (5 a round)"),
        ({"select": {"many": 12}}, "61 rounds, or a larger `select.many` or `random_share`, show it"),
        ({"select": {"many": 20}}, "it takes 305 of them, all right, where models are to take half of the items"),
        ({"agree": {"accuracy": "99.5%"}}, "it takes 1840 of them"),
        ({"stop": {"rounds": 3}}, "this can never be shown"),
        ({"people": {"price": 1, "who": ["a"]}, "stop": {"money": 300}}, "3 rounds of 100 items bring 120 labels"),
        ({"stop": {"target": "99%", "rounds": 5}}, "stop.target: that 99.0% is met can never be told: it takes 477"),
        (
            {"people": {"price": 1, "who": ["a"]}, "stop": {"money": 50}},
            "stop.money: one round costs 100 EUR, which is",
        ),
        ({"stop": {"rounds": None}}, "stop: nothing ends it but a person"),
        ({"stop": {"rounds": None, "flat": "1%"}}, "it goes on until the target is met, the curve is flat or a person"),
        ({"items": {"data": "x.csv", "label": "y", "show": ["y"]}}, "items.show[0]: who labels sees the label that"),
        ({"items": {"data": "x.csv", "kind": "image", "columns": ["u"]}}, "items.kind: the page shows rows and texts"),
        ({"people": {"gold": "5%"}}, "people.gold: no item has a known answer"),
        ({"people": {"least_right": "90%"}}, "people.least_right: no item has a known answer"),
        ({"people": {"gold": 0}, "items": {"data": "x.csv", "gold": "y"}}, "none is ever asked"),
        ({"people": {"where": "files", "lease": "1h"}}, "people.lease: a lease of 1h 00m is the page's"),
        ({"people": {"lease": "2d", "within": "1d"}}, "people.lease: a task is a person's for 2d 00h"),
        ({"labels": {"classes": [f"c{n}" for n in range(40)]}}, "labels.keys: 4 of 40 classes have no key"),
        ({}, "people: no price is said"),
        ({}, "people: whoever may start runs of this DAG in Airflow may label"),
    ],
)
def test_what_may_be_a_slip(groups: dict[str, Any], said: str) -> None:
    found = warned(**{**({} if not groups else QUIET), **groups})
    assert any(said in each for each in found), found


@pytest.mark.parametrize(
    "groups",
    [
        {"select": {"many": 28}},
        {"agree": "off", "select": {"many": 5}, "models": [{"experiment": "a"}]},
        {"stop": {"target": "95%"}},
        {"stop": {"rounds": None, "money": 5000}},
        {"people": {"who": ["anna"], "price": 1}, "stop": {"money": 800}},
        {"items": {"data": "x.csv", "gold": "y"}, "people": {"who": ["a"], "price": 1, "gold": "5%"}},
    ],
)
def test_what_is_none(groups: dict[str, Any]) -> None:
    assert warned(**{**QUIET, **groups}) == []


@given(st.floats(0.51, 0.999), st.floats(0.5, 0.999))
def test_the_fewest_labels_are_those_of_the_exact_plan(accuracy: float, confidence: float) -> None:
    alpha = alpha_of_look(Promise(accuracy, confidence), 1)
    assert first_search(confidence) == pytest.approx(alpha)
    first = Promise(accuracy, 1 - alpha)
    assert faultless(accuracy, alpha) == labels_needed(first)
    whole = plan(first, supposed=0.0)
    assert least_for_promise(accuracy, confidence) == pytest.approx(whole.least, abs=1)


@given(st.floats(0.5, 0.995), st.integers(1, 200))
def test_the_fewest_labels_for_a_target_are_those_of_the_stratum_s_sizing(target: float, rounds: int) -> None:
    file = file_of(stop={"target": target, "rounds": rounds})
    assert least_for_target(file) == sizing(file.stop.target or 0, 10**9, expected=1.0, looks=rounds + 1).faultless


def test_a_target_without_a_bound_of_rounds_counts_the_looks_so_far() -> None:
    file = file_of(stop={"target": 0.95, "rounds": None})  # 40 a round: 80 labels at the second look, 120 at the third
    needed = least_for_target(file)
    assert needed == faultless(0.95, 0.05 / (3 * 4))
    assert 80 < needed <= 120
    assert least_for_target(file_of()) is None


def test_rounds_are_bounded_by_their_number_or_by_money() -> None:
    free = ahead(file_of())
    assert (free.items, free.random, free.answers, free.cost, free.rounds, free.by) == (100, 40, 100, 0, 30, "rounds")
    people = {"price": 0.5, "votes": 2}
    paid = ahead(file_of(people=people, stop={"money": 1000}))
    assert (paid.answers, paid.cost, paid.rounds, paid.by) == (200, 100, 10, "money")
    assert ahead(file_of(people=people, stop={"money": 1001})).rounds == 11
    assert ahead(file_of(people=people, stop={"money": 90000})).by == "rounds"
    open_end = ahead(file_of(stop={"rounds": None}))
    assert (open_end.rounds, open_end.stratum, open_end.by, open_end.after(41)) == (None, None, "", 2)
    assert ahead(file_of(select={"many": 1})).random == 1


TRAINS = "name: {}\ndata: {{train: {}}}\n"
NEWEST = "runs/_annotation/intents/newest/train.csv"


@pytest.mark.parametrize(
    ("place", "right"),
    [
        (f"file://./{NEWEST}", True),
        (NEWEST, True),
        ("{place: runs/_annotation/intents/newest/, format: csv}", True),
        ("'file://${bundle_dir}/runs/_annotation/intents/newest/train.csv'", True),
        ("data/train.csv", False),
        ("runs/_annotation/other/newest/train.csv", False),
        (f"s3://{NEWEST}", False),
        ("[", False),
    ],
)
def test_an_experiment_that_reads_other_data_is_said(tmp_path: Path, place: str, right: bool) -> None:
    path = write(tmp_path, "intents.annotation.yaml", text_of(**QUIET))
    for name in ("trees", "linear"):
        write(tmp_path, f"{name}.yaml", TRAINS.format(name, place))
    found = [str(each).partition(": ")[2] for each in examine_annotation_file(path).warnings]
    assert bool(found) is not right
    if found:
        assert found[0].startswith("warning: models[0].experiment: trees.yaml doesn't read what people label here")
        assert found[0].endswith(f"Say in that file: data: {{train: file://./{NEWEST}}}.")


def test_an_experiment_that_is_not_there_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, "intents.annotation.yaml", text_of(**QUIET))
    write(tmp_path, "treees.yaml", TRAINS.format("treees", NEWEST))
    write(tmp_path, "linear.model.yaml", "kind: model\nname: linear\n")
    found = examine_annotation_file(path).warnings
    assert [(each.severity, each.path, each.line is not None) for each in found] == [
        ("warning", ("models", 0, "experiment"), True), ("note", ("models", 1, "experiment"), True),
    ]  # fmt: skip
    assert "Did you mean 'treees'?" in str(found[0])


def test_a_name_that_another_file_has(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "name: intents.annotation\n")
    path = write(tmp_path, "b.annotation.yaml", text_of())
    with pytest.raises(SpecError, match=r"'intents\.annotation' is the name of the experiment in experiments/a\.yaml"):
        examine_annotation_file(path)
    write(tmp_path, "a.yaml", text_of())
    with pytest.raises(SpecError, match="each annotation project's DAG has a name of its own"):
        examine_annotation_file(path)


def test_warnings_stand_at_their_lines_in_order() -> None:
    text = text_of(items={"data": "x.csv", "label": "y", "show": ["y"]}, select={"many": 12})
    found = examine_annotation_text(text, "f").warnings
    lines = [each.line or 0 for each in found]
    assert lines == sorted(lines)
    assert {each.path[0] for each in found if each.line} >= {"items"}
