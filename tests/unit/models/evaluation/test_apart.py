"""An evaluation in a process of its own: the same evidence, and an error in words whatever happens to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from automl_core.models.evaluation import EvaluateOptions, NotEvaluated, Request, evaluate, run_apart
from automl_core.models.evaluation import tests as kinds
from automl_core.models.evaluation.__main__ import FAILED, main
from automl_core.models.evaluation.apart import EVIDENCE, PROBLEM, REQUEST, ROWS, TABLE
from automl_core.models.evaluation.options import Program, Trained
from tests.unit.models.evaluation.small import model, rows

OPTIONS = EvaluateOptions(
    version=4, champion=3, key="id", slices=("city",), latency=False, draws=100, metric="roc_auc",
    tests=kinds.tests_of([{"test": "monotone", "column": "a", "direction": "increasing"}]),
    fingerprint={"digest": "abc"},
)  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("m")
    return model(home / "new", b=0.5), model(home / "old")


def without_times(evidence: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in evidence.items() if name != "size"}


def test_the_evidence_is_the_same_as_in_this_process(both: tuple[Path, Path], tmp_path: Path) -> None:
    table = pa.table(rows(300))
    said: list[str] = []
    found, shown = run_apart(Request(*both, table, OPTIONS), folder=tmp_path, say=said.append)
    here, here_rows = evaluate(*both, table, OPTIONS)
    assert without_times(found) == json.loads(json.dumps(without_times(here)))
    assert shown == json.loads(json.dumps(here_rows))
    assert {REQUEST, EVIDENCE, ROWS, TABLE} <= {path.name for path in tmp_path.iterdir()}


def test_a_problem_is_told_in_its_words(both: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / EVIDENCE).write_text("{}")  # of an earlier try
    with pytest.raises(NotEvaluated, match=r"no column 'cities'.*did you mean 'city'"):
        run_apart(Request(*both, pa.table(rows(50)), EvaluateOptions(slices=("cities",))), folder=tmp_path)
    assert not (tmp_path / EVIDENCE).exists()


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (
            "print('a last word', flush=True); os.kill(os.getpid(), 9)",
            r"without evidence: .*(SIGKILL|signal 9).*a last",
        ),
        ("x = bytearray(64 << 30)", r"takes more than 2,048 MiB of memory"),
    ],
)
def test_whatever_becomes_of_the_process_the_caller_lives_and_says_it(
    both: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, said: str
) -> None:
    # the model's metric is a file of Python, which runs in that process alone
    (tmp_path / "own.py").write_text(f"import os\n\ndef metric(truth, predicted):\n    {way}\n    return 0.5\n")
    options = EvaluateOptions(metric=f"{tmp_path / 'own.py'}:metric", latency=False, draws=100)
    with pytest.raises(NotEvaluated, match=said):
        run_apart(Request(*both, pa.table(rows(50)), options), memory=2 << 30)


def test_it_is_ended_where_nobody_wants_it(both: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("import time\n\ndef metric(truth, predicted):\n    time.sleep(600)\n")
    options = EvaluateOptions(metric=f"{tmp_path / 'own.py'}:metric", latency=False)
    with pytest.raises(NotEvaluated, match="nobody wants it"):
        run_apart(Request(*both, pa.table(rows(50)), options), wanted=lambda: False)


def test_it_is_ended_where_it_takes_too_long(both: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(NotEvaluated, match=r"took longer than 0\.1 s"):
        run_apart(Request(*both, pa.table(rows(50)), OPTIONS), timeout=0.1)


def test_data_that_can_not_be_read_are_a_problem(both: tuple[Path, Path], tmp_path: Path) -> None:
    Request(*both, tmp_path / "gone.csv", OPTIONS).write(tmp_path)
    assert main([str(tmp_path)]) == FAILED
    assert "the data can't be read" in json.loads((tmp_path / PROBLEM).read_text())["problem"]
    (tmp_path / REQUEST).write_text('{"format": 99}')
    assert main([str(tmp_path)]) == FAILED
    assert "99" in json.loads((tmp_path / PROBLEM).read_text())["problem"]


def test_a_request_is_the_same_when_it_is_read(both: tuple[Path, Path], tmp_path: Path) -> None:
    options = EvaluateOptions(
        program=Program(("score", "${rows}"), variables={"A": "1"}),
        trained={"challenger": Trained({"t": "x"}, ("a",))},
        trusted=("sklearn.tree",), margin=0.1, when="not_worse", threshold=2.0, latency=False, tests=OPTIONS.tests,
    )  # fmt: skip
    assert EvaluateOptions.from_json(json.loads(json.dumps(options.to_json()))) == options
    assert EvaluateOptions.from_json({}) == EvaluateOptions()
    Request(both[0], None, tmp_path / "x.csv", options, [{"id": "a", "state": "bad"}], "csv").write(tmp_path)
    read = Request.read(tmp_path)
    assert (read.options, read.champion, read.format) == (options, None, "csv")
    assert read.earlier == [{"id": "a", "state": "bad"}]


@pytest.mark.parametrize(
    ("document", "said"),
    [({"slice": ["a"]}, "slice is none"), ({"confidence": 1.0}, "confidence"), ({"when": "maybe"}, "when"),
     ({"margin": -1}, "margin"), ({"draws": 3}, "draws")],
)  # fmt: skip
def test_options_out_of_their_range_are_told(document: dict[str, Any], said: str) -> None:
    with pytest.raises(NotEvaluated, match=said):
        EvaluateOptions.from_json(document)
