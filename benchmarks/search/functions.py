"""Synthetic test functions of the unit cube, each with its known minimum.

Formulas: Surjanovic & Bingham, Virtual Library of Simulation Experiments; the rotated ones follow BBOB
(Hansen et al. 2009). Where a function's optimum stands at a tell-tale place (the origin, the middle),
`shifted` moves it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
Function: TypeAlias = Callable[[Array], float]
"""From the function's own coordinates, shape (d,), to its value."""


def branin(x: Array) -> float:
    """On [-5, 10] x [0, 15]; minimum 0.397887."""
    a, b = x
    curve = b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6
    return float(curve**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10)


_HARTMANN_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_HARTMANN6_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_HARTMANN6_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
_HARTMANN3_A = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
_HARTMANN3_P = 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]])


def hartmann6(x: Array) -> float:
    """On [0, 1]^6; minimum -3.322368."""
    return -float(_HARTMANN_ALPHA @ np.exp(-(_HARTMANN6_A * (x - _HARTMANN6_P) ** 2).sum(axis=1)))


def hartmann3(x: Array) -> float:
    """On [0, 1]^3; minimum -3.862782."""
    return -float(_HARTMANN_ALPHA @ np.exp(-(_HARTMANN3_A * (x - _HARTMANN3_P) ** 2).sum(axis=1)))


def ackley(x: Array) -> float:
    """Minimum 0 at the origin."""
    d = len(x)
    bowl = -20 * np.exp(-0.2 * np.sqrt((x @ x) / d))
    return float(bowl - np.exp(np.cos(2 * np.pi * x).sum() / d) + 20 + np.e)


def rosenbrock(x: Array) -> float:
    """Minimum 0 at (1, …, 1)."""
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def levy(x: Array) -> float:
    """Minimum 0 at (1, …, 1)."""
    w = 1 + (x - 1) / 4
    middle = ((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)).sum()
    return float(np.sin(np.pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2))


def rastrigin(x: Array) -> float:
    """Minimum 0 at the origin."""
    return float(10 * len(x) + (x * x - 10 * np.cos(2 * np.pi * x)).sum())


def styblinski_tang(x: Array) -> float:
    """On [-5, 5]^d; minimum -39.16617 d."""
    return float(0.5 * (x**4 - 16 * x**2 + 5 * x).sum())


def griewank(x: Array) -> float:
    """Minimum 0 at the origin."""
    return float((x @ x) / 4000 - np.prod(np.cos(x / np.sqrt(np.arange(1, len(x) + 1)))) + 1)


def michalewicz(x: Array) -> float:
    """On [0, pi]^d; minimum -4.687658 for five dimensions."""
    return -float((np.sin(x) * np.sin(np.arange(1, len(x) + 1) * x * x / np.pi) ** 20).sum())


def sphere(x: Array) -> float:
    """Minimum 0 at the origin."""
    return float(x @ x)


def ellipsoid(x: Array) -> float:
    """Condition 10^4; minimum 0 at the origin."""
    return float(10 ** (4 * np.arange(len(x)) / max(len(x) - 1, 1)) @ (x * x))


def different_powers(x: Array) -> float:
    """Minimum 0 at the origin."""
    return float((np.abs(x) ** (2 + 4 * np.arange(len(x)) / max(len(x) - 1, 1))).sum())


def shifted(function: Function, offset: Array) -> Function:
    """The function with its origin moved by an offset."""
    return lambda x: function(x - offset)


def rotated(function: Function, seed: int, dimensions: int) -> Function:
    """The function in turned coordinates (BBOB's random rotations, from a seed)."""
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((dimensions, dimensions)))
    turn = q * np.sign(np.diag(r))
    return lambda x: function(turn @ x)
