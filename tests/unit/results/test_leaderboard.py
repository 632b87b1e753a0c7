"""The leaderboard: its order, and each of its forms."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from automl_core.results import Leaderboard
from automl_core.results.entries import controller
from automl_core.space import in_common
from automl_core.states import ExperimentState
from tests.unit.results.lab import Lab, experiment

BUDGET = {"max": 9, "concurrency": 2, "budget": {"name": "epochs", "min": 1, "max": 9, "factor": 3}}


def board(lab: Lab) -> Leaderboard:
    return Leaderboard.from_controller(controller(lab.spec, lab.state))


def table(lab: Lab, width: int = 160, **options: Any) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(board(lab).to_table(**options))
    return console.export_text()


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.trial(0.5)
    lab.trial()
    lab.trial(0.123456789, seconds=200)
    lab.trial(0.9)
    lab.stop(reason="4 of at most 4 trials have ended")
    return lab


def test_the_best_come_first_and_those_without_a_value_last(lab: Lab) -> None:
    found = board(lab)
    assert [(row.rank, row.trial, row.value) for row in found.rows] == [
        (1, 3, 0.9), (2, 0, 0.5), (3, 2, 0.123456789), (None, 1, None),
    ]  # fmt: skip
    assert found.best == found.rows[0]
    assert (found.name, found.run, found.state) == ("digits", "run-1", ExperimentState.FINISHED)


def test_lower_is_better_where_the_goal_says_so() -> None:
    lab = Lab(experiment(goal={"direction": "minimize"}))
    for value in (3.0, -1.0, 2.0):
        lab.trial(value)
    assert [row.trial for row in board(lab).rows] == [1, 2, 0]


def test_with_budgets_more_training_comes_first() -> None:
    lab = Lab(experiment(trials=BUDGET))
    lab.trial(0.99, budget=1)
    lab.trial(0.5, budget=1)
    lab.trial(0.6, trial=1, budget=3, resume_budget=1)
    assert [(row.trial, row.value, row.budget) for row in board(lab).rows] == [(1, 0.6, 3), (0, 0.99, 1)]
    assert "epochs" in table(lab)


def test_the_table_is_for_people(lab: Lab) -> None:
    lines = table(lab).splitlines()
    assert "digits · run-1" in lines[0]
    assert lines[2].replace("┃", " ").split() == ["rank", "trial", "accuracy", "state", "time", "params"]
    assert lines[4].replace("│", "|") == "|    1 |     3 |      0.9 | SUCCEEDED |    10s | lr=0.004 |"
    assert "3m 20s" in lines[6]
    assert lines[6].split("│")[3].strip() == "0.123457"


def test_the_table_shows_the_top_rows_only_when_asked(lab: Lab) -> None:
    assert len(table(lab, top=1).splitlines()) == len(table(lab).splitlines()) - 3


def test_the_page_tells_how_it_ended_and_what_is_best(lab: Lab) -> None:
    assert board(lab).to_markdown() == (
        "# digits · run-1\n"
        "\n"
        "FINISHED: 4 of at most 4 trials have ended. Best: trial 3, accuracy 0.9 (maximized).\n"
        "\n"
        "| rank | trial | accuracy | state | time | params |\n"
        "| ---: | ---: | ---: | --- | ---: | --- |\n"
        "| 1 | 3 | 0.9 | SUCCEEDED | 10s | lr=0.004 |\n"
        "| 2 | 0 | 0.5 | SUCCEEDED | 10s | lr=0.001 |\n"
        "| 3 | 2 | 0.123457 | SUCCEEDED | 3m 20s | lr=0.003 |\n"
        "|  | 1 |  | FAILED | 10s | lr=0.002 |\n"
        "\n"
        "In all trials: solver=adam\n"
    )


def test_what_all_trials_have_alike_is_told_once(lab: Lab) -> None:
    assert board(lab).shared == {"solver": "adam"}
    assert table(lab).count("solver=adam") == board(lab).to_markdown().count("solver=adam") == 1
    assert board(lab).to_csv().count("adam") == 4, "other programs get whole combinations"
    alone = Lab()
    alone.trial(0.5)
    assert board(alone).shared == {}, "of one trial nobody knows what others have"
    assert "lr=0.001 solver=adam" in table(alone)


@pytest.mark.parametrize(
    ("combinations", "shared"),
    [
        ([{"a": 1, "b": 2}, {"a": 1, "b": 3}], {"a": 1}),
        ([{"a": 1}, {"a": True}], {}),
        ([{"a": 1}, {"a": 1.0}], {}),
        ([{"a": None}, {"a": None}], {"a": None}),
        ([{"a": [1, 2]}, {"a": [1, 2]}], {"a": [1, 2]}),
        ([{"a": 1, "b": 2}, {"b": 2}], {"b": 2}),
        ([{"a": 1}], {}),
        ([], {}),
    ],
)
def test_in_common(combinations: list[dict[str, Any]], shared: dict[str, Any]) -> None:
    assert in_common(combinations) == shared


def test_before_anything_has_a_value() -> None:
    lab = Lab()
    lab.bind()
    assert board(lab).best is None
    assert board(lab).head() == "RUNNING. No trial has a value."
    assert "RUNNING" in table(lab)


def test_csv_has_every_metric_and_parameter_exactly(lab: Lab) -> None:
    lab = Lab()
    slot = lab.bind(params={"lr": 1e-05, "layers": 2, "flag": True})
    lab.clock.now += 2.5
    lab.end(slot, -0.125, metrics={"loss": 0.1 + 0.2, "accuracy": -0.125})
    lab.trial()
    assert board(lab).to_csv() == (
        "rank,trial,value,state,seconds,metrics.accuracy,metrics.loss,params.flag,params.layers,params.lr,params.solver\n"
        "1,0,-0.125,SUCCEEDED,2.5,-0.125,0.30000000000000004,true,2,1e-05,\n"
        ",1,,FAILED,10.0,,,,,0.002,adam\n"
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\n=1", "＝1", "\t1", "\r1"])
def test_a_spreadsheet_runs_no_cell(text: str) -> None:
    lab = Lab()
    lab.trial(-0.5, params={"command": text})
    (row,) = cells(board(lab).to_csv())
    assert row["params.command"] == "'" + text.replace("\r", "\n")
    assert row["value"] == "-0.5", "a negative number is no formula"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_from_the_csv(text: str) -> None:
    lab = Lab()
    lab.trial(0.5, params={"command": text})
    (row,) = cells(board(lab).to_csv())
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert row["params.command"] in (lines, f"'{lines}")
    assert not row["params.command"].startswith(("=", "+", "-", "@", "\t", "\n"))


def test_text_of_a_combination_stays_text_in_every_form() -> None:
    lab = Lab()
    lab.trial(0.5, params={"command": "a|b\n[red]c \x1b[2J `d` <script>"})
    shown = table(lab)
    assert "[red]" in shown
    assert "\x1b" not in shown
    markdown = board(lab).to_markdown()
    assert markdown.count("\n| 1 |") == 1
    assert r"a\|b \[red]c  \[2J \`d\` \<script>" in markdown


def test_weighted_metrics_are_shown_beside_the_value() -> None:
    lab = Lab(experiment(goal={"metric": {"auc": 0.5, "loss": -0.25}}))
    slot = lab.bind()
    lab.end(slot, 0.35, metrics={"auc": 0.8, "loss": 0.2, "epoch_time": 3.0})
    head = board(lab).to_markdown().splitlines()[4]
    assert head == "| rank | trial | default | state | auc | loss | epoch_time | time | params |"


def test_many_metrics_do_not_drown_the_table() -> None:
    lab = Lab()
    slot = lab.bind()
    lab.end(slot, 0.5, metrics={f"m{i:02}": 0.1 for i in range(30)} | {"accuracy": 0.5})
    assert "m04" in table(lab)
    assert "m05" not in table(lab)
    assert "metrics.m29" in board(lab).to_csv()


def test_json_is_plain_and_complete(lab: Lab) -> None:
    body = board(lab).to_json(top=2)
    assert json.loads(json.dumps(body)) == body
    assert (body["best_trial"], body["state"], len(body["rows"])) == (3, "FINISHED", 2)
    assert body["rows"][1] == {
        "rank": 2, "trial": 0, "value": 0.5, "state": "SUCCEEDED", "metrics": {"accuracy": 0.5}, "seconds": 10.0,
        "params": {"lr": 0.001, "solver": "adam"}, "budget": None,
        "values": {}, "feasible": None, "front": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    "body", [{}, {"experiment": {}, "trials": []}, {"experiment": {"name": "x"}, "trials": [{"number": "seven"}]}]
)
def test_what_is_no_controller_is_refused_in_words(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not the controller\.json of an experiment"):
        Leaderboard.from_controller(body)
