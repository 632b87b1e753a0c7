"""Probabilities that mean what they say, from rows of which it is known what came.

Two maps, each of one class against the rest: *beta calibration* (M. Kull, T. Silva Filho and P. Flach, Beta
calibration: a well-founded and easily implemented improvement on logistic calibration for binary classifiers, AISTATS
2017, section 4: a logistic regression on ln p and -ln (1 - p)), and an isotonic one (B. Zadrozny and C. Elkan,
Transforming classifier scores into accurate multiclass probability estimates, KDD 2002, section 3). The first has
three numbers: it needs few rows and goes on where there were none. The second follows any monotone curve, and is taken
where rows that it was not made from say that it is clearly better. Of several classes the calibrated probabilities are
divided by their sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Method: TypeAlias = Literal["beta", "isotonic"]
Map: TypeAlias = Callable[[Floats], Floats]

TINY = 1e-6
"""Nearest that a probability comes to 0 and 1 before its logarithm is taken."""

FOLDS = 5

_RIDGE, _STEPS, _NEAR = 1e-3, 50, 1e-9


@dataclass(frozen=True)
class Calibration:
    """A map of probabilities.

    Attributes:
        method: ``beta`` or ``isotonic``.
        maps: one for each class; of two classes one, for the second.
    """

    method: Method
    maps: tuple[Map, ...]

    def __call__(self, outputs: Floats) -> Floats:
        """(n, K) what probabilities mean."""
        if len(self.maps) == 1:
            second = self.maps[0](outputs[:, 1])
            return np.column_stack([1.0 - second, second])
        found = np.column_stack([each(outputs[:, k]) for k, each in enumerate(self.maps)])
        total = found.sum(axis=1, keepdims=True)
        return np.where(total > 0, found / np.where(total > 0, total, 1.0), 1.0 / found.shape[1])


def calibrate(outputs: Floats, truth: Codes, method: Method) -> Calibration:
    """Make a map from rows of which it is known what came.

    Args:
        outputs: (m, K) probabilities.
        truth: (m,) positions of classes.
        method: which kind.
    """
    return next(calibrations(outputs, truth, method, [np.ones(len(truth))]))


def calibrations(
    outputs: Floats, truth: Codes, method: Method, weights: Iterable[Floats]
) -> Iterator[Calibration]:  # fmt: skip
    """Maps from the same rows with other weights each, as draws have them.

    Args:
        outputs: (m, K) probabilities.
        truth: (m,) positions of classes.
        method: which kind.
        weights: (m,) each.
    """
    classes = (1,) if outputs.shape[1] == 2 else tuple(range(outputs.shape[1]))
    make = _Beta if method == "beta" else _Isotonic
    makers = [make(outputs[:, k], (truth == k).astype(np.float64)) for k in classes]
    for each in weights:
        yield Calibration(method, tuple(maker(each) for maker in makers))


def chosen(outputs: Floats, truth: Codes, units: Codes | None = None, seed: Sequence[int] = (0,)) -> Method:
    """Which map is better on rows that it was not made from: the isotonic one where that is clear.

    "Clear" is more than a standard error of the difference of their log losses, over `FOLDS` folds.

    Args:
        outputs: (m, K) probabilities.
        truth: (m,) positions of classes.
        units: (m,) rows that belong together are in one fold.
        seed: of the folds.
    """
    rng = np.random.default_rng([*seed, 7])
    unit = np.arange(len(truth)) if units is None else units
    fold = rng.permutation(int(unit.max()) + 1)[unit] % FOLDS
    gain = np.zeros(len(truth))
    for each in range(FOLDS):
        here, rest = fold == each, fold != each
        if not here.any() or not rest.any():
            return "beta"
        losses = []
        for method in ("beta", "isotonic"):
            said = calibrate(outputs[rest], truth[rest], method)(outputs[here])
            own = said[np.arange(len(said)), truth[here]]
            losses.append(-np.log(np.clip(own, 1e-4, 1.0)))
        gain[here] = losses[0] - losses[1]
    error = float(gain.std(ddof=1)) / len(gain) ** 0.5 if len(gain) > 1 else np.inf
    return "isotonic" if float(gain.mean()) > error else "beta"


class _Beta:
    """Beta calibration of one class: each fit begins where the one before it ended."""

    def __init__(self, given: Floats, came: Floats) -> None:
        self._columns, self._came = _columns(given), came
        self._last: dict[tuple[int, ...], Floats] = {}

    def __call__(self, weights: Floats) -> Map:
        rates = self._fit(weights, (0, 1, 2))
        if rates[1] < 0 or rates[2] < 0:
            # a map that falls with what is said would order rows the other way round: without that rate, as Kull et
            # al. do (section 4.2)
            rates = self._fit(weights, (0, 2) if rates[1] < 0 else (0, 1))
            rates[1:] = np.maximum(rates[1:], 0.0)

        def beta(values: Floats) -> Floats:
            return _expit(_columns(values) @ rates)

        return beta

    def _fit(self, weights: Floats, kept: tuple[int, ...]) -> Floats:
        columns = self._columns[:, kept]
        found = self._last[kept] = _logistic(columns, self._came, weights, self._last.get(kept))
        rates = np.zeros(3)
        rates[list(kept)] = found
        return rates


def _columns(values: Floats) -> Floats:
    clipped = np.clip(values, TINY, 1.0 - TINY)
    return np.column_stack([np.ones(len(clipped)), np.log(clipped), -np.log1p(-clipped)])


def _logistic(columns: Floats, came: Floats, weights: Floats, begin: Floats | None) -> Floats:
    """Rates of a logistic regression, by Newton's method, drawn a little to the map that changes nothing.

    That is what a tie is decided by: where all rows have one class, or one probability, the rates are not determined.
    """
    start = np.array([0.0, *[1.0] * (columns.shape[1] - 1)])

    def loss(rates: Floats) -> tuple[float, Floats]:
        line = columns @ rates
        apart = rates - start
        return float((weights * (np.logaddexp(0.0, line) - came * line)).sum() + _RIDGE / 2 * apart @ apart), line

    rates = start.copy() if begin is None else begin.copy()
    now, line = loss(rates)
    for _ in range(_STEPS):
        said = _expit(line)
        slope = columns.T @ (weights * (came - said)) - _RIDGE * (rates - start)
        curve = (columns * (weights * said * (1.0 - said))[:, None]).T @ columns + _RIDGE * np.eye(len(start))
        step = np.linalg.solve(curve, slope)
        if not float(slope @ step) > _NEAR:  # Newton's decrement: the loss is that near to its least
            break
        part = 1.0
        while part > 1e-6:  # far from there a whole step may lead away
            then, there = loss(rates + part * step)
            if then <= now - 1e-4 * part * float(slope @ step):
                break
            part /= 2
        else:
            break
        rates, now, line = rates + part * step, then, there
    return rates


class _Isotonic:
    """Isotonic calibration of one class."""

    def __init__(self, given: Floats, came: Floats) -> None:
        self._places, self._at = np.unique(given, return_inverse=True)
        self._came = came

    def __call__(self, weights: Floats) -> Map:
        from scipy.optimize import isotonic_regression

        counts = np.bincount(self._at, weights, minlength=len(self._places))
        shares = np.bincount(self._at, weights * self._came, minlength=len(self._places))
        there = counts > 0
        places = self._places[there]
        found = np.asarray(isotonic_regression(shares[there] / counts[there], weights=counts[there]).x)

        def isotonic(values: Floats) -> Floats:
            return np.asarray(np.interp(values, places, found))

        return isotonic


def _expit(values: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -700.0, 700.0))))
