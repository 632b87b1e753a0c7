"""The model of a search: who is in it, what it forecasts, what its intervals hold, and the library path to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from automl_core import forecasting
from automl_core.cli.app import app
from automl_core.forecasting.conclude import _notes, conclude
from automl_core.forecasting.finals import Final
from automl_core.forecasting.learners import registry
from automl_core.forecasting.learners.shape import Shape
from automl_core.forecasting.searching import Search, spaces
from automl_core.forecasting.space import offered, portfolio, space
from automl_core.forecasting.trial import TrialResult, run_trial
from automl_core.training.problems import TrainingError
from tests.unit.forecasting.engine import options, prepared, sales
from tests.unit.forecasting.panels import days

SHAPE = Shape(series=3, shortest=30, median=60, longest=90, horizon=7, seasons=(7,))


def _results(ready: Any) -> list[TrialResult]:
    return [
        run_trial(ready, {"learner": name}, number=at) for at, name in enumerate(("seasonal_naive", "intermittent"))
    ]


def test_a_model_forecasts_the_week_and_its_intervals_hold(tmp_path: Path) -> None:
    ready = prepared()
    done = conclude(ready, _results(ready), folder=tmp_path / "model")
    rows = list(done.model.forecast())
    assert len(rows) == 3 * 7
    for place, row in enumerate(rows[:7]):
        assert row["forecast"] == pytest.approx(
            [10.0, 20, 30, 40, 50, 60, 70][place], abs=8
        )  # 70 days: weeks are whole
        assert row["lower_95"] <= row["lower_80"] <= row["forecast"] <= row["upper_80"] <= row["upper_95"]
        assert row["lower_95"] >= 0
    said = json.loads((tmp_path / "model" / "report.json").read_text())
    assert said["leaderboard"][0]["learner"] == "seasonal_naive"
    assert sum(each["weight"] for each in said["ensemble"]) == pytest.approx(1.0)
    assert said["test"]["untouched"] is True
    assert said["test"]["metrics"]["mase"]["value"] < 1.5
    assert {each["level"] for each in said["coverage"]} == {0.8, 0.9, 0.95}
    assert (tmp_path / "model" / "report.html").is_file()


def test_the_same_trials_make_the_same_model(tmp_path: Path) -> None:
    ready = prepared()
    results = _results(ready)
    for name in ("one", "two"):
        conclude(ready, results, folder=tmp_path / name, check=False)
    one, two = ((tmp_path / name / "scorer.json").read_bytes() for name in ("one", "two"))
    assert one == two
    assert (tmp_path / "one" / "model.json").read_bytes() == (tmp_path / "two" / "model.json").read_bytes()


def test_a_last_fit_that_breaks_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # of one series and few origins nobody is left out
    ready = prepared(sales(shops=1, count=60), series=(), origins=2, test=False)
    results = _results(ready)
    found = registry.find

    class Broken:
        def fit(self, *_: Any, **__: Any) -> Any:
            raise ValueError("no more")

    monkeypatch.setattr(registry, "find", lambda name: Broken() if name == "intermittent" else found(name))
    done = conclude(ready, results, folder=tmp_path / "model", check=False)
    assert [each["trial"] for each in done.report["ensemble"]] == [0]
    assert any("last fit failed: ValueError: no more" in note for note in done.report["notes"])


def test_no_usable_trial_is_no_model_and_each_reason_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="trial 3, ets: it fell over"):
        conclude(prepared(), [TrialResult(3, {"learner": "ets"}, reason="it fell over")], folder=tmp_path / "model")


def test_the_best_alone_where_one_member_is_asked_for(tmp_path: Path) -> None:
    ready = prepared(ensemble=1)
    done = conclude(ready, _results(ready), folder=tmp_path / "model", check=False)
    assert [each["trial"] for each in done.report["ensemble"]] == [0]


def test_fit_in_one_call_and_what_can_be_asked_of_it(tmp_path: Path) -> None:
    seen: list[str] = []
    model = forecasting.fit(
        sales(), options=options(), progress=lambda result: seen.append(result.learner), check=False,
    )  # fmt: skip
    assert seen == ["seasonal_naive", "intermittent"]
    rows = list(model.forecast(3, series="shop 1", levels=[0.5]))
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert {"lower_50", "upper_50"} <= set(rows[0])
    assert [each["learner"] for each in model.leaderboard] == ["seasonal_naive", "intermittent"]
    assert {each["level"] for each in model.intervals} == {0.8, 0.9, 0.95}
    assert len(model.series) == 3
    kept = model.save(tmp_path / "kept")
    assert (kept / "model.json").is_file()
    with pytest.raises(TrainingError, match="exists"):
        model.save(kept)
    assert "3 series" in repr(model)


def test_newer_rows_run_the_model_on() -> None:
    table = sales(count=80)
    early = table.filter(np.array([each.toordinal() < 738_960 for each in table.column("day").to_pylist()]))
    assert len(early) < len(table)
    model = forecasting.fit(early, options=options(), check=False)
    before = model.forecast()[0]
    model.update(table)
    after = model.forecast()[0]
    assert after["day"] > before["day"]


def test_trials_that_are_asked_for_are_searched_and_a_seed_repeats_them(tmp_path: Path) -> None:
    ready = prepared(iterations=4, seed=3)
    runs = [Search(ready, tmp_path / name).run() for name in ("one", "two")]
    assert [each.params for each in runs[0].results] == [each.params for each in runs[1].results]
    assert 2 <= len(runs[0].results) <= 4
    assert runs[0].why
    assert TrialResult.load(tmp_path / "one", 0, ready).value == runs[0].results[0].value


def test_a_deadline_that_is_over_still_leaves_one_trial(tmp_path: Path) -> None:
    found = Search(prepared(), tmp_path, deadline=0.0).run()
    assert [each.learner for each in found.results] == ["seasonal_naive"]
    assert "deadline" in found.why


def test_an_exit_score_ends_the_search(tmp_path: Path) -> None:
    found = Search(prepared(exit_score=50.0), tmp_path).run()
    assert len(found.results) == 1
    assert "exit score" in found.why


def test_learners_are_offered_by_name_and_shape() -> None:
    assert [each.name for each in offered(SHAPE, ["intermittent"])] == ["intermittent"]
    with pytest.raises(TrainingError, match="did you mean 'theta'"):
        offered(SHAPE, ["teta"])
    with pytest.raises(TrainingError, match="no learner is left"):
        offered(SHAPE, ["seasonal_naive"], ["seasonal_naive"])
    assert "arima" not in [each.name for each in offered(SHAPE)]


def test_a_space_of_one_learner_has_no_choice_and_conditions_name_their_learner() -> None:
    one = space(SHAPE, offered(SHAPE, ["intermittent"]))
    assert one["learner"] == {"type": "fixed", "value": "intermittent"}
    assert all("when" not in each for each in one.values())
    two = space(SHAPE, offered(SHAPE, ["intermittent", "boosted"]))
    assert all(
        each["when"]["learner"] == [name.partition(".")[0]] for name, each in two.items() if name != "learner"
    )  # fmt: skip


def test_first_trials_take_turns_and_none_comes_twice() -> None:
    learners = offered(SHAPE, ["seasonal_naive", "intermittent", "boosted"])
    first = portfolio(SHAPE, learners, space(SHAPE, learners))
    names = [each["learner"] for each in first]
    assert sorted(names[:3]) == ["boosted", "intermittent", "seasonal_naive"]
    assert all(first.count(each) == 1 for each in first)


def test_what_is_searched_is_what_the_options_leave() -> None:
    parameters, first = spaces(prepared(allowed=("seasonal_naive",)))
    assert parameters["learner"]["value"] == "seasonal_naive"
    assert {each["learner"] for each in first} == {"seasonal_naive"}


def test_what_fell_below_zero_in_the_test_may_be_forecast_below_zero(tmp_path: Path) -> None:
    table = sales(shops=2, count=70)
    values = table.column("sold").to_numpy().copy()
    values[66:70] = -40.0  # the last week of the first shop, which no trial sees
    ready = prepared(table.set_column(2, "sold", pa.array(values)))
    assert ready.non_negative.tolist() == [True, True]
    done = conclude(ready, _results(ready)[:1], folder=tmp_path / "model", check=False)
    assert min(row["forecast"] for row in done.model.forecast(series="shop 0")) == pytest.approx(-40.0)
    assert done.model.forecaster.low.tolist() == [-np.inf, 0.0]


def test_series_that_never_move_have_no_width_and_those_of_few_values_the_usual_one(tmp_path: Path) -> None:
    table = sales(shops=2, count=70)
    known = {name: table.column(name).to_pylist() for name in table.column_names}
    for shop, count in (("same", 70), ("new", 2)):
        known["shop"] += [shop] * count
        known["day"] += days(70)[-count:]
        known["sold"] += [40.0] * count
    ready = prepared(pa.table(known))
    done = conclude(ready, _results(ready), folder=tmp_path / "model", check=False)
    same, new = (list(done.model.forecast(series=shop)) for shop in ("same", "new"))
    assert {(row["lower_95"], row["forecast"], row["upper_95"]) for row in same} == {(40.0, 40.0, 40.0)}
    assert all(row["upper_80"] - row["lower_80"] > 0.5 for row in new)
    assert ready.origins.by == "date"


def test_every_member_says_what_it_did_not_do() -> None:
    of_ets = Final(TrialResult(0, {"learner": "ets"}), np.ones(2), [], {"a": "ets failed", "b": "both"})
    of_theta = Final(TrialResult(1, {"learner": "theta"}), np.ones(2), [], {"a": "theta failed", "b": "both"})
    assert _notes([of_ets, of_theta]) == {"a": "ets failed; theta failed", "b": "both"}


def test_forecasts_beside_the_model_are_written_as_those_that_it_makes(tmp_path: Path) -> None:
    ready = prepared(sales(shops=2), zone=None, levels=(0.5, 0.999))
    conclude(ready, _results(ready), folder=tmp_path / "model", check=False)
    out = tmp_path / "out.csv"
    assert CliRunner().invoke(app, ["predict", str(tmp_path / "model"), "--out", str(out)]).exit_code == 0
    assert out.read_bytes() == (tmp_path / "model" / "forecast.csv").read_bytes()
    assert ",0," in out.read_text()  # bounds that end there: whole numbers have no point
