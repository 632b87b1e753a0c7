"""The winner fitted on all rows: features of the sample, trees of everything."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.sources import source_of
from automl_core.tabular import roles
from automl_core.tabular.large.pieces import Pieces
from automl_core.tabular.large.spool import Spool, sequence
from automl_core.tabular.pipeline import FittedPipeline
from automl_core.training.problems import TrainingError

STREAMING = ("lightgbm",)
"""Learners that can be fitted without all rows in memory."""

BOLDEST = 0.3
"""The learning rate up to which trees become bolder where time is short."""

ENOUGH = 0.6
"""The share of what a winner's trees learn (number times rate) without which it is no better for all rows."""

Mask = NDArray[np.bool_]
Excluded = Callable[[Any, NDArray[np.int64]], Mask]
"""Given a piece and its rows' positions, which of them are not to be learned from: the test part's."""


@dataclass(frozen=True)
class Refit:
    """A pipeline that has learned from all rows.

    Attributes:
        fitted: as one of rows in memory.
        rows: it learned from.
        left_out: rows without a target, of an unknown class, without weight, or of the test part.
        steps: trees.
    """

    fitted: FittedPipeline
    rows: int
    left_out: int
    steps: int


def refit(
    source: Any, fitted: FittedPipeline, *, weight: str | None = None, factors: NDArray[np.float64] | None = None,
    excluded: Excluded | None = None, deadline: float | None = None, folder: Path | None = None,
) -> Refit:  # fmt: skip
    """Fit a pipeline's trees on all rows of a data set, reading it in pieces.

    The matrix goes to a file of 8 bytes a value; in memory are its bins (a byte each), target, weights and gradients.

    Args:
        source: the place of files, or `Pieces`.
        fitted: on a sample: its features, parameters and number of trees.
        weight: column of weights.
        factors: (classes,) what rows of each class weigh beside that.
        excluded: tells rows that must not be learned from.
        deadline: on the monotonic clock: where it comes near, trees become fewer and bolder.
        folder: for the matrix; None: a temporary one. It needs 8 bytes × rows × columns of the matrix.

    Raises:
        TrainingError: the learner can't, there is no room on the disk, no row is left, or the time was over before
            enough was learned.
    """
    learner = fitted.pipeline.learner
    if learner.name not in STREAMING:
        raise TrainingError(f"{learner.title} needs all rows in memory; those that don't: {', '.join(STREAMING)}")
    pieces = source if isinstance(source, Pieces) else Pieces.of(source)
    with tempfile.TemporaryDirectory(prefix="automl-rows-", dir=folder) as home:
        count, _ = pieces.rows()
        needed, free = 8 * count * max(fitted.columns, 1), shutil.disk_usage(home).free
        if needed > 0.9 * free:
            raise TrainingError(
                f"fitting on all {count:,} rows takes {needed / 2**30:.1f} GiB of disk in {home}, where "
                f"{free / 2**30:.1f} GiB are free: set TMPDIR to a place with more"
            )
        spool = Spool(Path(home) / "matrix", fitted.columns)
        try:
            y, weights, left_out = _spooled(pieces, fitted, weight, factors, excluded, spool)
            if not spool.rows:
                raise TrainingError("no row is left to learn from")
            booster, steps = _trained(fitted, spool, y, weights, deadline)
        finally:
            spool.close()
    made = type(fitted.fitted)(booster, steps, fitted.view.problem)  # type: ignore[call-arg]
    return Refit(replace(fitted, fitted=made), len(y), left_out, steps)


def _spooled(
    pieces: Pieces,
    fitted: FittedPipeline,
    weight: str | None,
    factors: NDArray[np.float64] | None,
    excluded: Excluded | None,
    spool: Spool,
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, int]:
    """Write the matrix; give target and weights of its rows, and how many rows are not in it."""
    problem, schema = fitted.pipeline.problem, fitted.pipeline.schema
    targets: list[NDArray[np.float32]] = []
    weights: list[NDArray[np.float32]] = []
    left_out = seen = 0
    see = getattr(excluded, "see", None)
    if see is not None:  # groups of the test part have to be known before the first row is learned from
        for batch in pieces.read():
            source = source_of(batch)
            see(source, seen + np.arange(source.rows))
            seen += source.rows
        seen = 0
    for batch in pieces.read():
        source = source_of(batch)
        y, known = roles.y_of(source, problem)
        positions = seen + np.arange(source.rows)
        seen += source.rows
        own = source.column(weight).numbers() if weight is not None else None
        if own is not None:
            if (own < 0).any():
                raise TrainingError(f"weight: {weight!r} is negative in a row up to {seen:,}; allowed: 0 and above")
            known = known & (own > 0)  # a missing weight is not above 0
        if factors is not None:
            own = (np.ones(source.rows) if own is None else own) * factors[np.maximum(y, 0)]
        if excluded is not None:
            known = known & ~excluded(source, positions)
        shown = fitted.view.positions(y)
        if fitted.view.classes is not None:
            known = known & (shown >= 0)
        rows = np.flatnonzero(known)
        left_out += source.rows - len(rows)
        if not len(rows):
            continue
        spool.append(fitted.features.apply(schema.read(source).take(rows)).values)
        targets.append(shown[rows].astype(np.float32))
        if own is not None:
            weights.append(own[rows].astype(np.float32))
    spool.finish()
    if not targets:
        return np.empty(0, np.float32), None, left_out
    return np.concatenate(targets), np.concatenate(weights) if weights else None, left_out


def _trained(
    fitted: FittedPipeline, spool: Spool, y: NDArray[np.float32], weights: NDArray[np.float32] | None,
    deadline: float | None,
) -> tuple[Any, int]:  # fmt: skip
    from automl_core.tabular.learners import lightgbm as learner

    library = learner.library()
    pipeline = fitted.pipeline
    options, steps = learner.options_of(
        pipeline.learner.settled(pipeline.of_learner()),
        fitted.view.problem,
        pipeline.seed,
        pipeline.threads,
        spool.rows,
    )
    if weights is not None:
        weights = weights / weights.mean(dtype=np.float64).astype(np.float32)
    categorical = [int(each) for each in np.flatnonzero(_categorical(fitted))]
    data = library.Dataset(
        sequence(spool, library), y, weight=weights, categorical_feature=categorical, params=options, free_raw_data=True
    )
    booster = library.Booster(options, data)
    rate = float(options["learning_rate"])
    wanted, learned, done, began = steps * rate, 0.0, 0, time.monotonic()
    pace = rate
    while learned < wanted - 1e-9:
        finished = booster.update()
        done, learned = done + 1, learned + pace
        if finished:
            break
        if deadline is not None:
            now = time.monotonic()
            if now >= deadline:
                break
            # what is left to learn, by the trees that there is time for: fewer and bolder ones
            trees = max((deadline - now) * done / max(now - began, 1e-9), 1.0)
            bolder = min(max((wanted - learned) / trees, rate), max(BOLDEST, rate))
            if abs(bolder - pace) > 0.05 * pace:
                pace = bolder
                booster.reset_parameter({"learning_rate": pace})
    if learned < ENOUGH * wanted and not finished:
        raise TrainingError(
            f"the time was over after {done} trees, which have learned {learned / wanted:.0%} of what they were to"
        )
    return booster.free_dataset(), done


def _categorical(fitted: FittedPipeline) -> NDArray[np.bool_]:
    """Which columns of the matrix are categories, as its features say of no row at all."""
    empty = fitted.pipeline.schema.read([])
    return np.asarray(fitted.features.apply(empty).categorical)
