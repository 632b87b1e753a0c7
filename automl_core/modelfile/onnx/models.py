"""Models of a matrix: the margin of each type of `scoring.models`, as nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from automl_core.modelfile.onnx.graph import Graph
from automl_core.modelfile.onnx.links import sigmoid
from automl_core.modelfile.onnx.problems import NotInOnnx
from automl_core.modelfile.onnx.trees import trees

Document = Mapping[str, Any]


def _floats(document: Document, name: str) -> Any:
    return np.asarray(document[name], dtype=np.float64)


def _affine(graph: Graph, matrix: str, weight: Any, bias: Any) -> str:
    return str(graph.add("Add", graph.add("MatMul", matrix, graph.constant(weight)), graph.constant(bias)))


def _linear(graph: Graph, matrix: str, document: Document) -> str:
    return _affine(graph, matrix, _floats(document, "coef"), _floats(document, "intercept"))


def _constant(graph: Graph, matrix: str, document: Document) -> str:
    return str(graph.add("Mul", graph.ones(matrix), graph.constant(_floats(document, "value")[None, :])))


def _bayes(graph: Graph, matrix: str, document: Document) -> str:
    mean, variance = _floats(document, "mean"), _floats(document, "variance")
    prior = _floats(document, "log_prior") - 0.5 * np.log(2.0 * np.pi * variance).sum(axis=1)
    wide = graph.add("Unsqueeze", matrix, graph.constant([1], np.int64))  # (n, 1, p) against (K, p)
    distance = graph.add("Sub", wide, graph.constant(mean))
    terms = graph.add("Mul", graph.add("Mul", distance, distance), graph.constant(-0.5 / variance))
    total = graph.add("ReduceSum", terms, graph.constant([2], np.int64), keepdims=0)
    return str(graph.add("Add", total, graph.constant(prior)))


_ACTIVATIONS: Mapping[str, Callable[[Graph, str], str]] = {
    "identity": lambda graph, values: values,
    "relu": lambda graph, values: str(graph.add("Max", values, graph.constant(0.0))),
    "tanh": lambda graph, values: str(graph.add("Tanh", values)),
    "logistic": sigmoid,
}


def _dense(graph: Graph, matrix: str, document: Document) -> str:
    for place, layer in enumerate(document["layers"]):
        if place:
            matrix = _ACTIVATIONS[str(document["activation"])](graph, matrix)
        matrix = _affine(graph, matrix, _floats(layer, "weight"), _floats(layer, "bias"))
    return matrix


def _distances(graph: Graph, matrix: str, points: Any, metric: str) -> str:
    """(n, m) distances, by differences."""
    wide = graph.add("Unsqueeze", matrix, graph.constant([1], np.int64))
    difference = graph.add("Sub", wide, graph.constant(points))
    if metric == "manhattan":
        return str(graph.add("ReduceSum", graph.add("Abs", difference), graph.constant([2], np.int64), keepdims=0))
    squared = graph.add(
        "ReduceSum", graph.add("Mul", difference, difference), graph.constant([2], np.int64), keepdims=0
    )
    return str(graph.add("Sqrt", squared) if metric == "euclidean" else squared)


def _svm(graph: Graph, matrix: str, document: Document) -> str:
    if document["kernel"] != "rbf":
        raise NotInOnnx(f"a support vector machine with the kernel {document['kernel']!r}")
    squared = _distances(graph, matrix, _floats(document, "vectors"), "sqeuclidean")
    kernel = graph.add("Exp", graph.add("Mul", squared, graph.constant(-float(document["gamma"]))))
    return _affine(graph, kernel, _floats(document, "coef"), _floats(document, "intercept"))


def _neighbours(graph: Graph, matrix: str, document: Document) -> str:
    raise NotInOnnx("nearest neighbours: which of equally far rows count is the order of training's rows")


def _estimator(graph: Graph, matrix: str, document: Document) -> str:
    raise NotInOnnx("an estimator of its training library, which numpy can't score either")


MODELS: Mapping[str, Callable[[Graph, str, Document], str]] = {
    "bayes": _bayes, "constant": _constant, "dense": _dense, "estimator": _estimator, "linear": _linear,
    "neighbours": _neighbours, "svm": _svm, "trees": trees,
}  # fmt: skip
"""A model's type → its margin."""


def margin_of(graph: Graph, matrix: str, document: Document) -> str:
    """(n, K) the margin of a model.

    Raises:
        NotInOnnx: its type has no graph.
    """
    kind = str(document.get("type"))
    if kind not in MODELS:
        raise NotInOnnx(f"a model of the type {kind!r} (known: {', '.join(MODELS)})")
    return MODELS[kind](graph, matrix, document)
