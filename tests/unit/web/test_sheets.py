"""What a table shows as CSV, safe in a spreadsheet, and any two of its columns as points."""

from __future__ import annotations

import csv
import io

import pytest

from tests.unit.web.conftest import World, body_of, path


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_sheet_has_the_rows_and_columns_of_the_view(world: World, ended: tuple[str, str]) -> None:
    asked = {
        "sort": "-value",
        "state": "SUCCEEDED",
        "filter": "params.units:5..",
        "column": ["number", "value", "params.lr"],
    }
    answer = world.client().get(path(*ended, "/trials.csv"), params=asked)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    head, *rows = rows_of(answer.text)
    assert head == ["number", "value", "params.lr"]
    table = body_of(world.client().get(path(*ended, "/trials"), params=asked))
    assert [int(row[0]) for row in rows] == table["columns"]["number"]
    assert [float(row[1]) for row in rows] == table["columns"]["value"]


def test_a_sheet_without_columns_named_has_every_one(world: World, ended: tuple[str, str]) -> None:
    head, *rows = rows_of(world.client().get(path(*ended, "/trials.csv")).text)
    assert {"number", "params.solver", "metrics.accuracy", "reason", "tags", "started"} <= set(head)
    assert len(rows) == 12
    assert rows[0][head.index("started")].endswith("Z")


def test_no_cell_is_a_formula(world: World) -> None:
    old, new = '[adam, sgd, "<b>&\\"\'"]', "['=HYPERLINK(\"x\")']"
    text = world.spec("formulas").replace(old, new).replace("[sgd]", new)
    assert new in text
    name, run = world.know(text), "manual__2026-11-21T04:00:00+00:00"
    world.simulate(text, run)
    world.begin(name, run, "success")
    client = world.client()
    body_of(client.patch(path(name, run, "/trials/0/label"), json={"name": "@SUM(1)", "comment": "-1+1|cmd"}))
    head, first, *_ = rows_of(client.get(path(name, run, "/trials.csv")).text)
    cell = dict(zip(head, first, strict=True))
    assert cell["params.solver"] == '\'=HYPERLINK("x")'
    assert (cell["name"], cell["comment"]) == ("'@SUM(1)", "'-1+1|cmd")


@pytest.mark.parametrize("asked", [{"column": "nope"}, {"sort": "nope"}, {"filter": "nope:1"}, {"filter": "x"}])
def test_a_sheet_of_what_is_no_column_is_refused(world: World, ended: tuple[str, str], asked: dict[str, str]) -> None:
    answer = world.client().get(path(*ended, "/trials.csv"), params=asked)
    assert answer.status_code == 422
    assert "allowed" in answer.text or "filter" in answer.text


def test_any_two_columns_are_points(world: World, ended: tuple[str, str]) -> None:
    asked = {"x": "params.lr", "y": "metrics.loss", "state": "SUCCEEDED"}
    body = body_of(world.client().get(path(*ended, "/scatter"), params=asked))
    table = body_of(world.client().get(path(*ended, "/trials"), params={"state": "SUCCEEDED"}))
    assert body["columns"]["number"] == table["columns"]["number"]
    assert body["columns"]["x"] == table["columns"]["params"]["lr"]
    assert body["columns"]["y"] == table["columns"]["metrics"]["loss"]
    some = body_of(world.client().get(path(*ended, "/scatter"), params={"x": "params.momentum", "y": "value"}))
    assert 0 < some["total"] < some["matched"]  # only sgd has a momentum
    assert world.client().get(path(*ended, "/scatter"), params={"x": "nope", "y": "value"}).status_code == 422
