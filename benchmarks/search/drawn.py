"""Problems that nobody has chosen: a kind, a number and a hash draw their spaces, their shapes and their places.

What stands here is how a kind is made, never a single problem: whoever tunes to one half has seen the recipe of the
other, and none of its draws.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from automl_core.space import Params, Space
from benchmarks.search.problems import Problem

BBOB_GROUPS: tuple[tuple[int, ...], ...] = (
    (1, 2, 3, 4, 5), (6, 7, 8, 9), (10, 11, 12, 13, 14), (15, 16, 17, 18, 19), (20, 21, 22, 23, 24),
)  # fmt: skip
"""Separable; moderate; ill-conditioned; multimodal; weakly structured (Hansen et al. 2009, table of contents)."""

DIMENSIONS = (2, 3, 5, 10)

Vector = npt.NDArray[np.float64]


def seed_of(*words: object) -> int:
    """A seed that follows from words alone, the same everywhere."""
    return int.from_bytes(hashlib.sha256(":".join(map(str, words)).encode()).digest()[:8], "big")


def bbob_numbers(salt: str) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    """BBOB's functions in two halves of twelve, each with its dimensions.

    A hash deals each group out; every half has two or three of each group, and each of `DIMENSIONS` three times.

    Returns:
        For each half (function, dimensions), in order of the functions.
    """
    halves: tuple[list[int], list[int]] = ([], [])
    for group in BBOB_GROUPS:
        shuffled = sorted(group, key=lambda number: seed_of(salt, "bbob", number))
        first = 0 if len(halves[0]) <= len(halves[1]) else 1  # an odd group's extra one goes to the shorter half
        for place, number in enumerate(shuffled):
            halves[(first + place) % 2].append(number)
    return tuple(_with_dimensions(sorted(half), salt) for half in halves)  # type: ignore[return-value]


def _with_dimensions(numbers: Sequence[int], salt: str) -> tuple[tuple[int, int], ...]:
    order = sorted(numbers, key=lambda number: seed_of(salt, "dimensions", number))
    dealt = {number: DIMENSIONS[place % len(DIMENSIONS)] for place, number in enumerate(order)}
    return tuple((number, dealt[number]) for number in numbers)


def bbob(number: int, dimensions: int, salt: str) -> Problem:
    """A function of BBOB by `ioh`, with an instance (shift and rotation) drawn by the salt.

    Raises:
        ModuleNotFoundError: ioh is not installed.
    """
    import ioh  # type: ignore[import-not-found,unused-ignore]

    instance = 1 + seed_of(salt, "instance", number, dimensions) % 1000
    function = ioh.get_problem(number, instance, dimensions, ioh.ProblemClass.BBOB)
    models = {f"x{i}": {"type": "uniform", "low": -5.0, "high": 5.0} for i in range(dimensions)}

    def loss(params: Params) -> float:
        return float(function([float(params[f"x{i}"]) for i in range(dimensions)]))  # type: ignore[arg-type]

    return Problem(f"bbob_f{number:02d}_d{dimensions}", models, loss, float(function.optimum.y))


def _axis(rng: np.random.Generator) -> dict[str, Any]:
    """A parameter of a random kind and range."""
    kind = rng.choice(["uniform", "loguniform", "int", "logint", "choice"], p=[0.3, 0.25, 0.15, 0.1, 0.2])
    if kind == "uniform":
        low = float(np.round(rng.uniform(-3, 1), 2))
        return {"type": "uniform", "low": low, "high": low + float(np.round(rng.uniform(0.5, 6), 2))}
    if kind == "loguniform":
        low = 10.0 ** int(rng.integers(-6, -1))
        return {"type": "loguniform", "low": low, "high": low * 10.0 ** int(rng.integers(2, 6))}
    if kind == "int":
        return {"type": "int", "low": 1, "high": int(rng.integers(5, 40))}
    if kind == "logint":
        return {"type": "logint", "low": int(rng.integers(1, 9)), "high": int(rng.integers(64, 2049))}
    return {"type": "choice", "values": [f"v{i}" for i in range(int(rng.integers(2, 7)))]}


def _landscape(models: Mapping[str, Any], rng: np.random.Generator) -> Callable[[Params], float]:
    """A loss over parameters that are all active: a bent valley, some waves, and options that move it.

    A quadratic in the unit cube (turned, of a condition up to 1,000) around a random place; waves of random direction,
    of up to a third of its height; each option adds a constant and moves the place.
    """
    space = Problem("", models, lambda _: 0.0, 0.0).space
    numeric = [name for name, model in models.items() if model["type"] != "choice"]
    options = {name: model["values"] for name, model in models.items() if model["type"] == "choice"}
    width = len(numeric)
    turn = np.linalg.qr(rng.standard_normal((width, width)))[0] if width else np.zeros((0, 0))
    mild = rng.uniform(0, 1) < 0.5  # half of them stay aligned with the axes, as most real ones nearly do
    turn = np.eye(width) if mild else turn
    scales = 10 ** rng.uniform(-1.5, 1.5, width)
    centre = rng.uniform(0.1, 0.9, width)
    waves, phases = rng.normal(0, 9, (3, width)), rng.uniform(0, 2 * math.pi, 3)
    height = float(rng.uniform(0, 0.33))
    moves = {name: rng.normal(0, 0.12, (len(values), width)) for name, values in options.items()}
    costs = {name: np.abs(rng.normal(0, 0.3, len(values))) for name, values in options.items()}
    places = {dimension.name: place for place, dimension in enumerate(space.dimensions)}

    def loss(params: Params) -> float:
        units = space.units(params)
        here = np.array([units[places[name]] for name in numeric])
        off, total = here - centre, 0.0
        for name, values in options.items():
            at = values.index(params[name])
            off = off - moves[name][at]
            total += float(costs[name][at])
        if width:
            bent = turn @ off
            total += float(np.tanh((scales * bent * bent).sum()))
            total += height * float(np.mean(1 - np.cos(waves @ off + phases) * math.cos(float(phases[0])))) / 2
        return total

    return loss


def mixed(name: str, seed: int) -> Problem:
    """Four to nine parameters of random kinds; the optimum is not known in closed form (0 here: see `halves`)."""
    rng = np.random.default_rng(seed)
    models = {f"p{i}": _axis(rng) for i in range(int(rng.integers(4, 10)))}
    return Problem(name, models, _landscape(models, rng), 0.0, 20_000)


def conditional(name: str, seed: int) -> Problem:
    """A choice of two to five learners, each with a space of its own, beside parameters that all of them have.

    Learners differ in how good they can get and in how much of their space is good.
    """
    rng = np.random.default_rng(seed)
    branches: dict[str, dict[str, Any]] = {}
    for place in range(int(rng.integers(2, 6))):
        branches[f"m{place}"] = {f"m{place}_{i}": _axis(rng) for i in range(int(rng.integers(1, 5)))}
    shared = {f"s{i}": _axis(rng) for i in range(int(rng.integers(1, 4)))}
    losses = {branch: _landscape(models, rng) for branch, models in branches.items()}
    common = _landscape(shared, rng)
    floors = {branch: float(rng.exponential(0.15)) for branch in branches}
    models: dict[str, Any] = {
        "model": {"type": "choice", "values": [{"value": name, "space": space} for name, space in branches.items()]},
        **shared,
    }

    def loss(params: Params) -> float:
        branch = str(params["model"])
        own = {name: params[name] for name in branches[branch]}
        return floors[branch] + losses[branch](own) + 0.5 * common({name: params[name] for name in shared})

    return Problem(name, models, loss, 0.0, 20_000)


def stepped(problem: Problem, steps: int, deviation: float, seed: int) -> Problem:
    """The problem as a classifier's error on few rows tells it: whole counts of wrong rows, with noise, many ties.

    Args:
        problem: with a finite optimum and a known random regret scale.
        steps: rows.
        deviation: of the noise, in rows.
        seed: of the noise; it depends on the combination only, so the same one has the same value.
    """

    def loss(params: Params) -> float:
        digest = hashlib.sha256(f"{seed}:{Space.key(params)}".encode()).digest()
        noise = float(np.random.default_rng(int.from_bytes(digest[:8], "big")).normal(0, deviation))
        share = math.tanh(max(problem.loss(params) - problem.optimum, 0.0))
        return max(round(steps * (0.05 + 0.5 * share) + noise), 0) / steps

    return Problem(f"{problem.name}_stepped", problem.models, loss, 0.0, problem.draws)
