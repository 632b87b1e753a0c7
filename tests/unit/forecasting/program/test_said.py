"""What a file says of series becomes the engine's options; what has no meaning is refused with what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.forecasting.program.horizons import usual
from automl_core.forecasting.program.said import Said, said_by, unread
from automl_core.training.config import Config
from automl_core.training.problems import TrainingError
from tests.unit.forecasting.panels import panel


def said(params: dict[str, Any] | None = None, columns: dict[str, Any] | None = None) -> Said:
    roles = {"time": "t", "target": "y", **(columns or {})}
    return said_by(Config(params or {}, {"train": "rows.csv"}, roles, Path("model")))


def test_roles_become_options() -> None:
    options = said({"horizon": 3}, {"series": ["shop", "article"], "known": "holiday"}).options()
    assert (options.time, options.target, options.horizon) == ("t", "y", 3)
    assert (options.series, options.known) == (("shop", "article"), ("holiday",))


def test_options_and_the_learner_s_own_parameters_are_told_apart() -> None:
    found = said({"learner": "ets", "ets.form": "auto", "horizon": 3, "origins": 4})
    assert found.params == {"learner": "ets", "ets.form": "auto"}
    assert found.options().origins == 4


def test_auto_says_no_more_than_leaving_it_out() -> None:
    options = said({"horizon": 3, "season": "auto", "frequency": "auto", "zone": "auto"}).options()
    assert (options.season, options.frequency, options.zone) == (None, None, None)
    given = said({"horizon": 3, "season": [24, 168], "frequency": "h", "zone": "Europe/Berlin"}).options()
    assert (given.season, given.frequency, given.zone) == ((24, 168), "h", "Europe/Berlin")


def test_false_is_said() -> None:
    options = said({"horizon": 3, "test": False, "nonnegative": False}).options()
    assert (options.test, options.non_negative) == (False, False)


def test_a_quantile_is_a_metric() -> None:
    assert said({"horizon": 3, "metric": "pinball", "quantile": 0.9}).options().metric == "pinball(0.9)"
    assert said({"horizon": 3, "metric": "pinball"}).options().metric == "pinball(0.5)"
    with pytest.raises(TrainingError, match="quantile: is for the metric pinball alone"):
        said({"horizon": 3, "quantile": 0.9})


@pytest.mark.parametrize(
    ("params", "columns", "words"),
    [
        ({}, {"sereis": "s"}, "there is no role 'sereis'; did you mean 'series'"),
        ({}, {"target": None}, r"columns\.target is missing"), ({}, {"time": None}, r"columns\.time is missing"),
        ({"horizon": 3}, {"ignore": ["a", "t"]}, "'t' is named as time too"),
        ({"horizon": 3, "levels": [80]}, {}, "did you mean 0.8"), ({"horizon": 0}, {}, "horizon: found 0"),
        ({}, {}, "horizon"), ({"horizon": 3}, {"series": "y"}, "can't be both"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused(params: dict[str, Any], columns: dict[str, Any], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        said(params, columns).options()


def test_columns_without_a_role_are_told_but_for_those_that_are_ignored() -> None:
    found = said({}, {"series": ["s"], "known": "k", "ignore": ["a"]})
    assert unread(found, ["t", "y", "s", "k", "a", "b", "c"]) == ["b", "c"]


@pytest.mark.parametrize(
    ("frequency", "steps"),
    [("YS", 6), ("QE", 8), ("MS", 18), ("W-MON", 13), ("D", 14), ("B", 14), ("h", 48), ("30min", 48), ("15min", 96),
     ("s", 48), ("step", 10)],
)  # fmt: skip
def test_the_usual_horizon_is_that_of_the_m4_competition(frequency: str, steps: int) -> None:
    assert usual(panel([[1.0] * 1000], frequency)) == steps


def test_of_short_series_a_fifth_is_forecast_and_a_step_at_least() -> None:
    assert usual(panel([[1.0] * 30], "MS")) == 6
    assert usual(panel([[1.0] * 3], "MS")) == 1
