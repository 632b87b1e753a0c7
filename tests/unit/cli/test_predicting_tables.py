"""`automl predict` of tables in MaxCompute: by SQL where it is written there too, through the tunnel otherwise."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from automl_core import modelfile
from automl_core.cli.app import main
from tests.standins.maxcompute import MaxComputeStandIn
from tests.unit.modelfile.models import BINARY, ROWS, SCHEMA, forest

ROWS_HERE = "odps://standin/customers/ds=1"


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        monkeypatch.setenv("ODPS_ACCESS_ID", standin.account.access_id)
        monkeypatch.setenv("ODPS_ACCESS_KEY", standin.account.secret)
        monkeypatch.setenv("ODPS_ENDPOINT", standin.endpoint)
        monkeypatch.setenv("ODPS_TUNNEL_ENDPOINT", standin.address)
        odps = standin.odps()
        for sql in (
            "CREATE TABLE customers (id STRING, plan BIGINT, city STRING, age DOUBLE) PARTITIONED BY (ds STRING)",
            "INSERT INTO customers PARTITION (ds='1') VALUES ('007', 1, 'Bonn', 30.0), ('8', 2, 'Ulm', 55.5), "
            "('9', NULL, NULL, NULL), ('10', 7, 'Köln', 41.0)",
        ):
            odps.execute_sql(sql).wait_for_success()
        yield standin


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return modelfile.write(tmp_path / "model", members=[forest()], schema=SCHEMA, problem=BINARY, golden=ROWS, made={})


def test_a_table_is_scored_into_a_table(
    standin: MaxComputeStandIn, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["predict", str(model), ROWS_HERE, "--out", "odps://standin/scores/ds=1", "--keep", "id", "--proba"]
    assert main(call) == 0
    told = capsys.readouterr().err
    assert "4 golden rows, scored by SQL, are as the model said" in told
    assert f"4 rows of {ROWS_HERE} scored into odps://standin/scores/ds=1: id, prediction, probability_no" in told
    assert standin.account.secret not in told
    with (
        standin.odps().execute_sql("SELECT id, prediction FROM scores WHERE ds = '1'").open_reader(tunnel=True) as rows
    ):
        found = {record[0]: record[1] for record in rows}
    assert found == dict(zip(("007", "8", "9", "10"), modelfile.load(model).predict(ROWS).tolist(), strict=True))


def test_a_table_is_scored_here(standin: MaxComputeStandIn, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(model), ROWS_HERE, "--keep", "id", "--keep", "ds"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["id"], row["ds"]) for row in table] == [(name, "1") for name in ("007", "8", "9", "10")]
    assert [row["prediction"] for row in table] == modelfile.load(model).predict(ROWS).tolist()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (["rows.csv", "--out", "odps://standin/scores"], "rows.csv is no table of MaxCompute"),
        ([ROWS_HERE, "--out", "odps://standin/scores", "--explain"], "SQL doesn't explain"),
        ([ROWS_HERE, "--out", "odps://standin/scores", "--keep", "idd"], "no column 'idd'; did you mean 'id'?"),
        (["odps://standin/customers"], "has partitions: name one"),
        (["odps://standin/none"], "there is no such table"),
    ],
)
def test_what_can_not_be_done_is_told(
    standin: MaxComputeStandIn, model: Path, capsys: pytest.CaptureFixture[str], call: list[str], words: str
) -> None:
    assert main(["predict", str(model), *call]) == 1
    assert words in capsys.readouterr().err
