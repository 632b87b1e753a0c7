"""The search space of series: which learner, its parameters, and what is tried first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from automl_core.forecasting.learners import registry
from automl_core.training.problems import TrainingError, nearest

if TYPE_CHECKING:
    from automl_core.forecasting.learners.base import Learner
    from automl_core.forecasting.learners.shape import Shape

Parameters = dict[str, dict[str, Any]]

FIRST = ("seasonal_naive", "theta", "ets", "ces", "autoregression", "boosted", "decomposed", "intermittent", "arima")
"""Learners in the order in which their first combinations are tried: the cheap ones, so that there is a model early."""


def offered(
    shape: Shape, allowed: Iterable[str] | None = None, blocked: Iterable[str] = (), arima: bool = False
) -> list[Learner]:
    """The learners of a search.

    Args:
        shape: of the panel.
        allowed: names; None for all that are installed and suit the panel. What is named here is offered on any.
        blocked: names that are not.
        arima: whether AutoARIMA is among them.

    Raises:
        TrainingError: a name that is none, one whose library is missing, or none is left.
    """
    known, here = registry.names(), set(registry.installed())
    wanted, refused = None if allowed is None else list(allowed), set(blocked)
    for name in [*(wanted or ()), *sorted(refused)]:
        if name not in known:
            raise TrainingError(f"there is no learner {name!r}{nearest(name, known)}")
    missing = [name for name in wanted or () if name not in here]
    if missing:
        raise TrainingError(f"the learner {missing[0]} needs its library, which is not installed")
    found: list[Learner] = []
    for name in sorted(known, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)):
        if name not in here or name in refused:
            continue
        if wanted is not None and name not in wanted and not (arima and name == "arima"):
            continue
        learner = registry.find(name)
        asked = wanted is not None or (arima and name == "arima")
        if asked or (not learner.optional and learner.suits(shape)):
            found.append(learner)
    if not found:
        raise TrainingError(f"no learner is left (there are: {', '.join(known)})")
    return found


def space(shape: Shape, learners: Iterable[Learner]) -> Parameters:
    """All parameters of a search on a panel, as under ``space:`` of a file.

    Args:
        shape: of the panel.
        learners: of `offered`.
    """
    chosen = list(learners)
    names = [learner.name for learner in chosen]
    found: Parameters = {"learner": {"type": "choice", "values": names, "default": names[0]}}
    for learner in chosen:
        for name, parameter in learner.space(shape).items():
            when = {f"{learner.name}.{of}": values for of, values in parameter.get("when", {}).items()}
            found[f"{learner.name}.{name}"] = {**parameter, "when": {"learner": [learner.name], **when}}
    if len(names) == 1:
        # a choice of one is no choice: conditions on it hold for all
        found["learner"] = {"type": "fixed", "value": names[0]}
        for parameter in found.values():
            parameter.get("when", {}).pop("learner", None)
            if not parameter.get("when", True):
                del parameter["when"]
    return found


def portfolio(shape: Shape, learners: Iterable[Learner], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is tried first: of each learner what is good on most data, then what else it proposes.

    Args:
        shape: of the panel.
        learners: of `offered`.
        parameters: of `space`: of what is not among them nothing is said.
    """
    chosen = list(learners)
    proposed = [(learner.name, learner.portfolio(shape)) for learner in chosen]
    found = []
    for turn in range(max((len(each) for _, each in proposed), default=0)):
        for name, each in proposed:
            if turn < len(each):
                own = {f"{name}.{key}": value for key, value in each[turn].items() if f"{name}.{key}" in parameters}
                found.append({"learner": name, **own})
    unique: list[dict[str, Any]] = []
    for params in found:
        if params not in unique:
            unique.append(params)
    return unique
