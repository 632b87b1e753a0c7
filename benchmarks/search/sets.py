"""The sets of problems.

``nine`` and ``eighteen`` share no problem: eighteen holds nine's kinds with other functions, tables and sizes. No
setting was chosen by a score on ``check``, ``bbob`` or ``live``; yet check is no untouched set either: the priors of
the bayesian search were chosen by the held-out density of processes fitted to points of the first three.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from benchmarks.search import functions as f
from benchmarks.search.bbob import bbob
from benchmarks.search.branches import branches
from benchmarks.search.halves import HALVES, half
from benchmarks.search.live import live
from benchmarks.search.problems import (
    Problem,
    conditional_models,
    continuous,
    integers,
    mixed_ackley,
    mixed_training,
    noisy,
    offset,
    options_only,
    tabulated,
    with_failures,
)
from benchmarks.search.trained import trained


def nine() -> list[Problem]:
    """Nine problems: five functions, two mixed spaces, two real models."""
    return [
        continuous("branin", f.branin, [(-5, 10), (0, 15)], 0.397887),
        continuous("hartmann6", f.hartmann6, [(0, 1)] * 6, -3.322368),
        continuous("ackley5", f.shifted(f.ackley, offset(1, 5, 6.0)), [(-15, 15)] * 5, 0.0),
        continuous("rosenbrock4", f.rosenbrock, [(-2, 2)] * 4, 0.0),
        continuous("rastrigin3", f.shifted(f.rastrigin, offset(2, 3, 2.5)), [(-5.12, 5.12)] * 3, 0.0),
        mixed_training(),
        conditional_models(),
        tabulated("svm_digits"),
        tabulated("boosting_diabetes"),
    ]


def eighteen() -> list[Problem]:
    """Eighteen problems of the same kinds, none of them in `nine`."""
    return [
        continuous("hartmann3", f.hartmann3, [(0, 1)] * 3, -3.862782),
        continuous("levy6", f.shifted(f.levy, offset(3, 6, 4.0)), [(-10, 10)] * 6, 0.0),
        continuous("styblinski4", f.styblinski_tang, [(-5, 5)] * 4, -39.166166 * 4),
        continuous("griewank3", f.shifted(f.griewank, offset(4, 3, 20.0)), [(-50, 50)] * 3, 0.0),
        continuous("michalewicz5", f.michalewicz, [(0, np.pi)] * 5, -4.687658),
        continuous("ackley10", f.shifted(f.ackley, offset(5, 10, 2.0)), [(-5, 5)] * 10, 0.0),
        continuous("rosenbrock8", f.rosenbrock, [(-2, 2)] * 8, 0.0),
        continuous("sphere8", f.shifted(f.sphere, offset(6, 8, 3.0)), [(-5, 5)] * 8, 0.0),
        continuous(
            "ellipsoid5_rotated", f.shifted(f.rotated(f.ellipsoid, 7, 5), offset(7, 5, 3.0)), [(-5, 5)] * 5, 0.0
        ),
        continuous(
            "rastrigin5_rotated", f.shifted(f.rotated(f.rastrigin, 8, 5), offset(8, 5, 2.0)), [(-5, 5)] * 5, 0.0
        ),
        options_only(),
        integers("integers6", 6, 3),
        mixed_ackley("mixed_ackley7", 9),
        with_failures(),
        tabulated("mlp_digits"),
        tabulated("svm_breast_cancer"),
        tabulated("forest_wine"),
        tabulated("sgd_breast_cancer"),
    ]


def check() -> list[Problem]:
    """Nine problems whose scores chose no setting (see the module's note on the priors)."""
    return [
        continuous("styblinski2", f.styblinski_tang, [(-5, 5)] * 2, -39.166166 * 2),
        continuous("levy3", f.shifted(f.levy, offset(23, 3, 4.0)), [(-10, 10)] * 3, 0.0),
        continuous("ackley3", f.shifted(f.ackley, offset(24, 3, 12.0)), [(-32, 32)] * 3, 0.0),
        continuous("powers6", f.shifted(f.rotated(f.different_powers, 25, 6), offset(25, 6, 2.0)), [(-5, 5)] * 6, 0.0),
        continuous("sphere20", f.shifted(f.sphere, offset(26, 20, 3.0)), [(-5, 5)] * 20, 0.0),
        integers("integers3", 3, 29),
        mixed_ackley("mixed_ackley_b", 31),
        noisy(continuous("hartmann6", f.hartmann6, [(0, 1)] * 6, -3.322368), 0.1),
        tabulated("svr_diabetes"),
    ]


_SETS = {
    "nine": nine, "eighteen": eighteen, "check": check, "bbob": bbob, "live": live, "trained": trained,
    "branches": branches,
} | {name: partial(half, name) for name in HALVES}  # fmt: skip


@cache
def load(name: str) -> tuple[Problem, ...]:
    """A set by name.

    Raises:
        ValueError: there is no such set.
    """
    if name not in _SETS:
        raise ValueError(f"there is no set {name!r} (allowed: {', '.join(_SETS)})")
    return tuple(_SETS[name]())
