"""`automl predict`."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from automl_core import modelfile
from automl_core.cli.app import main
from automl_core.storage import open_store
from tests.unit.modelfile.models import BINARY, NUMBERS, ROWS, SCHEMA, forest, linear

CSV = "id,plan,city,age\n007,1,Bonn,30\n8,2,Ulm,55.5\n9,,,\n10,7,Köln,41\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return modelfile.write(
        tmp_path / "model", members=[linear(), forest(weight=2.0)], schema=SCHEMA, problem=BINARY, golden=ROWS, made={}
    )


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def told(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_predictions_of_a_csv(model: Path, rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(model), str(rows), "--proba", "--explain", "--keep", "id"]) == 0
    out, err = capsys.readouterr()
    expected = modelfile.load(model)
    table = told(out)
    assert [row["id"] for row in table] == ["007", "8", "9", "10"]
    assert [row["prediction"] for row in table] == expected.predict(ROWS).tolist()
    assert [float(row["probability_yes"]) for row in table] == expected.predict_proba(ROWS)[:, 1].tolist()
    added = [float(row["base"]) + sum(float(row[f"adds_{name}"]) for name in SCHEMA.names) for row in table]
    np.testing.assert_allclose(added, expected.explain(ROWS).total[:, 0])
    assert "note – age: 1 of 4 rows have no value; in training none was missing" in err


def test_a_reader_who_has_seen_enough_is_no_error(model: Path, rows: Path) -> None:
    """``automl predict MODEL rows.csv | head``."""
    program = "import sys; from automl_core.cli.app import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "predict", str(model), str(rows)]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_what_is_not_explained_is_said(tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    near = {"type": "neighbours", "points": np.zeros((2, 5)), "targets": np.asarray([0, 1]), "outputs": 2, "k": 1}
    near |= {"metric": "euclidean", "weights": "uniform"}
    members = [linear(weight=3.0), {"features": linear()["features"], "model": near}]
    mixed, none = (
        modelfile.write(tmp_path / name, members=some, schema=SCHEMA, problem=BINARY, golden=ROWS, made={})
        for name, some in (("mixed", members), ("none", members[1:]))
    )
    assert main(["predict", str(mixed), str(rows), "--explain"]) == 0
    said = "note – contributions are of members with 75% of the ensemble's weight: nearest neighbours have no exact"
    assert said in capsys.readouterr().err
    assert main(["predict", str(none), str(rows), "--explain"]) == 1
    assert "can't be explained: no part of this model has exact contributions" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_every_kind_of_file_says_the_same(
    model: Path, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / f"rows.{ending}", tmp_path / "predictions.parquet"
    many = [ROWS[each % 4] for each in range(6_001)]
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(many).append_column("id", pa.array(range(6_001))), path)
    elif ending == "jsonl":
        path.write_text("\n".join(json.dumps({**row, "id": each}) for each, row in enumerate(many)) + "\n\n")
    else:
        path.write_text(CSV.splitlines()[0] + "\n" + "".join(
            f"{each},{row['plan'] or ''},{row['city'] or ''},{row['age'] or ''}\n" for each, row in enumerate(many)
        ), encoding="utf-8")  # fmt: skip
    assert main(["predict", str(model), str(path), "--proba", "--keep", "id", "--out", str(out)]) == 0
    assert capsys.readouterr().out == ""
    table = pq.read_table(out)
    assert [int(each) for each in table["id"].to_pylist()] == list(range(6_001))
    np.testing.assert_array_equal(table["probability_yes"].to_numpy(), modelfile.load(model).predict_proba(many)[:, 1])


def test_a_model_in_a_store_and_of_a_run(
    model: Path, rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(model), str(rows)]) == 0
    expected = capsys.readouterr().out
    published = open_store(f"file://{tmp_path}/bucket/churn")
    published.upload(model, "best_model/model/")
    run = f"file://{tmp_path}/bucket/churn"
    for target in (f"{run}/best_model/model", f"{run}/best_model", run):
        assert main(["predict", target, f"file://{rows}"]) == 0
        assert capsys.readouterr().out == expected
    runs = open_store(f"file://{tmp_path}/bucket/runs")
    runs.put("first/controller.json", b"{}")
    runs.upload(model, "first/best_model/model/churn/")
    assert main(["predict", runs.url, str(rows)]) == 0
    assert capsys.readouterr().out == expected
    runs.upload(model, "first/best_model/model/other/")
    assert main(["predict", runs.url, str(rows)]) == 1
    assert (
        "several models: name one of first/best_model/model/churn/, first/best_model/model/other/"
        in capsys.readouterr().err
    )
    runs.delete_prefix("first/best_model/")
    assert main(["predict", runs.url, str(rows)]) == 1
    assert "has published no model of a table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("agee,city,plan\n1,a,b\n", [], "no column 'age'; did you mean 'agee'?"),
        (CSV, ["--keep", "idd"], "no column 'idd' to keep; did you mean 'id'?"),
        ("age,city,plan\nold,a,1\n", [], "column 'age', row 0: 'old' is no number"),
        ("", [], "is empty"),
    ],
)
def test_problems_are_told(
    model: Path, rows: Path, text: str, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows.write_text(text, encoding="utf-8")
    out = rows.with_name("out.csv")
    assert main(["predict", str(model), str(rows), "--out", str(out), *options]) == 1
    assert said in capsys.readouterr().err
    assert not out.exists()
    assert not list(out.parent.glob(".*part"))


def test_models_that_are_none(tmp_path: Path, rows: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(tmp_path / "nothing"), str(rows)]) == 1
    assert "no such folder" in capsys.readouterr().err
    assert main(["predict", str(model), str(tmp_path / "none.csv")]) == 1
    assert "there is no file" in capsys.readouterr().err
    numbers = modelfile.write(
        tmp_path / "numbers", members=[linear(1, "identity")], schema=SCHEMA, problem=NUMBERS, golden=ROWS, made={}
    )
    assert main(["predict", str(numbers), str(rows), "--proba"]) == 1
    assert "price is a number: there are no probabilities" in capsys.readouterr().err
    info = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps({**info, "format": 99}))
    assert main(["predict", str(model), str(rows)]) == 1
    assert "has the format 99" in capsys.readouterr().err


UNDONE = {
    "best_trial": 4, "model_from": "trial",
    "stages": {"conclude": {"state": "FAILED", "reason": "it needs more memory than there is. Its last lines:\n  | …"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("experiment", "said"),
    [
        (UNDONE, "conclude failed (it needs more memory than there is), so what is published is what trial 4 has left"),
        (
            UNDONE | {"stages": {"conclude": {"state": "SKIPPED", "reason": "everything was cancelled"}}},
            "conclude was skipped (everything was cancelled), so what is published is what trial 4 has left: extend",
        ),
        (UNDONE | {"model_from": "conclude"}, ""),
        ({"best_trial": 4}, ""),
    ],
)
def test_a_run_whose_conclude_failed_predicts_by_its_best_trial_and_says_so(
    model: Path, rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], experiment: dict[str, Any], said: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(model, run / "best_model" / "model")
    (run / "controller.json").write_text(json.dumps({"experiment": experiment, "trials": []}))
    assert main(["predict", str(run), str(rows)]) == 0
    found = capsys.readouterr()
    assert len(told(found.out)) > 0
    assert (said in found.err) if said else ("conclude" not in found.err)
    shutil.rmtree(run / "best_model" / "model")
    (run / "best_model" / "trial_4.json").write_text("{}")
    assert main(["predict", str(run), str(rows)]) == 1
    assert said in capsys.readouterr().err
