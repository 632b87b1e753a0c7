"""Problems with several goals or constraints: synthetic fronts, and a forest that is to be accurate and small."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from automl_core.search.hypervolume import hypervolume
from automl_core.search.pareto import Losses, Point
from automl_core.space import Params, Space
from automl_core.spec.parameters import Parameter


@dataclass(frozen=True)
class Goals:
    """One problem; all goals are losses.

    Attributes:
        name: in tables.
        models: the space as under ``space:``.
        worth: of a combination.
        reference: from which hypervolume is measured; algorithms are not told.
        best: the highest hypervolume that there is, None where it is not known (the best of all runs stands for it).
        constraints: how many there are.
    """

    name: str
    models: Mapping[str, Any]
    worth: Callable[[Params], Point]
    reference: Losses
    best: float | None = None
    constraints: int = 0

    @property
    def space(self) -> Space:
        """The space at run time."""
        return Space.from_models(TypeAdapter(dict[str, Parameter]).validate_python(dict(self.models)))

    def hypervolume(self, points: Sequence[Point]) -> float:
        """Of the feasible ones."""
        return hypervolume([point.objectives for point in points if point.feasible], self.reference)


def _unit(params: Params) -> list[float]:
    return [float(params[f"x{i}"]) for i in range(len(params))]  # type: ignore[arg-type]


def _cube(dimensions: int) -> dict[str, Any]:
    return {f"x{i}": {"type": "uniform", "low": 0, "high": 1} for i in range(dimensions)}


def zdt1(params: Params) -> Point:
    """Zitzler, Deb and Thiele 2000: a convex front."""
    first, *rest = _unit(params)
    g = 1 + 9 * sum(rest) / len(rest)
    return Point((first, g * (1 - math.sqrt(first / g))))


def zdt3(params: Params) -> Point:
    """The same paper's third: a front of five pieces."""
    first, *rest = _unit(params)
    g = 1 + 9 * sum(rest) / len(rest)
    return Point((first, g * (1 - math.sqrt(first / g) - first / g * math.sin(10 * math.pi * first))))


def dtlz2(params: Params, goals: int = 3) -> Point:
    """Deb et al. 2005: the front is a part of a sphere."""
    x = _unit(params)
    radius = 1 + sum((value - 0.5) ** 2 for value in x[goals - 1 :])
    angles = [value * math.pi / 2 for value in x[: goals - 1]]
    losses = []
    for goal in range(goals):
        loss = radius * math.prod(math.cos(angle) for angle in angles[: goals - 1 - goal])
        losses.append(loss * math.sin(angles[goals - 1 - goal]) if goal else loss)
    return Point(tuple(losses))


FOREST: dict[str, Any] = {
    "trees": {"type": "logint", "low": 1, "high": 100},
    "depth": {"type": "int", "low": 2, "high": 20},
    "leaf": {"type": "int", "low": 1, "high": 20},
    "features": {"type": "uniform", "low": 0.05, "high": 1.0},
    "criterion": {"type": "choice", "values": ["gini", "entropy"]},
    "bootstrap": {"type": "choice", "values": [True, False]},
}


@cache
def _digits() -> Any:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    return train_test_split(images, labels, test_size=0.5, random_state=0, stratify=labels)


def _forest(params: Params) -> tuple[float, float]:
    """Share of digits that a forest gets wrong, and the logarithm (base 10) of its number of nodes."""
    from sklearn.ensemble import ExtraTreesClassifier

    train, test, train_labels, test_labels = _digits()
    model = ExtraTreesClassifier(
        n_estimators=params["trees"], max_depth=params["depth"], min_samples_leaf=params["leaf"],
        max_features=params["features"], criterion=params["criterion"], bootstrap=params["bootstrap"], random_state=0,
    ).fit(train, train_labels)  # fmt: skip
    nodes = sum(tree.tree_.node_count for tree in model.estimators_)
    return 1.0 - float(model.score(test, test_labels)), math.log10(nodes)


def accurate_and_small(params: Params) -> Point:
    """Both at once."""
    return Point(_forest(params))


def accurate_below(params: Params, nodes: float = 3000.0) -> Point:
    """Few errors with at most so many nodes."""
    error, size = _forest(params)
    return Point((error,), (10**size - nodes,))


def _best_of(worth: Callable[[Params], Point], dimensions: int, reference: Losses) -> float:
    """Of a fine line of the front along the first variable; the others are 0 on it."""
    line: list[Params] = [{f"x{i}": n / 20_000 if i == 0 else 0.0 for i in range(dimensions)} for n in range(20_001)]
    return hypervolume([worth(params).objectives for params in line], reference)


@cache
def problems() -> tuple[Goals, ...]:
    """All of them."""
    two = (1.1, 1.1)
    return (
        Goals("zdt1", _cube(6), zdt1, two, _best_of(zdt1, 6, two)),
        Goals("zdt3", _cube(6), zdt3, two, _best_of(zdt3, 6, two)),
        Goals("dtlz2-3", _cube(6), dtlz2, (1.1,) * 3, 1.1**3 - math.pi / 6),
        Goals("forest: error, size", FOREST, accurate_and_small, (0.5, 5.0)),
        Goals("forest: size limited", FOREST, accurate_below, (0.5,), constraints=1),
    )
