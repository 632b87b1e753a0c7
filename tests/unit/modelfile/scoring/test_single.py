"""Single rows by Python against numpy: the same bits, or no answer, whatever a row and a model hold."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from automl_core.modelfile.scoring import scorer as scorers
from automl_core.modelfile.scoring.cells import CellReader, Unlike
from automl_core.modelfile.scoring.features import STEPS, Features
from automl_core.modelfile.scoring.members import _usable
from automl_core.modelfile.scoring.scorer import Scorer
from automl_core.modelfile.scoring.values import Coded, Field, Schema, SchemaError
from tests.support.examples import examples
from tests.unit.modelfile.libraries import same
from tests.unit.modelfile.models import NUMBERS, ROWS, forest, linear, whole

KINDS = Schema(
    [
        Field("age", "number", "number"),
        Field("height", "number", "number"),
        Field("city", "category"),
        Field("plan", "category", "integer"),
        Field("paid", "category", "boolean"),
        Field("since", "time", "timestamp"),
        Field("until", "time", "timestamp"),
        Field("note", "text"),
    ]
)
PLAIN = {
    "age": 30.5, "height": 180, "city": "Bonn", "plan": 1, "paid": True, "since": "2026-01-01T10:00:00+02:00",
    "until": "2026-02-01", "note": "a late driver",
}  # fmt: skip
NUMBER = st.one_of(
    st.floats(-1e3, 1e3), st.integers(-5, 5), st.none(), st.booleans(),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e31, -1e300, 0.0, -0.0, 1e-36]),
    st.sampled_from([2**53 + 1, 10**40, "3", " NA ", "x"]),
)  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(["Bonn", "Ulm", "1", "01", "1.0", "true", "False", "", "NA", "x" * 50]), st.text(max_size=5),
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([1.0, 0.5, math.nan, math.inf, 1e22]),
)  # fmt: skip
TIME = st.one_of(
    st.sampled_from(["2026-01-01T10:00:00+02:00", "2024-02-29", "", "NaN", "yesterday", "0001-01-01"]), st.none(),
    st.integers(-(10**9), 10**10), st.floats(0, 4e9), st.sampled_from([math.nan, math.inf, 10**400]),
)  # fmt: skip
CELLS = {"number": NUMBER, "category": TEXT, "text": TEXT, "time": TIME}
WORLD = st.fixed_dictionaries({field.name: CELLS[field.kind] for field in KINDS})


def values_of(frame: Any) -> dict[str, Any]:
    """A frame of one row as cells."""
    columns = _usable(frame).columns
    return {name: each.texts()[0] if isinstance(each, Coded) else float(each[0]) for name, each in columns.items()}


@given(WORLD)
@settings(max_examples=examples(100))
def test_a_row_is_read_as_by_the_schema_or_left_to_it(row: dict[str, Any]) -> None:
    read = CellReader(KINDS)
    try:
        expected = values_of(KINDS.read([row]))
    except SchemaError:
        with pytest.raises(Unlike):
            read(row)
        return
    try:
        found = read(row)
    except Unlike:
        assert any(isinstance(value, int) and abs(value) > 2**53 for value in row.values()), "no reason to leave it"
        return
    for name, value in expected.items():
        if isinstance(value, float):
            same(found[name], value)
        else:
            assert found[name] == value, name


def test_rows_that_lack_a_column_or_hold_other_things_are_left_to_numpy() -> None:
    read = CellReader(KINDS)
    for row in (
        {**PLAIN, "age": np.float64(1)},
        {**PLAIN, "city": ["x"]},
        {n: v for n, v in PLAIN.items() if n != "note"},
    ):
        with pytest.raises(Unlike):
            read(row)


LEVELS = ["Bonn", "Ulm", "1"]
STATES: dict[str, dict[str, Any]] = {
    "numbers": {"columns": ["age", "height", "since"], "fill": [0.25, math.nan, 7.0]},
    "ordinal": {"columns": ["city", "plan"], "levels": [LEVELS, ["1", "2"]], "categorical": True,
                "codes": [[0.0, 1, 1, 7, math.nan], [3.0, 4, 9, 8]]},
    "encode": {"columns": ["city"], "levels": [LEVELS], "values": [np.arange(10.0).reshape(5, 2) / 3],
               "names": [["a", "b"]]},
    "onehot": {"columns": ["city", "paid"], "levels": [LEVELS, ["true"]], "places": [[0, 1, 1, -1, 2], [0, 1, -1]],
               "names": [["a", "b", "c"], ["d", "e"]]},
    "hashing": {"columns": ["city", "note"], "buckets": 5},
    "group": {"pairs": [["city", "age"], ["plan", "height"]], "levels": [LEVELS, ["1"]],
              "means": [[0.1, 0.2, 0.3, 0.4, 0.5], [1.5, 2.5, 3.5]]},
    "cross": {"pairs": [["city", "plan"], ["plan", "paid"]]},
    "dates": {"columns": ["since", "until"], "parts": [["days", "year", "month", "day", "weekday", "hour"],
              ["minute", "year sin", "year cos", "week sin", "week cos", "day sin", "day cos"]],
              "between": [["since", "until"]]},
    "text": {"column": "note", "vocabulary": ["w late", "w late driver", "c  a ", "c Bo"], "idf": [1.0, 2.0, 0.5, 0.7],
             "components": np.arange(8.0).reshape(2, 4) / 7, "words": [1, 2], "letters": [3]},
    "fill": {"values": [0.5, 1.5, 2.5], "indicators": [0, 2]},
    "scale": {"columns": [0, 2], "center": [3.0, 1e9], "scale": [2.0, 7.0], "low": [-5.0, -1e8], "high": [5.0, 1e8]},
    "quantile": {"columns": [0, 1], "knots": [[-10.0, 0, 0, 5, 100], [-1.0, 0, 1, 2, 3]],
                 "outputs": [-2.0, -1, 0, 1, 2]},
    "project": {"mean": [1.0, 2.0, 3.0], "components": np.arange(6.0).reshape(2, 3) / 7, "name": "pc"},
    "select": {"columns": [2, 0]},
    "arithmetic": {"pairs": [["+", 0, 1], ["−", 1, 0], ["×", 0, 2], ["÷", 0, 1], ["÷", 2, 2]]},
}  # fmt: skip
OVER_THE_TABLE = ("numbers", "ordinal", "encode", "onehot", "hashing", "group", "cross", "dates", "text")


def pipeline(name: str) -> list[dict[str, Any]]:
    own = {"step": name, **{key: _arrays(key, value) for key, value in STATES[name].items()}}
    first = {"step": "numbers", **STATES["numbers"]}
    if name == "cross":
        made = {"step": "ordinal", "columns": ["city & plan"], "levels": [["Bonn\x1f1", "\x1f1", "Ulm\x1f"]],
                "codes": [np.asarray([0.0, 1, 2, 3, 4])], "categorical": True}  # fmt: skip
        return [own, made]
    return [own] if name in OVER_THE_TABLE else [first, own]


def _arrays(key: str, value: Any) -> Any:
    if key in ("codes", "values", "places", "means") and isinstance(value[0], (list, np.ndarray)):
        return [np.asarray(each) for each in value]
    return value


@pytest.mark.parametrize("name", STEPS)
@example(row={**PLAIN, "city": None})
@example(row={**PLAIN, "plan": None})
@example(row={**PLAIN, "city": None, "plan": None, "note": None, "age": None})
@given(row=WORLD)
@settings(max_examples=examples(20))
def test_each_step_of_features_gives_one_row_what_it_gives_a_frame(name: str, row: dict[str, Any]) -> None:
    features = Features(pipeline(name))
    try:
        frame, cells = _usable(KINDS.read([row])), CellReader(KINDS)(row)
    except (SchemaError, Unlike):
        return
    with np.errstate(all="ignore"):
        expected = features.apply(frame).values[0]
        same(features.row(cells), expected)


THREE = {"kind": "multiclass", "target": "kind", "classes": ["01", "02", "10"]}
MODELS = {
    "linear": whole([linear()]),
    "forest": whole([forest()]),
    "complement": whole([forest("complement")]),
    "two": whole([linear(), forest("complement", weight=3.0), linear(seed=4, weight=0.0)]),
    "mean": whole(
        [{"weight": 2.0, "model": {"type": "mean", "members": [linear(seed=each) for each in range(3)]}}, forest()]
    ),
    "numbers": whole([linear(link="identity"), forest("exp")], NUMBERS),
    "affine": whole([linear(link=[{"type": "affine", "scale": 2.0, "shift": 1.0}, "expm1"])], NUMBERS),  # type: ignore[arg-type]
    "softmax": whole([linear(3, "softmax")], THREE),
    "ovr": whole([linear(3, "ovr")], THREE, threshold=[1.0, 2.0, 0.5]),
    "costs": whole([linear(3, "softmax")], THREE, threshold={"costs": np.asarray([[0.0, 1, 9], [1, 0, 1], [2, 1, 0]])}),
    "threshold": whole([linear()], threshold=0.3),
    "temperature": whole([linear()], calibration={"type": "temperature", "temperature": 1.7}),
    "platt": whole([linear()], calibration={"type": "platt", "a": 1.2, "b": -0.1}),
    "bounds": whole([linear(link="identity")], NUMBERS, calibration={"type": "clip", "low": 0.0, "high": None}),
    "isotonic": whole([linear()], calibration={"type": "isotonic", "x": [0.0, 0.4, 1.0], "y": [0.1, 0.3, 0.8]}),
}
OTHERS: dict[str, Any] = {
    "bayes": {"mean": np.arange(10.0).reshape(2, 5), "variance": np.full((2, 5), 2.0),
              "log_prior": np.asarray([-0.5, -0.9])},
    "constant": {"value": np.asarray([0.3, 0.7])},
    "dense": {"layers": [{"weight": np.arange(15.0).reshape(5, 3) / 9 - 0.7, "bias": np.zeros(3)},
                         {"weight": np.arange(6.0).reshape(3, 2) / 5, "bias": np.ones(2)}], "activation": "relu"},
    "neighbours": {"points": np.eye(5)[:4], "targets": np.asarray([0, 1, 1, 0]), "outputs": 2, "k": 2,
                   "metric": "euclidean", "weights": "distance"},
    "svm": {"kernel": "rbf", "gamma": 0.1, "vectors": np.eye(5)[:3], "coef": np.asarray([[1.0], [2.0], [-3.0]]),
            "intercept": np.asarray([0.1])},
}  # fmt: skip
LINK = {"bayes": "softmax", "dense": "softmax", "svm": "sigmoid"}
MODELS |= {
    name: whole(
        [{"features": forest()["features"], "model": {"type": name, **model}, "link": LINK.get(name, "identity")}]
    )
    for name, model in OTHERS.items()
}
CITY = st.one_of(st.sampled_from(["Bonn", "Ulm", "Köln", ""]), st.none())
PLAN = st.one_of(st.sampled_from([1, 2, 7, 1.0, True, "1", "02", ""]), st.none())
AGE = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([45, math.nan, math.inf, 1e300, "41", None]))
ROW = st.fixed_dictionaries({"age": AGE, "city": CITY, "plan": PLAN})


@pytest.mark.parametrize("name", MODELS)
@given(row=ROW)
@settings(max_examples=examples(20))
def test_whole_models_give_one_row_the_bits_of_numpy(name: str, row: dict[str, Any]) -> None:
    scorer, numpy = Scorer(MODELS[name]), Scorer(MODELS[name])
    scorer.prepare()
    with np.errstate(all="ignore"):
        expected = numpy.outputs([row])
        found = scorer.few([row])
    assert numpy._single is None
    assert found is not None
    same(found, expected)
    if scorer.classes:
        assert [scorer.label(each) for each in found] == numpy.decide(expected).tolist()


@given(rows=st.lists(ROW, min_size=1, max_size=5))
@settings(max_examples=examples(40))
def test_some_rows_get_what_numpy_gives_them_together(rows: list[dict[str, Any]]) -> None:
    """Numpy's own last bits may be others for rows together: how it multiplies depends on how many there are."""
    scorer = Scorer(MODELS["two"])
    alone = np.concatenate([scorer.outputs([row]) for row in rows])
    together = scorer.outputs(rows)
    scorer.prepare()
    found = scorer.outputs(rows)
    np.testing.assert_allclose(found, together, rtol=1e-14, atol=0)
    texts = len({type(row["plan"]) is str for row in rows if row["plan"] not in (None, "")})
    if texts < 2:  # else numpy reads the numbers beside a text as texts, alone and together not alike
        same(found, alone)


def test_numbers_beside_texts_of_a_typed_category_are_left_to_numpy() -> None:
    scorer = Scorer(MODELS["two"])
    scorer.prepare()
    row = ROWS[0]
    assert scorer.few([row | {"plan": 1}, row | {"plan": None}]) is not None
    assert scorer.few([row | {"plan": 1}, row | {"plan": "1"}]) is None


@pytest.mark.parametrize("rows", [[{"age": "old", "city": "Bonn", "plan": 1}], [{"age": 1}], [["x"]], [None]])
def test_what_is_wrong_with_a_row_is_said_as_before(rows: Any) -> None:
    scorer = Scorer(MODELS["two"])
    with pytest.raises(SchemaError) as before:
        scorer.outputs(rows)
    scorer.prepare()
    with pytest.raises(SchemaError, match=re.escape(str(before.value))):
        scorer.outputs(rows)


def test_it_is_made_once_few_rows_have_been_asked_often(monkeypatch: Any) -> None:
    monkeypatch.setattr(scorers, "EARNED", 3)
    scorer = Scorer(MODELS["forest"])
    expected = scorer.outputs(ROWS[:1])
    for _ in range(2):
        scorer.outputs(ROWS)
    assert scorer._single is None
    same(scorer.outputs(ROWS[:1]), expected)
    assert scorer._single is not None
    assert scorer.outputs([ROWS[0]] * 100).shape == (100, 2)


def test_a_row_is_not_changed_and_may_have_more_columns() -> None:
    scorer = Scorer(
        whole([{**linear(), "features": [{"step": "cross", "pairs": [["city", "plan"]]}, *linear()["features"]]}])
    )
    scorer.prepare()
    row = {**ROWS[0], "more": [1, 2]}
    assert scorer.few([row]) is not None
    assert row == {**ROWS[0], "more": [1, 2]}


def test_a_row_without_what_is_optional_is_scored_as_one_where_it_is_missing() -> None:
    fields = [{**each, "optional": True} if each["kind"] == "category" else each for each in whole([])["schema"]]
    scorer = Scorer(whole([linear()], schema=fields))
    scorer.prepare()
    without = [{"age": 30.0}, {"age": 41.0, "plan": "1"}, {"age": 41.0, "city": "Ulm"}]
    given = [{"city": None, "plan": None, **row} for row in without]
    for rows, same_rows in [(without, given), *(([one], [other]) for one, other in zip(without, given, strict=True))]:
        found = scorer.few(rows)
        assert found is not None
        assert found == scorer.few(same_rows)
        assert found == pytest.approx(scorer.outputs(rows))
    assert scorer.few([{"city": "Bonn", "plan": 1}]) is None, "its age it can't do without"
