"""How large a sample has to be: until twice the rows bring next to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_core.tabular.deadline import Deadline

if TYPE_CHECKING:
    from automl_core.tabular.prepared import Prepared

SMALLEST = 20_000
TRIALS = 8
"""Trials for which a search has to have time: more rows than that allows make it worse."""

TRIAL = 6.0
"""Times as long as a fit of the curve, of a hundred trees, a trial takes."""

QUICK = {"learner": "lightgbm", "lightgbm.iterations": 100, "lightgbm.learning_rate": 0.1}
"""The pipeline that the curve is of."""

ENOUGH = 0.01
"""The share of the loss by which twice the rows have to better it, to be worth their time."""


@dataclass(frozen=True)
class Curve:
    """A learning curve.

    Attributes:
        points: (rows, loss on rows held out), from few to many.
        rows: how many a search is to have.
        why: in words.
    """

    points: tuple[tuple[int, float], ...]
    rows: int
    why: str

    def as_json(self) -> dict[str, Any]:
        """For the report."""
        return {"points": [list(point) for point in self.points], "rows": self.rows, "why": self.why}


def curve(prepared: Prepared, deadline: Deadline, *, share: float = 0.15, search: float = 0.45) -> Curve:
    """Fit LightGBM to ever more rows until it gets no better, or a search on them would have no time.

    Args:
        prepared: all rows that were sampled.
        deadline: of which the curve may take a share.
        share: of what is left.
        search: the share that a search will have.
    """
    from automl_core.tabular.pipeline import Pipeline

    rows = np.random.default_rng(prepared.options.seed).permutation(prepared.learned(prepared.rows))
    if len(rows) < 2 * SMALLEST:
        return Curve((), len(rows), f"all {len(rows):,} sampled rows: they are few")
    judges = rows[: max(min(len(rows) // 5, 50_000), 1000)]
    rest = rows[len(judges) :]
    params = QUICK
    until = deadline.clock() + share * min(deadline.left(), 1e9)
    points: list[tuple[int, float]] = []
    count = SMALLEST
    while True:
        count = min(count, len(rest))  # the last step is one and a half times the one before at least
        some = rest[:count]
        pipeline = Pipeline(prepared.problem, prepared.schema, params, seed=prepared.options.seed)
        began = deadline.clock()
        fitted = pipeline.fit(prepared.frame.take(some), prepared.y[some], prepared.weights_of(some), deadline=until)
        outputs = fitted.predict(prepared.frame.take(judges))
        metric = prepared.problem.metric
        given = outputs if metric.needs != "labels" else outputs.argmax(axis=1)
        points.append((count, float(metric.loss(prepared.y[judges], given, prepared.weights_of(judges)))))
        took = deadline.clock() - began
        if len(points) > 1:
            before, now = points[-2][1], points[-1][1]
            gain = (before - now) / abs(before) if before else 0.0
            if gain < ENOUGH:
                return Curve(tuple(points), count, f"{count:,} rows: half as many are worse by {max(gain, 0):.1%} only")
        if took * TRIAL * TRIALS > search * deadline.left_for_all():
            enough = max(int(count * search * deadline.left_for_all() / (took * TRIAL * TRIALS)), SMALLEST)
            if enough < count:
                return Curve(tuple(points), enough, f"{enough:,} rows: on more, the time would not do for a search")
        if 1.5 * count > len(rest):
            return Curve(tuple(points), len(rows), f"all {len(rows):,} sampled rows: more rows still make it better")
        if deadline.clock() + 2.2 * took > until:
            return Curve(tuple(points), count, f"{count:,} rows: the time for finding out how many are needed was over")
        count *= 2
