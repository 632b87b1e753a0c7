"""What an experiment will be, before it runs: its size, time and cost, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automl_core.preview.checks import check_experiment, check_file
from automl_core.preview.preview import given_pace, preview
from automl_core.spec.errors import SpecError, format_path
from automl_core.spec.models import Experiment
from tests.sources import gallery

GALLERY = gallery()


def experiment(**groups: Any) -> Experiment:
    body: dict[str, Any] = {
        "name": "e",
        "goal": {"metric": "x", "direction": "minimize"},
        "space": {
            "a": {"type": "choice", "values": [1, 2, 3]},
            "b": {"type": "int", "low": 1, "high": 4, "when": {"a": [1]}},
        },
        "tasks": [{"command": ["x"], "cost_per_hour": 2}, {"name": "score", "command": ["x"], "cost_per_hour": 4}],
        **groups,
    }
    return Experiment.model_validate(body)


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.name)
def test_the_gallery_is_good_and_can_be_previewed(path: Path) -> None:
    found = preview(check_file(path), combinations=3)
    assert found.trials >= 1
    assert found.slots >= found.trials
    assert 1 <= len(found.first) <= 3
    assert found.forecast is None


def test_size_jobs_and_first_combinations() -> None:
    found = preview(experiment(search={"algorithm": "grid"}, trials={"max": 50, "concurrency": 3}), combinations=2)
    assert (found.size, found.trials, found.jobs, found.concurrency, found.known) == (6, 6, 12, 3, 6)
    assert [c.params for c in found.first] == [{"a": 1, "b": 1}, {"a": 1, "b": 2}]
    assert found.to_json()["first"][1] == {"number": 1, "params": {"a": 1, "b": 2}, "budget": None}


def test_time_and_cost_with_trials_at_once() -> None:
    chosen = experiment(search={"algorithm": "grid"}, trials={"max": 50, "concurrency": 4})
    found = preview(chosen, given_pace(chosen, 3600.0, None), "given").forecast
    assert found is not None
    assert found.seconds_left == 7200.0  # six trials, four at a time
    assert found.cost_left == pytest.approx(18.0)  # six hours, half at 2 and half at 4


def test_the_time_of_a_unit_and_of_a_whole_trial_agree() -> None:
    chosen = experiment(trials={"max": 5, "budget": {"max": 27}})
    whole, unit = given_pace(chosen, 270.0, None), given_pace(chosen, None, 10.0)
    assert whole == unit
    assert whole is not None
    assert whole.seconds(27) == 270.0
    assert given_pace(chosen, None, None) is None


def test_problems_have_the_path_of_their_field(tmp_path: Path) -> None:
    wrong = experiment(search={"algorithm": "sobl", "warm_start": [{"a": 9}, {"c": 1}]}, schedule="every day")
    assert [format_path(p.path) for p in check_experiment(wrong)] == [
        "search.warm_start[0].a", "search.warm_start[1].c", "search.algorithm", "schedule",
    ]  # fmt: skip


@pytest.mark.parametrize("schedule", [None, "@daily", "0 6 * * 1-5", "*/10 * * * *", {"assets": ["data"]}])
def test_schedules_that_airflow_takes(schedule: Any) -> None:
    assert check_experiment(experiment(schedule=schedule)) == []


def test_an_algorithm_that_needs_a_budget() -> None:
    (problem,) = check_experiment(experiment(search={"algorithm": "hyperband"}))
    assert format_path(problem.path) == "search.algorithm"
    assert "budget" in str(problem)


def test_a_shell_command_is_checked_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(
        "name: e\ngoal: {metric: x, direction: minimize}\nspace: {a: {type: int, low: 1, high: 2}}\n"
        "tasks:\n- name: t\n  command: |\n    cat <<'END'\n    ${a}\n    END\n"
    )
    with pytest.raises(SpecError, match=r"e\.yaml:6: tasks\[0\]\.command: "):
        check_file(path)


def test_what_runs_before_and_after_the_trials_and_the_time_that_is_kept_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from automl_core.cli.app import main

    plain = preview(experiment())
    assert (plain.stages, plain.deadline, plain.reserve) == ({}, None, 0.0)
    stages: dict[str, Any] = {
        "prepare": [{"name": "join", "command": "true"}, {"name": "split", "command": "true"}],
        "conclude": [{"name": "refit", "command": "true", "timeout": "5m"}],
    }
    found = preview(experiment(**stages, stop={"deadline": "1h"}))
    assert (found.deadline, found.reserve) == (3600.0, 310.0)
    assert found.to_json()["stages"]["conclude"] == (("refit", "local"),)
    file = tmp_path / "e.yaml"
    file.write_text(json.dumps(experiment(**stages, stop={"deadline": "1h"}).model_dump(mode="json")))
    assert main(["preview", str(file)]) == 0
    said = capsys.readouterr().out
    assert "prepare      join (local) → split (local), once, before the first trial" in said
    assert "conclude     refit (local), once, after the last trial" in said
    assert "deadline     1h 00m for everything, of which 5m 10s are kept for conclude" in said
