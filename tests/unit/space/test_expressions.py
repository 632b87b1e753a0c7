"""Bounds that are small expressions of other parameters: read, refused where they leave no room, always kept."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.optimizer import Optimizer
from automl_core.search import names
from automl_core.search.registry import algorithm_class
from automl_core.space import Space
from automl_core.spec.expressions import BadExpression, parse
from automl_core.spec.relations import space_problems
from tests.support.effort import less_effort
from tests.unit.space.test_space import MODELS, space_of

DETECTOR: dict[str, Any] = {
    "model.num_queries": {"type": "int", "low": 10, "high": 900, "default": 300},
    "num_classes": {"type": "int", "low": 2, "high": 91, "default": 91},
    "num_select": {
        "type": "int", "low": 1, "high": 900, "default": 300,
        "at_most": "min(model.num_queries, model.num_queries * num_classes - 1)",
    },
    "width": {"type": "uniform", "low": 0, "high": 1e4, "below": "(num_select + num_classes) / 2 + 1"},
}  # fmt: skip


def oracle(params: dict[str, Any]) -> bool:
    """What the bounds of `DETECTOR` say, without what reads them."""
    queries, classes, select = params["model.num_queries"], params["num_classes"], params["num_select"]
    return (
        select <= queries and select <= queries * classes - 1 and params["width"] < (select + classes) / 2 + 1
    )  # fmt: skip


@pytest.mark.parametrize("algorithm", sorted(set(names()) - {"auto"}))
@less_effort()
def test_every_suggestion_of_every_algorithm_keeps_them(algorithm: str) -> None:
    budget = {"max": 9} if algorithm_class(algorithm).uses_budget else None
    options = {"resolution": 3} if algorithm == "grid" else {}
    optimizer = Optimizer(DETECTOR, algorithm=algorithm, max_trials=24, budget=budget, **options)
    asked = 0
    for _ in range(24):
        suggestion = optimizer.ask()
        if suggestion is None:
            break
        asked += 1
        params: dict[str, Any] = dict(suggestion.params)
        assert oracle(params), suggestion
        optimizer.tell(suggestion, (params["num_select"] - 80) ** 2 + params["width"])
    assert asked >= 9


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a", 7.0), ("a - b", 4.0), ("2 * (a + b) / c", 10.0), ("a - b - c", 2.0), ("a - (b - c)", 6.0),
        ("a / b / c", 1.16666666667), ("-a + 8", 1.0), ("min(a, b, 2.5)", 2.5), ("max(a, min(b, c)) * 1e1", 70.0),
        ("a * 0.29 * 100 / 7", 29.0), ("a/0", None), ("gone", None), ("a + gone", None), ("min(a, gone)", 7.0),
        ("max(gone, gone * 2)", None), ("flag + 1", None), ("x-y.z*2", 10.0),
    ],
)  # fmt: skip
def test_the_value_of_an_expression(text: str, value: float | None) -> None:
    assert parse(text).at({"a": 7, "b": 3, "c": 2, "flag": True, "x-y.z": 5}) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "found the end where a number"), ("a b", "found 'b' where an operator"), ("a +", "found the end"),
        ("min(a", "found the end where ')'"), ("sqrt(a)", "there is no function 'sqrt'; min and max are known"),
        ("a ** 2", "found '*'"), ("(" * 30 + "a" + ")" * 30, "brackets"), ("a +" * 200 + "a", "400 are allowed"),
        ("a; b", "found ';'"), ("__import__('os')", "there is no function"), ("a if b", "found 'if'"),
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadExpression, match=says.replace("(", r"\(").replace(")", r"\)").replace("*", r"\*")):
        parse(text)


leaves = st.sampled_from(["a", "b", "c-d", "3", "0.5"])
trees = st.recursive(
    leaves,
    lambda inner: st.tuples(st.sampled_from(["+", "-", "*", "/", "min", "max"]), inner, inner),
    max_leaves=8,
)


def written(tree: Any) -> str:
    if isinstance(tree, str):
        return tree
    sign, one, other = tree
    if sign in ("min", "max"):
        return f"{sign}({written(one)}, {written(other)})"
    return f"({written(one)}) {sign} ({written(other)})"


def reckoned(tree: Any, values: dict[str, float]) -> float:
    if isinstance(tree, str):
        return values[tree] if tree in values else float(tree)
    sign, one, other = tree[0], reckoned(tree[1], values), reckoned(tree[2], values)
    if sign == "/" and other == 0:
        raise ZeroDivisionError
    return {
        "+": lambda: one + other, "-": lambda: one - other, "*": lambda: one * other, "/": lambda: one / other,
        "min": lambda: min(one, other), "max": lambda: max(one, other),
    }[sign]()  # fmt: skip


numbers = st.integers(-9, 9)


@given(trees, st.tuples(numbers, numbers), st.tuples(numbers, numbers), st.tuples(numbers, numbers), st.data())
def test_the_value_is_that_of_arithmetic_and_lies_in_the_range(
    tree: Any, a: tuple[int, int], b: tuple[int, int], cd: tuple[int, int], data: st.DataObject
) -> None:
    limits = {name: (min(ends), max(ends)) for name, ends in (("a", a), ("b", b), ("c-d", cd))}
    values = {name: float(data.draw(st.integers(*ends))) for name, ends in limits.items()}
    expression = parse(written(tree))
    try:
        right = reckoned(tree, values)
    except ZeroDivisionError:
        return
    found = expression.at(values)
    assert found is not None
    assert math.isclose(found, right, rel_tol=1e-9, abs_tol=1e-9)
    low, high = expression.range(limits)
    assert low - 1e-9 * abs(low) - 1e-9 <= found <= high + 1e-9 * abs(high) + 1e-9
    again = expression.with_counts({}).at(values)
    assert again == found


def test_what_is_not_there_falls_out_of_a_minimum() -> None:
    expression = parse("min(a, b * c - 1, data.train.rows)")
    left = expression.without(["b"])
    assert left is not None
    assert left.text == "min(a, data.train.rows)"
    assert expression.without(["a", "b", "data.train.rows"]) is None
    assert parse("a + b").without(["b"]) is None
    assert expression.with_counts({("train", "rows"): 1200}).text == "min(a, b * c - 1, 1200)"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"num_select": {"low": 10}}, None),
        ({"num_select": {"low": 30}}, "model.num_queries * num_classes - 1)' may be 10, below 30"),
        ({"num_select": {"at_most": "num_queries*num_classes-1"}}, "there is no other parameter 'num_queries'"),
        ({"num_select": {"at_most": "model.num_queries*num_classes-1"}}, "a minus sign between two names has a space"),
        ({"num_select": {"at_most": "num_select + 1"}}, "there is no other parameter 'num_select'"),
        ({"num_select": {"at_most": "model.num_queries +"}}, "'model.num_queries +' is no bound: found the end"),
        ({"num_select": {"at_most": "width * 2"}}, "depend on one another in a circle"),
        ({"num_select": {"default": 301}}, "301 is above the default of 'min(model.num_queries, model.num_queries * "),
        ({"num_select": {"at_most": "data.train.rows"}}, "there is no data set 'train' under data"),
        ({"num_select": {"at_least": "num_classes - 90"}}, None),
        ({"num_select": {"at_least": "num_classes - 79"}}, "which leaves nothing between"),
        ({"width": {"below": "num_classes / (num_select - 5)"}}, "has no limit on this side"),
    ],
)  # fmt: skip
def test_what_can_not_be_kept_is_refused(changes: dict[str, Any], says: str | None) -> None:
    space = {name: {**fields, **changes.get(name, {})} for name, fields in DETECTOR.items()}
    found = space_problems(MODELS.validate_python(space))
    assert (found == []) if says is None else any(says in each for each in found), found


def test_text_and_lists_bound_nothing() -> None:
    more = {
        "solver": {"type": "choice", "values": ["sgd", "adam"]}, "flag": {"type": "choice", "values": [True, False]},
        "steps": {"type": "sorted_list", "low": 1, "high": 9, "length": 2},
    }  # fmt: skip
    for name, says in (("solver", "is not numeric"), ("flag", "is not numeric"), ("steps", "is a list")):
        x = {"type": "uniform", "low": 0, "high": 1, "at_most": f"{name} + 1"}
        (problem,) = space_problems(MODELS.validate_python({**more, "x": x}))
        assert says in problem


@given(st.data())
def test_what_is_not_refused_is_always_kept(data: st.DataObject) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "a": {"type": "int", "low": 1, "high": data.draw(st.integers(1, 20))},
        "b": {"type": "uniform", "low": data.draw(st.integers(-3, 3)), "high": 4},
        "c": {"type": "choice", "values": [2, 5], "when": {"on": [True]}},
        "on": {"type": "choice", "values": [True, False]},
    }
    tree = data.draw(trees.filter(lambda each: not isinstance(each, str)), label="bound")
    text = written(tree).replace("c-d", "c")
    field = data.draw(st.sampled_from(["at_least", "at_most", "above", "below"]))
    kind = data.draw(st.sampled_from([{"type": "int"}, {"type": "uniform"}, {"type": "int", "multiple_of": 4}]))
    x = {**kind, "low": data.draw(st.integers(-99, 0)), "high": data.draw(st.integers(4, 99)), field: text}
    models = MODELS.validate_python({**kinds, "x": x})
    if space_problems(models):
        return
    space, rng = Space.from_models(models), random.Random(0)
    for _ in range(10):
        params: dict[str, Any] = space.sample(rng)
        assert space.problem(params) is None, params
        assert x["low"] <= params["x"] <= x["high"]
        if "c" in params or "c" not in text:
            known = {name: float(params[name]) for name in ("a", "b")} | {"c-d": float(params.get("c", 0))}
            bound = reckoned(tree, known)
            slack = 1e-9 * max(1.0, abs(bound))
            assert params["x"] >= bound - slack if field in ("at_least", "above") else params["x"] <= bound + slack
            assert field in ("at_least", "at_most") or params["x"] != bound


def test_a_bound_holds_without_what_a_trial_does_not_have() -> None:
    space = space_of(
        on={"type": "choice", "values": [True, False]},
        a={"type": "int", "low": 1, "high": 3, "when": {"on": [True]}},
        b={"type": "int", "low": 4, "high": 4},
        x={"type": "int", "low": 0, "high": 9, "at_most": "min(a, b)"},
        y={"type": "int", "low": 0, "high": 9, "at_most": "a + b"},
    )  # fmt: skip
    x, y = space.by_name["x"], space.by_name["y"]
    assert space.bounds(x, {"on": True, "a": 2, "b": 4})[1] == 2
    assert space.bounds(x, {"on": False, "b": 4})[1] == 4
    assert space.bounds(y, {"on": False, "b": 4})[1] == math.inf
    assert space.bounds(y, {"on": True, "a": 2, "b": 4})[1] == 6


def test_combinations_are_counted_and_listed_with_them() -> None:
    space = space_of(
        a={"type": "int", "low": 1, "high": 3}, b={"type": "int", "low": 1, "high": 2},
        x={"type": "int", "low": 1, "high": 9, "at_most": "a * b"},
    )  # fmt: skip
    listed = list(space.combinations())
    assert len(listed) == space.size() == sum(a * b for a in (1, 2, 3) for b in (1, 2))
    assert all(each["x"] <= each["a"] * each["b"] for each in listed)  # type: ignore[operator]


def test_a_default_is_drawn_to_what_a_bound_leaves() -> None:
    space = space_of(**DETECTOR)
    params = space.complete({"model.num_queries": 100})
    assert params["num_select"] == 100


@pytest.mark.parametrize(
    ("text", "function", "past", "names"),
    [
        ("min(a, b * c)", "min", None, ("a",)),
        ("max(1, min(a, b))", "min", None, ()),
        ("max(1, min(a, b))", "min", 1, ()),
        ("max(1, min(a, b))", "min", 2, ("a", "b")),
        ("max(1, a)", "min", 2, ("a",)),
        ("max(1, a)", "max", None, ("a",)),
        ("min(9, max(a, 3))", "max", 8, ("a",)),
        ("min(9, max(a, 3))", "max", 9, ()),
        ("a", "min", None, ("a",)),
        ("data.train.rows", "min", None, ()),
    ],
)
def test_what_bounds_by_itself(text: str, function: str, past: float | None, names: tuple[str, ...]) -> None:
    """What lies above 1 always, and is at most max(1, a), is at most a."""
    assert parse(text).each_of(function, past) == names
