"""Functions of BBOB (Hansen et al. 2009; the noiseless suite) by coco-experiment, an instance of each fixed.

They need the peers' environment (`benchmarks.search.environments`).
"""

from __future__ import annotations

from benchmarks.search.problems import Problem, continuous

_INSTANCE = 3
# Two or three of each of the suite's groups: separable, moderate, ill-conditioned, multi-modal, weakly structured.
_FIVE = (1, 3, 6, 8, 10, 12, 14, 15, 17, 20, 21, 23)
_TWO = (3, 7, 13, 16, 19, 22)


def bbob() -> list[Problem]:
    """Twelve functions in five dimensions and six in two.

    Raises:
        ModuleNotFoundError: coco-experiment is not installed.
    """
    return [_function(number, 5) for number in _FIVE] + [_function(number, 2) for number in _TWO]


def _function(number: int, dimensions: int) -> Problem:
    from cocoex import BareProblem  # type: ignore[import-not-found,unused-ignore]

    function = BareProblem("bbob", number, dimensions, _INSTANCE)
    name = f"bbob_f{number:02d}_d{dimensions}"
    return continuous(name, lambda x: float(function(x)), [(-5.0, 5.0)] * dimensions, float(function.best_value()))
