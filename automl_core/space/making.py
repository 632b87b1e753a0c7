"""Run-time parameters made of the file's models."""

from __future__ import annotations

import math
from typing import Any

from automl_core.space.lists import SortedListParameter, SubsetParameter
from automl_core.space.parameter import Kind, Parameter


def from_model(name: str, model: Any) -> Parameter:
    """Make a run-time parameter of the file's model (without sub-spaces: see spec.parameters.flatten)."""
    when = {parent: tuple(values) for parent, values in model.when.items()}
    common: dict[str, Any] = {"name": name, "when": when, "default": model.default}
    prior = getattr(model, "prior", None)
    if prior is not None:
        common["prior"] = (prior.center, prior.spread)
    if model.type == "fixed":
        return Parameter(kind="fixed", options=(model.value,), weights=(1.0,), **{**common, "default": model.value})
    if model.type in ("choice", "ordinal", "subset"):
        options = tuple(model.options)
        weights = tuple(float(w) for w in model.weights) if model.weights else (1.0,) * len(options)
        if model.type == "subset":
            return SubsetParameter(
                kind="subset", options=options, weights=weights, fewest=model.min, most=model.most, **common
            )
        kind: Kind = "ordinal" if model.type == "ordinal" else "categorical"
        return Parameter(kind=kind, options=options, weights=weights, **common)
    above, below = (
        each if isinstance(each := getattr(model, side, None), str) else None for side in ("above", "below")
    )
    common |= {
        "at_least": above or model.at_least, "at_most": below or model.at_most,
        "strict": bool(above or below), "power": model.power_of,
    }  # fmt: skip
    if model.type == "sorted_list":
        fewest, most = model.lengths
        number = from_model(name, model.element)
        return SortedListParameter(
            kind="sorted_list", number=number, low=number.low, high=number.high, log=number.log, fewest=fewest,
            most=most, distinct=model.distinct, **{**common, "step": number.step},
        )  # fmt: skip
    whole = model.type in ("int", "logint", "randint")
    quantum = getattr(model, "q", None)
    common["step"] = model.multiple_of or quantum or (1 if whole else None)
    if hasattr(model, "low"):
        low, high = model.allowed
        log = model.type in ("logint", "loguniform", "qloguniform")
        if whole:
            return Parameter(kind="int", low=int(low), high=int(high), log=log, **common)
        nni = quantum is not None and model.multiple_of is None
        return Parameter(kind="float", low=low, high=high, log=log, nni_quantum=nni, **common)
    log = model.type in ("lognormal", "qlognormal")
    return Parameter(kind="float", log=log, low=0.0 if log else -math.inf, gauss=(model.mu, model.sigma), **common)
