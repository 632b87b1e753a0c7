"""The model of series on the run's page: what conclude has told, one series with its forecasts, and the report."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from automl_core.forecasting.report import render
from automl_core.views import forecasting
from tests.support.series_reports import SALES
from tests.unit.web.conftest import World, body_of, path
from tests.unit.web.test_tables import leave


@pytest.fixture
def run(world: World, fresh: Callable[..., tuple[str, str]]) -> tuple[str, str]:
    """A run whose conclude has left a report and plots."""
    name, run_id = fresh(until=None, state="success")
    leave(world, (name, run_id), "report.json", json.dumps(SALES).encode())
    leave(world, (name, run_id), "report.html", render(SALES).encode())
    leave(world, (name, run_id), "plots.json", json.dumps({"plots": SALES["plots"]}).encode())
    return name, run_id


def test_forecasts_are_there_for_who_may_read(world: World, run: tuple[str, str]) -> None:
    found = body_of(world.client("vic").get(path(*run, "/forecast")))
    assert found == forecasting.forecast_of(json.dumps(SALES).encode())
    assert world.client(None).get(path(*run, "/forecast")).status_code == 401
    again = world.client("vic").get(path(*run, "/table/report"))
    assert "Forecasting sales" in again.text


def test_a_series_is_asked_for_by_its_name(world: World, run: tuple[str, str]) -> None:
    found = body_of(world.client("vic").get(path(*run, "/forecast/series"), params={"series": "south"}))
    assert (found["series"], len(found["forecasts"])) == ("south", 3)
    assert body_of(world.client("vic").get(path(*run, "/forecast/series")))["series"] == "north", "the worst is first"
    answer = world.client("vic").get(path(*run, "/forecast/series"), params={"series": "../../x"})
    assert answer.status_code == 404
    assert "no plot of this series" in answer.json()["detail"]
    assert world.client(None).get(path(*run, "/forecast/series")).status_code == 401


def test_before_conclude_there_are_no_forecasts(world: World, fresh: Callable[..., tuple[str, str]]) -> None:
    run = fresh(until=None, state="success")
    assert body_of(world.client().get(path(*run, "/forecast"))) == {"kind": None}
    answer = world.client().get(path(*run, "/forecast/series"))
    assert answer.status_code == 404
    assert "conclude makes it" in answer.json()["detail"]
