"""From a model's margin to outputs: probabilities of all classes, or numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Function = Callable[[Floats], Floats]


def sigmoid(margin: Floats) -> Floats:
    """(n, K) → (n, K) logistic function, without overflow."""
    small = np.exp(-np.abs(margin))
    return np.where(margin >= 0, 1.0 / (1.0 + small), small / (1.0 + small))


def softmax(margin: Floats) -> Floats:
    """(n, K) → (n, K) probabilities that add up to 1."""
    shifted = np.exp(margin - margin.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def normalised(positive: Floats) -> Floats:
    """(n, K) shares of each row's sum; where this is 0, all are equal."""
    total = positive.sum(axis=1, keepdims=True)
    return np.where(total > 0, positive / np.where(total > 0, total, 1.0), 1.0 / positive.shape[1])


def complement(second: Floats) -> Floats:
    """(n, 1) the probability of the second of two classes → (n, 2)."""
    return np.concatenate([1.0 - second, second], axis=1)


def _exp(margin: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.exp(margin)


def _sigmoid(margin: Floats) -> Floats:
    if margin.shape[1] != 1:
        raise ValueError(f"sigmoid is for one margin, this model has {margin.shape[1]}: softmax, or ovr")
    return complement(sigmoid(margin))


LINKS: Mapping[str, Function] = {
    "identity": lambda margin: margin,
    "complement": complement,
    "sigmoid": _sigmoid,
    "softmax": softmax,
    "ovr": lambda margin: normalised(sigmoid(margin)),
    "normalise": normalised,
    "exp": _exp,
    "expm1": np.expm1,
}
"""Name → link. ``identity``: the margin is numbers, or probabilities already. ``complement``: it is the second of two
classes' probability. ``sigmoid``: its log odds. ``softmax``: logarithms, up to a constant. ``ovr``: log odds of each
class against the rest. ``normalise``: positive shares. ``exp``, ``expm1``: logarithms of a target (plus 1)."""


def _affine(link: Mapping[str, Any]) -> Function:
    scale, shift = float(link["scale"]), float(link["shift"])
    return lambda margin: margin * scale + shift


def _clip(link: Mapping[str, Any]) -> Function:
    low, high = (
        np.inf * sign if link.get(name) is None else float(link[name]) for name, sign in (("low", -1), ("high", 1))
    )
    return lambda margin: np.clip(margin, low, high)


def _interpolate(link: Mapping[str, Any]) -> Function:
    x, y = np.asarray(link["x"], dtype=np.float64), np.asarray(link["y"], dtype=np.float64)
    return lambda margin: np.interp(margin, x, y)


def _place(link: Mapping[str, Any]) -> Function:
    places, outputs, share = np.asarray(link["places"], dtype=np.int64), int(link["outputs"]), float(link["share"])

    def place(found: Floats) -> Floats:
        wide = np.full((len(found), outputs), share)
        wide[:, places] = found * (1.0 - share * (outputs - len(places)))
        return wide

    return place


PARAMETRIC: Mapping[str, Callable[[Mapping[str, Any]], Function]] = {
    "affine": _affine,
    "clip": _clip,
    "interpolate": _interpolate,
    "place": _place,
}
"""Links with numbers of their own, as ``{"type": …}``: ``affine`` (times ``scale``, plus ``shift``: a target that was
standardised), ``clip`` (to ``low`` … ``high``, either may be None), ``interpolate`` (a curve through ``x``, ``y``),
``place`` (probabilities of some classes, at ``places`` among ``outputs`` in all: each other class has ``share``)."""


def link_of(link: Any) -> Function:
    """A link of its document: a name, a dict with a type, or a list of these that are applied in turn.

    Raises:
        ValueError: it is not known.
    """
    if isinstance(link, list):
        steps = [link_of(each) for each in link]

        def chain(margin: Floats) -> Floats:
            for step in steps:
                margin = step(margin)
            return margin

        return chain
    if isinstance(link, Mapping):
        if link.get("type") in PARAMETRIC:
            return PARAMETRIC[str(link["type"])](link)
        link = link.get("type")
    if link in LINKS:
        return LINKS[str(link)]
    raise ValueError(f"there is no link {link!r} (known: {', '.join((*LINKS, *PARAMETRIC))}); a later release wrote it")
