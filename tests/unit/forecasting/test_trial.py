"""A trial: origin by origin, never an exception, never a look at the test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from automl_core.forecasting.learners import registry
from automl_core.forecasting.prepared import Prepared
from automl_core.forecasting.trial import TrialResult, run_trial
from automl_core.training.problems import TrainingError
from tests.unit.forecasting.engine import options, prepared, sales


def test_each_origin_is_told_as_it_ends_and_the_last_value_is_the_trials() -> None:
    ready, told = prepared(), []
    result = run_trial(ready, {"learner": "seasonal_naive"}, on_origin=lambda place, value: told.append((place, value)))
    assert result.usable, result.reason
    assert [place for place, _ in told] == list(range(len(ready.origins)))
    assert told[-1][1] == result.value == pytest.approx(np.mean(result.origins))
    assert result.forecasts.shape == (len(ready.origins), 3, 7)
    assert set(result.series) == set(ready.panel.names)


def test_its_forecasts_are_of_what_was_known_then() -> None:
    ready = prepared()
    result = run_trial(ready, {"learner": "seasonal_naive"})
    for place, ends in enumerate(ready.origins.ends):
        for series, end in enumerate(ends):
            values = ready.panel.series[series].values
            expected = values[end - 7 : end] if end >= 0 else np.full(7, np.nan)
            assert result.forecasts[place, series] == pytest.approx(expected, nan_ok=True)


def test_what_comes_after_the_test_began_changes_nothing() -> None:
    """Values of the test are doubled: no trial may notice."""
    ready = prepared()
    assert ready.tested is not None
    series = tuple(
        replace(one, values=np.where(np.arange(len(one.values)) >= end, 2 * one.values + 7, one.values))
        for one, end in zip(ready.panel.series, ready.tested, strict=True)
    )
    other = replace(ready, panel=replace(ready.panel, series=series))
    for learner in ("seasonal_naive", "intermittent"):
        one, two = run_trial(ready, {"learner": learner}), run_trial(other, {"learner": learner})
        assert one.value == two.value
        assert one.test.shape == (3, 7)
        assert (one.test == two.test).all()


def test_a_learner_that_breaks_is_a_failed_trial_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def fit(self, *_: Any, **__: Any) -> Any:
            raise ZeroDivisionError("of nothing")

    monkeypatch.setattr(registry, "find", lambda name: Broken())
    result = run_trial(prepared(), {"learner": "broken"})
    assert (result.state, result.usable, result.reason) == ("failed", False, "ZeroDivisionError: of nothing")


def test_forecasts_that_are_no_numbers_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fitted:
        notes: ClassVar[dict[str, str]] = {}
        importing = 0.0

        def forecast(self, panel: Any, ends: Any, horizon: int) -> Any:
            return np.full((len(ends), horizon), np.inf)

    class Wild:
        def fit(self, *_: Any, **__: Any) -> Any:
            return Fitted()

    monkeypatch.setattr(registry, "find", lambda name: Wild())
    result = run_trial(prepared(), {"learner": "wild"})
    assert result.state == "failed"
    assert "not finite" in result.reason


def test_one_that_is_stopped_has_the_value_of_what_it_saw() -> None:
    result = run_trial(prepared(), {"learner": "seasonal_naive"}, should_stop=lambda place, _: place == 1)
    assert (result.state, len(result.origins), result.usable) == ("stopped", 2, False)
    assert result.value == pytest.approx(np.mean(result.origins))
    assert "after 2 of" in result.reason


def test_forecasts_of_series_that_were_never_negative_are_not() -> None:
    table = sales()
    low = table.set_column(2, "sold", [[max(each - 60.0, 0.0) for each in table.column("sold").to_pylist()]])
    ready = prepared(low)
    assert ready.non_negative.all()
    assert ready.bounded(np.array([[-1.0], [2.0], [-3.0]])).tolist() == [[0.0], [2.0], [0.0]]
    free = prepared(low, non_negative=False)
    assert free.bounded(np.array([[-1.0], [2.0], [-3.0]])).tolist() == [[-1.0], [2.0], [-3.0]]
    assert not prepared(
        table.set_column(2, "sold", [[-each for each in table.column("sold").to_pylist()]])
    ).non_negative.any()


def test_kept_and_read_back(tmp_path: Path) -> None:
    ready = prepared()
    result = run_trial(ready, {"learner": "seasonal_naive"}, number=4)
    result.save(tmp_path)
    back = TrialResult.load(tmp_path, 4, ready)
    assert back.summary() == result.summary()
    assert (back.loss, back.usable) == (result.loss, True)
    assert np.array_equal(back.forecasts, result.forecasts, equal_nan=True)
    assert np.array_equal(back.test, result.test)


def test_a_trial_of_other_series_is_refused(tmp_path: Path) -> None:
    run_trial(prepared(), {"learner": "seasonal_naive"}).save(tmp_path)
    with pytest.raises(TrainingError, match="of other series"):
        TrialResult.load(tmp_path, 0, prepared(sales(shops=2)))
    with pytest.raises(TrainingError, match="trial 9 can't be read"):
        TrialResult.load(tmp_path, 9, prepared())


def test_parameters_reach_their_learner_without_its_name() -> None:
    result = TrialResult(0, {"learner": "ets", "ets.form": "all", "theta.form": "STM"})
    assert result.own == {"form": "all"}


def test_prepared_series_are_kept_and_read_back(tmp_path: Path) -> None:
    ready = prepared(season=7, levels=[0.5])
    ready.save(tmp_path)
    back = Prepared.load(tmp_path)
    assert back.options == options(season=7, levels=[0.5])
    assert (back.panel.names, back.panel.grid, back.panel.key_values) == (
        ready.panel.names, ready.panel.grid, ready.panel.key_values,
    )  # fmt: skip
    assert (back.seasons, back.season, back.fingerprint) == ((7,), 7, ready.fingerprint)
    assert all(
        np.array_equal(one.values, two.values) for one, two in zip(back.panel.series, ready.panel.series, strict=True)
    )
    assert run_trial(back, {"learner": "seasonal_naive"}).value == run_trial(ready, {"learner": "seasonal_naive"}).value
    (tmp_path / "prepared.json").write_text(
        (tmp_path / "prepared.json").read_text().replace('"format": 1', '"format": 9')
    )
    with pytest.raises(TrainingError, match="another release"):
        Prepared.load(tmp_path)


def test_another_value_is_another_fingerprint() -> None:
    table = sales()
    values = table.column("sold").to_pylist()
    values[5] += 1e-9
    assert (
        prepared(table.set_column(2, "sold", [values])).fingerprint
        != prepared(table).fingerprint
        == prepared(table).fingerprint
    )


@pytest.mark.parametrize("source", [3, [1, 2], object()])
def test_what_is_no_table_is_refused_in_words(source: Any) -> None:
    with pytest.raises(TrainingError, match="data:"):
        prepared(source)


def test_series_that_never_move_are_judged_by_their_errors_and_go_on(tmp_path: Path) -> None:
    """Nothing divides MASE there."""
    flat = sales()
    ready = prepared(flat.set_column(2, "sold", [[5.0] * len(flat)]))
    result = run_trial(ready, {"learner": "seasonal_naive"})
    assert (result.usable, result.loss) == (True, 0.0)
    assert "not defined" in result.reason
    result.save(tmp_path)
    back = TrialResult.load(tmp_path, 0, ready)
    assert (back.usable, back.loss, back.reason) == (True, 0.0, result.reason)


def test_a_series_that_began_late_is_not_judged_where_it_had_nearly_nothing() -> None:
    ready = prepared(sales(count=80))
    assert (ready.past.lengths == [73, 73, 33]).all()
    assert (ready.first_ends[:2] < ready.past.lengths[:2] * 0.7).all()
    assert ready.first_ends[2] >= 15  # two seasons and a value
    assert ready.origins.ends[-1].tolist() == [66, 66, 26]
    short = prepared(sales(count=80).filter([True] * 160 + [False] * 16 + [True] * 24))
    assert short.first_ends[2] == short.origins.ends[-1, 2] == 10  # its latest in any case
    asked = prepared(sales(count=80), origins=5, step=10)
    assert len(asked.origins) == 5
