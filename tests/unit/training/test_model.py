"""What lies in a model's folder beside the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from automl_core.details.make import details_of
from automl_core.training import model
from automl_core.training.rows import Data, Part

TABLE = {
    "churned": ["yes", "no", "yes"],
    "city": ["Köln", "Bonn", None],
    "weight": [70.5, 60.0, 81.0],
    "score_no": [1, 2, 3],
    "photo": [b"\x00", b"\x01", b"\x02"],
    "visits": [[1], [], [2, 3]],
}


def data(weights: list[float], columns: dict[str, Any] = TABLE) -> Data:
    part = Part(pa.table(columns), np.array([1, 0, 1]), ["yes", "no", "yes"], np.array(weights), ["a", "b", "c"])
    return Data("classification", "churned", part, part, ("no", "yes"))


OUTPUTS = np.array([[0.2, 0.8], [0.3, 0.7], [0.9, 0.1]])


def written(folder: Path, given: Data) -> dict[str, list[Any]]:
    model.write_predictions(folder, given, OUTPUTS)
    return dict(pq.read_table(folder / "predictions.parquet").to_pydict())


def test_predictions_have_the_rows_themselves_under_names_that_mean_nothing_else(tmp_path: Path) -> None:
    found = written(tmp_path, data([1, 1, 1]))
    assert list(found) == [
        "id", "truth", "prediction", "score", "score_no", "score_yes", "city", "data.weight", "data.score_no",
    ]  # fmt: skip
    assert found["city"] == ["Köln", "Bonn", None]
    assert found["data.weight"] == [70.5, 60.0, 81.0]
    assert found["prediction"] == ["yes", "yes", "no"]


def test_the_worst_errors_come_with_their_rows(tmp_path: Path) -> None:
    written(tmp_path, data([1, 1, 2]))
    summary, rows = details_of(tmp_path / "predictions.parquet")
    assert summary["overall"]["accuracy"] == 0.25, "weighted as the trial was"
    assert '"Bonn"' in json.dumps(rows)


def test_weights_stand_there_where_rows_have_any(tmp_path: Path) -> None:
    assert written(tmp_path, data([1, 2, 3]))["weight"] == [1, 2, 3]


def test_of_a_wide_table_the_first_columns_are_enough(tmp_path: Path) -> None:
    wide = {"churned": TABLE["churned"], **{f"x{number}": [1.0, 2.0, 3.0] for number in range(300)}}
    shown = [name for name in written(tmp_path, data([1, 1, 1], wide)) if name.startswith("x")]
    assert shown == [f"x{number}" for number in range(model.MOST_SHOWN)]
