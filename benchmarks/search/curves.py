"""Learning-curve tables: real scikit-learn models on bundled data, every combination of a grid trained once.

Each table holds the validation loss after every epoch (or tree) of every combination, to four digits. Those that lie
beside this file (``tables/curves``) were made by ``python -m benchmarks.search.curves --keep NAME``, which takes some
minutes to half an hour each; the others are made on first use and cached under ``benchmarks/.cache``, which git
ignores.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from automl_core.space import Params, Space
from automl_core.spec.parameters import Parameter

CACHE = Path(__file__).parents[1] / ".cache" / "curves"
KEPT = Path(__file__).parent / "tables" / "curves"
Curve = Iterator[float]


@dataclass(frozen=True)
class Problem:
    """A model on a data set: its space, its budget and how one combination is trained, epoch by epoch."""

    name: str
    space: dict[str, Any]
    epochs: int
    train: Callable[[Params], Curve]


@dataclass(frozen=True)
class Table:
    """Every combination's learning curve.

    Attributes:
        losses: combination's key → loss after 1, 2, … epochs.
    """

    name: str
    mapping: dict[str, Any]
    space: Space
    epochs: int
    losses: dict[str, list[float]]


def _log2(low: int, high: int, **more: Any) -> dict[str, Any]:
    return {"type": "loguniform", "low": 2.0**low, "high": 2.0**high, "power_of": 2, **more}


def _choice(*values: Any) -> dict[str, Any]:
    return {"type": "choice", "values": list(values)}


@cache
def _data(name: str, regression: bool) -> tuple[np.ndarray, ...]:
    from sklearn import datasets
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    if regression:
        y = (y - y.mean()) / y.std()
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.3, random_state=0, stratify=None if regression else y)
    scaler = StandardScaler().fit(x)
    return scaler.transform(x), scaler.transform(x_val), y, y_val


def _log_loss(y: np.ndarray, proba: np.ndarray) -> float:
    chosen = proba[np.arange(len(y)), y]
    return float(-np.log(np.clip(np.nan_to_num(chosen, nan=1e-6), 1e-6, 1)).mean())


def _mlp(data: str, regression: bool, metric: str, epochs: int) -> Callable[[Params], Curve]:
    def train(params: Params) -> Curve:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        x, x_val, y, y_val = _data(data, regression)
        values = dict(params)
        model = (MLPRegressor if regression else MLPClassifier)(
            hidden_layer_sizes=(int(values.pop("units")),) * int(values.pop("layers", 1)),
            learning_rate_init=values.pop("lr"),
            batch_size=int(values.pop("batch", 32)),
            random_state=0,
            **values,
        )
        for _ in range(epochs):
            try:
                model.partial_fit(x, y) if regression else model.partial_fit(x, y, classes=np.unique(y))
                if regression:
                    yield min(10.0, float(((model.predict(x_val) - y_val) ** 2).mean()))
                elif metric == "error":
                    yield float((model.predict(x_val) != y_val).mean())
                else:
                    yield _log_loss(y_val, model.predict_proba(x_val))
            except ValueError:  # it diverged
                yield 10.0

    return train


def _sgd(data: str, epochs: int) -> Callable[[Params], Curve]:
    def train(params: Params) -> Curve:
        from sklearn.linear_model import SGDClassifier

        x, x_val, y, y_val = _data(data, False)
        model = SGDClassifier(random_state=0, **params)
        order = np.random.default_rng(0)
        for _ in range(epochs):
            shuffled = order.permutation(len(y))
            model.partial_fit(x[shuffled], y[shuffled], classes=np.unique(y))
            yield _log_loss(y_val, model.predict_proba(x_val))

    return train


def _boosting(data: str, regression: bool, trees: int, each: int = 1) -> Callable[[Params], Curve]:
    def train(params: Params) -> Curve:
        from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

        x, x_val, y, y_val = _data(data, regression)
        kind = GradientBoostingRegressor if regression else GradientBoostingClassifier
        model = kind(n_estimators=trees * each, random_state=0, **params).fit(x, y)
        stages = model.staged_predict(x_val) if regression else model.staged_predict_proba(x_val)
        for index, stage in enumerate(stages):
            if index % each == each - 1:
                yield float(((stage - y_val) ** 2).mean()) if regression else _log_loss(y_val, stage)

    return train


PROBLEMS = {
    problem.name: problem
    for problem in (
        Problem(
            "digits_mlp",
            {
                "lr": {"type": "loguniform", "low": 4.0**-7, "high": 0.25, "power_of": 4},
                "units": _log2(3, 7),
                "alpha": _choice(1e-5, 1e-2),
                "batch": _log2(5, 7),
                "activation": _choice("relu", "tanh"),
            },
            27,
            _mlp("digits", False, "error", 27),
        ),
        Problem(
            "breast_cancer_sgd",
            {
                "alpha": _log2(-16, -2),
                "eta0": _log2(-12, 0),
                "penalty": _choice("l2", "l1", "elasticnet"),
                "learning_rate": _choice("constant", "invscaling"),
                "loss": _choice("log_loss"),
            },
            81,
            _sgd("breast_cancer", 81),
        ),
        Problem(
            "diabetes_boosting",
            {
                "learning_rate": _log2(-8, 0),
                "max_depth": {"type": "int", "low": 1, "high": 6},
                "subsample": {"type": "uniform", "low": 0.4, "high": 1.0, "multiple_of": 0.2},
                "max_features": {"type": "uniform", "low": 0.25, "high": 1.0, "multiple_of": 0.25},
            },
            81,
            _boosting("diabetes", True, 81),
        ),
        Problem(
            "diabetes_mlp",
            {
                "lr": _log2(-12, -2),
                "units": _log2(2, 6),
                "batch": _log2(3, 6),
                "solver": _choice("adam", "sgd"),
                "momentum": _choice(0.0, 0.5, 0.9) | {"when": {"solver": ["sgd"]}},
            },
            27,
            _mlp("diabetes", True, "", 27),
        ),
        Problem(
            "wine_mlp",
            {
                "lr": _log2(-14, -3),
                "units": _log2(2, 6),
                "layers": {"type": "int", "low": 1, "high": 2},
                "alpha": _choice(1e-4, 1e-2, 1.0),
                "batch": _log2(3, 5),
            },
            27,
            _mlp("wine", False, "loss", 27),
        ),
        Problem(
            "breast_cancer_mlp",
            {
                "lr": _log2(-14, -3),
                "units": _log2(2, 6),
                "activation": _choice("relu", "tanh", "logistic"),
                "batch": _log2(4, 7),
                "alpha": _choice(1e-4, 1.0),
            },
            81,
            _mlp("breast_cancer", False, "loss", 81),
        ),
        Problem(
            "digits_boosting",
            {
                "learning_rate": _log2(-5, 0),
                "max_depth": {"type": "int", "low": 1, "high": 4},
                "subsample": {"type": "uniform", "low": 0.25, "high": 1.0, "multiple_of": 0.25},
                "max_features": _choice(0.125, 0.5),
            },
            27,
            _boosting("digits", False, 27),
        ),
        Problem(
            "digits_sgd",
            {
                "alpha": _log2(-16, -2),
                "eta0": _log2(-12, 0),
                "penalty": _choice("l2", "l1"),
                "learning_rate": _choice("constant", "adaptive"),
                "loss": _choice("log_loss"),
            },
            27,
            _sgd("digits", 27),
        ),
    )
}


def space_of(mapping: dict[str, Any]) -> Space:
    return Space.from_models(TypeAdapter(dict[str, Parameter]).validate_python(mapping))


def _rounded(loss: float) -> float:
    return float(f"{loss:.4g}")


def _known(name: str) -> dict[str, list[float]]:
    """A table that was made before, empty when there is none."""
    kept, cached = KEPT / f"{name}.json.gz", CACHE / f"{name}.json"
    if kept.exists():
        found: dict[str, list[float]] = json.loads(gzip.decompress(kept.read_bytes()))
        return found
    if cached.exists():
        return {key: [_rounded(v) for v in curve] for key, curve in json.loads(cached.read_text()).items()}
    return {}


def keep(table: Table) -> None:
    """Write a table where git sees it; same losses, same bytes."""
    KEPT.mkdir(parents=True, exist_ok=True)
    text = json.dumps(table.losses, separators=(",", ":"))
    (KEPT / f"{table.name}.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def problem_of(name: str) -> Problem:
    """One of `PROBLEMS`, or of those that a hash draws (`benchmarks.search.curves_drawn`).

    Raises:
        ValueError: there is no such table.
    """
    from benchmarks.search.curves_drawn import TABLES, problems

    known = PROBLEMS | {name: problem for half in TABLES for name, problem in problems(half).items()}
    if name not in known:
        raise ValueError(f"there is no table {name!r} (allowed: {', '.join(known)})")
    return known[name]


@cache
def load(name: str) -> Table:
    """A table, made and cached when it isn't there yet.

    Raises:
        ValueError: there is no such table.
    """
    problem = problem_of(name)
    space = space_of(problem.space)
    losses = _known(name)
    combinations = list(space.combinations())
    if len(losses) < len(combinations):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            for params in combinations:
                curve = list(problem.train(params))
                losses[Space.key(params)] = [_rounded(v) if math.isfinite(v) else 10.0 for v in curve]
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / f"{name}.json").write_text(json.dumps(losses))
    return Table(name, problem.space, space, problem.epochs, losses)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Make learning-curve tables.")
    parser.add_argument("names", nargs="*", default=list(PROBLEMS), help="some of " + ", ".join(PROBLEMS))
    parser.add_argument("--keep", action="store_true", help="write them beside this file, for git")
    arguments = parser.parse_args()
    for name in arguments.names:
        started = time.monotonic()
        table = load(name)
        if arguments.keep:
            keep(table)
        final = sorted(curve[-1] for curve in table.losses.values())
        print(
            f"{name}: {len(table.losses)} combinations, {table.epochs} epochs, final losses "
            f"{final[0]:.4f} / {final[len(final) // 4]:.4f} / {final[len(final) // 2]:.4f} (best, quartile, median), "
            f"{time.monotonic() - started:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
