"""Whether what a user says has a meaning for this table: found once, before the search, and not by every trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.values import Schema
from automl_core.tabular import plan, threshold
from automl_core.tabular.options import Options
from automl_core.tabular.problem import Problem
from automl_core.training.problems import TrainingError, nearest


def own_sets(options: Options, valid: Any, test: Any) -> None:
    """See that sets of the user's own and what is said of drawn ones don't contradict each other.

    Raises:
        TrainingError: they do; names both.
    """
    if valid is not None:
        said = [name for name in ("folds", "repeats", "valid_share") if getattr(options, name) not in (None, 1)]
        if options.validation not in ("auto", "own"):
            said.insert(0, f"validation: {options.validation}")
        if said:
            raise TrainingError(f"{said[0]}: there is a validation set of your own, which all pipelines are judged by")
    if test is not None and options.test_share:
        raise TrainingError("test_share: there is a test set of your own, so no part of the rows is kept for it")


def columned(options: Options, schema: Schema, names: Sequence[str]) -> None:
    """See that what is said of columns one by one is possible for them: once, not in every trial.

    Args:
        options: as said.
        schema: of the columns that are learned from.
        names: of all columns of the table.

    Raises:
        TrainingError: there is no such column, it has another role, or its kind has no such features.
    """
    if isinstance(options.featurization, str):
        return
    for name, ways in options.featurization.items():
        if name not in names:
            raise TrainingError(f"featurization: the rows have no column {name!r}{nearest(name, names)}")
        if name not in schema:
            raise TrainingError(
                f"featurization: {name!r} is not learned from: it is the target, a weight, a group, an id or ignored"
            )
        plan.check_ways(f"featurization: {name}", ways, schema[name].kind)


def wanted(options: Options, found: list[dict[str, Any]], drop: set[str], notes: list[str]) -> set[str]:
    """What the guardrails take out, less the columns whose features the user names: those are wanted.

    Args:
        options: as said.
        found: the guardrails' findings; those about wanted columns say what was done.
        drop: what they take out.
        notes: what is done is added.
    """
    if isinstance(options.featurization, str):
        return drop
    kept = {name for name, ways in options.featurization.items() if ways not in ("drop", ["drop"])} & drop
    found[:] = [part for each in found for part in _parted(each, kept)]
    notes.extend(
        f"column {name!r} is learned from in spite of the guardrails: see featurization" for name in sorted(kept)
    )
    return drop - kept


def _parted(finding: dict[str, Any], kept: set[str]) -> list[dict[str, Any]]:
    """A finding whose columns are dropped; where some of these are kept after all, a second one of them alone."""
    those = [name for name in finding["drop"] if name in kept]
    if not those:
        return [finding]
    gone = [name for name in finding["drop"] if name not in kept]
    done = "it is learned from all the same: featurization says what becomes of it"
    if not gone:
        return [{**finding, "done": done, "drop": []}]
    others = [name for name in finding["columns"] if name not in those]
    return [{**finding, "columns": others, "drop": gone}, {**finding, "columns": those, "done": done, "drop": []}]


def unused(options: Options, in_time: bool) -> list[str]:
    """What was said and does not count for the split that follows from the data, in words.

    Args:
        options: as said.
        in_time: whether rows are split by time, whose parts have a share and a number.
    """
    several = bool(options.folds) or (options.repeats or 1) > 1
    if options.validation != "auto" or options.valid_share is None or in_time or not several:
        return []
    return ["valid_share is left unused, since folds or repeats ask for folds: validation: monte-carlo takes both"]


def left(options: Options, schema: Schema) -> Options:
    """Options that say nothing more of columns that the guardrails, or a group that was found, took out."""
    if isinstance(options.featurization, str) or all(name in schema for name in options.featurization):
        return options
    kept = {name: ways for name, ways in options.featurization.items() if name in schema}
    return options.replaced(featurization=kept or "auto")


def fitting(options: Options, problem: Problem) -> None:
    """See that what was said has a meaning for what is predicted: before the search, not after it.

    Raises:
        TrainingError: it has none; says what to do.
    """
    classes = problem.classes
    if not classes:
        for name, given in (
            ("costs", bool(options.costs)),
            ("balance: balanced", options.balance != "none"),
            (f"threshold: {options.threshold}", options.threshold in ("metric", "costs")),
            ("calibrate: true", options.calibrate is True),
        ):
            if given:
                raise TrainingError(
                    f"{name} is for classes, and {problem.target} is a number: leave it out, or say "
                    "task: classification"
                )
        return
    if options.threshold == "metric" and (len(classes) > 2 or problem.metric.needs != "labels"):
        raise TrainingError(
            f"threshold: metric is for two classes and a metric of labels (accuracy, f1, …); {problem.target} has "
            f"{len(classes)} classes and is judged by {problem.metric.name}; allowed here: auto, "
            f"{'costs, ' if options.costs else ''}none"
        )
    if options.costs:
        try:
            (threshold.for_costs if len(classes) == 2 else threshold.matrix_of_costs)(options.costs, classes)
        except ValueError as error:
            raise TrainingError(str(error)) from None


def measurable(problem: Problem, y: NDArray[Any], rows: NDArray[np.int64], most: int = 1_000) -> None:
    """See that the metric can be computed: of predictions that are right, or nearly, for rows of every class.

    A function of the user's own is given what a good model would say. Certain probabilities and no error at all, which
    no model comes to, may be what it divides by or takes the logarithm of.

    Args:
        problem: whose metric; that of a function of the user's own may raise anything.
        y: (n,) of the whole table.
        rows: those with a target.
        most: rows that are measured, and one of each class.

    Raises:
        TrainingError: it can't be, with the function's own reason.
    """
    taken = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)]
    metric, classes = problem.metric, len(problem.classes)
    if classes:
        taken = np.unique(np.concatenate([taken, rows[np.unique(y[rows], return_index=True)[1]]]))
    truth = y[taken]
    right = np.eye(problem.outputs)[truth] if metric.needs == "probabilities" else truth
    if metric.own:
        right = _softened(right, metric.needs)
    try:
        value = metric.score(truth, right, np.ones(len(taken)))
    except Exception as error:
        raise TrainingError(
            f"metric: {metric.name} can't measure good predictions of this table: {type(error).__name__}: {error}"
        ) from error
    if not np.isfinite(value) and len(np.unique(truth)) > 1:  # of one value alone there is nothing to learn
        below = f", whose least value is {truth.min():g}" if not classes else ""
        raise TrainingError(f"metric: {metric.name} is not defined for {problem.target}{below}; take another one")


def _softened(right: NDArray[Any], needs: str) -> NDArray[Any]:
    """Right predictions, a little less so: probabilities of 0.9, and numbers a tenth nearer to the middle.

    Numbers stay within the range of the target, and none is met exactly where there are two.
    """
    if needs == "probabilities":
        others = max(right.shape[1] - 1, 1)
        return np.asarray(0.9 * right + 0.1 / others * (1 - right))
    if needs != "numbers" or not len(right):
        return right
    low, high = float(right.min()), float(right.max())
    towards = np.where(right < (low + high) / 2, high, low)
    return np.asarray(right + 0.1 * (towards - right))
