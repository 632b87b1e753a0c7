"""What a metric is: a name, a direction, what it needs, and a weighted score in numpy alone.

No scikit-learn: its import costs a short search more than many of its trainings. The tests compare with it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Needs = Literal["probabilities", "labels", "numbers"]
Direction = Literal["minimize", "maximize"]

Function = Callable[..., float]
"""``(truth, outputs, weights, *, low, high) -> float``; ``weights`` sum to above 0, rows of weight 0 are gone."""


REPEATED = 10
"""How often rows are repeated on the average, at most, for a metric that takes no weights: it costs as much more."""


class MetricError(ValueError):
    """A metric can't be computed of what it was given, or isn't one; says what is allowed."""


@dataclass(frozen=True)
class Metric:
    """A measure of predictions against the truth.

    Attributes:
        name: as users write it.
        direction: which value is better.
        needs: what it looks at: probabilities of classes, the labels that follow from them, or numbers.
        function: computes it, see `Function`.
        low, high: range of the target over all rows with weight, for metrics normalised by it (Azure divides by the
            range of the whole data, not of a fold); None: the range of the truth that is given.
        perfect: the best value that there is, None where none is known.
        proper: whether honest probabilities are what it rewards, so that a calibration can only help it.
        own: whether it is a function of the user's own.
        counted: of such a function that takes no weights: whether whole weights say how often a row counts.
    """

    name: str
    direction: Direction
    needs: Needs
    function: Function = field(repr=False, compare=False)
    low: float | None = None
    high: float | None = None
    perfect: float | None = None
    proper: bool = False
    own: bool = False
    counted: bool = True

    def score(self, truth: NDArray[Any], outputs: NDArray[Any], weights: Floats | None = None) -> float:
        """Measure outputs.

        Args:
            truth: (n,) positions of classes (int64), or numbers (float64).
            outputs: (n, K) probabilities; for metrics of labels also (n,) positions (int64); (n,) numbers.
            weights: (n,) not negative; None counts every row once. Rows of weight 0 count as if they weren't there.

        Returns:
            The value, NaN where it is not defined (no row with weight, one class alone for an area).

        Raises:
            MetricError: outputs of another shape than the metric takes.
        """
        truth, outputs = np.asarray(truth), np.asarray(outputs)
        self._check(truth, outputs)
        kept = np.ones(len(truth), dtype=np.float64) if weights is None else np.asarray(weights, dtype=np.float64)
        if weights is not None and (kept <= 0).any():
            there = kept > 0
            truth, outputs, kept = truth[there], outputs[there], kept[there]
        if not len(truth) or not np.isfinite(outputs).all():
            return math.nan
        if self.needs == "labels" and outputs.ndim == 2:
            outputs = outputs.argmax(axis=1)
        more = {"counted": self.counted} if self.own else {}
        return float(self.function(truth, outputs, kept, low=self.low, high=self.high, **more))

    def loss(self, truth: NDArray[Any], outputs: NDArray[Any], weights: Floats | None = None) -> float:
        """The same so that lower is better: the score, or less the score."""
        return self.as_loss(self.score(truth, outputs, weights))

    def tried(self, truth: NDArray[Any], outputs: NDArray[Any], weights: Floats | None = None) -> float:
        """`score` where an error must not cost a finished search: NaN where a function of the user's own raises.

        Draws of rows may lack a class, which such a function need not be made for.
        """
        try:
            return self.score(truth, outputs, weights)
        except Exception:
            return math.nan

    def as_loss(self, value: float) -> float:
        """A score so that lower is better; its own inverse."""
        return value if self.direction == "minimize" else -value

    def reached(self, value: float, wanted: float) -> bool:
        """Whether a value is at least as good as the one that is wanted (``exit_score``)."""
        return self.as_loss(value) <= self.as_loss(wanted)

    def scaled(self, truth: Floats, weights: Floats | None = None) -> Metric:
        """The metric with the range of a target: of all rows with weight, whatever part is measured later."""
        there = np.asarray(truth, dtype=np.float64)
        if weights is not None:
            there = there[np.asarray(weights) > 0]
        if not len(there):
            return self
        return replace(self, low=float(there.min()), high=float(there.max()))

    def counting(self, weights: Floats | None) -> Metric:
        """The metric for a table of some weights: whether they count rows is the same for every part and draw of them.

        Args:
            weights: (n,) of all rows, not finite where there is none; None: every row counts once.
        """
        if not self.own or weights is None:
            return self
        there = weights[np.isfinite(weights)]
        few = float(there.sum()) <= REPEATED * max(int((there > 0).sum()), 1)
        return replace(self, counted=few and bool((there == np.rint(there)).all()))

    def _check(self, truth: NDArray[Any], outputs: NDArray[Any]) -> None:
        shapes = {"probabilities": (2,), "labels": (1, 2), "numbers": (1,)}[self.needs]
        if outputs.ndim not in shapes or len(outputs) != len(truth):
            raise MetricError(
                f"the metric {self.name} takes {self.needs} of {len(truth)} rows; found shape {outputs.shape}"
            )


def mean(values: NDArray[Any], weights: Floats) -> float:
    """Weighted mean of (n,) values. No product of BLAS: its threads wait for each other on a busy machine."""
    return float((values.astype(np.float64) * weights).sum() / weights.sum())


def own(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    direction: Direction = "maximize",
    needs: Needs = "labels",
    classes: tuple[str, ...] = (),
) -> Metric:
    """A metric from a function of the user's own, in scikit-learn's order: ``function(y_true, y_pred)``.

    Args:
        function: is given the truth and the predictions; with a parameter ``sample_weight`` also the weights, without
            one each row as often as its weight says where all weights of the table are whole numbers (`counting`),
            else once. Labels and classes of the truth are the target's own (texts); for ``needs="probabilities"`` the
            second argument is the probability of the second class (n,) with two classes, else (n, K) in the order of
            the classes.
        name: what it is called in reports; None: the function's own name.
        direction: which value is better.
        needs: what the second argument is; ``numbers`` for regression.
        classes: the target's, in order; may be empty for regression.

    Raises:
        MetricError: the function returns something that is no number, or direction or needs are unknown.
    """
    if direction not in ("minimize", "maximize"):
        raise MetricError(f"direction of a metric: found {direction!r}; allowed: minimize, maximize")
    if needs not in ("probabilities", "labels", "numbers"):
        raise MetricError(f"needs of a metric: found {needs!r}; allowed: probabilities, labels, numbers")
    called = name or str(getattr(function, "__name__", "own"))
    weighted = _takes(function, "sample_weight")
    texts = np.asarray(classes, dtype=object)

    def measured(
        truth: NDArray[Any], outputs: NDArray[Any], weights: Floats, *, counted: bool = True, **_: Any
    ) -> float:  # fmt: skip
        true: NDArray[Any] = truth if needs == "numbers" else texts[truth]
        given: NDArray[Any] = outputs
        if needs == "labels":
            given = texts[outputs]
        elif needs == "probabilities" and outputs.shape[1] == 2:
            given = outputs[:, 1]
        if not weighted and counted and weights.max() > 1 and (weights == np.rint(weights)).all():
            times = weights.astype(np.int64)  # a draw with replacement, or weights that count rows
            true, given = np.repeat(true, times), np.repeat(given, times, axis=0)
        value = function(true, given, sample_weight=weights) if weighted else function(true, given)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise MetricError(f"the metric {called} returned {value!r}, which is no number") from None

    return Metric(called, direction, needs, measured, own=True)


def _takes(function: Callable[..., Any], parameter: str) -> bool:
    try:
        return parameter in inspect.signature(function).parameters
    except (TypeError, ValueError):  # a built-in without a signature
        return False
