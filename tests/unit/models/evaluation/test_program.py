"""Models that aren't ours: files in, files out, and everything that a program can do wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_core.models.evaluation import EvaluateOptions, NotEvaluated, evaluate
from automl_core.models.evaluation import tests as kinds
from automl_core.models.evaluation.asking import predictions_of
from automl_core.models.evaluation.options import Program
from automl_core.models.evaluation.rows import Rows
from tests.unit.models.evaluation.small import model, rows

HEAD = """
import csv, math, os, sys
with open(os.environ["AUTOML_ROWS"], newline="") as file:
    rows = list(csv.DictReader(file))
def p(row): return 1 / (1 + math.exp(-(float(row["a"]) + 0.5 * float(row["b"]))))
out = csv.writer(open(os.environ["AUTOML_PREDICTIONS"], "w", newline=""))
"""


def theirs(folder: Path, *lines: str, head: str = HEAD, **more: Any) -> tuple[Path, Program]:
    """A folder that is no model of ours, and a program for it."""
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"12345")
    script = folder / "score.py"
    script.write_text(head + "\n".join(lines))
    return folder, Program((sys.executable, "${model_dir}/score.py"), **more)


def written(columns: str, rows: str) -> tuple[str, str]:
    """Lines of a program that leaves these columns and rows."""
    return f"out.writerow({columns.split(',')})", f"out.writerows({rows})"


RIGHT = (
    'out.writerow(["prediction", "score_1", "score_0"])',
    "out.writerows([int(p(row) >= 0.5), p(row), 1 - p(row)] for row in rows)",
)


def of(folder: Path, program: Program, champion: Path | None = None, data: Any = None, **options: Any) -> Any:
    told = EvaluateOptions(program=program, draws=100, **{"target": "y"} | options)
    return evaluate(folder, champion, data or rows(80), told)[0]


def test_it_is_measured_as_a_model_of_ours_that_says_the_same(tmp_path: Path) -> None:
    ours = model(tmp_path / "ours", a=1.0, b=0.5)
    folder, program = theirs(tmp_path / "theirs", *RIGHT)
    found = of(folder, program, ours, metric="roc_auc", tests=kinds.tests_of([{"test": "golden"}]))
    assert found["values"]["challenger"] == pytest.approx(found["values"]["champion"], abs=1e-12)
    assert found["metrics"]["log_loss"]["difference"]["value"] == pytest.approx(0.0, abs=1e-12)
    assert found["problem"] == {"kind": "binary", "target": "y", "classes": ["0", "1"]}
    assert found["latency"]["challenger"] is None
    assert found["latency"]["champion"]["single_ms"]["median"] > 0
    assert found["size"]["challenger"]["bytes"] > 5
    assert found["tests"][0]["passed"] is None
    assert found["cases"]["counts"]["new"] == found["cases"]["counts"]["fixed"] == 0


def test_two_programs_alone_say_what_they_predict_by_the_labels(tmp_path: Path) -> None:
    folder, program = theirs(tmp_path / "theirs", *RIGHT)
    assert of(folder, program)["problem"]["kind"] == "binary"
    numbers, other = theirs(
        tmp_path / "numbers", 'out.writerow(["prediction"])', 'out.writerows([row["a"]] for row in rows)'
    )
    found = of(numbers, other, data=rows(80, kind="regression"))
    assert found["problem"]["kind"] == "regression"
    assert found["metric"]["name"] == "rmse"
    with pytest.raises(NotEvaluated, match="name the target"):
        of(numbers, other, target=None)


def test_the_target_is_not_given_away(tmp_path: Path) -> None:
    lines = ('print(sorted(rows[0]), "MODEL", os.environ["AUTOML_MODEL_DIR"])', "sys.exit(7)")
    folder, program = theirs(tmp_path / "m", *lines)
    with pytest.raises(NotEvaluated) as error:
        of(folder, program)
    assert "['a', 'b', 'city', 'id']" in str(error.value)
    assert f"MODEL {folder}" in str(error.value)
    assert "exit code 7" in str(error.value)


def test_secrets_of_the_worker_do_not_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "hidden")
    folder, program = theirs(
        tmp_path / "m", "print(sorted(os.environ))", "sys.exit(1)", variables={"MINE": "1", "AUTOML_ROWS": "elsewhere"}
    )
    with pytest.raises(NotEvaluated) as error:
        of(folder, program)
    assert "'MINE'" in str(error.value)
    assert "FERNET" not in str(error.value)
    assert "AWS_" not in str(error.value)


def test_rows_as_lines_of_json(tmp_path: Path) -> None:
    head = "import csv, os, json, sys\nrows = [json.loads(line) for line in open(os.environ['AUTOML_ROWS'])]\n"
    folder, program = theirs(
        tmp_path / "m", "out = csv.writer(open(os.environ['AUTOML_PREDICTIONS'], 'w', newline=''))",
        *written("prediction", "[int(row['a'] > 0)] for row in rows"), head=head, format="jsonl",
    )  # fmt: skip
    found = of(folder, program, model(tmp_path / "ours", a=1.0))
    assert found["metrics"]["accuracy"]["difference"]["value"] == pytest.approx(0.0, abs=1e-12)
    assert found["metrics"]["roc_auc"]["challenger"] is None  # it says no probabilities


def test_rows_and_predictions_as_parquet(tmp_path: Path) -> None:
    head = (
        "import os, pyarrow.parquet as pq, pyarrow as pa\nrows = pq.read_table(os.environ['AUTOML_ROWS']).to_pylist()\n"
    )
    folder, program = theirs(
        tmp_path / "m", "table = pa.table({'prediction': [int(row['a'] > 0) for row in rows]})",
        "pq.write_table(table, os.environ['AUTOML_PREDICTIONS'].removesuffix('csv') + 'parquet')",
        head=head, format="parquet",
    )  # fmt: skip
    found = of(folder, program, model(tmp_path / "ours", a=1.0))
    assert found["metrics"]["accuracy"]["difference"]["value"] == pytest.approx(0.0, abs=1e-12)


def test_ids_put_predictions_into_the_order_of_the_rows(tmp_path: Path) -> None:
    backwards = "[{0}, int(p(row) >= 0.5)] for k, row in reversed(list(enumerate(rows)))"
    ours = model(tmp_path / "ours", a=1.0, b=0.5)
    for name, text, key in (("number", "k", None), ("key", "row['id']", "id")):
        folder, program = theirs(tmp_path / name, *written("id,prediction", backwards.format(text)))
        found = of(folder, program, ours, metric="accuracy", key=key)
        assert found["difference"]["value"] == 0.0


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (written("prediction", "[1] for row in rows[1:]"), r"79 predictions for 80 rows"),
        (written("id,prediction", "[min(k, 78), 1] for k in range(80)"), r"two predictions with the id '78'"),
        (written("id,prediction", "[k, 1] for k in range(79)"), r"no prediction for 1 of 80 rows, such as id '79'"),
        (written("id,prediction", "[k, 1] for k in range(81)"), r"1 predictions for no row, such as id '80'"),
        (written("label", "[1] for row in rows"), r"no column prediction; there are: label"),
        (written("prediction", "['maybe'] for row in rows"), r"'maybe', which is none of the classes 0, 1"),
        (written("prediction,score", "[1, 3.5] for row in rows"), r"allowed: probabilities"),
        (written("prediction,score_1", "[1, 'high'] for row in rows"), r"'high' in row 0 is no number"),
        (("print('nothing to do')",), r"left no predictions|has no|nothing in it"),
        (("print('first', flush=True)", "sys.exit('out of luck')"), r"exit code 1(.|\n)*first\nout of luck"),
        (("os.kill(os.getpid(), 9)",), r"SIGKILL|signal 9|137"),
    ],
)
def test_what_a_program_does_wrong_is_told(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    folder, program = theirs(tmp_path / "theirs", *lines)
    with pytest.raises(NotEvaluated, match=said) as error:
        of(folder, program, model(tmp_path / "ours"))
    assert "the program that scores the challenger" in str(error.value)


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    folder, program = theirs(tmp_path / "m", "print('soon', flush=True)", "import time; time.sleep(600)", timeout=1.0)
    with pytest.raises(NotEvaluated, match=r"took longer than 1 s(.|\n)*soon"):
        of(folder, program)


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    folder, _ = theirs(tmp_path / "m")
    with pytest.raises(NotEvaluated, match="does not start"):
        of(folder, Program(("no-such-program-here",)))
    with pytest.raises(NotEvaluated, match=r"\$\{row\} has no meaning here; allowed: \$\{rows\}"):
        of(folder, Program(("score", "${row}")))
    with pytest.raises(NotEvaluated, match="name a program that scores it"):
        evaluate(folder, None, rows(80), EvaluateOptions())


def test_text_runs_by_the_shell_with_its_paths_quoted(tmp_path: Path) -> None:
    home = tmp_path / "a folder; with spaces"
    folder, _ = theirs(home, *RIGHT)
    found = of(folder, Program(f"{sys.executable} ${{model_dir}}/score.py && true"))
    assert found["values"]["challenger"] is not None


def test_rows_of_which_it_says_nothing_are_counted_and_held_against_it(tmp_path: Path) -> None:
    folder, program = theirs(
        tmp_path / "theirs", 'out.writerow(["prediction", "score_1"])',
        "out.writerows(['', ''] if k < 8 else [int(p(row) >= 0.5), p(row)] for k, row in enumerate(rows))",
    )  # fmt: skip
    found = of(folder, program, model(tmp_path / "ours", a=-1.0), least_rows=20)
    assert found["data"]["left_out"] == [{"why": "of which the challenger says nothing", "rows": 8}]
    assert found["data"]["scored"] == 72
    assert found["verdict"]["ok"] is None
    assert "8 rows" in found["verdict"]["reasons"][-1]


def test_one_score_a_row_is_a_confidence_or_that_of_one_class() -> None:
    from automl_core.models.evaluation.program import _second

    labels = np.asarray([1, 0, 1, 0])
    assert _second(np.asarray([0.9, 0.8, 0.6, 0.7]), labels).tolist() == pytest.approx([0.9, 0.2, 0.6, 0.3])
    assert _second(np.asarray([0.9, 0.2, 0.6, 0.3]), labels).tolist() == pytest.approx([0.9, 0.2, 0.6, 0.3])
    assert _second(np.asarray([0.1, 0.8, 0.4, 0.7]), labels).tolist() == pytest.approx([0.9, 0.2, 0.6, 0.3])


def test_secrets_that_a_program_was_given_are_in_no_line_of_it(tmp_path: Path) -> None:
    lines: list[str] = []
    folder, program = theirs(
        tmp_path / "theirs",
        'print("with", os.environ["LAKE_TOKEN"])', 'raise SystemExit("no " + os.environ["LAKE_TOKEN"])',
        variables={"LAKE_TOKEN": "very-secret-token"},
    )  # fmt: skip
    with pytest.raises(NotEvaluated, match=r"with \*\*\*\nno \*\*\*") as raised:
        predictions_of(program, folder, Rows.of(rows(3)), "the program", say=lines.append)
    assert lines == ["with ***", "no ***"]
    assert "very-secret-token" not in str(raised.value)
