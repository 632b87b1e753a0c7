"""One trial: a pipeline, cross-validated; its value fold by fold, its predictions of rows it has not learned from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular import documents
from automl_core.tabular.memory import Peak
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.problem import Problem
from automl_core.tabular.validation import Fold
from automl_core.training.problems import TrainingError

Floats = NDArray[np.float64]
OnFold = Callable[[int, float], None]
ShouldStop = Callable[[int, list[float]], bool]

FOLD_ROWS = 30
"""Rows of a fold from which on its own value says enough to be averaged; of fewer the rows are pooled."""


@dataclass
class TrialResult:
    """What came of a trial.

    Attributes:
        number: from 0, in the order in which trials were asked for.
        params: of the pipeline.
        state: ``succeeded``; ``stopped`` (after bad folds: its value counts for the search, not for the ensemble);
            ``failed``; ``skipped`` (never started: no time or no memory for it, or its experiment ended first) or
            ``cancelled`` (still running when the search ended). Older releases called the last two ``failed``.
        value: the metric over all rows held out; NaN where there is none.
        loss: the same, lower is better.
        folds: the metric of each fold that ran.
        outputs: (n, K) or (n,) predictions of rows held out, over the table's rows; NaN of others. Where a row was held
            out more than once, the mean.
        models: of each fold that ran the document for the numpy scorer, None where there is none.
        iterations: of each fold how many steps its model takes, where it goes step by step.
        seconds, fit_seconds, score_seconds: wall clock of all; of the fits; of scoring the rows held out.
        memory: bytes that the process grew by at its peak; None where the system doesn't say.
        reason: why it has not succeeded, in words.
        seed: of its random numbers.
        table: `Prepared.digest` of what its folds were run on, where it is kept to go on from; empty elsewhere, and of
            older releases.
    """

    number: int
    params: Mapping[str, Any]
    state: str = "failed"
    value: float = math.nan
    loss: float = math.inf
    folds: list[float] = field(default_factory=list)
    outputs: Floats = field(default_factory=lambda: np.empty(0))
    models: list[dict[str, Any] | None] = field(default_factory=list)
    iterations: list[int | None] = field(default_factory=list)
    seconds: float = 0.0
    fit_seconds: float = 0.0
    score_seconds: float = 0.0
    scored: int = 0
    memory: int | None = None
    reason: str = ""
    seed: int = 0
    table: str = ""

    @property
    def usable(self) -> bool:
        """Whether it may be part of a model."""
        return self.state == "succeeded" and math.isfinite(self.loss)

    @property
    def learner(self) -> str:
        """Name of its learner."""
        return str(self.params.get("learner", ""))

    @property
    def row_seconds(self) -> float:
        """Seconds that scoring a row took, in the batch of rows held out."""
        return self.score_seconds / self.scored if self.scored else 0.0

    def summary(self) -> dict[str, Any]:
        """Everything but arrays and models: plain data."""
        return {
            "number": self.number,
            "params": dict(self.params),
            "state": self.state,
            "value": self.value if math.isfinite(self.value) else None,
            "folds": [each if math.isfinite(each) else None for each in self.folds],
            "iterations": self.iterations,
            "seconds": self.seconds,
            "fit_seconds": self.fit_seconds,
            "score_seconds": self.score_seconds,
            "scored": self.scored,
            "memory": self.memory,
            "reason": self.reason,
            "seed": self.seed,
            "table": self.table,
        }

    def save(self, folder: str | Path) -> None:
        """Keep it below a folder as ``trial_N.json`` and ``.npz`` and ``models_N``: plain data and arrays."""
        home = Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        documents.save(home / f"models_{self.number}", self.models)
        documents.save(home / f"trial_{self.number}", self.summary(), {"outputs": self.outputs})

    @classmethod
    def load(cls, folder: str | Path, number: int, problem: Problem, *, models: bool = True) -> TrialResult:
        """What `save` left.

        Args:
            folder: where.
            number: of the trial.
            problem: whose metric says which values are better.
            models: whether to read the models as well.

        Raises:
            TrainingError: there is none, or it is broken.
        """
        home = Path(folder)
        try:
            said, arrays = documents.load(home / f"trial_{number}")
            outputs = arrays["outputs"]
            fitted = documents.load(home / f"models_{number}")[0] if models else []
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(f"trial {number} can't be read from {home}: {error}") from None
        said["folds"] = [math.nan if each is None else each for each in said["folds"]]
        said["value"] = math.nan if said["value"] is None else said["value"]
        loss = problem.metric.as_loss(said["value"])
        return cls(**said, loss=loss if math.isfinite(loss) else math.inf, outputs=outputs, models=fitted)


def run_trial(
    prepared: Prepared,
    params: Mapping[str, Any],
    *,
    number: int = 0,
    seed: int = 0,
    threads: int = 1,
    on_fold: OnFold | None = None,
    should_stop: ShouldStop | None = None,
    deadline: float | None = None,
    frames: FoldFrames | None = None,
    keep: Path | None = None,
    earlier: TrialResult | None = None,
) -> TrialResult:
    """Fit and judge a pipeline fold by fold.

    A learner that can't fit is a failed trial with its reason; only a mistake of the user's (`TrainingError` about
    options) would be an exception, and was found before.

    Args:
        prepared: the table.
        params: of the pipeline.
        number: of the trial.
        seed: of its random numbers.
        threads: at most.
        on_fold: told each fold's position and value as it ends.
        should_stop: asked after each fold but the last, with all values so far.
        deadline: on the monotonic clock: fits that go step by step end there.
        frames: rows of the folds, kept for several trials of one process.
        keep: folder for what there is after each fold but the last, for whoever may have to end the process.
        earlier: the same pipeline after its first folds, with their models: it goes on with the next one, where it
            `continues` that.
    """
    began = time.monotonic()
    result, peak = TrialResult(number, dict(params), seed=seed), Peak()
    held = frames or FoldFrames(prepared)
    total, times = np.zeros(_shape(prepared)), np.zeros(prepared.frame.n)
    last = len(prepared.split.folds) - 1
    if earlier is not None and continues(prepared, params, seed, earlier):
        _take_up(prepared, result, earlier, total, times)
    ran = len(result.folds)
    try:
        for index, fold in enumerate(prepared.split.folds):
            if index < ran:
                if should_stop is not None and index + 1 == ran and index < last and should_stop(index, result.folds):
                    result.state, result.reason = "stopped", f"after {ran} of {last + 1} folds"
                    break
                continue
            _run_fold(prepared, result, held, index, fold, threads, deadline, total, times)
            if on_fold is not None:
                on_fold(index, result.folds[-1])
            if keep is not None and index < last:
                partial = replace(result, state="stopped", reason=f"ended after {index + 1} of {last + 1} folds")
                _judged(prepared, partial, total.copy(), times)
                partial.save(keep)
            if index < last and should_stop is not None and should_stop(index, list(result.folds)):
                result.state, result.reason = (
                    "stopped",
                    f"after {index + 1} of {last + 1} folds: others were better there",
                )
                break
        else:
            result.state = "succeeded"
    except MemoryError:
        result.state, result.reason = "failed", "it needs more memory than there is"
    except Exception as error:
        result.state, result.reason = "failed", _said(error)
    if result.state != "failed":
        _judged(prepared, result, total, times)
    result.seconds += time.monotonic() - began
    result.memory = peak.seen()
    return result


def continues(prepared: Prepared, params: Mapping[str, Any], seed: int, earlier: TrialResult) -> bool:
    """Whether a trial may go on from what an earlier one has left; else all its folds are run again.

    It has to be the same pipeline, over this very table with the same folds and options, with a model of each of its
    folds. What an older release has left does not say of which table it is.

    Args:
        prepared: the table.
        params: of the pipeline.
        seed: of its random numbers.
        earlier: after its first folds.
    """
    same = dict(earlier.params) == dict(params) and earlier.seed == seed
    whole = len(earlier.models) == len(earlier.folds) <= len(prepared.split.folds)
    return same and whole and earlier.table == prepared.digest and earlier.outputs.shape == _shape(prepared)


def _shape(prepared: Prepared) -> tuple[int, ...]:
    """Of predictions over the table's rows."""
    n = prepared.frame.n
    return (n,) if prepared.problem.kind == "regression" else (n, prepared.problem.outputs)


def _take_up(prepared: Prepared, result: TrialResult, earlier: TrialResult, total: Floats, times: Floats) -> None:
    """Begin a result with the folds of an earlier one; adds to the sums of outputs and to how often rows were held out.

    Only what `continues` may be taken up.
    """
    folds = prepared.split.folds[: len(earlier.folds)]
    for fold in folds:
        times[fold.valid] += 1
    total += np.where(np.isnan(earlier.outputs), 0.0, earlier.outputs) * times.reshape(-1, *[1] * (total.ndim - 1))
    result.folds, result.models = list(earlier.folds), list(earlier.models)
    result.iterations = list(earlier.iterations)
    result.seconds, result.scored = earlier.seconds, earlier.scored
    result.fit_seconds, result.score_seconds = earlier.fit_seconds, earlier.score_seconds


def _judged(prepared: Prepared, result: TrialResult, total: Floats, times: Floats) -> None:
    """Give a result its outputs and its value, from the sums of outputs and how often each row was held out."""
    there = times > 0
    total[there] /= times[there].reshape(-1, *[1] * (total.ndim - 1))
    total[~there] = np.nan
    result.outputs = total
    result.value = measured(prepared, total, result.folds)
    result.loss = prepared.problem.metric.as_loss(result.value)
    if not math.isfinite(result.value):
        result.state, result.reason = "failed", f"its {prepared.problem.metric.name} is not defined"
        result.loss = math.inf


class FoldFrames:
    """Rows of folds as frames, cut once a process; of large tables kept for one fold at a time."""

    KEPT = 400_000_000
    """Bytes of float64 that all folds of a process may keep."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._held: dict[int, Any] = {}
        size = sum(len(fold.train) + len(fold.valid) for fold in prepared.split.folds)
        self._keep = size * max(len(prepared.schema.fields), 1) * 8 <= self.KEPT

    def of(self, index: int) -> Any:
        """((frame, y, weights) to learn from, (frame, y, weights) held out) of a fold."""
        if index not in self._held:
            if not self._keep:
                self._held.clear()
            fold = self._prepared.split.folds[index]
            self._held[index] = (
                part(self._prepared, self._prepared.learned(fold.train)),
                part(self._prepared, fold.valid),
            )
        return self._held[index]


def part(prepared: Prepared, rows: NDArray[np.int64]) -> tuple[Any, NDArray[Any], Floats]:
    """(frame, y, weights) of some rows, weights balanced by class where that was asked for."""
    weights = prepared.weights_of(rows)
    y = prepared.y[rows]
    if prepared.options.balance == "balanced" and prepared.problem.classes and len(rows):
        shares = np.bincount(y, weights, minlength=len(prepared.problem.classes))
        there = shares > 0
        factors = np.where(there, shares.sum() / (max(there.sum(), 1) * np.where(there, shares, 1.0)), 0.0)
        weights = weights * factors[y]
    return prepared.frame.take(rows), y, weights


def _run_fold(
    prepared: Prepared, result: TrialResult, held: FoldFrames, index: int, fold: Fold, threads: int,
    deadline: float | None, total: Floats, times: Floats,
) -> None:  # fmt: skip
    from automl_core.tabular.pipeline import Pipeline
    from automl_core.tabular.plan import said

    (frame, y, weights), (valid, valid_y, valid_weights) = held.of(index)
    began = time.monotonic()
    params = {**said(prepared.options.featurization), **result.params}
    extra = tuple(prepared.options.learners)
    pipeline = Pipeline(prepared.problem, prepared.schema, params, result.seed + index, threads, extra)
    # what is left is shared among the folds that are left: a trial that is too long ends all of its folds sooner
    shared = None if deadline is None else began + max(deadline - began, 0.0) / (len(prepared.split.folds) - index)
    fitted = pipeline.fit(frame, y, weights, valid=(valid, valid_y, valid_weights), deadline=shared)
    fitted_at = time.monotonic()
    outputs = np.asarray(fitted.predict(valid), dtype=np.float64)
    if not np.isfinite(outputs).all():
        raise ArithmeticError("its predictions are not finite numbers")
    result.fit_seconds += fitted_at - began
    result.score_seconds += time.monotonic() - fitted_at
    result.scored += len(fold.valid)
    total[fold.valid] += outputs
    times[fold.valid] += 1
    result.models.append(fitted.document())
    result.iterations.append(getattr(fitted, "best_iteration", None))
    result.folds.append(prepared.problem.metric.score(prepared.y[fold.valid], outputs, prepared.weights_of(fold.valid)))


def measured(prepared: Prepared, outputs: Floats, folds: list[float] | None = None) -> float:
    """The metric of predictions of rows held out: averaged over folds where these are large enough, else pooled.

    Args:
        prepared: the table.
        outputs: over the table's rows, NaN of rows that were never held out.
        folds: values of the folds, where they are known already; of a single repeat all rows are measured anew.
    """
    split, metric = prepared.split, prepared.problem.metric
    ran = len(folds) if folds is not None else split.first
    parts = split.folds[: min(ran, split.first)]
    values: list[float] = []
    sizes: list[float] = []
    for fold in parts:
        rows = fold.valid
        if len(rows) < FOLD_ROWS:
            values = []
            break
        values.append(metric.score(prepared.y[rows], outputs[rows], prepared.weights_of(rows)))
        sizes.append(float(prepared.weights_of(rows).sum()))
    if values and np.isfinite(values).all() and sum(sizes) > 0:
        return float(np.average(values, weights=sizes))
    rows = held_out(outputs)
    return metric.score(prepared.y[rows], outputs[rows], prepared.weights_of(rows))


def counts(results: Sequence[TrialResult]) -> dict[str, int]:
    """How many trials there are, and how many of them did not come to an end of their own, by state."""
    states = [each.state for each in results]
    return {"trials": len(states), **{state: states.count(state) for state in ("failed", "skipped", "cancelled")}}


def held_out(outputs: Floats) -> NDArray[np.int64]:
    """Rows that were held out, by outputs over the table's rows: those of the others are NaN."""
    return np.flatnonzero(np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1))


def _said(error: Exception) -> str:
    """An error in a line: the learner's own words, its kind before them."""
    text = " ".join(str(error).split())[:300]
    name = type(error).__name__
    return text if name in ("CannotFit", "TrainingError") and text else f"{name}: {text}" if text else name
