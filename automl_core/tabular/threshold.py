"""From which probability of the second class on a row is called that: for a metric of labels, or for costs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.metrics import Metric

Floats = NDArray[np.float64]

STEPS = 200
"""Thresholds that are tried, at quantiles of the probabilities."""

DRAWS = 20
"""Draws of rows: the best threshold of the rows that there are is partly their luck."""


def for_metric(
    metric: Metric, truth: NDArray[np.int64], probabilities: Floats, weights: Floats, seed: int, draws: int = DRAWS
) -> float:  # fmt: skip
    """The threshold of the best metric: the median of the best ones of several draws of rows.

    Args:
        metric: of labels.
        truth: (n,) 0 or 1, of rows held out.
        probabilities: (n,) of the second class.
        weights: (n,).
        seed: of the draws.
        draws: of rows.
    """
    random = np.random.default_rng([seed, 43])
    tried = candidates(probabilities)
    found = []
    for _ in range(draws):
        drawn = weights * np.bincount(random.integers(0, len(truth), len(truth)), minlength=len(truth))
        if not drawn.sum():
            continue
        losses = np.array([_loss(metric, truth, probabilities >= each, drawn) for each in tried])
        losses[~np.isfinite(losses)] = np.inf
        # of a whole stretch of equally good ones the middle
        found.append(float(np.median(tried[losses == losses.min()])))
    if not found:
        return 0.5
    chosen = float(np.median(found))
    loss = _loss(metric, truth, probabilities >= chosen, weights)
    usual = _loss(metric, truth, probabilities >= 0.5, weights)
    return chosen if loss < usual else 0.5


def _loss(metric: Metric, truth: NDArray[np.int64], called: NDArray[np.bool_], weights: Floats) -> float:
    return metric.as_loss(metric.tried(truth, called.astype(np.int64), weights))


def for_costs(costs: Mapping[tuple[str, str], float], classes: tuple[str, ...]) -> float:
    """The threshold of the least expected cost, given honest probabilities.

    Calling a row the second class costs (1 − p) C(first, second) + p C(second, second), calling it the first
    (1 − p) C(first, first) + p C(second, first); they are equal at the threshold (Elkan, "The foundations of
    cost-sensitive learning", IJCAI 2001, equation 2).

    Args:
        costs: (truth, predicted) → cost; what is not given costs 1 where it is a mistake, and nothing where it is none.
        classes: two.

    Raises:
        ValueError: costs name other classes, or no threshold follows from them.
    """
    _check(costs, classes)
    first, second = classes
    false_alarm = costs.get((first, second), 1.0) - costs.get((first, first), 0.0)
    miss = costs.get((second, first), 1.0) - costs.get((second, second), 0.0)
    if false_alarm + miss <= 0 or false_alarm < 0 or miss < 0:
        raise ValueError("costs: a mistake has to cost more than being right, for one of the classes at least")
    return false_alarm / (false_alarm + miss)


def matrix_of_costs(costs: Mapping[tuple[str, str], float], classes: tuple[str, ...]) -> Floats:
    """(K, K) what calling a row of a class (a line) a class (a place) costs: the least expected one decides.

    That is Bayes' rule for costs (Elkan 2001, equation 1), given honest probabilities.

    Args:
        costs: (truth, predicted) → cost; what is not given costs 1 where it is a mistake, and nothing where it is none.
        classes: three or more.

    Raises:
        ValueError: costs name other classes, or some class could never be right: calling its rows another is cheaper.
    """
    _check(costs, classes)
    found = 1.0 - np.eye(len(classes))
    for (truth, predicted), cost in costs.items():
        found[classes.index(truth), classes.index(predicted)] = cost
    for place, name in enumerate(classes):
        if found[place].min() < found[place, place]:
            cheaper = classes[int(found[place].argmin())]
            raise ValueError(f"costs: a row of {name!r} would cost less when it is called {cheaper!r}")
    if not (found > np.diag(found)[:, None]).any():
        raise ValueError("costs: a mistake has to cost more than being right, for one of the classes at least")
    return found


def _check(costs: Mapping[tuple[str, str], float], classes: tuple[str, ...]) -> None:
    for pair in costs:
        for name in pair:
            if name not in classes:
                raise ValueError(f"costs: there is no class {name!r} (there are: {', '.join(classes)})")


def candidates(probabilities: Floats) -> Floats:
    """Thresholds worth trying: the middles between neighbouring quantiles, and a half."""
    values = np.unique(probabilities)
    if len(values) > STEPS:
        values = np.unique(np.quantile(values, np.linspace(0, 1, STEPS)))
    between = (values[1:] + values[:-1]) / 2
    return np.unique(np.r_[between, 0.5])
