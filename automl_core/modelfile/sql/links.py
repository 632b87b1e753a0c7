"""From margins to outputs, from outputs to classes: `scoring.links` and `scoring.calibration` as expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from automl_core.modelfile.scoring.calibration import LOWEST
from automl_core.modelfile.sql.columns import MOST
from automl_core.modelfile.sql.curves import interpolated
from automl_core.modelfile.sql.features import clipped
from automl_core.modelfile.sql.nodes import (
    Node,
    add,
    call,
    case,
    compare,
    div,
    mul,
    number,
    sub,
    text,
    total,
)
from automl_core.modelfile.sql.program import Program
from automl_core.modelfile.sql.script import NotInSql

LARGEST_EXPONENT = 709.78
"""EXP of what is larger overflows: infinity in some engines, an error in others. It is given as the largest DOUBLE."""


def largest(program: Program, columns: Sequence[Node]) -> Node:
    """The largest of some columns, none of which is missing."""
    found = list(columns)
    while len(found) > 1:
        pairs = [found[start : start + 2] for start in range(0, len(found), 2)]
        found = [
            pair[0]
            if len(pair) == 1
            else program.let(case([(compare(pair[0], ">=", pair[1]), pair[0].copy())], pair[1].copy()))
            for pair in pairs
        ]
    return found[0]


def _named(program: Program, columns: Sequence[Node]) -> list[Node]:
    return [program.let(each) for each in columns]


def _sigmoid_of(program: Program, margin: Node) -> Node:
    small = program.let(call("EXP", mul(call("ABS", margin), number(-1))))
    whole = add(number(1), small)
    return program.let(case([(compare(margin, ">=", number(0)), div(number(1), whole))], div(small, whole)))


def complement(program: Program, margin: Sequence[Node]) -> list[Node]:
    """The second of two classes' probability → both."""
    second = program.let(margin[0])
    return [program.let(sub(number(1), second)), second]


def _sigmoid(program: Program, margin: Sequence[Node]) -> list[Node]:
    return complement(program, [_sigmoid_of(program, program.let(margin[0]))])


def _softmax(program: Program, margin: Sequence[Node]) -> list[Node]:
    named = _named(program, margin)
    top = largest(program, named)
    raised = _named(program, [call("EXP", sub(each, top)) for each in named])
    whole = program.let(total([each.copy() for each in raised]))
    return _named(program, [div(each, whole) for each in raised])


def normalised(program: Program, positive: Sequence[Node]) -> list[Node]:
    """Shares of their sum; where this is 0, all are equal."""
    named = _named(program, positive)
    whole = program.let(total([each.copy() for each in named]))
    some = compare(whole, ">", number(0))
    return _named(program, [case([(some.copy(), div(each, whole))], number(1.0 / len(named))) for each in named])


def _ovr(program: Program, margin: Sequence[Node]) -> list[Node]:
    return normalised(program, [_sigmoid_of(program, each) for each in _named(program, margin)])


def _exp_of(program: Program, margin: Node) -> Node:
    return case([(compare(margin, ">", number(LARGEST_EXPONENT)), number(MOST))], call("EXP", margin))


def _exp(program: Program, margin: Sequence[Node]) -> list[Node]:
    return _named(program, [_exp_of(program, each) for each in _named(program, margin)])


def _expm1(program: Program, margin: Sequence[Node]) -> list[Node]:
    return _named(program, [sub(each, number(1)) for each in _exp(program, margin)])


LINKS = {
    "identity": _named, "complement": complement, "sigmoid": _sigmoid, "softmax": _softmax, "ovr": _ovr,
    "normalise": normalised, "exp": _exp, "expm1": _expm1,
}  # fmt: skip


def linked(program: Program, margin: Sequence[Node], link: Any) -> list[Node]:
    """Outputs of a margin.

    Args:
        program: gets what stands between.
        margin: K columns.
        link: see `scoring.links.link_of`.

    Raises:
        NotInSql: the link is not known.
    """
    if isinstance(link, list):
        for each in link:
            margin = linked(program, margin, each)
        return list(margin)
    if not isinstance(link, Mapping):
        link = {"type": link}
    kind = str(link.get("type"))
    if kind in LINKS:
        return LINKS[kind](program, margin)
    named = _named(program, margin)
    if kind == "affine":
        scale, shift = number(float(link["scale"])), number(float(link["shift"]))
        return _named(program, [add(mul(each, scale), shift) for each in named])
    if kind == "clip":
        low, high = (
            sign * np.inf if link.get(name) is None else float(link[name]) for name, sign in (("low", -1), ("high", 1))
        )
        return [clipped(program, each, low, high) for each in named]
    if kind == "interpolate":
        return _named(program, [interpolated(each, link["x"], link["y"]) for each in named])
    if kind == "place":
        share, outputs = float(link["share"]), int(link["outputs"])
        places = np.asarray(link["places"], dtype=np.int64).tolist()
        found: list[Node] = [number(share) for _ in range(outputs)]
        for place, each in zip(places, named, strict=True):
            found[place] = program.let(mul(each, number(1.0 - share * (outputs - len(places)))))
        return found
    raise NotInSql(f"the link {kind!r} has no SQL; a later release wrote it")


def calibrated(program: Program, document: Mapping[str, Any] | None, outputs: Sequence[Node]) -> list[Node]:
    """Outputs, corrected.

    Raises:
        NotInSql: the type of the calibration is not known.
    """
    named = _named(program, outputs)
    if document is None:
        return named
    kind = document.get("type")
    if kind == "temperature":
        lowest = float(document.get("lowest", LOWEST))
        logs = [
            div(call("LN", clipped(program, each, lowest, 1.0)), number(float(document["temperature"])))
            for each in named
        ]
        return _softmax(program, logs)
    if kind == "platt":
        second = clipped(program, named[1], LOWEST, 1.0 - LOWEST)
        odds = sub(call("LN", second), call("LN", sub(number(1), second)))
        moved = program.let(add(mul(odds, number(float(document["a"]))), number(float(document["b"]))))
        return complement(program, [_sigmoid_of(program, moved)])
    if kind == "isotonic":
        x, y = document["x"], document["y"]
        if len(named) == 2:
            return complement(program, [interpolated(named[1], x, y)])
        return normalised(program, [interpolated(each, *curve) for each, *curve in zip(named, x, y, strict=True)])
    if kind == "clip":
        return linked(program, named, document)
    raise NotInSql(f"the calibration {kind!r} has no SQL; a later release wrote it")


def decided(program: Program, outputs: Sequence[Node], classes: Sequence[str], threshold: Any) -> Node:
    """Each row's class: of equals the first, as `numpy.argmax`."""
    named = _named(program, outputs)
    if isinstance(threshold, (int, float)):
        return case([(compare(named[1], ">=", number(float(threshold))), text(classes[1]))], text(classes[0]))
    if isinstance(threshold, Mapping):
        costs = np.asarray(threshold["costs"], dtype=np.float64)
        expected = [
            [mul(each, number(-float(cost))) for each, cost in zip(named, column, strict=True) if cost]
            for column in costs.T
        ]
        named = _named(program, [total(each) if each else number(0.0) for each in expected])
    elif threshold is not None:
        factors = np.asarray(threshold, dtype=np.float64).tolist()
        named = _named(program, [mul(each, number(factor)) for each, factor in zip(named, factors, strict=True)])
    top = largest(program, named)
    pairs = [(compare(each, "=", top), text(name)) for each, name in zip(named[:-1], classes[:-1], strict=True)]
    return case(pairs, text(classes[-1]))


__all__ = ["calibrated", "decided", "linked"]
