"""What a project will take is said before anybody labels: labels, rounds and money, and what of it can't be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.annotation.agreement import Promise, plan
from automl_core.annotation.file.forecast import forecast, forecast_lines
from automl_core.annotation.file.here import column_warnings, items_here
from automl_core.annotation.selection import sizing
from tests.unit.annotation.file.files import file_of


def test_the_numbers_are_those_of_the_plan_and_of_the_sizing() -> None:
    found = forecast(file_of(stop={"target": "95%"}), 10_000)
    promise, whole = found.promise, plan(Promise(0.97, 0.95), look=1)
    assert promise is not None
    assert (promise.least, promise.advised) == (whole.least, whole.advised) == (305, 965)
    assert (promise.rounds, promise.advised_rounds) == (8, 25)
    target, sized = found.target, sizing(0.95, 10_000, looks=31)
    assert target is not None
    assert (target.least, target.advised) == (sized.faultless, sized.many)
    assert (found.items, found.stratum) == (10_000, 2_000)


def test_the_usual_numbers_reach_the_usual_promise_within_the_usual_rounds() -> None:
    found = forecast(file_of())
    assert found.promise is not None
    assert found.promise.advised_rounds is not None
    assert found.round.rounds is not None
    assert found.promise.advised_rounds <= found.round.rounds


def test_money_and_answers_of_all_rounds() -> None:
    people = {"price": 0.25, "votes": 2}
    file = file_of(people=people, stop={"money": 100})
    found = forecast(file)
    assert (found.round.cost, found.round.rounds, found.most_labels, found.most_cost) == (50, 2, 400, 100)
    few = forecast(file, items=150)
    assert (few.most_labels, few.most_cost) == (300, 75), "no item is asked more often than it has votes"
    assert forecast(file_of(stop={"rounds": None})).most_labels is None


@pytest.mark.parametrize(
    ("groups", "items", "said"),
    [
        ({"people": {"price": 0.05}}, None, "40 of them from the random stratum until the promise and the"),
        ({"people": {"price": 0.05}}, None, "target have their labels; 100 answers, 5.00 EUR"),
        ({"agree": "off"}, None, "100 items, 10 of them from the random stratum; 100 answers"),
        ({}, 900, "100 items, 10 of them from the random stratum; 100 answers"),
        ({"people": {"price": 0.05, "votes": 3}}, None, "100 items by 3 people each, 40 of them from the random str"),
        ({}, None, "100 answers, no price said"),
        ({}, None, "30 rounds (stop.rounds), 3,000 answers"),
        ({"people": {"price": 1}, "stop": {"money": 150}}, None, "2 rounds (stop.money), 150 answers, 150.00 EUR"),
        ({"stop": {"rounds": None}}, None, "until the target is met, the curve is flat or a person stops it"),
        ({}, 5_000, "5,000 now, some 1,000 of them in the random stratum"),
        ({}, 900, "never, since the stratum has some 180 items; `select.stratum_share: 34%` holds as many"),
        ({}, 400, "never, since the stratum has some 80 items; the items are too few"),
        ({"stop": {"rounds": 3}}, None, "there are 3 rounds, so never"),
        ({"agree": "off"}, None, "models label nothing (agree: off)"),
        ({"agree": {"accuracy": "99.999%"}}, None, "of the labels are wrong it takes more than 20,000 of them"),
        ({"stop": {"target": "95%"}}, None, "126 labels of the random stratum, the model right on all; "),
    ],
)
def test_it_is_said_in_words(groups: dict[str, Any], items: int | None, said: str) -> None:
    file = file_of(**groups)
    lines = "\n".join(forecast_lines(file, forecast(file, items)))
    assert said in lines, lines


def test_as_json_it_is_plain() -> None:
    body = forecast(file_of(agree="off"), 10).to_json()
    assert (body["promise"], body["items"], body["round"]["random"]) == (None, 10, 10)


@pytest.mark.parametrize(
    ("name", "text", "rows", "columns"),
    [
        ("a.csv", "id,text\n1,x\n2,y\n", 2, ("id", "text")),
        ("a.jsonl", '{"id": 1, "text": "x"}\n\n{"id": 2}\n{"id": 3}\n', 3, ("id", "text")),
        ("a.jsonl", "[1]\n", 1, None),
        ("a.jsonl", "{\n", 1, None),
    ],
)
def test_items_that_lie_here_are_counted(
    tmp_path: Path, name: str, text: str, rows: int, columns: tuple[str, ...] | None
) -> None:
    (tmp_path / name).write_text(text)
    (found,) = items_here(file_of(items={"data": f"*.{name.partition('.')[2]}"}), tmp_path)
    assert (found.rows, found.columns, found.problem) == (rows, columns, "")


def test_items_that_lie_elsewhere_or_nowhere(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.bin").write_text("x")
    file = file_of(items={"data": ["s3://lake/x/", "none.csv", "day=${ds}/", "b/"]})
    bucket, missing, dated, strange = items_here(file, tmp_path)
    assert (bucket.rows, bucket.problem, dated.rows, dated.problem) == (None, "", None, "")
    assert "none.csv" in missing.problem
    assert "CSV, Parquet or JSON lines" in strange.problem


def test_columns_that_the_data_have_not_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,x\n")
    (tmp_path / "b.csv").write_text("id,intent\n1,x\n")
    items = {"data": ["a.csv", "b.csv"], "columns": ["txt"], "key": "id", "label": "intent", "gold": "checked"}
    file = file_of(items=items)
    found = list(column_warnings(file, items_here(file, tmp_path)))
    assert [(each.path, each.suggestion) for each in found] == [
        (("items", "columns", 0), "Did you mean 'text'?"), (("items", "gold"), ""),
    ]  # fmt: skip
    assert found[0].allowed == ("id", "text", "intent")
    elsewhere = file_of(items={**items, "data": ["a.csv", "s3://lake/b.csv"]})
    assert list(column_warnings(elsewhere, items_here(elsewhere, tmp_path))) == []
