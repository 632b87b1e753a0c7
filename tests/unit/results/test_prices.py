"""One price of a trial, wherever it is asked for: before it runs, while it runs, and by what judges it."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.preview.preview import given_pace, preview
from automl_core.results.forecast import forecast
from automl_core.results.summary import summary
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.study.progress import progress_of, spent
from tests.unit.results.lab import Lab, experiment

POD: dict[str, Any] = {
    "backend": "kubernetes", "image": "train:1", "resources": {"cpu": "2", "memory": "1G"}, "workers": 2,
    "prices": {"cpu_hour": 7.0, "memory_gb_hour": 4.0}, "cost_per_hour": 36.0,
    "memory_limit_on_oom": {"factor": 2, "max": "4G"},
    "storage_mount": {"path": "/mnt/runs", "claim": "runs"},
}  # fmt: skip
HOURLY = 36.0 + 2 * (2 * 7.0 + 1 * 4.0)
SQL: dict[str, Any] = {"backend": "maxcompute", "sql": "SELECT 1 AS accuracy"}


def pods(**more: Any) -> Experiment:
    return experiment(tasks=[POD | more])


def test_pods_cost_the_same_in_preview_forecast_summary_and_stop_conditions() -> None:
    spec = pods()
    before = preview(spec, given_pace(spec, 3600.0, None), "given").forecast
    assert before is not None
    assert before.cost_left == pytest.approx(4 * HOURLY)
    lab = Lab(spec)
    lab.bind()
    lab.clock.now += 1800
    state, now = lab.state, lab.clock.now
    assert spent(state, spec, now) == pytest.approx(HOURLY / 2)
    assert summary(state, spec, now).cost == pytest.approx(HOURLY / 2)
    assert progress_of(state, spec, now).cost == pytest.approx(HOURLY / 2)


def test_the_limit_on_cost_leaves_what_running_pods_have_not_spent() -> None:
    spec = experiment(tasks=[POD], stop={"max_cost": 4 * HOURLY, "running_trials": "cancel"}, trials={"max": 100})
    lab = Lab(spec)
    slot = lab.bind()
    lab.clock.now += 3600
    lab.end(slot, 0.5, cost=HOURLY)
    lab.bind()
    lab.clock.now += 1800
    assert forecast(lab.state, spec, lab.clock.now).cost_left == pytest.approx(2.5 * HOURLY)


def test_an_attempt_with_more_memory_costs_more_while_it_runs_too() -> None:
    spec = pods()
    lab = Lab(spec)
    slot = lab.bind()
    for _ in range(2):
        lab.end(slot, state=TrialState.FAILED, kind="oom", retry=True, cost=0.0)
        lab.attempt(slot)
    lab.clock.now += 3600
    with_memory = HOURLY + 2 * 3 * 4.0  # 4 GB instead of 1 GB, two workers
    assert spent(lab.state, spec, lab.clock.now) == pytest.approx(with_memory)


@pytest.mark.parametrize(
    ("task", "free"),
    [
        (POD, False),
        (POD | {"prices": {}, "cost_per_hour": 0.0}, True),
        (POD | {"prices": {}, "cost_per_hour": 0.0, "prices_connection": "prices"}, False),
        (SQL, True),
        (SQL | {"prices": {"cu_hour": 2.0}}, False),
        (SQL | {"prices": {"input_gb": 0.1}}, False),
    ],
)
def test_only_what_has_no_price_is_known_to_cost_nothing(task: dict[str, Any], free: bool) -> None:
    spec = experiment(tasks=[task])
    lab = Lab(spec)
    assert forecast(lab.state, spec, lab.clock.now).cost_left == (0.0 if free else None)


@pytest.mark.parametrize("task", [SQL | {"prices": {"cu_hour": 2.0}}, POD | {"prices": {}, "prices_connection": "p"}])
def test_a_price_that_time_does_not_tell_is_not_made_up(task: dict[str, Any]) -> None:
    spec = experiment(tasks=[task], stop={"max_cost": 10.0})
    found = preview(spec, given_pace(spec, 60.0, None), "given").forecast
    assert found is not None
    assert (found.seconds_left, found.cost_left) == (120.0, None)
