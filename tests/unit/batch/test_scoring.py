"""A table scored by SQL on the stand-in: as the scorer does, once whatever dies, refused where it would be wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_core import modelfile
from automl_core.backends.maxcompute.client import Client
from automl_core.batch import BatchFailed, CantScore, Scoring, Wanted
from automl_core.batch import statements as statements_module
from automl_core.batch.scoring import Done
from automl_core.modelfile.model import Model
from automl_core.modelfile.scoring.values import Field, Schema
from tests.standins.maxcompute import MaxComputeStandIn
from tests.standins.maxcompute.limits import NEW_PROJECT
from tests.unit.backends.maxcompute_trials import access
from tests.unit.modelfile.models import BINARY, NUMBERS, ROWS, SCHEMA, forest, linear

DAY = "odps://standin/customers/ds=20261101"
SCORES = "odps://standin/scores/ds=20261101"


@pytest.fixture(scope="module")
def standin() -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn(threads=1) as standin:
        standin.service.flags |= NEW_PROJECT
        odps = standin.odps()
        for sql in (
            "CREATE TABLE customers (id BIGINT, plan BIGINT, city STRING, age DOUBLE) PARTITIONED BY (ds STRING)",
            "INSERT INTO customers PARTITION (ds='20261101') VALUES (9007199254740993L, 1, 'Bonn', 30.0), "
            "(2, 2, 'Ulm', 55.5), (3, NULL, NULL, NULL), (4, 7, 'Köln', 41.0)",
            "INSERT INTO customers PARTITION (ds='20261102') VALUES (5, 1, 'Bonn', 30.0)",
        ):
            odps.execute_sql(sql).wait_for_success()
        yield standin


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("model") / "model"
    modelfile.write(folder, members=[linear(), forest(weight=2.0)], schema=SCHEMA, problem=BINARY, golden=ROWS, made={})
    return modelfile.load(folder)


def wanted(rows: str = DAY, out: str = SCORES, keep: tuple[str, ...] = ("id",), proba: bool = True) -> Wanted:
    return Wanted.of(rows, out, keep=keep, proba=proba)


def finish(scoring: Scoring) -> Done:
    while not scoring.advance():
        time.sleep(0.01)
    assert scoring.done is not None
    return scoring.done


def rows_of(standin: MaxComputeStandIn, sql: str) -> list[list[Any]]:
    hints = {"odps.sql.allow.fullscan": "true"}
    with standin.odps().execute_sql(sql, hints=hints).open_reader(tunnel=True) as reader:
        return [list(record.values) for record in reader]


def tables(standin: MaxComputeStandIn) -> set[str]:
    return {table.name for table in standin.service.engine.catalog.of("standin")}


def submitted(standin: MaxComputeStandIn, part: str) -> int:
    return sum(part in each.job.tasks[0].query for each in standin.service._instances.values())


def test_a_partition_is_scored_as_the_scorer_does(standin: MaxComputeStandIn, model: Model) -> None:
    scoring = Scoring(Client(access(standin)), model, wanted())
    done = finish(scoring)
    assert (done.rows, done.golden, done.out) == (4, len(ROWS), SCORES)
    assert done.columns == {"id": "bigint", "prediction": "string", "probability_no": "double",
                            "probability_yes": "double"}  # fmt: skip
    found = rows_of(standin, "SELECT * FROM scores")
    assert [row[0] for row in sorted(found, key=str)] == sorted([9007199254740993, 2, 3, 4], key=str)
    by_id = {row[0]: row for row in found}
    for name, row in zip((9007199254740993, 2, 3, 4), ROWS, strict=True):
        expected = model.predict_proba([row])[0]
        assert by_id[name][1] == model.predict([row])[0]
        assert by_id[name][2:4] == pytest.approx(expected.tolist(), abs=1e-9)
        assert by_id[name][4] == "20261101"
    assert not [name for name in tables(standin) if name.startswith("automl_")]
    assert any("golden rows, scored by SQL, are as the model said" in note for note in scoring.notes)


def test_a_table_may_lack_what_is_optional(standin: MaxComputeStandIn, tmp_path: Path) -> None:
    schema = Schema([*SCHEMA, Field("clinic", "category", "string", optional=True)])
    step = {
        "step": "encode", "columns": ["clinic"], "levels": [["north"]], "values": [np.array([[3.0], [0.0], [0.0]])],
        "names": [["clinic"]],
    }  # fmt: skip
    effect = {"features": [step], "model": {"type": "linear", "coef": np.eye(1), "intercept": np.zeros(1)}}
    golden = [{**row, "clinic": ["north", "south"][place % 2]} for place, row in enumerate(ROWS)]
    modelfile.write(
        tmp_path / "model", members=[linear(link="identity"), effect], schema=schema, problem=NUMBERS, golden=golden,
        made={},
    )  # fmt: skip
    model = modelfile.load(tmp_path / "model")
    out = "odps://standin/lacking/ds=20261101"
    scoring = Scoring(Client(access(standin)), model, wanted(out=out, proba=False))
    assert finish(scoring).rows == 4
    assert not any("other types" in each for each in scoring.notes)
    found = {row[0]: row[1] for row in rows_of(standin, "SELECT * FROM lacking")}
    expected = model.predict(ROWS).tolist()
    assert [found[name] for name in (9007199254740993, 2, 3, 4)] == pytest.approx(expected, abs=1e-9)


def test_scoring_again_overwrites_and_scores_the_golden_rows_no_more(standin: MaxComputeStandIn, model: Model) -> None:
    finish(Scoring(Client(access(standin)), model, wanted()))
    before = rows_of(standin, "SELECT * FROM scores WHERE ds = '20261101' ORDER BY id LIMIT 10")
    golden, inserts = submitted(standin, "automl_row"), submitted(standin, "INSERT OVERWRITE TABLE `standin`.`scores`")
    finish(Scoring(Client(access(standin)), model, wanted()))
    assert submitted(standin, "automl_row") == golden, "they were right"
    assert submitted(standin, "INSERT OVERWRITE TABLE `standin`.`scores`") == inserts + 1
    finish(
        Scoring(
            Client(access(standin)),
            model,
            wanted("odps://standin/customers/ds=20261102", "odps://standin/scores/ds=20261102"),
        )
    )
    assert submitted(standin, "automl_row") == golden, "of another partition neither"
    assert rows_of(standin, "SELECT * FROM scores WHERE ds = '20261101' ORDER BY id LIMIT 10") == before


def test_a_start_that_was_killed_is_taken_over(standin: MaxComputeStandIn, model: Model) -> None:
    out = "odps://standin/killed"
    killed = Scoring(Client(access(standin)), model, wanted(out=out))
    standin.faults.set(run_seconds=0.3)
    try:
        while not submitted(standin, "INSERT OVERWRITE TABLE `standin`.`killed`"):
            killed.advance()
            time.sleep(0.02)
        second = Scoring(Client(access(standin)), model, wanted(out=out))
        finish(second)
    finally:
        standin.faults.set(run_seconds=0)
    assert any("an earlier start has submitted" in note for note in second.notes)
    assert submitted(standin, "INSERT OVERWRITE TABLE `standin`.`killed`") == 1
    assert rows_of(standin, "SELECT COUNT(*) FROM killed") == [[4]]
    assert not [name for name in tables(standin) if name.startswith("automl_")]


def test_what_a_killed_start_has_done_is_not_done_again_where_the_service_has_forgotten_its_marks(
    standin: MaxComputeStandIn, model: Model
) -> None:
    out, part = "odps://standin/forgotten", "INSERT OVERWRITE TABLE `standin`.`forgotten`"
    killed = Scoring(Client(access(standin)), model, wanted(out=out))
    while not submitted(standin, part):
        killed.advance()
        time.sleep(0.01)
    while any(each.status == "Running" for each in standin.service._instances.values()):
        time.sleep(0.01)
    standin.service._by_guid.clear()
    finish(Scoring(Client(access(standin)), model, wanted(out=out)))
    assert submitted(standin, part) == submitted(standin, "CREATE TABLE IF NOT EXISTS `standin`.`forgotten`") == 1


def test_a_start_goes_on_from_the_state_of_another(standin: MaxComputeStandIn, model: Model) -> None:
    scoring, states = Scoring(Client(access(standin)), model, wanted(out="odps://standin/handed_on")), 0
    while not scoring.advance():
        scoring = Scoring(Client(access(standin)), model, wanted(out="odps://standin/handed_on"), state=scoring.state)
        states += 1
        time.sleep(0.01)
    assert states > 1
    assert submitted(standin, "INSERT OVERWRITE TABLE `standin`.`handed_on`") == 1


def test_two_starts_at_once_make_one_table(standin: MaxComputeStandIn, model: Model) -> None:
    both = [Scoring(Client(access(standin)), model, wanted(out="odps://standin/both")) for _ in range(2)]
    while sum(each.advance() for each in both) < 2:
        time.sleep(0.01)
    assert submitted(standin, "INSERT OVERWRITE TABLE `standin`.`both`") == 1


def test_a_failed_start_is_followed_by_another(standin: MaxComputeStandIn, model: Model) -> None:
    scoring = Scoring(Client(access(standin)), model, wanted(out="odps://standin/failed"))
    standin.faults.set(fail=1, fail_code="ODPS-0123144", fail_message="lost")
    try:
        with pytest.raises(BatchFailed, match="ODPS-0123144"):
            finish(scoring)
    finally:
        standin.faults.set(fail=0)
    finish(Scoring(Client(access(standin)), model, wanted(out="odps://standin/failed")))
    assert rows_of(standin, "SELECT COUNT(*) FROM failed") == [[4]]


def test_sql_that_says_otherwise_scores_nothing(
    standin: MaxComputeStandIn, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = statements_module._script

    def wrong(*args: Any) -> Any:
        script = true(*args)
        last = script.steps[-1]
        columns = f"`{args[3][0]}`, prediction, probability_no + 1E-8 AS probability_no, probability_yes"
        object.__setattr__(last, "sql", f"SELECT {columns} FROM ({last.sql}) t")
        return script

    monkeypatch.setattr(statements_module, "_script", wrong)
    with pytest.raises(BatchFailed, match=r"golden row 0: the model said .*, SQL says .*golden row 3") as caught:
        finish(Scoring(Client(access(standin)), model, wanted(out="odps://standin/untrue")))
    assert "so nothing is scored by it" in str(caught.value)
    assert "untrue" not in tables(standin)
    assert not [name for name in tables(standin) if name.startswith("automl_")]


def test_rows_that_are_missing_are_told(
    standin: MaxComputeStandIn, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = statements_module._script

    def short(*args: Any) -> Any:
        script = true(*args)
        last = script.steps[-1]
        if "_rows" not in args[1]:
            object.__setattr__(last, "sql", f"SELECT * FROM ({last.sql}) t WHERE id <> 2")
        return script

    monkeypatch.setattr(statements_module, "_script", short)
    with pytest.raises(BatchFailed, match="odps://standin/short has 3 rows for 4 of odps://standin/customers"):
        finish(Scoring(Client(access(standin)), model, wanted(out="odps://standin/short")))


@pytest.mark.parametrize(
    ("rows", "out", "keep", "words"),
    [
        ("odps://standin/none", SCORES, (), "there is no table standin.none"),
        ("odps://standin/customers/dt=1", SCORES, (), "is partitioned by ds: dt is none of them"),
        (DAY, "odps://standin/customers/ds=2", (), "is the table that is scored; write into another"),
        (DAY, SCORES, ("idd",), "has no column 'idd'; did you mean 'id'"),
        (DAY, "odps://standin/narrow", ("id",), "has the columns id; wanted, in this order: id bigint, prediction"),
        (DAY, "odps://standin/typed", (), "prediction is double, string is wanted"),
        (DAY, "odps://standin/seen", (), "is a view"),
        ("odps://standin/narrow", "odps://standin/x", (), "there is no column 'age' .*no column 'plan'"),
        (
            "odps://standin/odd",
            "odps://standin/x",
            (),
            "'age' is array<double>, which can't be read as a number",
        ),
        ("rows.csv", SCORES, (), "rows.csv is no table of MaxCompute"),
        (DAY, "odps://standin/dated/id=1", ("id",), "'id' is a column of the predictions, and can't be a partition"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(
    standin: MaxComputeStandIn, model: Model, rows: str, out: str, keep: tuple[str, ...], words: str
) -> None:
    odps = standin.odps()
    for sql in (
        "CREATE TABLE IF NOT EXISTS narrow (id BIGINT)",
        "CREATE TABLE IF NOT EXISTS typed (prediction DOUBLE)",
        "CREATE VIEW IF NOT EXISTS seen AS SELECT id FROM narrow",
        "CREATE TABLE IF NOT EXISTS odd (plan BIGINT, city STRING, age ARRAY<DOUBLE>)",
    ):
        odps.execute_sql(sql).wait_for_success()
    count = len(standin.service._instances)
    with pytest.raises(CantScore, match=words):
        Scoring(Client(access(standin)), model, wanted(rows, out, keep, proba=False))
    assert len(standin.service._instances) == count


def test_a_model_of_numbers_has_no_probabilities(standin: MaxComputeStandIn, tmp_path: Path) -> None:
    members = [linear(link="identity")]
    modelfile.write(tmp_path / "m", members=members, schema=SCHEMA, problem=NUMBERS, golden=ROWS, made={})
    numbers = modelfile.load(tmp_path / "m")
    with pytest.raises(CantScore, match="is a number: there are no probabilities"):
        Scoring(Client(access(standin)), numbers, wanted())
    done = finish(Scoring(Client(access(standin)), numbers, wanted(out="odps://standin/numbers", proba=False)))
    assert done.columns == {"id": "bigint", "prediction": "double"}
    found = dict(rows_of(standin, "SELECT * FROM numbers"))
    assert found[2] == pytest.approx(float(numbers.predict([ROWS[1]])[0]), abs=1e-9)


def test_all_of_a_partitioned_table_is_scored_where_that_is_named(standin: MaxComputeStandIn, model: Model) -> None:
    done = finish(
        Scoring(
            Client(access(standin)), model, wanted("odps://standin/customers", "odps://standin/all_days", ("id", "ds"))
        )
    )
    assert done.rows == 5
    assert sorted(row[0] for row in rows_of(standin, "SELECT DISTINCT ds FROM all_days")) == ["20261101", "20261102"]
