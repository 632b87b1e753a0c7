"""Features: what each transformer learns, and that training and scoring see the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.modelfile.scoring import documents
from automl_core.modelfile.scoring.features import Features, Work, apply
from automl_core.modelfile.scoring.features.dates import part
from automl_core.modelfile.scoring.features.hashing import bucket
from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.modelfile.scoring.values import Coded, Frame
from automl_core.tabular.columns import learn_schema
from automl_core.tabular.features.arithmetic import Arithmetic
from automl_core.tabular.features.base import Rows, Transformer, learn
from automl_core.tabular.features.cross import Cross
from automl_core.tabular.features.dates import Dates
from automl_core.tabular.features.fill import Fill
from automl_core.tabular.features.frequency import Frequency
from automl_core.tabular.features.group import Group
from automl_core.tabular.features.hashing import Hashing
from automl_core.tabular.features.numbers import Numbers, quantiles
from automl_core.tabular.features.onehot import OneHot
from automl_core.tabular.features.ordinal import Ordinal
from automl_core.tabular.features.project import Project
from automl_core.tabular.features.relevance import relevance
from automl_core.tabular.features.scale import KINDS, Scale
from automl_core.tabular.features.select import Select
from automl_core.tabular.features.target import Target
from automl_core.tabular.features.text import Text
from automl_core.tabular.learners.base import Wants
from automl_core.tabular.plan import plan
from tests.support.examples import examples


def coded(*values: str | None) -> Coded:
    levels = tuple(dict.fromkeys(each for each in values if each is not None))
    return Coded(np.array([-1 if v is None else levels.index(v) for v in values], dtype=np.int32), levels)


def frame(**columns: Any) -> Frame:
    made = {name: np.array(v, dtype=float) if isinstance(v, list) else v for name, v in columns.items()}
    return Frame(len(next(iter(made.values()))), made)


def rows(of: Frame, y: Any = None, weights: Any = None, classes: int = 0, seed: int = 0) -> Rows:
    y = np.zeros(of.n) if y is None else np.asarray(y)
    weights = np.ones(of.n) if weights is None else np.asarray(weights, dtype=float)
    return Rows(Work.of(of), Matrix.empty(of.n), y, weights, classes, seed)


def fitted(of: Frame, *transformers: Transformer, **given: Any) -> tuple[list[dict[str, Any]], Matrix]:
    return learn(transformers, rows(of, **given))


def test_numbers_fill_only_what_was_never_missing() -> None:
    states, matrix = fitted(frame(a=[1, np.nan, 3], b=[1, 2, 30], c=[5, 5, 5], d=[np.nan] * 3), Numbers(list("abcd")))
    assert matrix.names == ("a", "b")  # one value in all rows, or none, says nothing
    assert np.isnan(matrix.values[1, 0])
    later = apply(states, frame(a=[np.nan, np.inf], b=[np.nan, 7], c=[0, 0], d=[0, 0]))
    assert np.isnan(later.values[:, 0]).all()
    assert later.values[:, 1].tolist() == [2, 7]


def test_weighted_quantiles_are_numpys_where_weights_are_equal() -> None:
    values = np.random.default_rng(0).normal(size=101)
    shares = np.linspace(0, 1, 11)
    np.testing.assert_allclose(quantiles(values, np.ones(101), shares), np.quantile(values, shares))
    heavy = np.ones(101)
    heavy[values > 1] = 1000
    assert quantiles(values, heavy, np.array([0.5]))[0] > 1


def test_ordinal_codes_the_frequent_first_and_shares_one_among_the_rare() -> None:
    column = coded("b", "a", "b", "c", None, "d", "a", "b")
    states, matrix = fitted(frame(x=column), Ordinal(["x"], native=True, rare=2))
    assert matrix.values[:, 0].tolist()[:4] == [0, 1, 0, 2]
    assert np.isnan(matrix.values[4, 0])
    assert matrix.values[5, 0] == 2
    assert matrix.categorical.tolist() == [True]
    assert apply(states, frame(x=coded("zzz", "d", "a"))).values[:, 0].tolist() == [2, 2, 1]
    states, _ = fitted(frame(x=column), Ordinal(["x"], native=True))
    assert np.isnan(apply(states, frame(x=coded("zzz"))).values[0, 0])
    states, matrix = fitted(frame(x=column), Ordinal(["x"], native=True, most=2))
    assert np.nanmax(matrix.values) == 1


def test_one_hot_has_a_column_for_rare_ones_and_one_for_missing_ones() -> None:
    states, matrix = fitted(frame(x=coded("a", "a", "b", "b", "c", None)), OneHot(["x"], rare=2))
    assert matrix.names == ("x = a", "x = b", "x = (rare)", "x (missing)")
    assert (matrix.values.sum(axis=1) == 1).all()
    assert apply(states, frame(x=coded("new"))).values.tolist() == [[0, 0, 1, 0]]
    states, matrix = fitted(frame(x=coded("yes", "no", "no")), OneHot(["x"]))
    assert matrix.names == ("x = yes",)  # of two levels one says all
    assert apply(states, frame(x=coded("new", None))).values.tolist() == [[0], [0]]


def test_hashing_needs_no_levels() -> None:
    states, matrix = fitted(frame(x=coded("a", "b", None)), Hashing(["x"], 8))
    assert matrix.values.sum(axis=1).tolist() == [1, 1, 0]
    assert matrix.values[0, bucket("x", "a", 8)] == 1
    assert apply(states, frame(x=coded("never seen"))).values.sum() == 1


def test_target_encoding_is_smoothed_and_never_a_rows_own_answer() -> None:
    levels = [f"v{each}" for each in range(50)] * 2
    y = np.random.default_rng(0).normal(size=100)
    states, matrix = fitted(frame(x=coded(*levels)), Target(["x"], smoothing=1.0), y=y)
    # learned rows: from other folds; a level's other row has nothing to do with this one
    assert abs(np.corrcoef(matrix.values[:, 0], y)[0, 1]) < 0.35
    later = apply(states, frame(x=coded("v3", "unseen", None))).values[:, 0]
    assert later[0] == pytest.approx((y[3] + y[53] + y.mean()) / 3)
    assert later[1] == pytest.approx(y.mean())
    single = [f"only{each}" for each in range(100)]
    _, matrix = fitted(frame(x=coded(*single)), Target(["x"], smoothing=1.0), y=y)
    assert abs(np.corrcoef(matrix.values[:, 0], y)[0, 1]) < 0.3  # a level of one row knows nothing of itself


def test_target_encoding_has_a_column_each_class() -> None:
    y = np.array([0, 1, 2] * 10)
    _, matrix = fitted(frame(x=coded(*(["a", "b", "c"] * 10))), Target(["x"]), y=y, classes=3)
    assert len(matrix.names) == 3
    assert (matrix.values.argmax(axis=1) == y).all()
    _, matrix = fitted(frame(x=coded(*(["a", "b", "c"] * 10))), Target(["x"]), y=y % 2, classes=2)
    assert len(matrix.names) == 1


def test_target_encoding_weighs_rows() -> None:
    states, _ = fitted(
        frame(x=coded("a", "a", "b", "b")), Target(["x"], smoothing=0.0), y=[0.0, 10.0, 1.0, 1.0], weights=[1, 3, 1, 1]
    )
    assert apply(states, frame(x=coded("a"))).values[0, 0] == pytest.approx(7.5)


def test_frequency() -> None:
    states, matrix = fitted(frame(x=coded("a", "a", "a", "b")), Frequency(["x"]))
    np.testing.assert_allclose(np.exp(matrix.values[:, 0]), [0.75] * 3 + [0.25])
    assert np.exp(apply(states, frame(x=coded("new"))).values[0, 0]) == pytest.approx(0.125)


@pytest.mark.parametrize(
    ("name", "moment", "value"),
    [
        ("year", "2024-02-29T13:45:59", 2024), ("month", "2024-02-29T13:45:59", 2), ("day", "2024-02-29T13:45:59", 29),
        ("weekday", "2026-11-29T00:00:00", 6), ("weekday", "1969-12-29T00:00:00", 0),
        ("hour", "1969-12-31T23:59:59", 23),
        ("minute", "2024-02-29T13:45:59", 45), ("days", "1970-01-03T12:00:00", 2.5),
        ("year cos", "2025-01-01T00:00:00", 1), ("week sin", "2026-11-30T00:00:00", 0),
        ("day cos", "2026-01-01T12:00:00", -1),
    ],
)  # fmt: skip
def test_parts_of_times(name: str, moment: str, value: float) -> None:
    seconds = np.array([np.datetime64(moment).astype("datetime64[s]").astype(np.int64), np.nan])
    found = part(name, seconds.astype(float))
    assert found[0] == pytest.approx(value, abs=1e-9)
    assert np.isnan(found[1])


def test_dates_keep_the_parts_that_vary_and_the_days_between_two() -> None:
    day = 86400.0
    start = [20_000 * day + each * day for each in range(30)]
    end = [each + 3 * day for each in start]
    _, matrix = fitted(frame(a=start, b=end), Dates(["a", "b"], cyclic=False))
    assert "a (hour)" not in matrix.names
    assert "a (weekday)" in matrix.names
    assert (matrix.values[:, matrix.names.index("b − a (days)")] == 3).all()


def test_fill_says_what_was_missing_once() -> None:
    states, matrix = fitted(frame(a=[1, np.nan, 5], b=[2, np.nan, 4], c=[1, 2, 3]), Numbers(list("abc")), Fill("mean"))
    assert matrix.names == ("a", "b", "c", "a (missing)")  # b is missing in the same rows
    assert matrix.values[1].tolist() == [3, 3, 2, 1]
    later = apply(states, frame(a=[1], b=[np.nan], c=[np.nan])).values[0]
    assert later.tolist() == [1, 3, 2, 0]
    _, matrix = fitted(frame(a=[7, 7, np.nan, 1]), Numbers(["a"]), Fill("mode", indicators=False))
    assert matrix.values[2].tolist() == [7]


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "none"])
def test_scalers_leave_no_column_larger_than_others(kind: str) -> None:
    rng = np.random.default_rng(0)
    of = frame(a=list(rng.normal(1e6, 10, 200)), b=list(rng.normal(0, 1e-3, 200)), flag=[0.0, 1.0] * 100)
    states, matrix = fitted(of, Numbers(["a", "b", "flag"]), Scale(kind))
    assert np.abs(matrix.values).max() < 10
    assert set(matrix.values[:, 2]) == {0.0, 1.0}
    if kind in ("standard", "quantile"):
        np.testing.assert_allclose(matrix.values[:, :2].mean(axis=0), 0, atol=0.05)
        np.testing.assert_allclose(matrix.values[:, :2].std(axis=0), 1, atol=0.1)
    far = apply(states, frame(a=[1e12], b=[-1e12], flag=[1.0])).values
    assert np.isfinite(far).all()
    assert np.abs(far).max() < 60  # one wild number does not outvote its row


def test_quantiles_take_the_middle_where_many_are_equal() -> None:
    states, matrix = fitted(frame(a=[0.0] * 60 + list(np.arange(1.0, 41))), Numbers(["a"]), Scale("quantile"))
    assert matrix.values[0, 0] < 0
    assert apply(states, frame(a=[0.0])).values[0, 0] == matrix.values[0, 0]


def test_projections_keep_the_variance_they_are_asked_for() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(300, 2))
    names = list("abcdef")
    mixed = base @ rng.normal(size=(2, 6)) + 0.001 * rng.normal(size=(300, 6))
    of = frame(**{name: list(mixed[:, each]) for each, name in enumerate(names)})
    for kind in ("pca", "svd"):
        states, matrix = fitted(of, Numbers(names), Project(kind, 0.99))
        assert matrix.names == (f"{kind} 1", f"{kind} 2")
        again = states[-1]["mean"] + matrix.values @ states[-1]["components"]
        assert np.abs(again - mixed).max() < 0.02


def test_selection_keeps_what_says_something() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    y = x**2
    columns = {f"n{each}": list(rng.normal(size=400)) for each in range(8)}
    of = frame(**columns, good=list(x), better=list(y + 0.1 * rng.normal(size=400)))
    _, matrix = fitted(of, Numbers([*columns, "good", "better"]), Select(0.2), y=y)
    assert matrix.names == ("good", "better")  # x has no correlation with its square, and says all


def test_relevance_is_nothing_for_noise() -> None:
    rng = np.random.default_rng(0)
    found = [relevance(rng.normal(size=300), rng.normal(size=(300, 1)), np.ones(300)) for _ in range(50)]
    assert np.mean(found) < 0.02
    assert relevance(np.arange(300.0), np.arange(300.0)[:, None], np.ones(300)) > 0.99


@pytest.mark.parametrize(
    ("sign", "make"), [("÷", lambda a, b: a / b), ("−", lambda a, b: a - b), ("×", lambda a, b: a * b)]
)
def test_arithmetic_finds_what_two_numbers_say_together(sign: str, make: Any) -> None:
    rng = np.random.default_rng(0)
    a, b, c = rng.uniform(1, 9, 500), rng.uniform(1, 9, 500), rng.normal(size=500)
    states, matrix = fitted(
        frame(a=list(a), b=list(b), c=list(c)), Numbers(["a", "b", "c"]), Arithmetic(3), y=make(a, b)
    )
    assert f"a {sign} b" in matrix.names
    assert not any("c" in name for name in matrix.names[3:])
    later = apply(states, frame(a=[1.0], b=[0.0], c=[1.0]))
    assert not np.isinf(later.values).any()


def test_nothing_is_combined_where_there_is_nothing_to_gain() -> None:
    rng = np.random.default_rng(0)
    of = frame(a=list(rng.normal(size=400)), b=list(rng.normal(size=400)))
    states, _ = fitted(of, Numbers(["a", "b"]), Arithmetic(), y=rng.normal(size=400))
    assert [each["step"] for each in states] == ["numbers"]


def test_crossed_categories_and_their_encoding() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.choice(["x", "y"], 400), rng.choice(["p", "q"], 400)
    y = ((a == "x") ^ (b == "p")).astype(float)
    cross = Cross(["a", "b"])
    of = frame(a=coded(*a), b=coded(*b))
    learned = rows(of, y)
    assert cross.fit(learned) == {"step": "cross", "pairs": [["a", "b"]]}
    assert cross.names == ["a & b"]
    made = plan(learn_schema({"a": a, "b": b}), {"features.interactions": True}, Wants())
    states, matrix = learn(made, rows(of, y))
    column = matrix.values[:, matrix.names.index("mean of target by a & b")]
    assert np.corrcoef(column, y)[0, 1] > 0.99
    later = apply(states, frame(a=coded("x", "new"), b=coded("q", "p")))
    assert later.values[0, matrix.names.index("mean of target by a & b")] > 0.9


def test_numbers_beside_their_groups_mean() -> None:
    rng = np.random.default_rng(0)
    city = rng.choice([f"c{each}" for each in range(8)], 800)
    level = np.array([int(each[1:]) * 100.0 for each in city])
    price = level + rng.normal(size=800)
    of = frame(city=coded(*city), price=list(price))
    states, matrix = fitted(of, Group(["city"], ["price"]), y=price - level)
    assert matrix.names == ("mean of price by city", "price − its mean by city")
    assert np.abs(matrix.values[:, 1]).max() < 8
    assert np.isfinite(apply(states, frame(city=coded("elsewhere"), price=[5.0])).values).all()


def test_texts_of_one_subject_are_near_each_other() -> None:
    rng = np.random.default_rng(0)
    subjects = [("refund money invoice paid twice", "billing"), ("parcel late driver street door", "delivery")]
    texts = [" ".join(rng.choice(subjects[each % 2][0].split(), 4)) for each in range(80)]
    states, matrix = fitted(frame(t=coded(*texts)), Text("t", components=4))
    values = matrix.values[:, :4]
    y = np.arange(80) % 2
    centers = np.stack([values[y == each].mean(axis=0) for each in (0, 1)])
    later = apply(states, frame(t=coded("the driver came late to my door", None, "I paid the INVOICE twice"))).values
    distance = np.linalg.norm(later[:, None, :4] - centers, axis=2).argmin(axis=1)
    assert (distance[0], distance[2]) == (1, 0)
    assert (later[1] == 0).all()
    assert later[0, matrix.names.index("t (words)")] == 7


KINDS_OF_TABLE = st.sampled_from(["binary", "multiclass", "regression"])
CELLS = st.one_of(st.none(), st.text(max_size=6), st.sampled_from(["a", "b", "NA", "1", "1.0", "01", "ü", "\x1f"]))
NUMBERS_ = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.integers(-(2**60), 2**60))


@settings(max_examples=examples(25), deadline=None)
@given(
    data=st.data(), kind=KINDS_OF_TABLE, wants=st.sampled_from([Wants("native"), Wants("onehot", False, True), Wants()])
)
def test_any_table_can_be_learned_from_and_any_rows_seen(data: st.DataObject, kind: str, wants: Wants) -> None:
    """No row fails, a row alone is as among others, and states survive their file."""
    n, m = data.draw(st.integers(2, 25)), data.draw(st.integers(1, 6))
    draw = {
        "num": NUMBERS_, "cat": CELLS, "words": st.text(" abc", max_size=12),
        "when": st.one_of(st.none(), st.datetimes().map(lambda each: each.isoformat())),
    }  # fmt: skip
    table, later = (
        {name: data.draw(st.lists(each, min_size=k, max_size=k)) for name, each in draw.items()} for k in (n, m)
    )
    kinds = {"num": "number", "cat": "category", "words": "text", "when": "time"}
    schema = learn_schema(table, kinds=kinds)
    y = np.arange(n) % 2 if kind == "binary" else np.arange(n) % 3 if kind == "multiclass" else np.arange(n) * 1.0
    classes = {"binary": 2, "multiclass": 3, "regression": 0}[kind]
    params = {"features.interactions": True, "features.column.cat": ["codes", "onehot", "target", "frequency", "hash"]}
    states, matrix = learn(plan(schema, params, wants), rows(schema.read(table), y, classes=classes))
    features, seen = Features(states), schema.read(later)
    together = features.apply(seen)
    assert together.names == matrix.names
    assert not np.isinf(together.values).any()
    if not wants.gaps:
        assert not np.isnan(together.values).any()
    alone = np.vstack([features.apply(seen.take([each])).values for each in range(m)])
    np.testing.assert_allclose(alone, together.values, rtol=1e-12, atol=1e-12)
    plain, arrays = documents.flatten(states)
    again = Features(documents.unflatten(plain, arrays)).apply(seen)
    np.testing.assert_array_equal(again.values, together.values)
