"""Parameters as axes of a plot."""

from __future__ import annotations

import math
from typing import Any

from automl_core.space import ListParameter, Space
from automl_core.space.lists import SubsetParameter
from automl_core.space.parameter import OPTION_KINDS, Parameter
from automl_core.spec.models import Experiment
from automl_core.spec.parameters import flatten
from automl_core.study import Study


def parameters_of(study: Study) -> list[dict[str, Any]]:
    """Every parameter in the order of the file: kind, scale, limits, options, condition; of lists their parts too."""
    return parameters_in(study.space, study.experiment)


def parameters_in(space: Space, experiment: Experiment) -> list[dict[str, Any]]:
    """The same of an experiment that need not have begun; ``space`` is its search space."""
    models = _models(experiment)
    return [_axis(parameter, models.get(parameter.name)) for parameter in space.parameters]


def axes_of(study: Study) -> list[dict[str, Any]]:
    """What trials can be drawn over: every parameter, and of one whose value is a list its parts instead."""
    return [axis for each in parameters_of(study) for axis in each["parts"] or [each]]


def _models(experiment: Experiment) -> dict[str, Any]:
    return flatten(dict(experiment.space))


def _axis(parameter: Parameter, model: Any) -> dict[str, Any]:
    options: list[Any] | None = None
    kind: str = parameter.kind
    if kind in (*OPTION_KINDS, "fixed"):
        options = list(parameter.values_within(0, 0) or parameter.options)
        if kind == "categorical":
            kind = "bool" if all(isinstance(option, bool) for option in options) else "category"
        elif kind == "ordinal":
            kind = "order"
    elif isinstance(parameter, SubsetParameter):
        options = [parameter.options[i] for i in parameter.free]
    lists = isinstance(parameter, ListParameter)
    return {
        "name": parameter.name,
        "kind": kind,
        "type": getattr(model, "type", parameter.kind),
        "log": parameter.log or parameter.power is not None,
        "low": _finite(parameter.low) if options is None else None,
        "high": _finite(parameter.high) if options is None else None,
        "values": options,
        "when": " and ".join(f"{name} in {list(values)}" for name, values in parameter.when.items()) or None,
        "parts": [_axis(part, None) for part in parameter.dimensions] if lists else None,
        "raw": model.model_dump(mode="json", exclude_unset=True) if model is not None else {},
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
