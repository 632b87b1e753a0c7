"""A multi-layer perceptron (scikit-learn), an epoch at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.modelfile.scoring.models.dense import Dense
from automl_core.tabular.learners.base import (
    CannotFit,
    Document,
    Fitted,
    Floats,
    Held,
    Learner,
    Wants,
    overdue,
    plain_weights,
)
from automl_core.tabular.learners.scikit import spread, working
from automl_core.tabular.learners.stopping import Stopper, key
from automl_core.tabular.learners.xgboost import outputs
from automl_core.tabular.problem import Problem
from automl_core.tabular.shape import Shape

PATIENCE = 12


class FittedNetwork(Fitted):
    """The weights of the best epoch."""

    def __init__(self, document: Document, best_iteration: int, problem: Problem) -> None:
        self.document, self.best_iteration, self.problem, self._scorer = (
            document,
            best_iteration,
            problem,
            Dense(document),
        )

    def predict(self, matrix: Matrix) -> Floats:
        """By the scorer: in double precision, and a row alone as among others."""
        return outputs(self.problem, self._scorer.margin(matrix))

    def export(self) -> Document:
        """The weights."""
        link = {"binary": "sigmoid", "multiclass": "softmax", "regression": "identity"}[self.problem.kind]
        return {"model": self.document, "link": link}


class Network(Learner):
    """Dense layers, Adam; the best epoch by the problem's metric."""

    name = "mlp"
    title = "Multi-layer perceptron"
    wants = Wants(categories="onehot", gaps=False, scaled=True)
    steps = "epochs"
    unguided = 50
    default: ClassVar[Mapping[str, Any]] = {
        "epochs": 120, "units": 64, "layers": 2, "activation": "relu", "learning_rate": 2e-3, "alpha": 1e-3,
        "batch_size": 128,
    }  # fmt: skip

    def warm(self) -> None:
        """Its part of scikit-learn."""
        import sklearn.neural_network  # noqa: F401

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """Width, depth, pace, penalty."""
        return {
            "units": {"type": "logint", "low": 16, "high": 256, "default": 64},
            "layers": {"type": "int", "low": 1, "high": 3, "default": 2},
            "activation": {"type": "choice", "values": ["relu", "tanh"], "weights": [3, 1], "default": "relu"},
            "learning_rate": {"type": "loguniform", "low": 3e-4, "high": 2e-2, "default": 2e-3},
            "alpha": {"type": "loguniform", "low": 1e-6, "high": 1.0, "default": 1e-3},
            "batch_size": {"type": "logint", "low": 32, "high": 512, "default": 128},
        }

    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """A copy of the rows; weights, their gradients and what Adam remembers."""
        settled = self.settled(params)
        units = int(settled["units"])
        return rows * columns * 16 + (columns + units * int(settled["layers"])) * units * 8 * 8 + 10_000_000

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
    ) -> FittedNetwork:
        """Go over the rows, epoch by epoch, until those to judge by get no better or the time is over."""
        if not matrix.names:
            raise CannotFit("no column varies: a network has nothing to look at")
        settled = self.settled(params, valid)
        with working(self.name, threads):
            return _Training(matrix, y, weights, problem, settled, seed).run(valid, deadline)


class _Training:
    """One training."""

    def __init__(
        self, matrix: Matrix, y: NDArray[Any], weights: Floats, problem: Problem, settled: Mapping[str, Any], seed: int
    ) -> None:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        self.values, self.weights, self.problem, self.seed = matrix.values, plain_weights(weights), problem, seed
        self.mean, self.deviation = spread(y, weights) if problem.kind == "regression" else (0.0, 1.0)
        self.target = (y - self.mean) / self.deviation if problem.kind == "regression" else y
        self.epochs = int(settled["epochs"])
        self.patience = int(settled.get("patience", PATIENCE))
        self.network = (MLPRegressor if problem.kind == "regression" else MLPClassifier)(
            hidden_layer_sizes=(int(settled["units"]),) * int(settled["layers"]),
            activation=settled["activation"],
            alpha=float(settled["alpha"]),
            batch_size=max(1, min(int(settled["batch_size"]), len(self.values) // 4 or 1)),
            learning_rate_init=float(settled["learning_rate"]),
        )

    def run(self, valid: Held | None, deadline: float | None) -> FittedNetwork:
        """Train; keep the best."""
        best, stopper = self._document_of_now, Stopper(self.patience)
        document: Document | None = None
        done = 0
        for epoch in range(1, self.epochs + 1):
            self._epoch(epoch)
            done = epoch
            if valid is not None and len(valid[0]):
                now = best()
                given = outputs(self.problem, Dense(now).margin(valid[0]))
                over = stopper.see(epoch, key(self.problem, valid[1], given, valid[2]))
                if stopper.best_step == epoch:
                    document = now
                if over:
                    break
            if overdue(deadline):
                break
        if document is None:
            document, best_epoch = best(), done
        else:
            best_epoch = stopper.best_step
        return FittedNetwork(document, best_epoch, self.problem)

    def _epoch(self, epoch: int) -> None:
        told = {"classes": np.arange(self.problem.outputs)} if self.problem.kind != "regression" else {}
        # the order of an epoch's rows depends on the seed and the epoch alone
        self.network.set_params(random_state=int(np.random.default_rng([self.seed, epoch]).integers(2**31)))
        try:
            self.network.partial_fit(self.values, self.target, sample_weight=self.weights, **told)
        except ValueError as error:
            if "non-finite" not in str(error):
                raise
            raise CannotFit(f"the training of the network has diverged: {error}") from None

    def _document_of_now(self) -> Document:
        layers = [
            {"weight": np.array(weight, dtype=np.float64), "bias": np.array(bias, dtype=np.float64)}
            for weight, bias in zip(self.network.coefs_, self.network.intercepts_, strict=True)
        ]
        last = layers[-1]
        if self.problem.kind == "regression":
            last["weight"], last["bias"] = last["weight"] * self.deviation, last["bias"] * self.deviation + self.mean
        return {"type": "dense", "layers": layers, "activation": self.network.activation}
