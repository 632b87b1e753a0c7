"""A whole run in one process: prepare, search, conclude, within the deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from automl_core.tabular.api import Model
from automl_core.tabular.conclude import conclude
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.large import estimate
from automl_core.tabular.options import Options
from automl_core.tabular.prepared import Prepared, prepare
from automl_core.tabular.searching import Outcome, Search
from automl_core.tabular.trial import TrialResult


def run(
    data: Any,
    options: Options,
    *,
    validation_data: Any,
    test_data: Any,
    folder: Path,
    began: float,
    progress: Callable[[TrialResult], None] | None = None,
) -> Model:
    """See `automl_core.tabular.api.fit`.

    Args:
        data, options, validation_data, test_data, progress: as there.
        folder: for the search (``trials``) and the model (``model``).
        began: when it was called, on the monotonic clock.
    """
    from automl_core.tabular.warming import warm, warm_first

    deadline = Deadline.of(options.deadline, began=began)
    now, cpu = time.monotonic(), time.process_time()
    size = estimate(data)
    if size is not None and not size.fits(options.memory):
        from automl_core.tabular.large import running as in_pieces

        return in_pieces.run(
            data, size, options, validation_data=validation_data, test_data=test_data, folder=folder,
            deadline=deadline, progress=progress,
        )  # fmt: skip
    prepared = prepare(data, options, valid=validation_data, test=test_data)
    deadline.planned(prepared.frame.n, prepared.problem.outputs, _slowness(now, cpu))
    prepared_at = time.monotonic()
    trials = folder / "trials"
    outcome = Outcome(why="there is nothing to learn")
    if prepared.learnable and prepared.split.folds:
        space, portfolio = spaces(prepared)
        outcome = Search(
            prepared, trials, deadline, space=space, portfolio=portfolio, warm=lambda: warm(portfolio),
            early=bool(portfolio) and warm_first(portfolio[0]), on_trial=progress,
        ).run()  # fmt: skip
    times = {"prepare": prepared_at - began, "search": time.monotonic() - prepared_at}
    concluded = conclude(
        prepared,
        outcome.results,
        folder=folder / "model",
        trials=trials,
        deadline=deadline,
        why=outcome.why,
        times=times,
    )
    return Model(concluded.folder, concluded.report, concluded.scorer, prepared.problem.classes)


def _slowness(began: float, cpu: float) -> float:
    """Seconds of the clock for a second of CPU since then: reading and preparing wait for nothing else."""
    spent = time.process_time() - cpu
    return (time.monotonic() - began) / spent if spent > 0.05 else 1.0


def spaces(prepared: Prepared) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The space of a table's pipelines under its options, and what is tried first."""
    from automl_core.tabular.shape import Shape
    from automl_core.tabular.space import portfolio, space

    options = prepared.options
    rows = max((len(fold.train) for fold in prepared.split.folds), default=len(prepared.rows))
    shape = Shape.of(prepared.schema, prepared.problem, rows, prepared.y[prepared.rows])
    searched = options.featurization == "auto"
    whole = space(shape, allowed=options.allowed, blocked=options.blocked, extra=options.learners, features=searched)
    first = portfolio(shape, allowed=options.allowed, blocked=options.blocked, extra=options.learners)
    if options.selection is True and searched:
        whole.setdefault("features.keep", {"type": "uniform", "low": 0.1, "high": 1.0, "default": 1.0})
        first = [{"features.keep": 1.0, **params} for params in first]
    gone = {"features.keep"} if options.selection is False else set()
    if not searched:
        gone |= {name for params in first for name in params if name.startswith("features.")}
    # what is not searched has its default
    whole = {name: each for name, each in whole.items() if name not in gone}
    return whole, [{name: value for name, value in params.items() if name not in gone} for params in first]
