"""Evidence on models of series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_core.forecasting.metrics import find
from automl_core.modelfile import series
from automl_core.models.evaluation import EvaluateOptions, NotEvaluated, evaluate, markdown_of
from automl_core.models.evaluation import tests as kinds
from tests.support.series_models import NAMES, document, rows

MANY = tuple(f"s{k}" for k in range(12))


def written(folder: Path, member: int, names: tuple[str, ...] = NAMES, **changes: Any) -> Path:
    lengths = (60,) * len(names)
    whole = document(names=names, lengths=lengths, **changes)
    return series.write(folder, whole | {"members": [whole["members"][member] | {"weight": 1.0}]}, made={})


def sales(names: tuple[str, ...] = NAMES, first: int = 50, until: int = 150, seed: int = 5) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    steps = np.arange(first, until)
    return [row for name in names
            for row in rows(name, first, (10 + steps % 7 + 0.7 * random.normal(size=len(steps))).tolist())]  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("m")
    return written(home / "ets", 0), written(home / "naive", 1)


def of(folders: tuple[Path, Path | None], data: Any, **options: Any) -> dict[str, Any]:
    return evaluate(*folders, data, EvaluateOptions(draws=200, latency=False, **options))[0]


def test_forecasts_begin_where_the_models_end_and_never_overlap(both: tuple[Path, Path]) -> None:
    found = of(both, sales())
    assert found["data"]["origins"] == 6  # 90 values came, 14 steps a window
    assert found["data"]["scored"] == 6 * 14 * 3
    assert found["data"]["left_out"] == [{"why": "of times that a model was fitted on", "rows": 30}]
    assert found["difference"]["method"] == "paired bootstrap of origins, expanded percentiles"
    assert "the mean over series and origins" in found["notes"][-1]


def test_figures_are_those_of_predict_evaluate_at_the_first_origin(both: tuple[Path, Path]) -> None:
    from automl_core.forecasting.against import compared, kept

    data = sales(until=74)
    found = of((both[0], None), data, metric="mae")
    model = series.load(both[0])
    names = list(model.names)
    told = compared(model.forecaster, model.forecast(14).arrays, model.read(data), kept(model.forecaster, names))
    assert found["values"]["challenger"] == pytest.approx(told.metrics()["mae"], rel=1e-12)
    assert found["metrics"]["mase"]["challenger"]["value"] == pytest.approx(told.metrics()["mase"], rel=1e-12)
    assert found["calibration"]["challenger"]["levels"]["0.8"] == pytest.approx(told.coverage()[0.8])


def test_models_are_run_on_by_their_own_update(both: tuple[Path, Path]) -> None:
    data = sales()
    found = of((both[1], None), data, metric="mae")
    model, wanted = series.load(both[1]), []
    for origin in (59, 74, 89, 104, 119, 135):
        model.update([row for row in data if model.read([row]).slot[0] <= origin])
        came = np.asarray([[row["sales"] for row in data if row["store"] == name] for name in NAMES])
        ahead = came[:, origin + 1 - 50 : origin + 15 - 50]
        wanted.append(find("mae").per_series(ahead, model.forecast(14).arrays.values))
    assert found["values"]["challenger"] == pytest.approx(float(np.mean(wanted)), rel=1e-9)


def test_many_series_are_drawn_as_series(tmp_path: Path) -> None:
    folders = written(tmp_path / "n", 0, MANY), written(tmp_path / "o", 1, MANY)
    found = of(folders, sales(MANY), slices=("store",))
    assert found["difference"]["method"] == "paired bootstrap of series, expanded percentiles"
    assert {each["state"] for each in found["slices"]} == {"few"}
    assert [each["value"] for each in found["slices"]] == sorted(MANY)


def test_a_model_that_ends_later_decides_where_the_first_origin_is(both: tuple[Path, Path], tmp_path: Path) -> None:
    later = series.load(both[0])
    data = sales()
    later.update([row for row in data if later.read([row]).slot[0] <= 100])
    found = of((later.save(tmp_path / "later"), both[1]), data)
    assert found["data"]["origins"] == 3  # 49 values are left
    assert found["cases"]["counts"]["unseen"] == 0


def test_nothing_newer_than_the_models_can_not_be_told(both: tuple[Path, Path]) -> None:
    found = of(both, sales(until=60))
    assert found["verdict"]["ok"] is None
    assert found["data"]["scored"] == 0
    assert any("nothing came after 2024-02-29" in note for note in found["notes"])
    assert markdown_of(found).startswith("## It can't be told")


def test_a_part_of_a_horizon_is_told(both: tuple[Path, Path]) -> None:
    found = of(both, sales(until=65))
    assert (found["data"]["origins"], found["data"]["horizon"]) == (1, 5)
    assert any("only 5 of 14 steps" in note for note in found["notes"])


def test_the_same_model_twice_does_not_differ(both: tuple[Path, Path]) -> None:
    found = of((both[0], both[0]), sales())
    assert (found["difference"]["low"], found["difference"]["high"]) == (0.0, 0.0)
    assert found["difference"]["method"] == "both forecast the same"


def test_bad_cases_are_series_at_origins(both: tuple[Path, Path]) -> None:
    options = EvaluateOptions(draws=100, latency=False, version=2, champion=1)
    evidence, shown = evaluate(
        *both, sales(), options, earlier=[{"id": "Rom @ 2023-01-01", "state": "bad", "since": 1}]
    )
    counts = evidence["cases"]["counts"]
    assert counts["fixed"] + counts["still"] == 1  # 5 % of 18
    assert counts["unseen"] == 1
    assert {each["state"] for each in shown["cases"]} >= {"unseen"}
    bad = [each for each in shown["cases"] if each["state"] != "unseen"]
    assert all(" @ 2024-" in each["id"] for each in bad)


def test_tests_of_series(both: tuple[Path, Path]) -> None:
    tests = kinds.tests_of(
        [
            {"test": "golden"},
            {"test": "metric", "metric": "mase", "at_most": 5},
            {"test": "metric", "metric": "mase", "at_most": 0.01},
            {"test": "monotone", "column": "x", "direction": "increasing"},
        ]
    )
    found = of(both, sales(), tests=tests)["tests"]
    assert [each["passed"] for each in found] == [True, True, False, None]
    assert found[0]["checked"] > 0


def test_models_that_can_not_be_compared_say_why(both: tuple[Path, Path], tmp_path: Path) -> None:
    from tests.support.series_models import grid

    other = written(tmp_path / "h", 0, grid=grid("W").as_json())
    with pytest.raises(NotEvaluated, match="their grid of times differ"):
        of((both[0], other), sales())
    with pytest.raises(NotEvaluated, match="'city' is no column that tells series apart"):
        of(both, sales(), slices=("city",))
    with pytest.raises(NotEvaluated, match="the challenger can't read the data"):
        of(both, [{"store": "Bonn", "sales": 1.0}])
    with pytest.raises(NotEvaluated, match="no metric of forecasts"):
        of(both, sales(), metric="roc_auc")


def test_speed_is_that_of_forecasts(both: tuple[Path, Path]) -> None:
    found = evaluate(*both, sales(until=80), EvaluateOptions(draws=100))[0]["latency"]
    assert found["challenger"]["batch"]["rows"] == 3
    assert "forecasts of one series" in found["how"]


def test_the_page_counts_cases_of_series_and_not_rows(both: tuple[Path, Path]) -> None:
    found = of(both, sales())
    new = found["cases"]["counts"]["new"] + found["cases"]["counts"]["regressed"]
    if new:
        assert "of a series from an origin that the champion has right" in markdown_of(found)
    assert "of a series from an origin wrong." in markdown_of(of((both[0], None), sales()))
