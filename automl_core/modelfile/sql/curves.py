"""Functions of one number that are straight between knots."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from automl_core.modelfile.sql.nodes import Node, add, bisected, case, compare, is_null, mul, number, sub


def _line(column: Node, x: float, y: float, slope: float) -> Callable[[], Node]:
    if slope == 0.0:
        return lambda: number(y)
    return lambda: add(mul(sub(column, number(x)), number(slope)), number(y))


def _kept(column: Node, value: Node) -> Node:
    """A value that does not look at its argument's absence, made to."""
    return case([(is_null(column), number(float("nan")))], value)


def interpolated(column: Node, x: Sequence[float], y: Sequence[float]) -> Node:
    """`numpy.interp`: level outside of the knots; where several are at one place the last counts.

    Args:
        column: the argument.
        x: rising, not strictly.
        y: as many.
    """
    knots, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    last = np.append(np.flatnonzero(np.diff(knots) > 0), len(knots) - 1)  # of each place
    places = knots[last]
    pieces = [_line(column, 0.0, float(values[0]), 0.0)]
    for at in last[:-1].tolist():
        slope = (values[at + 1] - values[at]) / (knots[at + 1] - knots[at])
        pieces.append(_line(column, float(knots[at]), float(values[at]), float(slope)))
    pieces.append(_line(column, 0.0, float(values[-1]), 0.0))
    return _kept(column, bisected(column, places.tolist(), pieces))


def middle(column: Node, x: Sequence[float], y: Sequence[float]) -> Node:
    """As `scoring.features.quantile.Quantile`: where several knots are at one place, the middle of what they say.

    Args:
        column: the argument.
        x: rising, not strictly.
        y: rising, as many.
    """
    knots, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    places, first, counts = np.unique(knots, return_index=True, return_counts=True)
    last = first + counts - 1
    pieces = [_line(column, 0.0, float(values[0]), 0.0)]
    for place in range(len(places) - 1):
        low, high = values[last[place]], values[first[place + 1]]
        slope = (high - low) / (places[place + 1] - places[place])
        pieces.append(_line(column, float(places[place]), float(low), float(slope)))
    pieces.append(_line(column, 0.0, float(values[-1]), 0.0))
    found = bisected(column, places.tolist(), pieces)
    exact = []
    for place in range(len(places)):
        said = (values[first[place]] + values[last[place]]) / 2
        if counts[place] > 1:
            exact.append((compare(column, "=", number(float(places[place]))), number(float(said))))
    return _kept(column, case(exact, found) if exact else found)
