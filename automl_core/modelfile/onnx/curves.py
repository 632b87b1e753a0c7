"""Curves through knots, as `numpy.interp` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.modelfile.onnx.graph import Graph


def interpolated(graph: Graph, column: str, x: Any, y: Any) -> str:
    """(n, 1) values → (n, 1) on the line between the knots beside each; NaN stays.

    Args:
        graph: gets the nodes.
        column: (n, 1).
        x: (m,) rising, values may repeat.
        y: (m,).
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(x) == 1:
        return graph.where(graph.add("IsNaN", column), column, graph.constant([[y[0]]]))
    step = np.diff(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(step > 0, np.diff(y) / step, 0.0)
    # the knot to the left: how many knots are not above, less one; the last one has no line to its right
    above = graph.add("Cast", graph.add("GreaterOrEqual", column, graph.constant(x[None, :])), to=7)
    count = graph.add("ReduceSum", above, graph.constant([1], np.int64), keepdims=0)
    place = graph.add("Sub", count, graph.constant(1, np.int64))
    place = graph.add("Max", place, graph.constant(0, np.int64))
    place = graph.add("Min", place, graph.constant(len(x) - 2, np.int64))
    start, value, along = (
        graph.add("Gather", graph.constant(each.reshape(-1, 1)), place, axis=0) for each in (x[:-1], y[:-1], slope)
    )
    line = graph.add("Add", graph.add("Mul", graph.add("Sub", column, start), along), value)
    line = graph.where(graph.add("Less", column, graph.constant(x[0])), graph.constant([[y[0]]]), line)
    return graph.where(graph.add("GreaterOrEqual", column, graph.constant(x[-1])), graph.constant([[y[-1]]]), line)
