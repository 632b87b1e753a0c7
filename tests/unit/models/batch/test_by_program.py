"""Nights of a model that this product has not written: its program is asked, and its words become rows as ours do."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from automl_core.models.batch import Outcome
from automl_core.models.batch.by_program import told
from automl_core.models.batch.order import Order, Place, Report
from automl_core.models.batch.processes import ScoringProcess
from automl_core.models.evaluation.options import Program
from tests.unit.models.batch.lab import ANNA, Lab, day

DATE = "2026-11-02"

PROGRAM = """
import csv, json, os, sys
weights = json.load(open(os.path.join(os.environ["AUTOML_MODEL_DIR"], "model", "weights.json")))
rows = list(csv.DictReader(open(os.environ["AUTOML_ROWS"], newline="")))
open({asked!r}, "a").write(json.dumps(rows) + "\\n")
out = csv.writer(open(os.environ["AUTOML_PREDICTIONS"], "w", newline=""))
p = [min(1.0, float(row["age"] or 0) * weights["age"]) for row in rows]
{said}
"""

RIGHT = """
out.writerow(["prediction", "score_no", "score_yes"])
out.writerows(["yes" if each > 0.5 else "no", 1 - each, each] for each in p)
"""


class Theirs(Lab):
    """A lab whose versions are another tool's, scored by a program."""

    def __init__(self, folder: Path, said: str = RIGHT, **deploy: Any) -> None:
        super().__init__(folder, **deploy)
        self.asked = folder / "asked.jsonl"
        script = folder / "score.py"
        script.write_text(PROGRAM.format(asked=str(self.asked), said=said))
        self.program: dict[str, Any] | None = told(
            Program((sys.executable, "${file_dir}/score.py"), folder=str(folder)), "churned", "id"
        )
        self.use_theirs(0.01)

    def use_theirs(self, age: float) -> int:
        """A version with another weight comes into use."""
        folder = self.folder / f"theirs-{age}"
        (folder / "model").mkdir(parents=True)
        (folder / "model" / "weights.json").write_text(json.dumps({"age": age}))
        return self.use(folder=folder)

    def runner(self, order: Order) -> Report:
        """As the worker's operator adds the program to what the claim says."""
        return super().runner(replace(order, program=self.program))

    def given(self) -> list[list[dict[str, str]]]:
        """The rows that the program was asked about, time by time."""
        return [json.loads(line) for line in self.asked.read_text().splitlines()] if self.asked.exists() else []

    def score(self, date: str = DATE) -> Outcome:
        self.now = day(date).at + 60  # type: ignore[operator]
        batch = self.batch()
        batch.plan(day(date))
        return batch.score(day(date), "run", self.runner)


def test_a_night_is_scored_once_with_what_was_kept_and_the_version_in_each_row(tmp_path: Path) -> None:
    lab = Theirs(tmp_path, proba=True)
    lab.rows(DATE, churned="yes")
    done = lab.score()
    assert (done.what, done.rows, done.version) == ("scored", 4, 1), done.words
    found = lab.out(DATE)
    assert list(found[0]) == [
        "id", "prediction", "probability_no", "probability_yes", "model_version", "model_interval", "model_generation"
    ]  # fmt: skip
    assert [row["prediction"] for row in found] == ["no", "yes", "no", "no"]
    assert [float(row["probability_yes"]) for row in found] == pytest.approx([0.3, 0.555, 0.0, 0.41])
    assert [row["id"] for row in found] == [f"{DATE}-{number:03d}" for number in range(4)]
    assert {(row["model_version"], row["model_interval"]) for row in found} == {("1", day(DATE).key)}
    (given,) = lab.given()
    assert list(given[0]) == ["id", "age", "city", "plan"], "what is predicted is not given away"
    assert lab.score().what == "already"
    assert len(lab.given()) == 1


def test_a_bad_version_is_taken_back_and_its_night_scored_again_by_the_one_before(tmp_path: Path) -> None:
    from automl_core.models.batch import Wish

    lab = Theirs(tmp_path)
    assert lab.use_theirs(0.1) == 2
    lab.rows(DATE)
    assert lab.score().version == 2
    lab.life().take_back(2, ANNA, "worse")
    done = lab.batch().score(day(DATE), "again", lab.runner, wish=Wish("now", "anna", "version 2 was bad"))
    assert (done.what, done.version) == ("scored", 1)
    found = lab.out(DATE)
    assert {(row["model_version"], row["model_generation"]) for row in found} == {("1", "2")}
    assert [row["prediction"] for row in found] == ["no", "yes", "no", "no"]


def test_keys_are_kept_as_they_are_written_whatever_type_the_program_sees(tmp_path: Path) -> None:
    lab = Theirs(tmp_path, keep=["id", "phone"])
    for name, phones, age in (("part-0", ["0071", "1e5"], 49), ("part-1", ["12.50", "9007199254740993"], 60)):
        path = tmp_path / "in" / f"ds={DATE}" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}-{number},{age + 3 * number},Bonn,1,{phone}" for number, phone in enumerate(phones)]
        path.write_text("\n".join(["id,age,city,plan,phone", *lines]) + "\n")
    assert lab.score().what == "scored"
    assert [row["phone"] for row in lab.out(DATE)] == ["0071", "1e5", "12.50", "9007199254740993"]
    assert [row["id"] for row in lab.out(DATE)] == ["part-0-0", "part-0-1", "part-1-0", "part-1-1"]
    assert [row["prediction"] for row in lab.out(DATE)] == ["no", "yes", "yes", "yes"], "each beside its own row"


@pytest.mark.parametrize("keep", [["id"], []])
def test_as_parquet_in_pieces_the_same_bytes_again(
    tmp_path: Path, keep: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl_core.models.batch.by_program.PIECE", 3)
    lab = Theirs(tmp_path, out=f"{tmp_path}/out/ds=${{ds}}/", keep=keep)
    lab.rows(DATE, count=8)
    first = lab.score()
    assert first.what == "scored", first.words
    path = tmp_path / "out" / f"ds={DATE}" / "predictions.parquet"
    table, before = pq.read_table(path), path.read_bytes()
    assert table.column("prediction").to_pylist() == ["no", "yes", "no", "no"] * 2
    assert table.column_names[: len(keep)] == keep
    lab.runner(lab.orders[0])
    assert path.read_bytes() == before


def test_ids_of_the_program_put_its_words_beside_their_rows(tmp_path: Path) -> None:
    said = 'out.writerow(["id", "prediction"]); ' + (
        "out.writerows([row['id'], round(q, 3)] for row, q in reversed(list(zip(rows, p))))"
    )
    lab = Theirs(tmp_path, said)
    lab.rows(DATE)
    assert lab.score().what == "scored"
    assert [float(row["prediction"]) for row in lab.out(DATE)] == [0.3, 0.555, 0.0, 0.41]


def test_data_without_rows_are_a_file_without_rows_and_the_program_is_not_asked(tmp_path: Path) -> None:
    lab = Theirs(tmp_path)
    lab.rows(DATE, count=0)
    done = lab.score()
    assert (done.what, done.rows) == ("scored", 0)
    header = (tmp_path / "out" / f"{DATE}.csv").read_text()
    assert header == "id,prediction,model_version,model_interval,model_generation\n"
    assert lab.given() == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('sys.exit("out of luck")', "exit code 1(.|\n)*out of luck"),
        ('out.writerow(["prediction"]); out.writerows([each] for each in p[1:])', "3 predictions for 4 rows"),
        ('out.writerow(["label"]); out.writerows([each] for each in p)', "no column prediction; there are: label"),
        ('out.writerow(["prediction"]); out.writerows([each] for each in p)', "left no column score_CLASS"),
        ('out.writerow(["prediction", "score_yes"]); out.writerows([1, "much"] for each in p)', "'much' in row 0"),
    ],
)
def test_what_a_program_does_wrong_fails_its_own_night_in_words(tmp_path: Path, said: str, words: str) -> None:
    import re

    lab = Theirs(tmp_path, said, proba=True)
    lab.rows(DATE)
    done = lab.score()
    assert done.what == "failed"
    assert re.search(words, done.words), done.words
    assert "evaluate.program" in done.words
    assert not (tmp_path / "out").exists()
    (tmp_path / "score.py").write_text(PROGRAM.format(asked=str(lab.asked), said=RIGHT))
    other = "2026-11-03"
    lab.rows(other)
    assert lab.score(other).what == "scored", "the next night goes on"


@pytest.mark.parametrize("shell", [False, True])
def test_a_program_that_others_kill_is_asked_again(tmp_path: Path, shell: bool) -> None:
    """The kernel that needs memory says nothing of the rows: the night was never tried again."""
    lab = Theirs(tmp_path, "os.kill(os.getpid(), 9)")
    if shell:
        script = Program(f"{sys.executable} ${{file_dir}}/score.py; exit $?", folder=str(tmp_path))
        lab.program = told(script, "churned", "id")
    lab.rows(DATE)
    assert lab.score().what == "again"
    assert not (tmp_path / "out").exists()
    (tmp_path / "score.py").write_text(PROGRAM.format(asked=str(lab.asked), said=RIGHT))
    batch = lab.batch()
    assert [each.key for each in batch.plan(day("2026-11-03")).intervals][-1] == day(DATE).key
    assert batch.score(day(DATE), "another run", lab.runner).what == "scored"


def test_a_table_is_read_once_so_what_is_kept_is_of_the_rows_that_were_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another reading may give a table's rows in another order: predictions would stand beside others' keys."""
    import pyarrow as pa

    from automl_core.models.batch import scoring

    lab = Theirs(tmp_path)
    lab.rows(DATE)
    assert lab.score().what == "scored"
    table = pa.table({"ID": ["b", "a"], "age": [80.0, 20.0]})
    monkeypatch.setattr("automl_core.data.odps_tables.read_odps", lambda *_: table)
    monkeypatch.setattr(scoring, "_of_table", lambda *_: iter([{"id": ["a", "b"]}]))
    order = replace(lab.orders[0], program=lab.program, data=Place("odps://shop/customers"), keep=("id",))
    written: list[dict[str, Any]] = []
    report = scoring._told_by_program(
        order,
        None,
        tmp_path / "theirs-0.01",
        lambda columns, rows: written.append(dict(columns)),  # type: ignore[arg-type]
    )
    assert (report.rows, report.columns[:2]) == (2, ("id", "prediction"))
    assert (written[0]["id"], [str(each) for each in written[0]["prediction"]]) == (["b", "a"], ["yes", "no"])


def test_rows_of_which_it_says_nothing_are_counted(tmp_path: Path) -> None:
    said = 'out.writerow(["prediction"]); out.writerows(["" if k == 2 else "no"] for k, _ in enumerate(p))'
    lab = Theirs(tmp_path, said + "\nprint('said on its way')")
    lab.rows(DATE)
    assert lab.score().what == "scored"
    assert [row["prediction"] for row in lab.out(DATE)] == ["no", "no", "", "no"]
    kept = json.loads(next((tmp_path / "runs").rglob("batch/*/1.json")).read_text())
    assert kept["notes"] == ["1 of 4 rows have no prediction: the program said nothing of them"]


def test_without_a_program_it_is_said_what_is_missing(tmp_path: Path) -> None:
    lab = Theirs(tmp_path)
    lab.program = None
    lab.rows(DATE)
    done = lab.score()
    assert done.what == "failed"
    assert "version 1 is no model of this product" in done.words
    assert "evaluate.program" in done.words


def test_a_column_to_keep_that_is_not_there_is_named(tmp_path: Path) -> None:
    lab = Theirs(tmp_path, keep=["idd"])
    lab.rows(DATE)
    assert "no column 'idd' to keep" in lab.score().words


def test_the_process_of_the_worker_asks_it_without_the_workers_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "hidden")
    lab = Theirs(tmp_path, RIGHT + "\nprint('asked', len(rows), 'FERNET' in str(os.environ), flush=True)")
    lab.rows(DATE)
    lines: list[str] = []

    def apart(order: Order) -> Report:
        return ScoringProcess(replace(order, program=lab.program)).run(lines.append)

    lab.now = day(DATE).at + 60  # type: ignore[operator]
    batch = lab.batch()
    batch.plan(day(DATE))
    done = batch.score(day(DATE), "run", apart)
    assert (done.what, done.rows) == ("scored", 4), done.words
    assert "asked 4 False" in "\n".join(lines)


def test_models_of_ours_are_scored_by_themselves_though_a_program_is_there(tmp_path: Path) -> None:
    lab = Theirs(tmp_path)
    lab.use()  # the next version is one of ours
    lab.rows(DATE)
    assert (lab.score().version, lab.given()) == (2, [])
    assert {row["model_version"] for row in lab.out(DATE)} == {"2"}


def test_no_secret_that_a_program_prints_gets_into_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_the_worker, of_the_file = "the-key-of-the-workers", "the-password-of-the-lake"
    monkeypatch.setenv("LAKE_SECRET_KEY", of_the_worker)  # the scoring process is not given it, so only we know it
    lab = Theirs(
        tmp_path,
        f"""
print("the file says", os.environ["LAKE_PASSWORD"])
raise SystemExit("no way to postgresql://lake:short@db:5432/rows with {of_the_worker[:3]}" + "{of_the_worker[3:]}")
""",
    )
    assert lab.program is not None
    lab.program["program"]["variables"] = {"LAKE_PASSWORD": of_the_file}
    lab.rows(DATE)
    said: list[str] = []

    def in_a_process(order: Order) -> Report:
        return ScoringProcess(replace(order, program=lab.program), "").run(said.append)

    monkeypatch.setattr(lab, "runner", in_a_process)
    done = lab.score()
    assert done.what == "failed", done.words
    assert "the file says ***" in done.words
    assert "no way to postgresql://***@db:5432/rows with ***" in done.words
    kept = b"".join(each.read_bytes() for each in (tmp_path / "runs").rglob("*") if each.is_file())
    assert b"no way to postgresql://***@db:5432/rows with ***" in kept
    for secret in (of_the_worker, of_the_file, "lake:short"):
        assert secret not in "\n".join([done.words, *said])
        assert secret.encode() not in kept
