"""`automl predict` for models of series."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from automl_core import modelfile
from automl_core.cli.app import main
from automl_core.modelfile import series
from tests.support.series_models import NAMES, document, rows
from tests.unit.modelfile.models import BINARY, ROWS, SCHEMA, linear


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return series.write(tmp_path / "model", document(), made={})


def written(path: Path, told: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, told[0])
        writer.writeheader()
        writer.writerows(told)
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    told = [row for n, name in enumerate(NAMES) for row in rows(name, 60, [11.0 + n, 12.0, None, 14.0])]
    return written(tmp_path / "new.csv", told)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_newer_rows_run_the_model_on_before_it_forecasts(
    model: Path, new: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(model), str(new), "--horizon", "3", "--series", "Ulm", "--levels", "50,0.9"]) == 0
    out, err = capsys.readouterr()
    assert [row["date"] for row in table(out)] == ["2024-03-05", "2024-03-06", "2024-03-07"]
    assert list(table(out)[0]) == ["store", "date", "step", "forecast", "lower_50", "upper_50", "lower_90", "upper_90"]
    assert "note – steps without a value, for which the model's own forecasts stand: Bonn (1), Köln (1), Ulm (1)" in err
    saved, later = tmp_path / "saved", tmp_path / "later.csv"
    assert main(["predict", str(model), str(new), "--save", str(saved), "--out", str(later)]) == 0
    assert main(["predict", str(saved), "--horizon", "3", "--series", "Ulm", "--levels", "50,0.9"]) == 0
    assert capsys.readouterr().out == out
    update = modelfile.load(saved).info["updates"][0]
    assert (update["values"], update["source"]["file"], len(update["source"]["sha256"])) == (9, "new.csv", 64)
    assert len(table(later.read_text(encoding="utf-8"))) == 3 * 14


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_every_kind_of_file_says_the_same(
    model: Path, new: Path, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [row | {"sales": float(row["sales"]) if row["sales"] else None} for row in table(new.read_text("utf-8"))]
    other = tmp_path / f"new.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(told), other, row_group_size=5)
    else:
        other.write_text("\n".join(map(json.dumps, told)), encoding="utf-8")
    for file in (new, other):
        assert main(["predict", str(model), str(file), "--horizon", "2"]) == 0
    out = capsys.readouterr().out
    assert out[: len(out) // 2] == out[len(out) // 2 :]


def test_the_forecast_from_the_models_end_is_compared_with_what_came(
    model: Path, new: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "compared.csv"
    assert main(["predict", str(model), str(new), "--evaluate", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("9 values of 3 series, in the steps after 2024-02-29\n")
    told = [row for row in table(out.read_text("utf-8")) if row["sales"]]
    came = {(row["store"], row["date"]): float(row["sales"]) for row in table(new.read_text("utf-8")) if row["sales"]}
    assert {(row["store"], row["date"]): float(row["sales"]) for row in told} == came
    assert len(told) == 9
    mean = sum(abs(float(row["sales"]) - float(row["forecast"])) for row in told) / 9
    assert float(re.search(r"mae +(\S+)", said)[1]) == pytest.approx(mean, rel=1e-5)  # type: ignore[index]
    held = sum(float(row["lower_80"]) <= float(row["sales"]) <= float(row["upper_80"]) for row in told) / 9
    assert float(re.search(r"within the 0.8 interval +(\S+)", said)[1]) == pytest.approx(held, rel=1e-5)  # type: ignore[index]
    assert "Köln: mase=" in said
    assert main(["predict", str(model), str(out), "--evaluate"]) == 0  # and a file of forecasts is one of rows
    none = written(tmp_path / "old.csv", rows("Ulm", 50, [1.0]))
    assert main(["predict", str(model), str(none), "--evaluate"]) == 1
    assert "old.csv has no value of sales in the 14 steps after the model's end (2024-02-29)" in capsys.readouterr().err


def test_forecasts_are_drawn_against_what_came(model: Path, new: Path, tmp_path: Path) -> None:
    page, chart = tmp_path / "forecast.html", tmp_path / "forecast.svg"
    assert main(["predict", str(model), str(new), "--plot", str(page), "--out", str(tmp_path / "f.csv")]) == 0
    text = page.read_text("utf-8")
    assert text.count("<svg ") == 3
    assert text.count('class="moment"') == 6  # of each series what it said before, and what it says now
    assert "3 values came, mase " in text
    assert "within 80 %" in text
    assert not re.search(r"(?:src|href)=|url\(|<script|@import", text)
    assert main(["predict", str(model), str(new), "--evaluate", "--series", "Ulm", "--plot", str(chart)]) == 0
    root = ElementTree.parse(chart).getroot()
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "Ulm"
    assert str(texts[1]).startswith("3 values came, mase ")
    assert len(root.findall(".//{http://www.w3.org/2000/svg}path[@class='band band-0']")) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--series", "Ul"], "no series 'Ul'; did you mean 'Ulm'?"),
        (["--horizon", "0"], "a horizon of 0 steps is none"),
        (["--levels", "much"], "'much' are no levels of intervals"),
        (["--levels", "0.9,0"], "0 is no level of intervals"),
        (["--proba"], "--proba is for models of tables, and this is one of series"),
        (["--keep", "id"], "--keep is for models of tables"),
        (["--evaluate"], "--evaluate compares forecasts with the values of a file"),
        (["--save", "x"], "--save keeps a model that newer rows have run on"),
        (["--plot", "x.png"], "a plot is no .png (allowed: .html, .htm, .svg)"),
    ],
)
def test_what_can_not_be_done_is_said(
    model: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(model), *arguments]) == 1
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_table_takes_no_options_of_series(tmp_path: Path, new: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = modelfile.write(
        tmp_path / "table", members=[linear()], schema=SCHEMA, problem=BINARY, golden=ROWS, made={}
    )  # fmt: skip
    for option, value in (("--horizon", "3"), ("--plot", "x.svg"), ("--series", "Ulm")):
        assert main(["predict", str(folder), str(new), option, value]) == 1
        assert f"{option} is for models of series, and this is one of a table" in capsys.readouterr().err
    assert main(["predict", str(folder)]) == 1
    assert "a model of a table predicts for rows: name a file" in capsys.readouterr().err


def test_only_models_of_tables_become_sql(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(model), "odps://lake/tables/sales", "--out", "odps://lake/tables/forecast"]) == 1
    assert "is a model of series, and only models of tables are scored by SQL" in " ".join(
        capsys.readouterr().err.split()
    )
    assert main(["export", "sql", str(model), "--table", "sales"]) == 1
    assert "is a model of series, and only models of tables become SQL" in " ".join(capsys.readouterr().err.split())
