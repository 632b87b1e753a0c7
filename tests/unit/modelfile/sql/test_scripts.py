"""Scripts: what they look like in each dialect, how they are split, what they refuse."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlglot

from automl_core import modelfile
from automl_core.cli.app import main
from automl_core.modelfile.exporting.forest import Tree, document
from automl_core.modelfile.scoring.values import Field, Schema
from automl_core.modelfile.sql import NotInSql, to_sql
from automl_core.modelfile.sql.dialects import TARGETS, output_names, target_of
from automl_core.modelfile.sql.nodes import number
from tests.unit.modelfile.models import BINARY, NUMBERS, ROWS, SCHEMA, forest, linear, whole
from tests.unit.modelfile.sql.engines import DIALECTS, agree, run, written

TABLE = pa.table({
    "age": pa.array([each["age"] for each in ROWS], pa.float64()), "city": [each["city"] for each in ROWS],
    "plan": pa.array([each["plan"] for each in ROWS], pa.int64()),
})  # fmt: skip
THREE = {"kind": "multiclass", "target": "x", "classes": ["a", "b'c", "d e"]}
SURE = {"features": [], "model": {"type": "constant", "value": np.asarray([1.0])}, "link": "complement"}
CURVES = {"x": [np.asarray([0.1, 0.4, 0.4, 0.9])] * 3, "y": [np.asarray([0.0, 0.2, 0.5, 1.0])] * 3}
CURVE = {"x": np.asarray([0.1, 0.4, 0.4, 0.9]), "y": np.asarray([0.0, 0.2, 0.5, 1.0])}


def trees(count: int, seed: int = 0, *, single: bool = False, outputs: int = 1) -> dict[str, Any]:
    """A forest over two numbers and a category, with every way of treating what is missing."""
    rng = np.random.default_rng(seed)
    made = []
    borders = {1: np.inf, 2: -np.inf}  # what tells a missing value alone
    for tree in range(count):
        inner = [(int(rng.integers(0, 2)), float(rng.normal()), int(rng.integers(0, 5))) for _ in range(2)]
        made.append(
            Tree(
                left=np.asarray([1, -1, 3, -1, -1]), right=np.asarray([2, -1, 4, -1, -1]),
                column=np.asarray([inner[0][0], -1, inner[1][0], -1, -1]),
                threshold=np.asarray([borders.get(tree % 5, inner[0][1]), 0, inner[1][1], 0, 0]),
                missing=np.asarray([inner[0][2], 0, inner[1][2], 0, 0]),
                value=np.concatenate([[0], rng.normal(size=4)]),
                cover=np.ones(5),
            )
        )  # fmt: skip
    made = [replace(each, output=number_ % outputs) for number_, each in enumerate(made)] if outputs > 1 else made
    model = document(made, [0.1] * outputs, float32=single) | ({"sums": "float32"} if single else {})
    fields = [Field(name, "number", "number").to_json() for name in ("u", "v")]
    features = [{"step": "numbers", "columns": ["u", "v"], "fill": np.asarray([np.nan, np.nan])}]
    problem = {"kind": "regression", "target": "y", "classes": []}
    return {"format": 1, "problem": problem, "schema": fields, "members": [{"features": features, "model": model}]}


def numbers(n: int = 40) -> pa.Table:
    rng = np.random.default_rng(1)
    u, v = rng.normal(size=n), rng.normal(size=n)
    u[::5], v[::7], u[1::6], v[2::9] = np.nan, np.nan, 0.0, 1e-36
    return pa.table({"u": u, "v": v})


@pytest.mark.parametrize(
    "given",
    [
        whole([linear()]),
        whole([linear(weight=0.3), forest(weight=0.7)], calibration={"type": "temperature", "temperature": 2.5}),
        whole([forest()], calibration={"type": "platt", "a": 1.5, "b": -0.2}, threshold=0.55),
        whole([SURE], calibration={"type": "platt", "a": 0.5, "b": 0.1}),
        whole([linear()], calibration={"type": "isotonic", **CURVE}),
        whole([linear(3, "softmax"), linear(3, "ovr", seed=2)], THREE, threshold=[1.0, 2.0, 0.5]),
        whole([linear(3, "softmax")], THREE, threshold={"costs": [[0, 1, 1], [9.5, 0, 2], [1, 0.25, 0]]}),
        whole([linear(3, "softmax")], THREE, calibration={"type": "isotonic", **CURVES}),
        whole([linear(2, [{"type": "place", "places": [0, 2], "outputs": 3, "share": 0.1}, "normalise"])], THREE),
        whole([linear(link="identity")], NUMBERS, calibration={"type": "clip", "low": 0.0, "high": None}),
        whole([{"model": {"type": "mean", "members": [linear(), forest()]}}]),
        whole([{"features": [], "model": {"type": "constant", "value": np.asarray([0.3])}, "link": "complement"}]),
    ],
)  # fmt: skip
def test_links_ensembles_calibration_and_thresholds(given: dict[str, Any]) -> None:
    agree(given, TABLE)


@pytest.mark.parametrize(
    "link",
    [
        "exp",
        "expm1",
        {"type": "affine", "scale": 3.0, "shift": -1.0},
        {"type": "clip", "low": 0.0, "high": None},
        {"type": "interpolate", **CURVE},
    ],
)
def test_links_of_numbers(link: Any) -> None:
    problem = {"kind": "regression", "target": "y", "classes": []}
    agree(whole([linear(1, link)], problem), TABLE)


@pytest.mark.parametrize("single", [False, True])
def test_forests_with_every_way_of_missing(single: bool) -> None:
    agree(trees(60, single=single), numbers())


def test_values_are_rounded_to_float32_where_the_library_rounds_them() -> None:
    cut = float(np.float32(0.1))  # 0.10000000149…
    tree = Tree(
        left=np.asarray([1, -1, -1]), right=np.asarray([2, -1, -1]), column=np.asarray([0, -1, -1]),
        threshold=np.asarray([cut, 0, 0]), missing=np.asarray([0, 0, 0]), value=np.asarray([0, 1.0, 2.0]),
        cover=np.ones(3),
    )  # fmt: skip
    given = trees(1)
    table = pa.table({"u": [0.1, 0.100000002, 0.10000001, 1e30, -1e300, None], "v": [0.0] * 6})
    for float32 in (True, False):
        agree(given | {"members": [given["members"][0] | {"model": document([tree], [0.0], float32=float32)}]}, table)


def test_trees_of_one_leaf() -> None:
    lone = Tree(*(np.asarray([each]) for each in (-1, -1, -1, 0.0, 0, 2.5, 1.0)))
    given = trees(1)
    for made in ([lone], [lone, lone]):
        agree(given | {"members": [given["members"][0] | {"model": document(made, [0.5])}]}, numbers(5))


# --- splitting ----------------------------------------------------------------------------------------------------


def test_a_large_model_becomes_steps_that_say_the_same() -> None:
    given, table = trees(250), numbers()
    one = written(given, table, "maxcompute")
    many = written(given, table, "maxcompute", most_bytes=12_000)
    assert len(one.steps) == 1
    assert len(many.steps) > 5
    assert max(len(step.sql.encode()) for step in many.steps) <= 12_000
    agree(given, table, ("maxcompute", "ansi"), most_bytes=12_000)
    # a table is dropped before it is made, and at the end: a repeated run gives the same
    made = [step.name for step in many.steps if step.kind == "create"]
    assert [step.name for step in many.cleanup] == made
    assert all("LIFECYCLE 1 AS" in step.sql for step in many.steps if step.kind == "create")
    for name in made:
        dropped = next(place for place, step in enumerate(many.steps) if (step.kind, step.name) == ("drop", name))
        assert many.steps[dropped].sql == f"DROP TABLE IF EXISTS `{name}`"
        assert many.steps[dropped + 1].name == name


def test_names_of_temporary_tables_follow_from_what_is_scored() -> None:
    def names(**options: Any) -> list[str]:
        given = {"table": "t", "most_bytes": 12_000} | options
        return [step.name for step in to_sql(trees(250), **given).cleanup]

    assert names() == names()
    assert all(re.fullmatch(r"automl_[0-9a-f]{16}_\d+", name) for name in names())
    for other in (names(run="b"), names(table="s"), names(where="u > 1")):
        assert not set(names()) & set(other)


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(NotInSql, match="one expression of the model has"):
        to_sql(trees(250), table="t", most_bytes=150)


def test_into_makes_a_table_and_keeps_columns() -> None:
    for dialect in DIALECTS:
        script = written(whole([linear()]), TABLE, dialect, into="scored", replace=True, keep=["row_id", "city"])
        assert [step.kind for step in script.steps] == ["drop", "create"]
        assert [each.name for each in script.columns][:3] == ["row_id", "city", "prediction"]
        assert script.reads == ("row_id", "city", "age", "plan")
        assert [row[0] for row in run(script, TABLE)] == ["Bonn", "Ulm", None, "Köln"]


def test_where_chooses_rows() -> None:
    script = written(whole([linear()]), TABLE, "maxcompute", where="city = 'Ulm'")
    assert len(run(script, TABLE)) == 1
    for wrong in ("", "DROP TABLE t", "a b c"):
        if wrong:
            with pytest.raises(ValueError, match="where"):
                to_sql(whole([linear()]), table="t", where=wrong)


# --- dialects -----------------------------------------------------------------------------------------------------


def test_a_table_may_lack_what_is_optional() -> None:
    fields = [{**each, "optional": True} if each["name"] == "city" else each for each in whole([])["schema"]]
    model = whole([linear(), forest()], schema=fields)
    for dialect in DIALECTS:
        script = to_sql(model, table="rows", dialect=dialect, output="probabilities", absent=["city"])
        assert "city" not in script.text
    agree(model, TABLE.set_column(1, "city", pa.array([None] * len(ROWS), pa.string())), absent=["city"])
    names = [to_sql(trees(120), table="t", most_bytes=20_000).cleanup[0].name]
    assert names == [to_sql(trees(120), table="t", most_bytes=20_000, absent=()).cleanup[0].name]
    with pytest.raises(ValueError, match="absent: 'age' is no optional column of the model"):
        to_sql(model, table="rows", absent=["age"])


def test_what_many_levels_have_is_looked_up_in_parts() -> None:
    """A random intercept of thousands of groups is more than a statement of MaxCompute holds."""
    levels = [f"customer-{each:07}" for each in range(6_000)]
    step = {
        "step": "encode", "columns": ["city"], "levels": [levels], "names": [["city"]],
        "values": [np.append(np.random.default_rng(0).normal(size=len(levels)), [0.5, -0.5])[:, None]],
    }  # fmt: skip
    member = {"features": [step], "model": {"type": "linear", "coef": np.eye(1), "intercept": np.zeros(1)}}
    model = whole([member], NUMBERS)
    asked = ["customer-0000003", "customer-0005999", "nobody", None]
    agree(model, TABLE.set_column(1, "city", pa.array(asked, pa.string())), dialects=("duckdb", "ansi"))
    assert 1 < len(to_sql(model, table="t").steps) < 10


def test_literals_are_doubles_that_read_back_in_every_dialect() -> None:
    rng = np.random.default_rng(0)
    values = [0.1, 1.0, -2.5, 1e22, 1e-7, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, *rng.normal(size=50).tolist()]
    for target in TARGETS.values():
        for value in values:
            text = target.write(number(value))
            assert re.fullmatch(r"-?\d+(\.\d+)?E-?\d+", text), text  # the exponent makes it a DOUBLE, not a DECIMAL
            assert float(text) == value
    assert TARGETS["maxcompute"].write(number(np.nan)) == "NULL"


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        ("maxcompute", ["src.`age` AS c1", "CAST(c1 AS DOUBLE)", "FROM `p`.`select` AS src", "40E0"]),
        ("ansi", ['src."age" AS c1', "CAST(c1 AS DOUBLE PRECISION)", 'FROM "p"."select" AS src']),
        ("duckdb", ['src."age" AS c1', "CAST(c1 AS DOUBLE)", 'FROM "p"."select" AS src']),
    ],
)
def test_words_of_each_dialect(dialect: str, said: list[str]) -> None:
    script = to_sql(whole([linear()]), table="p.select", dialect=dialect)
    for each in said:
        assert each in script.steps[0].sql
    assert ("odps.sql.type.system.odps2" in script.settings) == (dialect == "maxcompute")
    assert sqlglot.parse_one(script.steps[0].sql, read=target_of(dialect).dialect)
    assert script.text.endswith(";\n")


def test_float32_is_a_cast_at_each_sum() -> None:
    text = to_sql(trees(3, single=True), table="t").steps[0].sql
    assert "AS FLOAT) AS DOUBLE)" in text
    assert "AS REAL) AS DOUBLE PRECISION)" in to_sql(trees(3, single=True), table="t", dialect="ansi").steps[0].sql


def test_names_that_a_dialect_can_have() -> None:
    names = ["probability_a b", "probability_a-b", "Probability_A_B", "probability_Ü"]
    narrow = ["probability_a_b", "probability_a_b_2", "Probability_A_B_3", "probability__"]
    assert output_names(names, target_of("maxcompute")) == narrow
    assert output_names(["a", "A", "b c"], target_of("duckdb")) == ["a", "A_2", "b c"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"table": "a b"}, "letters, digits and underscores"),
        ({"table": "t", "dialect": "oracle"}, "allowed: maxcompute, ansi, duckdb"),
        ({"table": "t", "output": "all"}, "output is prediction or probabilities"),
    ],
)
def test_what_is_no_argument_is_told(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        to_sql(whole([linear()]), **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return modelfile.write(
        tmp_path / "model", members=[linear(), forest()], schema=SCHEMA, problem=BINARY, golden=ROWS, made={}
    )


def test_the_command_writes_what_the_model_gives(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["export", "sql", str(folder), "--table", "p.rows", "--keep", "id", "--proba", "--type", "age=decimal(5,1)"]
    assert main(given) == 0
    model = modelfile.load(folder)
    options: dict[str, Any] = {"keep": ["id"], "output": "probabilities", "types": {"age": "decimal(5,1)"}}
    assert capsys.readouterr().out == model.to_sql("p.rows", **options).text
    out = folder.parent / "score.sql"
    assert main([*given, "--into", "scored", "--out", str(out)]) == 0
    assert "CREATE TABLE `scored` AS SELECT c1 AS `id`" in out.read_text(encoding="utf-8")
    assert "1 statement of maxcompute in" in capsys.readouterr().err


def test_the_command_says_where_a_category_of_dates_may_be_texts_in_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {"step": "ordinal", "columns": ["day"], "levels": [["2026-01-01"]], "codes": [np.asarray([1.0, 2.0, 3.0])],
             "categorical": True}  # fmt: skip
    member = {"features": [state], "model": {"type": "linear", "coef": np.ones((1, 1)),
                                             "intercept": np.zeros(1)}, "link": "identity"}  # fmt: skip
    folder = modelfile.write(
        tmp_path / "model", members=[member], schema=Schema([Field("day", "category", "date", written="text")]),
        problem={"kind": "regression", "target": "y", "classes": []}, golden=[{"day": "2026-01-01"}], made={},
    )  # fmt: skip
    given = ["export", "sql", str(folder), "--table", "p.rows"]
    assert main(given) == 0
    said = capsys.readouterr()
    assert "p.rows.day is taken for a DATE. Where it has texts, give --type day=STRING" in said.err
    assert "note" not in said.out
    assert main([*given, "--type", "day=STRING"]) == 0
    assert "taken for" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--dialect", "mysql"], "there is no dialect 'mysql'"),
        (["--type", "age"], "give COLUMN=TYPE"),
        (["--type", "age=map<string,int>"], "column 'age' has the type map<string,int>"),
    ],
)
def test_the_command_says_what_is_wrong(
    folder: Path, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "sql", str(folder), "--table", "t", *more]) == 1
    assert said in capsys.readouterr().err
