"""What is published of experiments with several objectives, and with constraints."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
import yaml

from automl_core.results.entries import controller
from automl_core.results.files import render
from automl_core.results.front import pareto_front
from automl_core.results.leaderboard import Leaderboard
from automl_core.results.publish import publish
from automl_core.results.summary import summary
from tests.unit.results.lab import Lab, experiment

GOAL: dict[str, Any] = {
    "metric": None,
    "direction": None,
    "objectives": [{"metric": "accuracy", "direction": "maximize"}, {"metric": "latency", "direction": "minimize"}],
}
LIMIT = [{"metric": "memory", "max": 8.0}]

TRIALS = [(0.70, 1.0), (0.90, 3.0), (0.95, 9.0), (0.80, 4.0)]
"""The first three are the front, the second its knee, the last is dominated by it."""


def told(
    goal: dict[str, Any], trials: list[tuple[float, float]], memory: list[float] | None = None, **groups: Any
) -> Lab:
    """An experiment with these (accuracy, latency), and what each took of memory."""
    lab = Lab(experiment(goal=goal, trials={"max": 6}, **groups))
    for number, (accuracy, latency) in enumerate(trials):
        slot = lab.bind()
        lab.clock.now += 10
        metrics = {"accuracy": accuracy, "latency": latency}
        if memory is not None:
            metrics["memory"] = memory[number]
        lab.end(slot, accuracy, metrics=metrics)
        lab.keep(slot)
    return lab


def published(lab: Lab) -> dict[str, Any]:
    files = render(lab.spec, lab.state, None)
    front: dict[str, Any] = json.loads(files["pareto_front.json"])
    return front


def test_the_front_with_its_knee_and_what_each_member_adds() -> None:
    lab = told(GOAL, TRIALS)
    front = published(lab)
    assert [member["trial"] for member in front["front"]] == [0, 1, 2]
    assert front["recommended"] == 1
    assert [o["reference"] for o in front["objectives"]] == pytest.approx([0.675, 9.8])
    # slabs of accuracy above 0.675: 0.025 up to trial 0, 0.2 more up to trial 1, 0.05 more up to trial 2
    assert front["hypervolume"] == pytest.approx(0.025 * 8.8 + 0.2 * 6.8 + 0.05 * 0.8)
    assert [m["hypervolume"] for m in front["front"]] == pytest.approx([0.025 * 2, 0.2 * 6, 0.05 * 0.8])
    assert front["front"][1] == {
        "trial": 1, "values": {"accuracy": 0.9, "latency": 3.0}, "feasible": True,
        "params": {"lr": 0.002, "solver": "adam"}, "distance": pytest.approx((0.2**2 + 0.25**2) ** 0.5),
        "hypervolume": pytest.approx(1.2), "recommendation": "recommendation_1.yaml",
    }  # fmt: skip
    assert [(t["trial"], t["front"], t["rank"]) for t in front["trials"]] == [
        (0, True, 2), (1, True, 1), (2, True, 3), (3, False, 4),
    ]  # fmt: skip


def test_a_stated_reference_is_the_one_that_is_measured_from() -> None:
    goal = {
        **GOAL,
        "objectives": [{**GOAL["objectives"][0], "reference": 0.75}, {**GOAL["objectives"][1], "reference": 10}],
    }
    front = published(told(goal, TRIALS))
    assert [o["reference"] for o in front["objectives"]] == [0.75, 10.0]
    assert front["hypervolume"] == pytest.approx(0.15 * 7 + 0.05 * 1)
    assert front["front"][0]["hypervolume"] == 0


def test_the_knee_is_the_best_model_and_every_member_has_its_recommendation() -> None:
    lab = told(GOAL, TRIALS)
    lab.stop()
    result = publish(lab.store, lab.prefix, lab.spec, lab.state, algorithm_state=None)
    assert (result.best_trial, result.best_value) == (1, 0.9)
    assert lab.store.get(f"{lab.prefix}best_model/model/weights.bin") == b"weights of slot 1"
    best = yaml.safe_load(lab.store.get(f"{lab.prefix}best_model/recommendation.yaml"))
    assert best["values"] == {"accuracy": 0.9, "latency": 3.0}
    assert "pareto_front.json" in best["recommended"]
    members = [yaml.safe_load(lab.store.get(f"{lab.prefix}recommendation_{n}.yaml"))["front"] for n in range(4)]
    assert members == [True, True, True, False]
    body = json.loads(lab.store.get(f"{lab.prefix}controller.json"))
    assert body["experiment"]["best_values"] == {"accuracy": 0.9, "latency": 3.0}
    assert body["trials"][3]["metrics"] == {"accuracy": 0.8, "latency": 4.0}


def test_the_leaderboard_has_a_column_an_objective_and_marks_the_front() -> None:
    board = Leaderboard.from_controller(controller(told(GOAL, TRIALS).spec, told(GOAL, TRIALS).state))
    lines = board.to_markdown().splitlines()
    assert lines[4] == "| rank | trial | front | accuracy | latency | state | time | params |"
    assert lines[6].startswith("| 1 | 1 | \\* | 0.9 | 3 | SUCCEEDED |")
    assert lines[9].startswith("| 4 | 3 |  | 0.8 | 4 | SUCCEEDED |")
    assert (
        "Pareto front: 3 trials, marked with *. Best compromise, nearest to the ideal of each: trial 1," in board.head()
    )
    rows = list(csv.DictReader(io.StringIO(board.to_csv())))
    assert [(r["trial"], r["front"], r["values.latency"]) for r in rows][:2] == [
        ("1", "true", "3.0"),
        ("0", "true", "1.0"),
    ]


def test_what_breaks_a_constraint_is_not_on_the_front() -> None:
    lab = told({**GOAL, "constraints": LIMIT}, TRIALS, memory=[9.0, 4.0, 8.0, 1.0])
    front = published(lab)
    assert [m["trial"] for m in front["front"]] == [1, 2]
    assert front["constraints"] == ["memory ≤ 8"]
    assert {t["trial"]: t["feasible"] for t in front["trials"]} == {0: False, 1: True, 2: True, 3: True}
    found = summary(lab.state, lab.spec, lab.clock.now)
    assert (found.front, found.best.trial, found.best.values["latency"]) == (2, 1, 3.0)  # type: ignore[union-attr]


def test_with_one_objective_a_trial_that_breaks_a_constraint_is_best_only_while_none_keeps_it() -> None:
    goal = {"constraints": [{"metric": "latency", "max": 2.0}]}
    lab = told(goal, [(0.9, 5.0), (0.95, 3.0)])
    board = Leaderboard.from_controller(controller(lab.spec, lab.state))
    assert board.best is not None
    assert (board.best.trial, board.best.feasible) == (1, False)
    assert "No trial satisfies latency ≤ 2. Nearest: trial 1, accuracy 0.95" in board.head()
    lab = told(goal, [(0.9, 5.0), (0.95, 3.0), (0.6, 1.5), (0.5, 1.0)])
    body = controller(lab.spec, lab.state)
    assert [trial["rank"] for trial in body["trials"]] == [4, 3, 1, 2]
    assert body["trials"][2]["constraints"] == {"latency ≤ 2": 1.5}
    board = Leaderboard.from_controller(body)
    assert board.head().endswith("Best: trial 2, accuracy 0.6 (maximized).")
    assert (
        board.to_markdown().splitlines()[4]
        == "| rank | trial | accuracy | feasible | state | latency | time | params |"
    )
    assert "pareto_front.json" not in render(lab.spec, lab.state, None)


def test_with_budgets_the_front_is_of_the_highest_one() -> None:
    lab = Lab(
        experiment(goal=GOAL, trials={"budget": {"min": 1, "max": 3}}),
        plan={"slots": 4, "trials": 3, "units": 7, "note": ""},
    )
    for number, (budget, values) in enumerate([(1, (0.99, 0.1)), (1, (0.5, 2.0)), (3, (0.6, 2.0))]):
        slot = lab.bind(None if budget == 1 else 1, budget=budget)
        assert number == slot
        lab.end(slot, values[0], metrics=dict(zip(("accuracy", "latency"), values, strict=True)))
    assert [m["trial"] for m in published(lab)["front"]] == [1]


def test_nothing_yet() -> None:
    lab = told(GOAL, [])
    front = published(lab)
    assert (front["front"], front["recommended"], front["hypervolume"]) == ([], None, None)
    assert front["why"] == "no trial has values"
    lab.trial()
    assert published(lab)["trials"] == []


def test_values_of_any_magnitude_are_published() -> None:
    lab = told(GOAL, [(1.7e308, -1.7e308), (-1.7e308, 1.7e308), (1e-300, 1e-300)])
    front = published(lab)
    assert [m["trial"] for m in front["front"]] == [0]
    assert front["hypervolume"] is None


def test_the_front_is_made_of_what_controller_json_says() -> None:
    lab = told(GOAL, TRIALS)
    body = json.loads(json.dumps(controller(lab.spec, lab.state)))
    assert pareto_front(body) == published(lab)
