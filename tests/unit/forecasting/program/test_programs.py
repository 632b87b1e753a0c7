"""The whole way of series by their programs, as the platform calls them: prepare, trials, conclude."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from automl_core.forecasting.learners import registry
from automl_core.forecasting.prepared import Prepared
from automl_core.forecasting.program import conclude, preload, prepare, trial
from automl_core.forecasting.trial import TrialResult
from automl_core.training.problems import TrainingError

DAYS = 120
SHOPS = {"north": 100.0, "south": 20.0}
WEEK = (0.0, 1.0, 2.0, 3.0, 4.0, 9.0, 6.0)


class Way:
    """The folders and files of one run."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.place, self.patch, self.capsys = place, monkeypatch, capsys
        self.columns: dict[str, Any] = {"time": "day", "target": "sales", "series": "shop"}
        self.options: dict[str, Any] = {"horizon": 7, "origins": 3, "levels": [0.8, 0.95]}

    def call(self, program: Any, folder: str, **params: Any) -> list[str]:
        """Run a program's main; returns what it printed."""
        body = {**self.options, **params, "data": {"train": str(self.place / "sales.csv")}, "columns": self.columns}
        file = self.place / "spec.yaml"
        file.write_text(yaml.safe_dump(body))
        target = self.place / folder
        target.mkdir(exist_ok=True)
        self.patch.setenv("AUTOML_MODEL_DIR", str(target))
        self.patch.setenv("AUTOML_PREPARED_DIR", str(self.place / "prepared"))
        self.patch.setattr("sys.argv", ["program", "--config", str(file)])
        self.capsys.readouterr()
        program.main()
        return self.capsys.readouterr().out.splitlines()

    def trial(self, number: int, learner: str, **params: Any) -> list[str]:
        self.patch.setenv("AUTOML_TRIAL_ID", str(number))
        return self.call(trial, f"trial{number}", learner=learner, **params)

    def conclude(self, numbers: list[int], folder: str = "model") -> list[str]:
        trials = [
            {"number": number, "state": "SUCCEEDED", "model": str(self.place / f"trial{number}")} for number in numbers
        ]
        (self.place / "trials.json").write_text(json.dumps({"experiment": {"name": "shops"}, "trials": trials}))
        self.patch.setenv("AUTOML_TRIALS_FILE", str(self.place / "trials.json"))
        return self.call(conclude, folder)

    @property
    def prepared(self) -> Prepared:
        return Prepared.load(self.place / "prepared")


@pytest.fixture
def way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Way:
    """Two shops, daily with a week's rhythm and a day missing."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with (tmp_path / "sales.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("shop", "day", "sales", "holiday", "clerk"))
        for shop, level in SHOPS.items():
            for number in range(DAYS):
                day = dt.date(2026, 1, 5) + dt.timedelta(number)
                if (shop, number) == ("south", 50):
                    continue
                wave = 1.5 * math.sin(number * 1.7 + level)
                rows.writerow((shop, day.isoformat(), level + WEEK[day.weekday()] + wave, int(number % 30 == 0), "x"))
    return Way(tmp_path, monkeypatch, capsys)


def steps_of(printed: list[str]) -> list[dict[str, str]]:
    return [dict(part.split("=") for part in line.split()) for line in printed if line.startswith("origin=")]


def test_from_a_table_to_a_model_its_report_and_its_forecasts(way: Way) -> None:
    log = way.call(prepare, "prepared")
    assert "note – 2 series with 239 values, daily, seasons of 7 steps" in log
    assert any("not read, since they have no role: holiday, clerk" in line for line in log), log
    assert any("gaps (south)" in line for line in log), log
    printed = steps_of(way.trial(0, "seasonal_naive"))
    assert [step["origin"] for step in printed] == ["1", "2", "3"]
    result = TrialResult.load(way.place / "trial0", 0, way.prepared)
    assert float(printed[-1]["loss"]) == pytest.approx(result.value, rel=1e-8), "the last is the trial's own value"
    assert float(printed[0]["mase"]) == pytest.approx(result.origins[0], rel=1e-8)
    assert float(printed[1]["mase"]) == pytest.approx(sum(result.origins[:2]) / 2, rel=1e-8), "so far, it is the mean"
    assert (way.place / "trial0" / "predictions.parquet").is_file()
    way.trial(1, "boosted", **{"boosted.iterations": 30})
    log = way.conclude([0, 1])
    assert "note – 2 trials to choose from" in log
    model = way.place / "model"
    report = json.loads((model / "report.json").read_text())
    assert report["test"]["untouched"] is True
    assert report["test"]["metrics"]["mase"]["value"] < 1.2
    assert {each["trial"] for each in report["leaderboard"]} == {0, 1}
    assert [each["level"] for each in report["coverage"]] == [0.8, 0.95]
    assert "shops: forecasting sales" in (model / "report.html").read_text(encoding="utf-8")
    with (model / "forecast.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["day"] for row in rows[:7]] == [f"2026-05-{day:02d}" for day in range(5, 12)], "after the last day"
    assert {row["shop"] for row in rows} == set(SHOPS)
    for row in rows:
        assert float(row["lower_95"]) <= float(row["lower_80"]) <= float(row["forecast"]) <= float(row["upper_95"])
        weekday = dt.date.fromisoformat(row["day"]).weekday()
        assert float(row["forecast"]) == pytest.approx(SHOPS[row["shop"]] + WEEK[weekday], abs=4), "the week's rhythm"


def test_from_the_same_trials_come_the_same_bytes(way: Way) -> None:
    way.call(prepare, "prepared")
    way.trial(0, "seasonal_naive")
    made = []
    for number in range(2):
        way.conclude([0], f"model{number}")
        folder = way.place / f"model{number}"
        made.append({
            path.relative_to(folder): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith("report.")
        })  # fmt: skip
    assert made[0] == made[1]


def test_without_a_horizon_one_is_chosen_and_said(way: Way) -> None:
    del way.options["horizon"]
    log = way.call(prepare, "prepared")
    assert any(line.startswith("note – horizon – 14 steps") for line in log), log
    assert way.prepared.options.horizon == 14


def test_a_learner_without_its_library_is_a_failed_trial_with_its_reason(way: Way) -> None:
    way.call(prepare, "prepared")
    way.patch.setattr(registry, "installed", lambda: ["seasonal_naive"])
    with pytest.raises(TrainingError, match="boosted needs its library, which is not installed"):
        way.trial(0, "boosted")
    with pytest.raises(TrainingError, match="there is no learner 'seasonal'; did you mean 'seasonal_naive'"):
        way.trial(0, "seasonal")


def test_a_learner_that_can_not_forecast_is_a_failed_trial_that_the_model_does_without(way: Way) -> None:
    way.call(prepare, "prepared")
    way.trial(0, "seasonal_naive")
    with pytest.raises(TrainingError, match="boosted can't forecast these series: ValueError"):
        way.trial(1, "boosted", **{"boosted.learning_rate": "fast"})
    assert TrialResult.load(way.place / "trial1", 1, way.prepared).state == "failed"


def test_a_budget_is_so_many_origins(way: Way) -> None:
    way.call(prepare, "prepared")
    way.patch.setenv("AUTOML_BUDGET", "2")
    assert len(steps_of(way.trial(0, "seasonal_naive"))) == 2


def test_series_are_read_once_by_a_process_that_forks(way: Way) -> None:
    way.call(prepare, "prepared")
    preload.before_fork({"AUTOML_PREPARED_DIR": str(way.place / "prepared")})
    first = preload.load(way.place / "prepared")
    assert preload.load(way.place / "prepared") is first
    (way.place / "other").mkdir()
    with pytest.raises(TrainingError, match="no prepared series can be read"):
        preload.load(way.place / "other")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"time": "date"}, "date"), ({"target": "sale"}, "sale"), ({"series": ["shop", "town"]}, "town"),
        ({"known": ["weather"]}, "weather"),
    ],
)  # fmt: skip
def test_a_column_that_is_not_there_is_named_with_the_nearest(way: Way, columns: dict[str, Any], words: str) -> None:
    way.columns |= columns
    with pytest.raises(TrainingError, match=words):
        way.call(prepare, "prepared")
