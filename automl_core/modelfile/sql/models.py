"""Models of a matrix as expressions of their margin: one function a type of `scoring.models`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from automl_core.modelfile.sql import cases, lists
from automl_core.modelfile.sql.forest import Forest
from automl_core.modelfile.sql.nodes import Node, add, call, case, compare, div, mul, number, sub, total
from automl_core.modelfile.sql.program import Program
from automl_core.modelfile.sql.script import NotInSql

Document = Mapping[str, Any]

MOST_WEIGHTS = 10_000
"""Of a dense network: each is a product in the statement's text."""


def _weighted(program: Program, columns: list[Node], weights: Any, intercept: float) -> Node:
    """A weighted sum of columns."""
    terms = [mul(column, number(each)) for column, each in zip(columns, weights.tolist(), strict=True) if each != 0.0]
    return program.let(total([*terms, number(intercept)]))


def _linear(program: Program, matrix: list[Node], document: Document) -> list[Node]:
    coef = np.asarray(document["coef"], dtype=np.float64)
    intercept = np.asarray(document["intercept"], dtype=np.float64).tolist()
    columns: list[Node] = [program.let(each) for each in matrix]
    return [_weighted(program, columns, coef[:, output], each) for output, each in enumerate(intercept)]


def _constant(program: Program, matrix: list[Node], document: Document) -> list[Node]:
    return [number(each) for each in np.asarray(document["value"], dtype=np.float64).tolist()]


def _bayes(program: Program, matrix: list[Node], document: Document) -> list[Node]:
    mean, variance = (np.asarray(document[name], dtype=np.float64) for name in ("mean", "variance"))
    prior = np.asarray(document["log_prior"], dtype=np.float64) - 0.5 * np.log(2.0 * np.pi * variance).sum(axis=1)
    found: list[Node] = []
    for output, start in enumerate(prior.tolist()):
        terms = []
        for column, middle, spread in zip(matrix, mean[output].tolist(), variance[output].tolist(), strict=True):
            distance = program.let(sub(program.let(column), number(middle)))
            terms.append(mul(mul(distance, distance), number(-0.5 / spread)))
        found.append(program.let(total([number(start), *terms])))
    return found


def _logistic(value: Node) -> Node:
    positive = div(number(1), add(number(1), call("EXP", mul(call("ABS", value), number(-1)))))
    return case([(compare(value, ">=", number(0)), positive)], sub(number(1), positive))


def _tanh(value: Node) -> Node:
    """By EXP of what is negative, which can't overflow; the standard has no TANH."""
    small = call("EXP", mul(call("ABS", value), number(-2)))
    ratio = div(sub(number(1), small), add(number(1), small))
    return case([(compare(value, "<", number(0)), mul(ratio, number(-1)))], ratio)


_ACTIVATIONS: Mapping[str, Callable[[Node], Node]] = {
    "identity": lambda value: value,
    "relu": lambda value: case([(compare(value, "<", number(0)), number(0))], value.copy()),
    "tanh": _tanh,
    "logistic": _logistic,
}


def _dense(program: Program, matrix: list[Node], document: Document) -> list[Node]:
    layers = [
        tuple(np.asarray(layer[name], dtype=np.float64) for name in ("weight", "bias")) for layer in document["layers"]
    ]
    size = sum(weight.size for weight, _ in layers)
    if size > MOST_WEIGHTS:
        raise NotInSql(f"a dense network of {size:,} weights is too large for a statement (allowed: {MOST_WEIGHTS:,})")
    columns: list[Node] = [program.let(each) for each in matrix]
    for place, (weight, bias) in enumerate(layers):
        if place:
            columns = [program.let(_ACTIVATIONS[str(document["activation"])](each)) for each in columns]
        columns = [_weighted(program, columns, weight[:, output], each) for output, each in enumerate(bias.tolist())]
    return columns


def _trees(program: Program, matrix: list[Node], document: Document) -> list[Node]:
    margins = lists.margins if program.target.name == "duckdb" else cases.margins
    return margins(program, matrix, Forest(document))


def _neighbours(program: Program, matrix: list[Node], document: Document) -> list[Node]:
    raise NotInSql("nearest neighbours compare each row with all rows of training, which no SELECT holds")


def _svm(program: Program, matrix: list[Node], document: Document) -> list[Node]:
    raise NotInSql("a kernel machine compares each row with its support vectors, which no SELECT holds")


def _estimator(program: Program, matrix: list[Node], document: Document) -> list[Node]:
    raise NotInSql(
        f"{document.get('name', 'it')} is an estimator of its training library (CatBoost with categories is one: it "
        "computes statistics of their levels as it scores), which numpy can't score either"
    )


MODELS: Mapping[str, Callable[[Program, list[Node], Document], list[Node]]] = {
    "bayes": _bayes, "constant": _constant, "dense": _dense, "estimator": _estimator, "linear": _linear,
    "neighbours": _neighbours, "svm": _svm, "trees": _trees,
}  # fmt: skip
"""A model's type → its margin."""


def margin_of(program: Program, matrix: list[Node], document: Document) -> list[Node]:
    """The margin of a model.

    Raises:
        NotInSql: its type has no SQL.
    """
    kind = str(document.get("type"))
    if kind not in MODELS:
        raise NotInSql(f"a model of the type {kind!r} has no SQL (known: {', '.join(MODELS)})")
    return MODELS[kind](program, matrix, document)
