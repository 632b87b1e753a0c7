"""Support vector machines with a radial kernel, on small tables: their time grows with the square of the rows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.modelfile.scoring.models.svm import Svm as Scorer
from automl_core.tabular.learners.base import CannotFit, Document, Fitted, Floats, Held, Learner, Wants, overdue
from automl_core.tabular.learners.scikit import spread, working
from automl_core.tabular.problem import Problem
from automl_core.tabular.shape import Shape

MOST_ROWS = 10_000
MOST_CLASSES = 20
FOLDS = 3


class FittedSvm(Fitted):
    """Vectors and their coefficients."""

    def __init__(self, document: Document, problem: Problem) -> None:
        self.document, self.problem, self._scorer = document, problem, Scorer(document)
        self.link = {"binary": "sigmoid", "multiclass": "softmax", "regression": "identity"}[problem.kind]

    def predict(self, matrix: Matrix) -> Floats:
        """By the scorer: vectors and coefficients are all that there is."""
        margin = self._scorer.margin(matrix)
        if self.problem.kind == "regression":
            return margin[:, 0]
        if self.problem.kind == "binary":
            second = 1 / (1 + np.exp(-np.clip(margin[:, 0], -700, 700)))
            return np.column_stack([1 - second, second])
        shares = np.exp(margin - margin.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def export(self) -> Document:
        """The same."""
        return {"model": self.document, "link": self.link}


class Svm(Learner):
    """One against the rest; probabilities from decisions on rows that were not learned from (Platt 1999)."""

    name = "svm"
    title = "Support vector machine"
    wants = Wants(categories="onehot", gaps=False, scaled=True)
    default: ClassVar[Mapping[str, Any]] = {"C": 1.0, "gamma": 1.0, "epsilon": 0.1}

    def warm(self) -> None:
        """Its part of scikit-learn."""
        import sklearn.svm  # noqa: F401

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """Penalty and width; gamma is in units of 1 / columns."""
        found: dict[str, dict[str, Any]] = {
            "C": {"type": "loguniform", "low": 0.01, "high": 1000.0, "default": 1.0},
            "gamma": {"type": "loguniform", "low": 0.01, "high": 10.0, "default": 1.0},
        }
        if shape.kind == "regression":
            found["epsilon"] = {"type": "loguniform", "low": 0.005, "high": 0.5, "default": 0.1}
        return found

    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """Libsvm's copy of the rows, a cache of the kernel, the vectors."""
        return rows * columns * 16 * 3 + 200_000_000

    def fit(
        self,
        matrix: Matrix,
        y: NDArray[Any],
        weights: Floats,
        *,
        problem: Problem,
        params: Mapping[str, Any],
        valid: Held | None = None,
        seed: int = 0,
        threads: int = 1,
        deadline: float | None = None,
    ) -> FittedSvm:
        """Solve; between the machines of folds and classes the clock is looked at.

        Raises:
            CannotFit: too many rows or classes, or the time is over before the machines are trained.
        """
        if len(matrix) > MOST_ROWS:
            raise CannotFit(f"{len(matrix)} rows are too many for a support vector machine (at most {MOST_ROWS})")
        if problem.outputs > MOST_CLASSES:
            raise CannotFit(f"{problem.outputs} classes are too many for a support vector machine ({MOST_CLASSES})")
        if not matrix.names:
            raise CannotFit("no column varies: all rows are the same to a kernel")
        settled = self.settled(params)
        # the variance of columns that are scaled is 1 but for ones and zeros
        size = float(matrix.values.var()) or 1.0
        gamma = float(settled["gamma"]) / (matrix.values.shape[1] * size)
        job = _Job(matrix.values, weights, gamma, settled, deadline)
        with working(self.name, threads):
            if problem.kind == "regression":
                mean, deviation = spread(y, weights)
                found = job.regression((y - mean) / deviation)
                coef, intercept = found.coef * deviation, found.intercept * deviation + mean
                return FittedSvm(_document(gamma, found.vectors, coef, intercept), problem)
            machines = job.classes(y, problem.outputs)
            scale, shift = job.calibration(y, problem.outputs, seed)
            coef, intercept = machines.coef * scale, machines.intercept * scale + shift
            return FittedSvm(_document(gamma, machines.vectors, coef, intercept), problem)


class _Machines:
    """Several machines over the same vectors."""

    def __init__(self, vectors: Floats, coef: Floats, intercept: Floats) -> None:
        self.vectors, self.coef, self.intercept = vectors, coef, intercept


class _Job:
    """Machines of one fit."""

    def __init__(
        self, values: Floats, weights: Floats, gamma: float, settled: Mapping[str, Any], deadline: float | None
    ) -> None:
        self.values, self.weights, self.gamma, self.settled, self.deadline = values, weights, gamma, settled, deadline

    def _options(self) -> dict[str, Any]:
        if overdue(self.deadline):
            raise CannotFit("the time is over before the support vector machine is trained")
        options = {"C": float(self.settled["C"]), "gamma": self.gamma, "cache_size": 150, "tol": 1e-3}
        if self.deadline is not None:
            # libsvm can't be asked to stop; it takes some 2 to 20 µs an iteration and row of its working set
            left = self.deadline - time.monotonic()
            options["max_iter"] = int(max(1000, left / 4 / (2e-8 * len(self.values) * (1 + self.values.shape[1] / 10))))
        else:
            options["max_iter"] = 200_000
        return options

    def regression(self, target: Floats) -> _Machines:
        from sklearn.svm import SVR

        model = SVR(epsilon=float(self.settled["epsilon"]), **self._options())
        model.fit(self.values, target, sample_weight=self.weights)
        rows = model.support_
        return _Machines(self.values[rows], model.dual_coef_.T.copy(), np.asarray(model.intercept_, dtype=np.float64))

    def classes(self, y: NDArray[Any], count: int, rows: NDArray[np.int64] | None = None) -> _Machines:
        """One machine a class, for two classes one in all; vectors are all that one of them uses."""
        from sklearn.svm import SVC

        some = np.arange(len(self.values)) if rows is None else rows
        columns = []
        intercepts = []
        for each in range(1 if count == 2 else count):
            positive = (y[some] == (1 if count == 2 else each)).astype(np.int64)
            column = np.zeros(len(some))
            if positive.min() == positive.max():  # a fold without the class
                intercepts.append(1.0 if positive.min() else -1.0)
            else:
                model = SVC(**self._options()).fit(self.values[some], positive, sample_weight=self.weights[some])
                column[model.support_] = model.dual_coef_[0]
                intercepts.append(float(model.intercept_[0]))
            columns.append(column)
        coef = np.column_stack(columns)
        used = np.flatnonzero((coef != 0).any(axis=1))
        return _Machines(self.values[some][used], coef[used], np.array(intercepts))

    def calibration(self, y: NDArray[Any], count: int, seed: int) -> tuple[Floats, Floats]:
        """(outputs,) scale and shift that make log odds of decisions, learned on rows of other folds."""
        fold = np.random.default_rng([seed, 5]).permutation(np.arange(len(y)) % FOLDS)
        decisions = np.empty((len(y), 1 if count == 2 else count))
        for each in range(FOLDS):
            inside, outside = np.flatnonzero(fold == each), np.flatnonzero(fold != each)
            found = self.classes(y, count, outside)
            scorer = Scorer(_document(self.gamma, found.vectors, found.coef, found.intercept))
            names = [str(i) for i in range(self.values.shape[1])]
            decisions[inside] = scorer.margin(Matrix.of(self.values[inside], names))
        return scaled(decisions, y, self.weights)


def scaled(decisions: Floats, y: NDArray[Any], weights: Floats) -> tuple[Floats, Floats]:
    """Scale and shift of least log loss; a scale for all, a shift each output, with targets drawn in as Platt does.

    Platt 1999, Probabilistic Outputs for Support Vector Machines, section 2.2: of N rows a target is (N + 1) / (N + 2).
    """
    from scipy.optimize import minimize

    outputs = decisions.shape[1]
    if outputs == 1:
        positive = float((weights * y).sum())
        negative = float(weights.sum()) - positive
        target = np.where(y == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))
    else:
        target = (y[:, None] == np.arange(outputs)).astype(np.float64) * 0.99 + 0.01 / outputs

    def loss(theta: Floats) -> tuple[float, Floats]:
        scale, shift = np.exp(theta[0]), theta[1:]
        margin = decisions * scale + shift
        if outputs == 1:
            margin, wanted = margin[:, 0], target
            value = np.logaddexp(0, margin) - wanted * margin
            slope = (1 / (1 + np.exp(-np.clip(margin, -700, 700))) - wanted)[:, None]
        else:
            top = margin.max(axis=1, keepdims=True)
            total = np.log(np.exp(margin - top).sum(axis=1, keepdims=True)) + top
            value = total[:, 0] - (target * margin).sum(axis=1)
            slope = np.exp(margin - total) - target
        slope = slope * weights[:, None]
        gradient = np.array([float((slope * decisions).sum() * scale), *slope.sum(axis=0)])
        return float((weights * value).sum() / len(y)), gradient / len(y)

    found = minimize(loss, np.zeros(outputs + 1), jac=True, method="L-BFGS-B", bounds=[(-6, 6)] + [(-20, 20)] * outputs)
    return np.full(outputs, np.exp(found.x[0])), np.asarray(found.x[1:])


def _document(gamma: float, vectors: Floats, coef: Floats, intercept: Floats) -> Document:
    return {
        "type": "svm",
        "kernel": "rbf",
        "gamma": gamma,
        "vectors": vectors,
        "coef": coef,
        "intercept": intercept,
    }
