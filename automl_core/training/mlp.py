"""A multi-layer perceptron by scikit-learn, an epoch at a time: what both of its templates run.

Each epoch goes over the rows in an order that the seed and the epoch's number decide, and a checkpoint has the
weights, what the optimizer remembers and the best weights so far. So a training that is resumed gives the numbers of
one that was not. The model is its weights: using it takes numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.training import checkpoints
from automl_core.training.columns import Columns
from automl_core.training.config import read_config
from automl_core.training.dense import Dense
from automl_core.training.problems import TrainingError
from automl_core.training.progress import Progress
from automl_core.training.reporting import report
from automl_core.training.tabular import Job, prepare

Arrays = dict[str, NDArray[Any]]

DEFAULTS: dict[str, Any] = {
    "lr": 1e-3,
    "units": 64,
    "layers": 2,
    "activation": "relu",
    "alpha": 1e-4,
    "batch_size": 128,
    "scaling": "standard",
    "epochs": 100,
    "patience": 20,
    "threads": 1,
    "seed": 0,
    "valid_fraction": 0.2,
    "split_seed": 0,
}
CHOICES = {"activation": ("relu", "tanh", "logistic"), "scaling": ("standard", "quantile")}


def train(task: str) -> None:
    """Train up to the budget, from the furthest checkpoint there is.

    Args:
        task: ``classification`` or ``regression``.

    Raises:
        TrainingError: what was asked for is not possible, or the training has diverged.
    """
    config = read_config(f"Train a multi-layer perceptron: {task}.")
    params = config.values(DEFAULTS)
    for name, allowed in CHOICES.items():
        if params[name] not in allowed:
            raise TrainingError(f"{config.source}: {name} must be one of {', '.join(allowed)}; it is {params[name]!r}")
    job = prepare(config, params, steps="epochs", task=task)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(params["threads"]):
        Training(job).run()


class Training:
    """One training: the rows as a network sees them, and the network."""

    def __init__(self, job: Job) -> None:
        """Learn the inputs' scales from the rows to learn from."""
        self.job, params = job, job.params
        self.dense = Dense.learn(job.train_matrix, job.columns, params["scaling"])
        self.inputs, self.held = self.dense.apply(job.train_matrix), self.dense.apply(job.valid_matrix)
        self.weights = job.weights(job.data.train)
        self.center, self.spread = 0.0, 1.0
        if not job.data.classes:
            rows = job.data.train
            self.center = float(np.average(rows.truth, weights=rows.weights))
            spread = float(np.average((rows.truth - self.center) ** 2, weights=rows.weights)) ** 0.5
            self.spread = spread if spread > 0 else 1.0
        self.target = job.train_target if job.data.classes else (job.train_target - self.center) / self.spread
        self.network = self._untrained()
        shape = [params["units"], params["layers"], params["activation"], self.inputs.shape[1]]
        self.identity = f"{job.identity}:{shape}"

    def run(self) -> None:
        """Train, report, save."""
        job, found = self.job, checkpoints.furthest(self.job.config, self.identity)
        progress, best, done = Progress(job.params["patience"]), {}, 0
        if found is not None and found.step <= job.target:
            progress = Progress.from_json(found.state["progress"], job.params["patience"])
            self._restore(found.arrays)
            best = {name[5:]: array for name, array in found.arrays.items() if name.startswith("best_")}
            done = found.step
            print(f"going on from epoch {done}", flush=True)
            report(progress.last_step, progress.last_metrics)
        pace = checkpoints.Pace()
        for epoch in range(done + 1, job.target + 1):
            if progress.over():
                break
            self._epoch(epoch)
            weights = self._weights()
            metrics = {"train_loss": float(self.network.loss_)}
            metrics |= job.measure(self.outputs(weights, self.held), "valid")
            if progress.see(epoch, metrics["valid_loss"], metrics):
                best = {name: array.copy() for name, array in weights.items()}
            report(epoch, metrics)
            if pace.due(progress.over() or epoch == job.target):
                self._save(epoch, progress, best)
        self._finish(best, progress)

    def outputs(self, weights: Arrays, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities (n, classes), or numbers (n,)."""
        raw = forward(weights, inputs, self.job.params["activation"])
        return probabilities(raw) if self.job.data.classes else raw[:, 0] * self.spread + self.center

    def _untrained(self) -> Any:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        params = self.job.params
        kind = MLPClassifier if self.job.data.classes else MLPRegressor
        return kind(
            hidden_layer_sizes=(params["units"],) * params["layers"],
            activation=params["activation"],
            alpha=params["alpha"],
            batch_size=min(params["batch_size"], len(self.inputs)),
            learning_rate_init=params["lr"],
        )

    def _fit(self, rows: slice, seed: int) -> None:
        weights = None if self.weights is None else self.weights[rows]
        told = {"classes": np.arange(len(self.job.data.classes))} if self.job.data.classes else {}
        self.network.set_params(random_state=seed)
        try:
            self.network.partial_fit(self.inputs[rows], self.target[rows], sample_weight=weights, **told)
        except ValueError as error:
            if "non-finite" not in str(error):
                raise
            raise TrainingError(f"the training has diverged: {error}") from None

    def _epoch(self, epoch: int) -> None:
        self._fit(slice(None), int(np.random.default_rng([self.job.params["seed"], epoch]).integers(2**31)))

    def _weights(self) -> Arrays:
        layers = enumerate(zip(self.network.coefs_, self.network.intercepts_, strict=True))
        return {f"{kind}_{i}": a for i, pair in layers for kind, a in zip(("weight", "bias"), pair, strict=True)}

    def _save(self, epoch: int, progress: Progress, best: Arrays) -> None:
        optimizer = self.network._optimizer  # what Adam remembers lies nowhere public
        memory = {f"{name}_{i}": a for name in ("ms", "vs") for i, a in enumerate(getattr(optimizer, name))}
        arrays = {**self._weights(), **memory, **{f"best_{name}": array for name, array in best.items()}}
        state = {"identity": self.identity, "progress": progress.as_json()}
        arrays["updates"] = np.array(optimizer.t)
        checkpoints.save(self.job.config.checkpoint_dir, checkpoints.Checkpoint(epoch, state, arrays))

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        # one step lets scikit-learn lay out its arrays; then each number is replaced
        self._fit(slice(0, max(2, self.network.batch_size)), 0)
        for name, array in self._weights().items():
            array[...] = arrays[name]
        optimizer = self.network._optimizer
        optimizer.t = int(arrays["updates"])
        for name in ("ms", "vs"):
            for i, array in enumerate(getattr(optimizer, name)):
                array[...] = arrays[f"{name}_{i}"]

    def _finish(self, best: Arrays, progress: Progress) -> None:
        job = self.job
        checkpoints.write_arrays(job.model_dir / "weights.npz", {**best, **self.dense.arrays()})
        job.leave(
            f"mlp-{job.data.task}", self.outputs(best, self.held), progress, ["scikit-learn", "numpy"],
            center=self.center, spread=self.spread,
        )  # fmt: skip


ACTIVATIONS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "relu": lambda values: np.maximum(values, 0),
    "tanh": np.tanh,
    "logistic": lambda values: 1 / (1 + np.exp(-values)),
}


def forward(weights: Mapping[str, NDArray[Any]], inputs: NDArray[Any], activation: str) -> NDArray[np.float64]:
    """(rows, inputs) → (rows, outputs), before what makes probabilities of them.

    In double precision: that of a row must not depend on how many rows come with it.
    """
    values, last = inputs.astype(np.float64), sum(name.startswith("weight_") for name in weights) - 1
    for layer in range(last + 1):
        values = values @ weights[f"weight_{layer}"] + weights[f"bias_{layer}"]
        if layer < last:
            values = ACTIVATIONS[activation](values)
    return np.asarray(values)


def probabilities(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """(rows, classes): a softmax, or of one output the logistic function and the rest."""
    if raw.shape[1] == 1:
        second = 1 / (1 + np.exp(-raw[:, 0]))
        return np.column_stack([1 - second, second])
    exponentials = np.exp(raw - raw.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def load(folder: Path, told: dict[str, Any]) -> Any:
    """Open a model, by numpy alone: a function of a table, which gives probabilities or numbers."""
    with np.load(folder / "weights.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    params, columns = told["params"], Columns.from_json(told["columns"])
    dense = Dense.from_arrays(params["scaling"], arrays)
    weights = {name: array for name, array in arrays.items() if not name.startswith("input_")}

    def predict(table: Any) -> NDArray[np.float64]:
        raw = forward(weights, dense.apply(columns.encode(table)), params["activation"])
        return probabilities(raw) if told["classes"] else raw[:, 0] * told["spread"] + told["center"]

    return predict
