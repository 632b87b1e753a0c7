"""What is read and what is written: formats, folders, nothing at all, rows that don't fit, series."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from automl_core.modelfile import load
from automl_core.models.batch import Outcome, lineage
from automl_core.models.batch.__main__ import main
from automl_core.models.batch.order import EXITS, KEYS_FILE, ORDER_FILE, REPORT_FILE, Order, Place, Report
from automl_core.models.batch.processes import ScoringProcess
from automl_core.models.batch.writing import CantWrite, file_name
from tests.unit.modelfile.models import ROWS
from tests.unit.models.batch.lab import Lab, day

DATE = "2026-11-02"
KEY = day(DATE).key


def ready(folder: Path, **deploy: Any) -> Lab:
    lab = Lab(folder, **deploy)
    lab.use()
    lab.now = day(DATE).at + 60  # type: ignore[operator]
    return lab


def score(lab: Lab) -> Outcome:
    batch = lab.batch()
    batch.plan(day(DATE))
    return batch.score(day(DATE), "run", lab.runner)


def test_a_row_for_each_row_with_what_was_kept_and_where_it_comes_from(tmp_path: Path) -> None:
    lab = ready(tmp_path, proba=True)
    lab.rows(DATE)
    done = score(lab)
    assert (done.what, done.rows, done.version) == ("scored", 4, 1)
    found = lab.out(DATE)
    assert list(found[0]) == [
        "id", "prediction", "probability_no", "probability_yes", "model_version", "model_interval", "model_generation"
    ]  # fmt: skip
    model = load(tmp_path / "model-1")
    assert [row["prediction"] for row in found] == [str(each) for each in model.predict(ROWS)]
    assert {(row["model_version"], row["model_interval"], row["model_generation"]) for row in found} == {
        ("1", KEY, "1")
    }
    kept = json.loads(next((tmp_path / "runs").rglob("batch/*/1.json")).read_text())
    assert (kept["rows"], kept["rows_in"], kept["digest"]) == (4, 4, lab.life().state.scoring.recent[-1].digest)
    assert any("Köln" in note for note in kept["notes"]), "what is strange about the rows is said"


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".jsonl", "/"])
@pytest.mark.parametrize("rows", [0, 5001])
def test_each_format_holds_the_same_and_a_retry_writes_the_same_bytes(tmp_path: Path, ending: str, rows: int) -> None:
    lab = ready(tmp_path, out=f"{tmp_path}/out/x{ending}")
    lab.rows(DATE, rows)
    assert score(lab).rows == rows
    path = tmp_path / "out" / ("x/predictions.parquet" if ending == "/" else f"x{ending}")
    first = path.read_bytes()
    assert lab.runner(replace(lab.orders[-1], run="")).problem == "replaced"
    assert _rows_of(path) == rows
    other = Lab(tmp_path / "other", out=f"{tmp_path}/other/out/x{ending}")
    other.use(folder=tmp_path / "model-1")
    other.now = lab.now
    other.rows(DATE, rows)
    assert score(other).rows == rows
    assert (tmp_path / "other" / path.relative_to(tmp_path)).read_bytes() == first


def _rows_of(path: Path) -> int:
    if path.name.endswith(".parquet"):
        table = pq.read_table(path)
        assert table.schema.field("model_version").type == pa.int64()
        return int(table.num_rows)
    body = path.read_bytes()
    lines = (gzip.decompress(body) if path.name.endswith(".gz") else body).decode().splitlines()
    return len(list(csv.reader(lines))) - 1 if ".csv" in path.name else len([json.loads(line) for line in lines])


def test_files_of_several_formats_and_columns_in_their_path(tmp_path: Path) -> None:
    lab = ready(tmp_path, keep=["id", "region"], out=f"{tmp_path}/out/x.parquet")
    folder = tmp_path / "in" / f"ds={DATE}"
    for name in ("region=eu", "region=us"):
        (folder / name).mkdir(parents=True)
    (folder / "region=eu" / "a.csv").write_text("id,age,city,plan\n007,30,Bonn,1\n")
    table = pa.table({"id": ["x"], "age": [41.0], "city": ["Ulm"], "plan": pa.array([2], pa.int64())})
    pq.write_table(table, folder / "region=us" / "b.parquet")
    assert score(lab).rows == 2
    found = pq.read_table(tmp_path / "out" / "x.parquet").to_pylist()
    assert [(row["id"], row["region"]) for row in found] == [("007", "eu"), ("x", "us")], "keys stay texts"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,age,plan\n1,30,1\n", "city"),
        ("id,age,city,plan\n1,old,Bonn,1\n", "age"),
        ("id,age,city,plan\n1,30\n", "row 1: 2 values"),
        ("age,city,plan\n30,Bonn,1\n", "no column 'id' to keep"),
        ("", "is empty"),
    ],
)
def test_rows_that_do_not_fit_fail_their_own_interval_alone(tmp_path: Path, text: str, words: str) -> None:
    lab = ready(tmp_path)
    lab.rows(DATE).write_text(text)
    lab.rows("2026-11-03")
    lab.now = day("2026-11-03").at + 60  # type: ignore[operator]
    batch = lab.batch()
    outcomes = {each.key[:10]: batch.score(each, "run", lab.runner) for each in batch.plan().intervals}
    assert outcomes["2026-11-03"].what == "scored"
    assert outcomes[DATE].what == "failed"
    assert words in outcomes[DATE].words
    assert not (tmp_path / "out" / f"{DATE}.csv").exists(), "nobody sees half of it"
    assert not lab.life().state.scoring.open
    held = lab.batch().owed.refresh().owed
    assert words in held[KEY].words, "people can read why it is still open"
    assert not lab.batch().plan().intervals, "the same data by the same version would end alike"
    lab.rows(DATE)
    assert [each.key for each in lab.batch().plan().intervals] == [KEY], "data that were mended are tried"


def test_what_is_written_to_while_it_is_read_is_tried_again(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    lab.rows(DATE)
    batch = lab.batch()
    batch.plan(day(DATE))
    begun = batch.begin(day(DATE), "run")
    assert not isinstance(begun, Outcome)
    lab.rows(DATE, 5)
    report = lab.runner(begun.order)
    assert report.problem == "changed"
    assert batch.end(begun, report).what == "again"
    assert batch.score(day(DATE), "run", lab.runner).rows == 5


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    lab = ready(tmp_path, keep=["model_version"])
    lab.rows(DATE, model_version=3)
    done = score(lab)
    assert done.what == "failed"
    assert "two columns" in done.words


def test_an_ending_that_says_no_format_is_refused() -> None:
    assert file_name("a/b/") == "a/b/predictions.parquet"
    for text in ("a/b", "a/b.txt", "a.parquet.gz", "a.csv.bz2"):
        with pytest.raises(CantWrite, match=r"allowed: \.csv"):
            file_name(text)


def test_lineage_is_told_once_and_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[lineage.Scored] = []

    def broken(_: lineage.Scored) -> None:
        raise RuntimeError("no server")

    monkeypatch.setattr(lineage, "observers", [broken, told.append])
    lab = ready(tmp_path)
    lab.rows(DATE)
    assert score(lab).what == "scored"
    assert score(lab).what == "already"
    assert [(each.model, each.version, each.interval, each.rows) for each in told] == [("churn", 1, KEY, 4)]
    assert told[0].fingerprint["digest"]
    assert any("no server" in line for line in lab.said)


def test_a_process_of_its_own_scores_and_what_it_is_told_is_gone(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    lab.rows(DATE)
    said: list[str] = []
    batch = lab.batch()
    batch.plan(day(DATE))
    done = batch.score(day(DATE), "run", lambda order: ScoringProcess(order, "{}").run(said.append))
    assert done.what == "scored"
    assert any("4 rows of" in line for line in said)
    assert list(lab.out(DATE)[0]) == ["id", "prediction", "model_version", "model_interval", "model_generation"]


def test_a_process_that_may_have_too_little_memory_says_so_and_takes_nobody_along(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    lab.rows(DATE)
    batch = lab.batch()
    batch.plan(day(DATE))
    done = batch.score(day(DATE), "run", lambda order: ScoringProcess(order, memory=80 << 20).run(lab.said.append))
    assert done.what in ("again", "failed")
    assert batch.score(day(DATE), "run", lab.runner).what == "scored"


def test_the_keys_of_a_process_are_removed_once_they_are_read(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    lab.rows(DATE)
    batch = lab.batch()
    batch.plan(day(DATE))
    begun = batch.begin(day(DATE), "run")
    assert not isinstance(begun, Outcome)
    folder = tmp_path / "process"
    folder.mkdir()
    (folder / ORDER_FILE).write_text(begun.order.to_json())
    (folder / KEYS_FILE).write_text("{}")
    assert main([str(folder)]) == 0
    assert not (folder / KEYS_FILE).exists()
    report = Report.from_json((folder / REPORT_FILE).read_text())
    assert batch.end(begun, report).what == "scored"
    assert main([str(folder)]) == EXITS["replaced"], "it is recorded: whoever comes late writes nothing"
    (folder / ORDER_FILE).write_text("[]")
    assert main([str(folder)]) == 2


def test_an_order_goes_through_text() -> None:
    order = Order(
        "churn", Place("file:///x"), 1, "m/", "k", 1, 1, Place("in", "c", "csv"), "d", Place("out"),
        earlier=(Place("before"),), keep=("id",), lineage={"model_version": 1},
    )  # fmt: skip
    assert Order.from_json(order.to_json()) == order
    in_order = replace(order, lineage={"model_version": 1, "model_interval": "k", "model_generation": 1})
    assert list(Order.from_json(in_order.to_json()).lineage) == list(in_order.lineage), "so columns stay in theirs"
    with pytest.raises(ValueError, match="no order"):
        Order.from_json("{}")
