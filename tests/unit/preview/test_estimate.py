"""What MaxCompute says that the SQL of an experiment would read, before any of it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from automl_core.cli.app import app
from automl_core.preview.checks import check_text
from automl_core.spec.errors import SpecError
from tests.standins.maxcompute import MaxComputeStandIn

BODY = {
    "name": "costly",
    "goal": {"metric": "auc", "direction": "maximize"},
    "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
    "data": {"train": "odps://standin/known"},
    "columns": {"target": "a"},
    "tasks": [
        {
            "backend": "maxcompute",
            "sql": [
                "SELECT ${columns.target} * ${x} AS auc FROM ${data.train}",
                "SELECT * FROM unknown_${trial_id}",
                "PAI -name x -Da=${x}",
            ],
            "prices": {"input_gb": 1000000},
        }
    ],
}


@pytest.fixture(scope="module")
def standin() -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        standin.odps().execute_sql("CREATE TABLE known AS SELECT 1.5 AS a")
        yield standin


def test_each_statement_is_estimated_or_the_reason_is_told(
    standin: MaxComputeStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ACCESS_ID", standin.account.access_id), ("ACCESS_KEY", standin.account.secret),
                        ("PROJECT", standin.project), ("ENDPOINT", standin.endpoint)):  # fmt: skip
        monkeypatch.setenv(f"ODPS_{name}", value)
    file = tmp_path / "costly.yaml"
    file.write_text(yaml.safe_dump(BODY))
    result = CliRunner().invoke(app, ["preview", str(file), "--maxcompute", "--json"])
    assert result.exit_code == 0, result.output
    first, second = json.loads(result.stdout)["maxcompute"]
    assert first["input_bytes"] > 0
    assert first["price"] > 0
    assert (second["input_bytes"], "ODPS-0130131" in second["problem"]) == (None, True)
    text = CliRunner().invoke(app, ["preview", str(file), "--maxcompute"]).stdout
    assert "train, statement 1: reads" in text
    assert "no estimate: ODPS-0130131" in text
    assert len(standin.service._instances) == 5, "one to make the table, and estimates: nothing was run"


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        (["SELECT 1", "SELECT 'a"], r"tasks\[0\].sql\[1\]: line 1: a string literal without its end"),
        ("PAI -name x -Da", r"tasks\[0\].sql: '-Da' is not known in a PAI command"),
        ("SELECT 'a\\${x}'", r"tasks\[0\].sql: line 1: a backslash stands right before"),
    ],
)
def test_wrong_sql_is_found_by_validate(sql: object, problem: str) -> None:
    body = {**BODY, "tasks": [{"backend": "maxcompute", "sql": sql}]}
    with pytest.raises(SpecError, match=problem):
        check_text(yaml.safe_dump(body), "file.yaml")
