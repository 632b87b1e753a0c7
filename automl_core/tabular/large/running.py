"""A run on a table larger than memory: sample, learning curve, search, a fit on all rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular import meaning
from automl_core.tabular.api import Model
from automl_core.tabular.conclude import conclude
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.finals import Finals, finals, settled
from automl_core.tabular.large.curve import QUICK
from automl_core.tabular.large.pieces import NotInPieces, Pieces
from automl_core.tabular.large.refit import STREAMING, refit
from automl_core.tabular.large.sampled import FOR_SEARCH, sampled
from automl_core.tabular.large.sampling import Counts
from automl_core.tabular.large.size import Size
from automl_core.tabular.options import Options
from automl_core.tabular.pipeline import Pipeline
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.searching import Search
from automl_core.tabular.trial import TrialResult, part, run_trial
from automl_core.training.problems import TrainingError

TEST = 0.1
"""The share of the sample that no search sees, where the user says none."""


def run(
    data: Any, size: Size, options: Options, *, validation_data: Any, test_data: Any, folder: Path, deadline: Deadline,
    progress: Callable[[TrialResult], None] | None = None,
) -> Model:  # fmt: skip
    """Find a model by a sample, and fit it on all rows.

    Args:
        data: the place of files.
        size: what `estimate` said of it.
        options, validation_data, test_data, progress: as for `automl_core.tabular.fit`.
        folder: for the search and the model.
        deadline: of everything.

    Raises:
        NotInPieces: the rows can't be read in pieces.
        TrainingError: no learner that is allowed can be fitted in pieces, or what the user said doesn't fit.
    """
    from automl_core.tabular.running import spaces
    from automl_core.tabular.warming import warm

    began = time.monotonic()
    meaning.own_sets(options, validation_data, test_data)
    pieces = Pieces.of(data)
    options = allowed(options, size)
    drawn = sampled(
        pieces, size, options, validation_data=validation_data, test_data=test_data, deadline=deadline
    )  # fmt: skip
    prepared = drawn.prepared
    times = {"sample": time.monotonic() - began}
    searched = Deadline.of(deadline.seconds)
    if deadline.end is not None:
        # the clock of the whole goes on: what is left is shared between the search and the fit on all rows
        searched = Deadline(
            time.monotonic() + FOR_SEARCH * deadline.left_for_all(), FOR_SEARCH * deadline.left_for_all()
        )
    space, portfolio = spaces(prepared)
    warm(portfolio)
    trials = folder / "trials"
    outcome = Search(prepared, trials, searched, space=space, portfolio=portfolio, on_trial=progress).run()
    times["search"] = time.monotonic() - began - times["sample"]
    results = at_least_one(prepared, outcome.results, trials)
    concluded = conclude(
        prepared, results, folder=folder / "model", trials=trials, deadline=deadline, why=outcome.why,
        members=drawn.members(pieces, fitted_on_all), made={"rows": drawn.counts.rows}, times=times,
    )  # fmt: skip
    return Model(concluded.folder, concluded.report, concluded.scorer, prepared.problem.classes)


def allowed(options: Options, size: Size) -> Options:
    """The options of a search whose winner can be fitted in pieces.

    Raises:
        TrainingError: the user wants learners that can't.
    """
    able = [name for name in STREAMING if name not in options.blocked]
    if options.allowed is not None:
        able = [name for name in able if name in options.allowed]
    if not able:
        raise TrainingError(
            f"the table ({size}) takes about {size.needed / 2**30:.1f} GiB in memory, more than may be used; in "
            "pieces"
            f" only {', '.join(STREAMING)} can learn from all rows, which is not allowed here. Allow it, raise "
            "memory=…,"
            " or give fewer rows"
        )
    share = options.test_share if options.test_share is not None else TEST
    return options.replaced(allowed=tuple(able), ensemble=1, test_share=share)


def refused(error: NotInPieces, size: Size) -> TrainingError:
    """Why a table that does not fit can't be learned from."""
    return TrainingError(f"the table ({size}) does not fit into memory, and {error}")


def at_least_one(
    prepared: Prepared, results: Sequence[TrialResult], trials: Path, *, others: Sequence[TrialResult] = ()
) -> list[TrialResult]:
    """Results of which one is usable: where the machine was slower than the curve said, the curve's own pipeline.

    Args:
        prepared: the sample.
        results: of trials.
        trials: where they lie.
        others: trials that are not to be chosen from, whose numbers are taken.
    """
    if any(each.usable for each in results):
        return list(results)
    options = prepared.options
    number = 1 + max((each.number for each in (*results, *others)), default=-1)
    last = run_trial(prepared, QUICK, number=number, seed=options.seed, threads=options.threads)
    last.save(trials)
    return [*results, last]


def fitted_on_all(
    prepared: Prepared, chosen: Sequence[tuple[TrialResult, float]], trials: Path, deadline: Deadline, pieces: Pieces,
    counts: Counts, skip: Any,
) -> Finals:  # fmt: skip
    """The winner, fitted on all rows in pieces; as the search has left it where that can't be done, which is said."""
    result = TrialResult.load(trials, chosen[0][0].number, prepared.problem)
    params = settled(prepared, result)
    pipeline = Pipeline(
        prepared.problem, prepared.schema, params, seed=result.seed, threads=prepared.options.threads
    )  # fmt: skip
    try:
        # features are learned from the sample; its trees are of no use
        short = replace(pipeline, params={**params, f"{pipeline.learner.name}.{pipeline.learner.steps}": 1})
        fitted = replace(short.fit(*part(prepared, prepared.learned(prepared.rows))), pipeline=pipeline)
        until = None if deadline.end is None else time.monotonic() + 0.85 * max(deadline.left_for_all(), 0.1)
        done = refit(
            pieces,
            fitted,
            weight=prepared.options.weight,
            factors=_factors(prepared, counts),
            excluded=skip,
            deadline=until,
        )
    except (TrainingError, OSError) as error:
        made = finals(prepared, chosen, trials, deadline)
        made.notes.append(f"the model has learned from the sample alone: {error}")
        return made
    document = done.fitted.document()
    assert document is not None  # trees of LightGBM always have one
    note = (
        f"the winner (trial {result.number}, {pipeline.learner.title}) was fitted on {done.rows:,} of all "
        f"{counts.rows:,} rows, read in pieces, with {done.steps} trees"
    )
    notes = [note]
    if done.left_out:
        notes.append(f"{done.left_out:,} rows were left out: those to test on, and those without a target or a weight")
    return Finals([{"weight": 1.0, **document}], "refit", [(result.number, 1.0)], notes)


def _factors(prepared: Prepared, counts: Counts) -> NDArray[np.float64] | None:
    """For each class what its rows weigh, where classes are to be balanced."""
    if prepared.options.balance != "balanced" or not prepared.problem.classes:
        return None
    rows = np.array([counts.classes.get(name, 0) for name in prepared.problem.classes], dtype=np.float64)
    return np.where(rows > 0, rows.sum() / (len(rows) * np.maximum(rows, 1)), 0.0)
