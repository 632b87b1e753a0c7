"""The folder of a model of series: whole, alike, checked, run on, saved, and refused where it has to be."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from automl_core import modelfile
from automl_core.modelfile import CheckFailed, LaterFormat, SeriesModel, series
from automl_core.modelfile.exporting import from_lightgbm
from automl_core.modelfile.model import BrokenModel
from automl_core.modelfile.scoring.golden import Differs
from automl_core.modelfile.scoring.series.features import Recipe
from automl_core.modelfile.scoring.series.golden import check as golden
from automl_core.modelfile.scoring.series.problems import SeriesProblem
from automl_core.modelfile.writing import FORMAT, sources
from tests.support.series_models import NAMES, document, rows
from tests.unit.modelfile.models import BINARY, ROWS, SCHEMA, linear

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "modelfile"
MADE = {"seed": 7, "data": {"fingerprint": "sha256:abc"}}


def opened(folder: Path) -> SeriesModel:
    found = modelfile.load(folder)
    assert isinstance(found, SeriesModel)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def with_trees() -> dict[str, Any]:
    """A forest over lags beside the other members."""
    return boosted()[0]


def boosted() -> tuple[dict[str, Any], Any]:
    """A model with such a forest, and LightGBM's own."""
    recipe = {
        "block": 3, "lags": 4, "seasons": [7], "cycles": 2, "windows": [5], "calendar": ["weekday"], "known": 0,
        "series": False, "logarithm": False, "level": 7, "unit": "spread", "base": "level",
    }  # fmt: skip
    noise = np.random.default_rng(3)
    features = noise.normal(size=(200, len(Recipe(recipe).names)))
    features[::7, 2] = np.nan
    booster = lightgbm.train(
        {"verbose": -1, "num_leaves": 6, "num_threads": 1, "seed": 1},
        lightgbm.Dataset(features, features[:, 1] + features[:, 5] ** 2), 8,
    )  # fmt: skip
    found = from_lightgbm(booster)
    trees = {"type": "trees", "recipe": recipe, "forest": found.model, "link": found.link}
    parts = document()
    parts["members"].append({"name": "boosted", "weight": 0.5, "models": [trees]})
    return parts, booster


def test_the_folder_is_whole_and_the_same_inputs_make_the_same_bytes(tmp_path: Path) -> None:
    one, two = (series.write(tmp_path / name, with_trees(), made=MADE) for name in ("one", "two"))
    assert contents(one) == contents(two)
    assert {"model.json", "scorer.json", "scorer.npz", "predict.py", "golden.json", "requirements.txt",
            "scorer/series/forecaster.py", "scorer/calendars/grid.py"} <= set(contents(one))  # fmt: skip
    info = json.loads((one / "model.json").read_text())
    assert (info["format"], info["scorer"], info["pickle"], info["series"]) == (FORMAT, "numpy", False, 3)
    assert info["until"] == "2024-02-29"
    assert info["made"] == MADE
    assert set(info["files"]) == set(contents(one)) - {"model.json"}
    assert not [name for name in contents(one) if name.startswith("scorer/features/")]


def test_models_of_tables_have_nothing_of_it(tmp_path: Path) -> None:
    table = modelfile.write(
        tmp_path / "table", members=[linear()], schema=SCHEMA, problem=BINARY, golden=ROWS, made={}
    )  # fmt: skip
    names = contents(table)
    assert not [name for name in names if "/series/" in name or "/calendars/" in name]
    assert set(sources("binary")) | set(sources("forecasting")) >= {"scorer.py", "series/rows.py", "documents.py"}
    with pytest.raises(BrokenModel, match=r"is a model of a table \(binary\), none of series"):
        series.load(table)


def test_it_is_checked_in_a_fresh_process_with_numpy_alone(tmp_path: Path) -> None:
    folder = series.write(tmp_path / "model", with_trees(), made=MADE)
    said = modelfile.check(folder)
    assert said[0].startswith("numpy alone: 3 golden series, together and one by one, as they were and after 3 values")
    program = folder / "predict.py"
    program.write_text(program.read_text() + "\n")
    with pytest.raises(CheckFailed, match=r"not the scorer of this release \(predict.py\)"):
        modelfile.check(folder)


def test_forecasts_without_the_product_are_those_of_the_product(tmp_path: Path) -> None:
    folder = series.write(tmp_path / "model", with_trees(), made=MADE)
    new = tmp_path / "new.csv"
    told = rows("Ulm", 60, [11.0, 12.0]) + rows("Aalen", 55, [3.0, 4.0, 5.0])
    with new.open("w", newline="") as file:
        writer = csv.DictWriter(file, told[0])
        writer.writeheader()
        writer.writerows(told)
    done = subprocess.run(
        [sys.executable, "-I", "-B", str(folder / "predict.py"), str(new), "--horizon", "3", "--levels", "0.5"],
        capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    model = opened(folder)
    notes = model.update(str(new))
    expected = model.forecast(3, levels=[0.5])
    found = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(found) == len(expected) == 12
    for one, other in zip(found, expected, strict=True):
        assert {
            name: str(value) for name, value in other.items() if name in ("store", "date", "step")
        }.items() <= one.items()
        for name in ("forecast", "lower_50", "upper_50"):
            assert float(one[name]) == pytest.approx(other[name], rel=1e-12)
    assert notes == ("series that training had not: Aalen",)
    assert "note – series that training had not: Aalen" in done.stderr
    assert "no member knows" not in done.stderr  # the forest speaks of any series


def test_a_new_series_is_the_forests_alone(tmp_path: Path) -> None:
    parts = with_trees()
    model = opened(series.write(tmp_path / "all", parts, made=MADE))
    only = parts | {"members": parts["members"][2:]}
    alone = opened(series.write(tmp_path / "forest", only, made=MADE))
    told = rows("Aalen", 40, list(np.arange(25.0) % 7))
    for each in (model, alone):
        each.update(told)
    one, other = (each.forecast(series="Aalen") for each in (model, alone))
    assert one.columns["forecast"] == pytest.approx(other.columns["forecast"], rel=1e-12)
    assert one.notes == ()


def test_what_ran_it_on_is_kept_with_it(tmp_path: Path) -> None:
    model = opened(series.write(tmp_path / "model", document(), made=MADE))
    told = [row for name in NAMES for row in rows(name, 60, [12.0, None, 14.0])]
    model.update(told, {"file": "march.csv", "sha256": "12"})
    assert model.update(told) == ()  # seen: nothing is new
    saved = model.save(tmp_path / "later")
    again = opened(saved)
    update = again.info["updates"]
    assert [(each["values"], each["series"], each["until"]) for each in update] == [(6, 3, "2024-03-03")]
    assert update[0]["source"] == {"file": "march.csv", "sha256": "12"}
    assert again.info["made"] == MADE
    assert list(again.forecast()) == list(model.forecast())
    assert modelfile.check(saved)
    other = opened(tmp_path / "model")
    for row in sorted(told, key=lambda each: str(each["date"])):
        other.update([row])
    assert [row["forecast"] for row in other.forecast()] == pytest.approx([row["forecast"] for row in again.forecast()])
    assert len(other._updates) == 6
    files, before = (json.loads((each / "model.json").read_text())["files"] for each in (saved, tmp_path / "model"))
    assert files["scorer.npz"] != before["scorer.npz"]


def test_known_columns_are_asked_for_and_golden_series_have_theirs(tmp_path: Path) -> None:
    known = [{"name": "promo", "kind": "number"}]
    model = opened(series.write(tmp_path / "model", document(known=known), made=MADE))
    with pytest.raises(SeriesProblem, match="the model needs promo for the steps"):
        model.forecast(2)
    ahead = rows("Ulm", 60, [None, None], promo=[0, 1])
    assert len(model.forecast(2, ahead, series=["Ulm"])) == 2
    assert golden(tmp_path / "model")


def test_a_file_that_is_not_what_it_was_is_refused(tmp_path: Path) -> None:
    folder = series.write(tmp_path / "model", document(), made=MADE)
    text = (folder / "golden.json").read_text()
    (folder / "golden.json").write_text(text.replace("Bonn", "Bern"))
    with pytest.raises(BrokenModel, match=r"golden.json is not what it was"):
        modelfile.load(folder)
    told = json.loads(text)
    told["after"]["forecast"][0][0] += 1e-6
    (folder / "golden.json").write_text(json.dumps(told))
    with pytest.raises(Differs, match="updated in one go: forecast differs by"):
        golden(folder)
    info = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(info | {"format": FORMAT + 1}))
    with pytest.raises(LaterFormat):
        modelfile.load(folder)


def test_what_is_at_the_place_stays(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("1")
    with pytest.raises(FileExistsError):
        series.write(tmp_path / "thesis", document(), made=MADE)
    broken = document(combine="sum")
    with pytest.raises(ValueError, match="put together by 'sum'"):
        series.write(tmp_path / "model", broken, made=MADE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis"]


@pytest.mark.parametrize("number", range(1, FORMAT + 1))
def test_a_folder_of_an_earlier_format_says_what_it_said(number: int) -> None:
    folder = ASSETS / f"{number}-series"
    model = opened(folder)
    assert model.info["format"] == number
    assert golden(folder).startswith("3 golden series")
    assert len(model.forecast(2, series="Bonn")) == 2


def test_the_forest_says_what_lightgbm_says(tmp_path: Path) -> None:
    """With missing values, beyond the block that the forest answers directly, and with the recipe's way back."""
    parts, booster = boosted()
    parts["members"] = parts["members"][2:]
    parts["limits"] = {"low": None, "high": None}
    model = opened(series.write(tmp_path / "model", parts, made=MADE))
    model.update(rows("Ulm", 60, [11.0, None, None, 12.0]))  # its history has gaps now
    found = model.forecast(8).arrays.values
    own = model.forecaster
    recipe = Recipe(parts["members"][0]["models"][0]["recipe"])
    expected = recipe.forecast(
        own.history, 8, last=own.last, grid=own.grid, known=np.empty((3, 8, 0)), codes=np.arange(3),
        margin=lambda features: np.asarray(booster.predict(features)),
    )  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert np.ptp(found, axis=1).min() > 0
