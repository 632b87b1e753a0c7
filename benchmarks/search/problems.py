"""Kinds of problems: a space as an experiment file states it, a loss, and the lowest loss there is."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from automl_core.space import Params, Space
from automl_core.spec.parameters import Parameter
from benchmarks.search import functions as f

TABLES = Path(__file__).parent / "tables"


@dataclass(frozen=True, eq=False)
class Problem:
    """One problem.

    Attributes:
        name: in tables.
        models: the space as under ``space:``.
        loss: of a combination; lower is better.
        optimum: the lowest loss.
        draws: draws that its regret of random search is taken from (fewer where a loss takes long).
    """

    name: str
    models: Mapping[str, Any]
    loss: Callable[[Params], float]
    optimum: float
    draws: int = 100_000

    @cached_property
    def space(self) -> Space:
        """The space at run time."""
        return Space.from_models(TypeAdapter(dict[str, Parameter]).validate_python(dict(self.models)))


def continuous(name: str, function: f.Function, limits: Sequence[tuple[float, float]], optimum: float) -> Problem:
    """A function of floats."""
    models = {f"x{i}": {"type": "uniform", "low": low, "high": high} for i, (low, high) in enumerate(limits)}

    def loss(params: Params) -> float:
        return function(np.array([float(params[f"x{i}"]) for i in range(len(limits))]))  # type: ignore[arg-type]

    return Problem(name, models, loss, optimum)


def offset(seed: int, dimensions: int, width: float) -> np.ndarray:
    """Where a shifted function's optimum lies, shape (dimensions,)."""
    return np.random.default_rng(seed).uniform(-width, width, dimensions)


def _position(points: Sequence[float], geometric: bool) -> Callable[[Any], float]:
    """From a value to its place on an axis, in steps of the grid."""
    scale = np.log(points) if geometric else np.array(points, dtype=float)

    def position(value: Any) -> float:
        return float(np.interp(np.log(value) if geometric else value, scale, np.arange(len(scale))))

    return position


def tabulated(name: str) -> Problem:
    """A table of `benchmarks.search.tabulate`, interpolated between the points of its numeric axes."""
    table = json.loads((TABLES / f"{name}.json").read_text())
    axes: dict[str, list[Any]] = table["axes"]
    values = np.array(table["values"]).reshape([len(v) for v in axes.values()])
    models: dict[str, Any] = {}
    positions: dict[str, Callable[[Any], float]] = {}
    for axis, points in axes.items():
        if isinstance(points[0], str):
            models[axis] = {"type": "choice", "values": points}
            positions[axis] = points.index
            continue
        geometric = points[0] > 0 and abs(points[1] / points[0] - points[-1] / points[-2]) < 0.02
        whole = all(isinstance(p, int) for p in points)
        kind = {(True, True): "logint", (True, False): "loguniform", (False, True): "int", (False, False): "uniform"}
        models[axis] = {"type": kind[geometric, whole], "low": points[0], "high": points[-1]}
        positions[axis] = _position(points, geometric)

    def loss(params: Params) -> float:
        corners: list[list[tuple[int, float]]] = []
        for axis, points in axes.items():
            at = positions[axis](params[axis])
            low = min(int(at), len(points) - 1)
            share = at - low
            corners.append([(low, 1 - share)] + ([(low + 1, share)] if share > 0 else []))
        total = 0.0
        for corner in itertools.product(*corners):
            total += float(values[tuple(i for i, _ in corner)]) * float(np.prod([w for _, w in corner]))
        return total

    return Problem(name, models, loss, float(values.min()))


@cache
def mixed_training() -> Problem:
    """Six parameters of every type, as of a training run: log, integer, log-integer, option, condition."""
    models = {
        "learning_rate": {"type": "loguniform", "low": 1e-5, "high": 1.0},
        "layers": {"type": "int", "low": 1, "high": 8},
        "units": {"type": "logint", "low": 8, "high": 1024},
        "optimizer": {"type": "choice", "values": ["adam", "sgd", "rmsprop"]},
        "momentum": {"type": "uniform", "low": 0.0, "high": 0.99, "when": {"optimizer": ["sgd"]}},
        "dropout": {"type": "uniform", "low": 0.0, "high": 0.8},
    }

    def loss(p: Any) -> float:
        best_rate = {"adam": -3.2, "sgd": -1.4, "rmsprop": -3.8}[p["optimizer"]] - 0.1 * (p["layers"] - 3)
        off = np.log10(p["learning_rate"]) - best_rate
        capacity = np.log2(p["units"]) * 0.6 + p["layers"] * 0.5 - 6.0
        value = 0.12 * off**2 + 0.05 * capacity**2 + 0.4 * (p["dropout"] - 0.25 - 0.03 * capacity) ** 2
        value += 0.15 * (off > 1.5) * (off - 1.5)
        value += {"adam": 0.02, "sgd": 0.12, "rmsprop": 0.05}[p["optimizer"]]
        if p["optimizer"] == "sgd":
            value += 0.4 * (p["momentum"] - 0.9) ** 2 - 0.12
        return float(value)

    return Problem("mixed_training", models, loss, _lowest(models, loss))


def conditional_models() -> Problem:
    """A nested choice of three models, each with parameters of its own."""
    models = {
        "model": {
            "type": "choice",
            "values": [
                {"value": "svm", "space": {
                    "C": {"type": "loguniform", "low": 1e-3, "high": 1e3},
                    "gamma": {"type": "loguniform", "low": 1e-5, "high": 10.0}}},
                {"value": "forest", "space": {
                    "trees": {"type": "logint", "low": 4, "high": 512},
                    "depth": {"type": "int", "low": 1, "high": 20},
                    "features": {"type": "uniform", "low": 0.05, "high": 1.0}}},
                {"value": "net", "space": {
                    "rate": {"type": "loguniform", "low": 1e-5, "high": 1.0},
                    "width": {"type": "logint", "low": 4, "high": 512},
                    "activation": {"type": "choice", "values": ["relu", "tanh", "gelu"]}}},
            ],
        },
        "scaling": {"type": "choice", "values": ["none", "standard", "robust"]},
    }  # fmt: skip

    def loss(p: Any) -> float:
        scaling = {"none": 0.10, "standard": 0.0, "robust": 0.02}[p["scaling"]]
        if p["model"] == "svm":
            ridge = (np.log10(p["C"]) + 0.8 * np.log10(p["gamma"]) - 0.2) ** 2
            return float(0.10 + 0.03 * ridge + 0.02 * (np.log10(p["gamma"]) + 2.0) ** 2 + scaling)
        if p["model"] == "forest":
            return float(
                0.13 + 0.15 / np.sqrt(p["trees"]) + 0.002 * (p["depth"] - 13) ** 2 / 4
                + 0.2 * (p["features"] - 0.4) ** 2 + 0.1 * scaling
            )  # fmt: skip
        rate = (np.log10(p["rate"]) + 2.7) ** 2
        width = (np.log2(p["width"]) - 7) ** 2
        return float(
            0.08 + 0.06 * rate + 0.006 * width + {"relu": 0.0, "tanh": 0.03, "gelu": 0.01}[p["activation"]] + scaling
        )

    return Problem("conditional_models", models, loss, 0.08 + 0.0)


def options_only() -> Problem:
    """Categories and small integers only, with pairs that go together."""
    rng = np.random.default_rng(11)
    sizes = [5, 4, 6, 3, 8, 5]
    alone = [rng.normal(0, 1, s) for s in sizes]
    pairs = {(i, j): rng.normal(0, 0.5, (sizes[i], sizes[j])) for i, j in [(0, 1), (2, 4), (1, 5)]}
    models = {f"c{i}": {"type": "choice", "values": [f"v{k}" for k in range(s)]} for i, s in enumerate(sizes)}

    def value(index: Sequence[int]) -> float:
        total = sum(float(a[k]) for a, k in zip(alone, index, strict=True))
        return total + sum(float(t[index[i], index[j]]) for (i, j), t in pairs.items())

    def loss(params: Params) -> float:
        return value([int(str(params[f"c{i}"])[1:]) for i in range(len(sizes))])

    optimum = min(value(index) for index in itertools.product(*(range(s) for s in sizes)))
    return Problem("options_only", models, loss, optimum)


def integers(name: str, dimensions: int, seed: int) -> Problem:
    """A rugged bowl on whole numbers."""
    best = np.random.default_rng(seed).integers(3, 28, dimensions)
    models = {f"k{i}": {"type": "int", "low": 0, "high": 30} for i in range(dimensions)}

    def loss(params: Params) -> float:
        off = np.array([int(params[f"k{i}"]) for i in range(dimensions)]) - best  # type: ignore[arg-type]
        return float((off**2 / (1 + np.arange(dimensions))).sum() + 3 * np.abs(np.sin(off)).sum())

    return Problem(name, models, loss, 0.0)


def mixed_ackley(name: str, seed: int) -> Problem:
    """Ackley with three floats, two integers and two options that move the optimum of one float."""
    shift = offset(seed, 5, 2.0)
    models: dict[str, Any] = {f"x{i}": {"type": "uniform", "low": -5.0, "high": 5.0} for i in range(3)}
    models |= {f"k{i}": {"type": "int", "low": -5, "high": 5} for i in range(2)}
    models["mode"] = {"type": "choice", "values": ["a", "b", "c", "d"]}
    models["switch"] = {"type": "choice", "values": [False, True]}
    offsets = {"a": 1.0, "b": 0.0, "c": 0.5, "d": 2.0}

    def loss(params: Any) -> float:
        x = np.array([params["x0"], params["x1"], params["x2"], params["k0"], params["k1"]], dtype=float)
        centre = shift.copy()
        centre[3:] = np.round(centre[3:])
        centre[0] += 0.7 * offsets[params["mode"]]
        return f.ackley(x - centre) + offsets[params["mode"]] + (0.8 if params["switch"] else 0.0)

    return Problem(name, models, loss, 0.0)


def with_failures() -> Problem:
    """A Hartmann function of three dimensions of which a corner fails (NaN), beside the optimum."""
    problem = continuous("hartmann3_failing", f.hartmann3, [(0, 1)] * 3, -3.862782)

    def loss(params: Any) -> float:
        value = problem.loss(params)
        return float("nan") if params["x1"] + params["x2"] > 1.62 or params["x0"] > 0.85 else value

    return Problem("hartmann3_failing", problem.models, loss, -3.862782)


def noisy(problem: Problem, deviation: float) -> Problem:
    """The problem with noise that depends on the combination only (so that it can be looked up again)."""

    def loss(params: Params) -> float:
        digest = int.from_bytes(Space.key(params).encode()[-12:], "little")
        return problem.loss(params) + deviation * float(np.abs(np.random.default_rng(digest).standard_normal()))

    return Problem(f"{problem.name}_noisy", problem.models, loss, problem.optimum)


def _lowest(models: Mapping[str, Any], loss: Callable[[Params], float]) -> float:
    """A lowest loss that can't be had in closed form: many draws, then local refinement of the best."""
    space = Problem("", models, loss, 0.0).space
    rng = np.random.default_rng(0)
    units = rng.random((20_000, len(space.dimensions)))
    values = np.array([loss(space.at(u)) for u in units])
    best = float(values.min())
    for start in units[np.argsort(values)[:5]]:
        here, step, value = start, 0.1, loss(space.at(start))
        while step > 1e-5:
            moved = np.clip(
                here + step * rng.standard_normal((60, len(here))) * (rng.random((60, len(here))) < 0.5), 0, 1
            )
            found = [loss(space.at(u)) for u in moved]
            i = int(np.argmin(found))
            if found[i] < value:
                here, value = moved[i], found[i]
            else:
                step *= 0.7
        best = min(best, value)
    return best
