"""The whole search space of a table: learner, its parameters, those of its features; and what is tried first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from automl_core.tabular.learners import registry
from automl_core.tabular.learners.base import Learner
from automl_core.tabular.shape import Shape
from automl_core.training.problems import TrainingError, nearest

Parameters = dict[str, dict[str, Any]]

WEIGHTS: Mapping[str, float] = {
    "lightgbm": 6.0,
    "xgboost": 2.0,
    "catboost": 3.0,
    "histogram": 1.0,
    "random_forest": 1.0,
    "extra_trees": 2.0,
    "linear": 1.5,
    "mlp": 2.0,
    "neighbours": 0.5,
    "svm": 1.0,
    "naive_bayes": 0.25,
}
"""How often a learner is drawn: by what it gave on other tables, and what it costs."""

MOST_ROWS: Mapping[str, int] = {"svm": 3000, "neighbours": 20_000, "mlp": 100_000, "histogram": 500_000}
"""Rows beyond which a learner is not offered unless it is asked for: it would take the time of many others."""
LATER: Mapping[str, int] = {
    "random_forest": 5000,
    "extra_trees": 15_000,
    "mlp": 40_000,
    "svm": 2000,
    "neighbours": 10_000,
}
"""Rows beyond which a learner is tried after all others: one of its trials takes as long as several of boosting."""
MOST_CLASSES: Mapping[str, int] = {"svm": 6}
MANY_LEVELS = 32


def offered(
    shape: Shape,
    allowed: Iterable[str] | None = None,
    blocked: Iterable[str] | None = None,
    extra: Iterable[Learner] = (),
) -> list[Learner]:
    """The learners of a search.

    Args:
        shape: of the table.
        allowed: names; None for all that are installed and fit the table. What is named here is offered on any table.
        blocked: names that are not.
        extra: learners of the user's own; they are allowed unless blocked.

    Raises:
        TrainingError: a name that is none, one whose library is missing, or none is left.
    """
    own = {learner.name: learner for learner in extra}
    known = [*registry.names(), *own]
    wanted, refused = None if allowed is None else list(allowed), set(blocked or ())
    for name in [*(wanted or ()), *sorted(refused)]:
        if name not in known:
            raise TrainingError(f"there is no learner {name!r}{nearest(name, known)}")
    here = {*registry.installed(), *own}
    if wanted is not None:
        missing = [name for name in wanted if name not in here]
        if missing:
            raise TrainingError(f"the learner {missing[0]} needs its library, which is not installed")
        names = [name for name in known if name in wanted or name in own]
    else:
        names = [name for name in known if name in here and name != "constant" and (name in own or _fits(name, shape))]
    found = [registry.find(name, own.values()) for name in names if name not in refused]
    found = [learner for learner in found if shape.kind in learner.kinds]
    if not found:
        raise TrainingError(f"no learner is left for {shape.kind} (there are: {', '.join(known)})")
    return found


def _fits(name: str, shape: Shape) -> bool:
    return shape.rows <= MOST_ROWS.get(name, shape.rows) and shape.classes <= MOST_CLASSES.get(name, shape.classes)


def space(
    shape: Shape,
    allowed: Iterable[str] | None = None,
    blocked: Iterable[str] | None = None,
    extra: Iterable[Learner] = (),
    features: bool = True,
) -> Parameters:
    """All parameters of a search on a table, as under ``space:`` of a file.

    Args:
        shape: of the table.
        allowed: names of learners; None for all that fit.
        blocked: names of learners that are not tried.
        extra: learners of the user's own.
        features: whether features are searched too (featurization auto).

    Raises:
        TrainingError: a name that is none, or none is left.
    """
    learners = offered(shape, allowed, blocked, extra)
    names = [learner.name for learner in learners]
    weights = [WEIGHTS.get(name, 1.0) for name in names]
    found: Parameters = {"learner": {"type": "choice", "values": names, "weights": weights, "default": names[0]}}
    for learner in learners:
        for name, parameter in learner.space(shape).items():
            when = {f"{learner.name}.{of}": values for of, values in parameter.get("when", {}).items()}
            found[f"{learner.name}.{name}"] = {**parameter, "when": {"learner": [learner.name], **when}}
    if features:
        found.update(_of_features(shape, learners))
    if len(names) == 1:
        # a choice of one is no choice: conditions on it hold for all
        found["learner"] = {"type": "fixed", "value": names[0]}
        found = {name: _unconditional(each) for name, each in found.items()}
    return found


def _unconditional(parameter: dict[str, Any]) -> dict[str, Any]:
    when = {name: values for name, values in parameter.get("when", {}).items() if name != "learner"}
    told = {name: value for name, value in parameter.items() if name != "when"}
    return {**told, "when": when} if when else told


def _of_features(shape: Shape, learners: Iterable[Learner]) -> Parameters:
    """Parameters of features, each where a learner uses it."""
    scaled = [learner.name for learner in learners if learner.wants.scaled]
    trees = [learner.name for learner in learners if not learner.wants.scaled]
    every = {"learner": [*trees, *scaled]}
    found: Parameters = {}
    if trees:
        found["features.interactions"] = {
            "type": "choice", "values": [False, True], "weights": [2, 1], "default": False, "when": {"learner": trees}
        }  # fmt: skip
    if shape.categories:
        if shape.levels > 2 and trees:
            values = ["auto", "native", "codes", "target"]
            found["features.encoding"] = {
                "type": "choice", "values": values, "weights": [3, 1, 1, 1], "default": "auto",
                "when": {"learner": trees},
            }  # fmt: skip
        if shape.levels > MANY_LEVELS:
            smoothing = {"type": "loguniform", "low": 1.0, "high": 100.0, "default": 10.0}
            found["features.smoothing"] = {**smoothing, "when": every}
            found["features.rare"] = {"type": "ordinal", "values": [1, 3, 10], "default": 1, "when": every}
    if shape.skewed:
        found["features.target"] = {
            "type": "choice", "values": ["auto", "log"], "default": "auto", "when": every
        }  # fmt: skip
    if shape.columns > 30:
        found["features.keep"] = {"type": "uniform", "low": 0.2, "high": 1.0, "default": 1.0, "when": every}
    if scaled:
        kinds = ["standard", "quantile", "robust", "minmax", "maxabs"]
        found["features.scaler"] = {
            "type": "choice", "values": kinds, "weights": [4, 4, 2, 1, 1], "default": "standard",
            "when": {"learner": scaled},
        }  # fmt: skip
        if shape.columns >= 8:
            found["features.reduce"] = {
                "type": "choice", "values": ["none", "pca", "svd"], "weights": [6, 1, 1], "default": "none",
                "when": {"learner": scaled},
            }  # fmt: skip
            found["features.variance"] = {
                "type": "uniform", "low": 0.8, "high": 0.999, "default": 0.99,
                "when": {"features.reduce": ["pca", "svd"]},
            }  # fmt: skip
    if shape.texts:
        found["features.topics"] = {"type": "logint", "low": 8, "high": 64, "default": 24, "when": every}
    return found


def portfolio(
    shape: Shape,
    allowed: Iterable[str] | None = None,
    blocked: Iterable[str] | None = None,
    extra: Iterable[Learner] = (),
) -> list[dict[str, Any]]:
    """What is tried first, the most promising first: combinations that together were good on other tables.

    They were chosen offline, from the results of many combinations on many tables (benchmarks/tables_portfolio);
    those of learners that the table does not offer are left out, and values outside of its space brought in. On a table
    with many rows those that take long there come last.

    Args:
        shape: of the table.
        allowed: names of learners; None for all that fit.
        blocked: names of learners that are not tried.
        extra: learners of the user's own; each is tried with its default.

    Raises:
        TrainingError: a name that is none, or no learner is left.
    """
    from automl_core.tabular.learned import PORTFOLIOS, WITH_CATBOOST

    given = tuple(extra)
    learners = {learner.name: learner for learner in offered(shape, allowed, blocked, given)}
    parameters = space(shape, allowed, blocked, given)
    learned = (WITH_CATBOOST if "catboost" in learners else PORTFOLIOS)[shape.kind]
    found = [_within(params, parameters) for params in learned if params["learner"] in learners]
    tried = {params["learner"] for params in found}
    own = [_within({"learner": name}, parameters) for name in learners if name not in tried]
    mine = [params for params in own if params["learner"] in {learner.name for learner in given}]
    rest = [params for params in own if params not in mine]
    unique: list[dict[str, Any]] = []
    for params in [*found[:1], *mine, *found[1:], *rest]:
        if params not in unique:
            unique.append(params)
    return sorted(unique, key=lambda params: shape.rows > LATER.get(params["learner"], shape.rows))


def _within(params: Mapping[str, Any], parameters: Parameters) -> dict[str, Any]:
    """A combination of the table's space: what the combination does not say has its default."""
    found: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if not _holds(parameter.get("when", {}), found):
            continue
        if parameter["type"] == "fixed":
            found[name] = parameter["value"]
        else:
            found[name] = _allowed(params.get(name, parameter.get("default")), parameter)
    return found


def _holds(when: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return all(name in found and found[name] in values for name, values in when.items())


def _allowed(value: Any, parameter: Mapping[str, Any]) -> Any:
    """The nearest value that a parameter may have."""
    if "values" in parameter:
        return value if value in parameter["values"] else parameter.get("default", parameter["values"][0])
    low, high = parameter["low"], parameter["high"]
    if value is None:
        value = low
    return min(max(value, low), high)
