"""The most that an experiment may come to, by its own limits."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.preview.limits import most_of
from automl_core.spec.validation import validate


def most(trials: dict[str, Any], stop: dict[str, Any], *tasks: dict[str, Any]) -> dict[str, Any]:
    data = {
        "name": "a", "goal": {"metric": "m", "direction": "maximize"},
        "space": {"x": {"type": "choice", "values": [1]}}, "trials": trials, "stop": stop,
        "tasks": [{"name": f"t{k}", "command": "true ${x}", **task} for k, task in enumerate(tasks or ({},))],
    }  # fmt: skip
    experiment, problems = validate(data)
    assert experiment is not None, problems
    return most_of(experiment)


@pytest.mark.parametrize(
    ("trials", "stop", "tasks", "seconds", "cost"),
    [
        ({"concurrency": 3}, {"deadline": "20m"}, ({"cost_per_hour": 2},), 3600, 2.0),
        ({"concurrency": 3}, {"deadline": "20m", "max_duration": "10m"}, ({},), 1800, 0.0),
        ({"max": 4, "retries": 1, "timeout": "1m"}, {}, ({"cost_per_hour": 1}, {"cost_per_hour": 6}), 960, 1.6),
        ({"concurrency": 3}, {"deadline": "1h", "max_cost": 1.5}, ({"cost_per_hour": 2},), 10800, 1.5),
        ({}, {"max_cost": 1.5}, ({"cost_per_hour": 2},), None, 1.5),
        ({}, {}, ({"cost_per_hour": 2},), None, None),
    ],
)
def test_the_tightest_limit_counts(
    trials: dict[str, Any], stop: dict[str, Any], tasks: tuple[dict[str, Any], ...], seconds: float, cost: float
) -> None:
    assert most(trials, stop, *tasks) == {"seconds": seconds, "cost": cost}
