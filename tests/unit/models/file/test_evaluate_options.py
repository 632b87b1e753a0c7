"""What an evaluation is told is what the file says: every key of ``evaluate`` arrives."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from automl_core.models.evaluation.tests import GoldenTest
from automl_core.models.file.evaluate import Evaluate, Program
from automl_core.models.file.options import evaluate_options
from automl_core.spec.errors import SpecError
from tests.unit.models.file.files import file_of

EVALUATE = {
    "data": "s3://lake/latest/", "target": "churned", "key": "customer", "group": "household", "metric": "roc_auc",
    "slices": ["country"], "tests": [{"test": "golden"}], "confidence": 0.9, "least_rows": 7,
    "program": {"command": "score ${rows}", "format": "parquet", "env": {"A": "1"}, "timeout": "5m"},
}  # fmt: skip


def version(number: int, **fingerprints: Any) -> Any:
    return SimpleNamespace(number=number, source=SimpleNamespace(fingerprints=fingerprints))


def test_every_key_arrives(tmp_path: Path) -> None:
    file = file_of(evaluate=EVALUATE, accept={"when": "not_worse", "margin": 0.02})
    told = evaluate_options(file, tmp_path / "f", version(3, train={"digest": "x"}), version(2, train="y"), "/venv")
    assert (told.version, told.champion, told.target, told.key, told.group) == (
        3,
        2,
        "churned",
        "customer",
        "household",
    )
    assert (told.metric, told.slices, told.confidence, told.least_rows) == ("roc_auc", ("country",), 0.9, 7)
    assert told.tests == (GoldenTest(test="golden"),)
    assert (told.when, told.margin) == ("not_worse", 0.02)
    assert told.program is not None
    assert told.program.__dict__ == {
        "command": "score ${rows}", "format": "parquet", "environment": "/venv", "timeout": 300.0,
        "variables": {"A": "1"}, "folder": str(tmp_path),
    }  # fmt: skip
    assert told.trained["challenger"].fingerprints == {"train": {"digest": "x"}}
    assert told.trained["champion"].fingerprints == {"train": "y"}
    assert set(EVALUATE) | {"data"} == set(Evaluate.model_fields), "a new key has to arrive too"
    assert {*EVALUATE["program"], "environment"} == set(Program.model_fields)  # type: ignore[misc]


def test_a_list_of_arguments_stays_one(tmp_path: Path) -> None:
    file = file_of(evaluate={"data": "in/", "program": {"command": ["score", "${rows}"]}})
    told = evaluate_options(file, tmp_path / "f", version(1), None)
    assert told.program is not None
    assert told.program.command == ("score", "${rows}")
    assert told.champion is None
    assert evaluate_options(file_of(), tmp_path / "f", version(1), None).program is None


def test_tests_beside_the_file(tmp_path: Path) -> None:
    file = file_of(evaluate={"data": "in/", "tests": "_tests.yaml"})
    with pytest.raises(SpecError, match="there is no such file"):
        evaluate_options(file, tmp_path / "f", version(1), None)
    (tmp_path / "_tests.yaml").write_text("- {test: golden}\n")
    assert evaluate_options(file, tmp_path / "f", version(1), None).tests == (GoldenTest(test="golden"),)
