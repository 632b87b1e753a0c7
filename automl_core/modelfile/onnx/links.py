"""From margins to outputs, from outputs to classes: `scoring.links` and `scoring.calibration` as nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from automl_core.modelfile.onnx.curves import interpolated
from automl_core.modelfile.onnx.graph import Graph
from automl_core.modelfile.onnx.problems import NotInOnnx
from automl_core.modelfile.scoring.calibration import LOWEST


def complement(graph: Graph, second: str) -> str:
    """(n, 1) the probability of the second of two classes → (n, 2)."""
    return graph.beside([graph.add("Sub", graph.constant(1.0), second), second])


def sigmoid(graph: Graph, margin: str) -> str:
    """The logistic function, without overflow."""
    small = graph.add("Exp", graph.add("Neg", graph.add("Abs", margin)))
    whole = graph.add("Add", graph.constant(1.0), small)
    positive = graph.add("GreaterOrEqual", margin, graph.constant(0.0))
    return graph.where(positive, graph.add("Div", graph.constant(1.0), whole), graph.add("Div", small, whole))


def softmax(graph: Graph, margin: str) -> str:
    """Probabilities that add up to 1."""
    raised = graph.add("Exp", graph.add("Sub", margin, graph.largest(margin)))
    return str(graph.add("Div", raised, graph.summed(raised)))


def normalised(graph: Graph, positive: str, outputs: int) -> str:
    """Shares of each row's sum; where this is 0, all are equal."""
    total = graph.summed(positive)
    some = graph.add("Greater", total, graph.constant(0.0))
    share = graph.add("Div", positive, graph.where(some, total, graph.constant(1.0)))
    return graph.where(some, share, graph.constant(1.0 / outputs))


LINKS: Mapping[str, Callable[[Graph, str, int], str]] = {
    "identity": lambda graph, margin, _: margin,
    "complement": lambda graph, margin, _: complement(graph, margin),
    "sigmoid": lambda graph, margin, _: complement(graph, sigmoid(graph, margin)),
    "softmax": lambda graph, margin, _: softmax(graph, margin),
    "ovr": lambda graph, margin, outputs: normalised(graph, sigmoid(graph, margin), outputs),
    "normalise": normalised,
    "exp": lambda graph, margin, _: str(graph.add("Exp", margin)),
    "expm1": lambda graph, margin, _: str(graph.add("Sub", graph.add("Exp", margin), graph.constant(1.0))),
}


def linked(graph: Graph, margin: str, link: Any, outputs: int) -> str:
    """(n, outputs) of a margin.

    Raises:
        NotInOnnx: the link is not known.
    """
    if isinstance(link, list):
        for each in link:
            margin = linked(graph, margin, each, outputs)
        return margin
    if not isinstance(link, Mapping):
        link = {"type": link}
    kind = str(link.get("type"))
    if kind in LINKS:
        return LINKS[kind](graph, margin, outputs)
    if kind == "affine":
        scaled = graph.add("Mul", margin, graph.constant(float(link["scale"])))
        return str(graph.add("Add", scaled, graph.constant(float(link["shift"]))))
    if kind == "clip":
        low, high = (
            sign * np.inf if link.get(name) is None else float(link[name]) for name, sign in (("low", -1), ("high", 1))
        )
        return graph.clipped(margin, low, high)
    if kind == "interpolate":
        return interpolated(graph, margin, link["x"], link["y"])
    if kind == "place":
        places, share = np.asarray(link["places"], dtype=np.int64), float(link["share"])
        wide = np.zeros((len(places), int(link["outputs"])))
        wide[np.arange(len(places)), places] = 1.0 - share * (wide.shape[1] - len(places))
        others = np.full(wide.shape[1], share)
        others[places] = 0.0
        return str(graph.add("Add", graph.add("MatMul", margin, graph.constant(wide)), graph.constant(others)))
    raise NotInOnnx(f"the link {kind!r}; a later release wrote it")


def calibrated(graph: Graph, document: Mapping[str, Any] | None, outputs: str, count: int) -> str:
    """Outputs, corrected.

    Raises:
        NotInOnnx: the type of the calibration is not known.
    """
    if document is None:
        return outputs
    kind = document.get("type")
    if kind == "temperature":
        logs = graph.add("Log", graph.clipped(outputs, float(document.get("lowest", LOWEST)), 1.0))
        return softmax(graph, graph.add("Div", logs, graph.constant(float(document["temperature"]))))
    if kind == "platt":
        second = graph.clipped(graph.taken(outputs, [1]), LOWEST, 1.0 - LOWEST)
        odds = graph.add("Log", graph.add("Div", second, graph.add("Sub", graph.constant(1.0), second)))
        moved = graph.add("Mul", odds, graph.constant(float(document["a"])))
        return complement(graph, sigmoid(graph, graph.add("Add", moved, graph.constant(float(document["b"])))))
    if kind == "isotonic":
        x, y = document["x"], document["y"]
        if count == 2:
            return complement(graph, interpolated(graph, graph.taken(outputs, [1]), x, y))
        curves = [interpolated(graph, graph.taken(outputs, [place]), x[place], y[place]) for place in range(count)]
        return normalised(graph, graph.beside(curves), count)
    if kind == "clip":
        return linked(graph, outputs, document, count)
    raise NotInOnnx(f"the calibration {kind!r}; a later release wrote it")


def decided(graph: Graph, outputs: str, classes: Sequence[str], threshold: Any) -> str:
    """(n,) each row's class as a text: of equals the first."""
    if isinstance(threshold, (int, float)):
        second = graph.add("Reshape", graph.taken(outputs, [1]), graph.constant([-1], np.int64))
        above = graph.add("GreaterOrEqual", second, graph.constant(float(threshold)))
        place = graph.add("Cast", above, to=7)
    else:
        if isinstance(threshold, Mapping):
            costs = np.asarray(threshold["costs"], dtype=np.float64)
            outputs = graph.add("Neg", graph.add("MatMul", outputs, graph.constant(costs)))
        elif threshold is not None:
            outputs = graph.add("Mul", outputs, graph.constant(threshold))
        place = graph.add("ArgMax", outputs, axis=1, keepdims=0)
    return str(graph.add("Gather", graph.texts(list(classes)), place, axis=0))
