"""A graph under construction: nodes, constants and inputs, each with a name of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET, ML_OPSET = 20, 4
"""Of ONNX and of its operators for machine learning: 20 has StringConcat, 4 has LabelEncoder from texts to numbers."""

ML = "ai.onnx.ml"


class Graph:
    """Nodes in the order in which they are computed.

    All values are float64 (n, 1) or (n, K), named by texts, unless something else is said.
    """

    def __init__(self, inputs: Iterable[str] = ()) -> None:
        """Begin it.

        Args:
            inputs: their names, which nothing else in the graph has.
        """
        given = tuple(inputs)
        self._own = next(own for own in map("_".__mul__, count()) if not any(_alike(each, own) for each in given))
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def constant(self, value: Any, dtype: Any = np.float64) -> str:
        """An array as a value; the same array is kept once."""
        array = np.ascontiguousarray(np.asarray(value, dtype=dtype)).reshape(np.shape(value))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"{self._own}c{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(array, self._known[key]))
        return self._known[key]

    def texts(self, values: Any) -> str:
        """An array of texts as a value."""
        name = f"{self._own}c{len(self.constants)}"
        array = np.asarray(values, dtype=object)
        data = [str(each).encode() for each in array.reshape(-1)]
        self.constants.append(helper.make_tensor(name, TensorProto.STRING, array.shape, data))
        return name

    def add(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        """A node; the name of what it gives, or names where it gives several."""
        place = len(self.nodes)
        value = f"{self._own}v{place}"
        names = [value if outputs == 1 else f"{value}_{each}" for each in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"n{place}", domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def beside(self, columns: Sequence[str]) -> str:
        """(n, a), (n, b), … as (n, a + b + …)."""
        return columns[0] if len(columns) == 1 else str(self.add("Concat", *columns, axis=1))

    def taken(self, matrix: str, places: Any) -> str:
        """(n, len(places)) some columns of a matrix."""
        return str(self.add("Gather", matrix, self.constant(places, np.int64), axis=1))

    def where(self, condition: str, yes: str, no: str) -> str:
        """Elements of one or the other, by a condition (n, K) of booleans."""
        return str(self.add("Where", condition, yes, no))

    def clipped(self, values: str, low: Any, high: Any) -> str:
        """The nearest between bounds, which are arrays and may be infinite; NaN stays."""
        low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        if np.isfinite(low).any():
            bound = self.constant(low)
            values = self.where(self.add("Less", values, bound), bound, values)
        if np.isfinite(high).any():
            bound = self.constant(high)
            values = self.where(self.add("Greater", values, bound), bound, values)
        return values

    def ones(self, values: str) -> str:
        """(n, 1) ones for as many rows as (n, K) values have, whatever these are."""
        rows = self.add("Gather", self.add("Shape", values), self.constant([0], np.int64), axis=0)
        shape = self.add("Concat", rows, self.constant([1], np.int64), axis=0)
        return str(self.add("ConstantOfShape", shape, value=numpy_helper.from_array(np.ones(1))))

    def summed(self, values: str) -> str:
        """(n, 1) the sums of rows."""
        return str(self.add("ReduceSum", values, self.constant([1], np.int64), keepdims=1))

    def largest(self, values: str) -> str:
        """(n, 1) the largest of each row."""
        return str(self.add("ReduceMax", values, self.constant([1], np.int64), keepdims=1))


def _alike(name: str, own: str) -> bool:
    """Whether a name could be one that is given to a value or a constant."""
    return name.startswith((f"{own}v", f"{own}c"))


def tensor(name: str, values: Any, dtype: Any = np.float64) -> Any:
    """An array as an attribute of a node."""
    return numpy_helper.from_array(np.asarray(values, dtype=dtype), name)


DOUBLE, STRING = TensorProto.DOUBLE, TensorProto.STRING

__all__ = ["DOUBLE", "ML", "ML_OPSET", "OPSET", "STRING", "Graph", "tensor"]
