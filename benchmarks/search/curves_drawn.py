"""Learning-curve tables that nobody has chosen: a hash of `SALT` draws which learner meets which data.

Three to work on (``work_…``): a search's settings may be chosen on them as often as anybody likes. Six sealed ones
(``sealed_…``): scored once a release (`benchmarks.search.curves_compare`), their scores choose nothing, and who has
looked at one and changed the search draws them anew with another `SALT`. What stands here is how a kind is made.

``python -m benchmarks.search.curves work_mlp_fair --keep`` makes a table; it needs scikit-learn, and statsmodels for
its data.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from automl_core.space import Params
from benchmarks.search import datasets
from benchmarks.search.curves import Curve, Problem
from benchmarks.search.drawn import seed_of

SALT = "2026-11-curves"
"""What draws them; another is another benchmark."""

TABLES = {"work": 3, "sealed": 6}
"""Half → how many tables it has; no learner is twice in one, no pair of learner and data in both."""

_TAKEN = {
    ("mlp", "digits"), ("mlp", "wine"), ("mlp", "breast_cancer"), ("mlp_numbers", "diabetes"), ("sgd", "digits"),
    ("sgd", "breast_cancer"), ("boosting", "digits"), ("boosting_numbers", "diabetes"),
}  # fmt: skip
"""Pairs that the tables of `benchmarks.search.curves` hold already."""

_EPOCHS = 27
_WORST = 10.0
_FITTED = 0.6  # of the rows; the others tell the loss
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Data:
    """A data set as a learner meets it: standardised columns, and what tells the loss.

    Attributes:
        x, y: of the rows to learn from; classes are numbered from 0.
        x_val, y_val: of those that tell the loss.
        metric: ``error`` (share that is wrong), ``loss`` (log loss) or ``square`` (squared error, in variances).
    """

    x: Array
    y: Array
    x_val: Array
    y_val: Array
    metric: str

    def of_chances(self, chances: Array) -> float:
        """Loss of a chance a class, shape (rows, classes)."""
        if self.metric == "error":
            return float((chances.argmax(axis=1) != self.y_val).mean())
        chosen = np.nan_to_num(chances[np.arange(len(self.y_val)), self.y_val])
        return float(-np.log(np.clip(chosen, 1e-6, 1)).mean())

    def of_numbers(self, found: Array) -> float:
        """Loss of predicted numbers, shape (rows,)."""
        return min(_WORST, float(((found - self.y_val) ** 2).mean()))


@dataclass(frozen=True)
class Kind:
    """A kind of learner.

    Attributes:
        space: as under ``space:``.
        curve: its loss after each epoch, or tree.
    """

    space: Mapping[str, Any]
    curve: Callable[[Params, Data, int], Curve]
    classifies: bool = True


def _powers(base: int, low: int, high: int) -> dict[str, Any]:
    return {"type": "loguniform", "low": float(base) ** low, "high": float(base) ** high, "power_of": base}


def _choice(*values: Any) -> dict[str, Any]:
    return {"type": "choice", "values": list(values)}


def _mlp(classifies: bool) -> Callable[[Params, Data, int], Curve]:
    def curve(params: Params, data: Data, epochs: int) -> Curve:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        model: Any = (MLPClassifier if classifies else MLPRegressor)(
            hidden_layer_sizes=(int(params["units"]),), learning_rate_init=params["lr"], alpha=params["alpha"],
            batch_size=int(params["batch"]), activation=params["activation"], random_state=0,
        )  # fmt: skip
        for _ in range(epochs):
            try:
                if classifies:
                    model.partial_fit(data.x, data.y, classes=np.arange(data.y.max() + 1))
                    yield data.of_chances(model.predict_proba(data.x_val))
                else:
                    model.partial_fit(data.x, data.y)
                    yield data.of_numbers(model.predict(data.x_val))
            except ValueError:  # it diverged
                yield _WORST

    return curve


def _sgd(classifies: bool) -> Callable[[Params, Data, int], Curve]:
    def curve(params: Params, data: Data, epochs: int) -> Curve:
        from sklearn.linear_model import SGDClassifier, SGDRegressor

        more = {"loss": "log_loss"} if classifies else {"loss": "squared_error"}
        model: Any = (SGDClassifier if classifies else SGDRegressor)(random_state=0, **more, **params)
        order = np.random.default_rng(0)
        for _ in range(epochs):
            shuffled = order.permutation(len(data.y))
            try:
                if classifies:
                    model.partial_fit(data.x[shuffled], data.y[shuffled], classes=np.arange(data.y.max() + 1))
                    yield data.of_chances(model.predict_proba(data.x_val))
                else:
                    model.partial_fit(data.x[shuffled], data.y[shuffled])
                    yield data.of_numbers(model.predict(data.x_val))
            except ValueError:  # it diverged
                yield _WORST

    return curve


def _boosting(classifies: bool) -> Callable[[Params, Data, int], Curve]:
    def curve(params: Params, data: Data, epochs: int) -> Curve:
        from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

        kind = GradientBoostingClassifier if classifies else GradientBoostingRegressor
        model: Any = kind(n_estimators=epochs, random_state=0, **params).fit(data.x, data.y)
        if classifies:
            yield from map(data.of_chances, model.staged_predict_proba(data.x_val))
        else:
            yield from map(data.of_numbers, model.staged_predict(data.x_val))

    return curve


def _forest(params: Params, data: Data, epochs: int) -> Curve:
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(n_estimators=epochs, random_state=0, **params).fit(data.x, data.y)
    total = np.zeros((len(data.y_val), int(data.y.max()) + 1))
    for count, tree in enumerate(model.estimators_, 1):
        total += tree.predict_proba(data.x_val)
        yield data.of_chances(total / count)


_NETWORK = {
    "lr": _powers(2, -13, -2), "units": _powers(4, 1, 3), "batch": _powers(4, 2, 3), "alpha": _choice(1e-4, 1.0),
    "activation": _choice("relu", "tanh"),
}  # fmt: skip
_LINEAR = {
    "alpha": _powers(4, -8, -1), "eta0": _powers(2, -12, 0), "penalty": _choice("l2", "l1"),
    "learning_rate": _choice("constant", "invscaling", "optimal"),
}  # fmt: skip
_TREES = {
    "learning_rate": _powers(2, -7, 0), "max_depth": {"type": "int", "low": 1, "high": 6},
    "subsample": {"type": "uniform", "low": 0.25, "high": 1.0, "multiple_of": 0.25},
    "max_features": _choice(0.2, 0.5, 1.0),
}  # fmt: skip

KINDS: Mapping[str, Kind] = {
    "mlp": Kind(_NETWORK, _mlp(True)),
    "mlp_numbers": Kind(_NETWORK, _mlp(False), classifies=False),
    "sgd": Kind(_LINEAR, _sgd(True)),
    "sgd_numbers": Kind(_LINEAR | {"learning_rate": _choice("constant", "invscaling")}, _sgd(False), classifies=False),
    "boosting": Kind(_TREES, _boosting(True)),
    "boosting_numbers": Kind(_TREES, _boosting(False), classifies=False),
    "forest": Kind(
        {
            "max_features": {"type": "uniform", "low": 0.1, "high": 0.9, "multiple_of": 0.2},
            "min_samples_leaf": {"type": "logint", "low": 1, "high": 32, "power_of": 2},
            "max_depth": {"type": "logint", "low": 2, "high": 16, "power_of": 2},
            "criterion": _choice("gini", "entropy"),
            "class_weight": _choice("none", "balanced"),
        },
        _forest,
    ),
}
"""Kind → what it is made of."""


def pairs(half: str) -> list[tuple[str, str]]:
    """Learners with data for a half."""
    every = [
        (kind, data)
        for kind, made in KINDS.items()
        for data in (datasets.CLASSES if made.classifies else datasets.NUMBERS)
    ]
    taken = set(_TAKEN)
    for each, count in TABLES.items():
        found: list[tuple[str, str]] = []
        for kind, data in sorted(every, key=lambda pair: seed_of(SALT, each, *pair)):
            new = (kind, data) not in taken and kind not in {known for known, _ in found}
            if new and len(found) < count:
                found.append((kind, data))
        if each == half:
            return found
        taken.update(found)
    raise ValueError(f"there is no half {half!r} (allowed: {', '.join(TABLES)})")


@cache
def problems(half: str) -> dict[str, Problem]:
    """Name → problem of a half's tables.

    Raises:
        ValueError: there is no such half.
    """
    made = (_problem(half, kind, data) for kind, data in pairs(half))
    return {problem.name: problem for problem in made}


def _problem(half: str, kind: str, data: str) -> Problem:
    drawn = seed_of(SALT, half, "shape", kind, data)
    made = KINDS[kind]
    rows = (200, 400)[drawn // 8 % 2]
    metric = ("error", "loss")[drawn // 64 % 2] if made.classifies else "square"

    def train(params: Params) -> Curve:
        given = {name: None if value == "none" else value for name, value in params.items()}
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield from made.curve(given, _data(data, rows, metric), _EPOCHS)  # type: ignore[arg-type]

    return Problem(f"{half}_{kind}_{data}", dict(made.space), _EPOCHS, train)


@cache
def _data(name: str, rows: int, metric: str) -> Data:
    x, y = datasets.load(name, rows)
    y = (y - y.mean()) / y.std() if metric == "square" else np.unique(y, return_inverse=True)[1]
    fitted = int(_FITTED * len(y))
    mean, deviation = x[:fitted].mean(axis=0), x[:fitted].std(axis=0)
    x = (x - mean) / np.where(deviation > 0, deviation, 1.0)
    return Data(x[:fitted], y[:fitted], x[fitted:], y[fitted:], metric)
