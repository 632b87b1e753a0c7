"""What a group that is known already usually is above or below what its columns say.

Where rows come in groups that are followed in time (states, shops, people over years), two kinds of new rows may be
asked for: those of new groups, and later ones of groups that are known. Validation is by groups, since a model that
learns a group's name is worth nothing for the first kind; so the name is not learned from. For the second kind it says
much. Here it comes back as a random intercept beside the model: each known group's mean residual, where the model had
not learned from that group, drawn towards nothing by how few rows it has and how little groups differ (best linear
unbiased prediction: Henderson, Biometrics 31 (1975), p. 423; Robinson, Statistical Science 6 (1991), p. 15). A group
that training did not know gets nothing, so the first kind of rows is answered as before. Of classes the residuals are
those of probabilities, as a linear probability model has them: a model file's members are a mean of probabilities,
which has no place for log odds to be added. What leaves 0 to 1 by it is pressed back in order (`Edge`).

How much of it holds for later rows is asked of the rows themselves: the best pipeline is fitted on the earlier ones,
and the later ones' residuals are set against the groups' intercepts of the earlier ones. A level may move: which rows
tell it best is asked of the same fit and of one more, on the first of the earlier rows (`automl_core.tabular.levels`).
Where nothing puts a group's rows in order, halves drawn at random stand for earlier and later ones, and no fit is
needed. What does not clearly hold is left.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.calibration import calibrated
from automl_core.modelfile.scoring.values import Schema
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.levels import LEAST, Forecast, Rows, levels
from automl_core.tabular.metrics.probabilities import log_loss
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.selection import Selection
from automl_core.tabular.trial import part
from automl_core.tabular.validation import split

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

EARLIER = 2 / 3
"""Of the rows, in their order in time: what the others' residuals are set against."""

MOST = 50_000
"""Groups, above which they get none: each is named in the model's file, and in every statement of SQL made of it."""

SURE = 2.0
"""Standard errors, over groups, that the share has to be above nothing."""

SPARE = 2.0
"""Seconds of the deadline that a fit here leaves for writing and checking the model."""


EDGES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
"""Of probabilities, how far from 0 and 1 they are taken as they are; which is asked of later rows."""

COST = 0.001
"""Share of the log loss of new groups that an edge may cost at most: it is pressed on their certain rows too."""


@dataclass(frozen=True)
class Edge:
    """Where sums of probabilities and intercepts end up: between 0 and 1, each order kept.

    A sum from ``width`` to 1 - ``width`` stays; beyond, down to -1 and up to 2, a straight line leads on to a tenth of
    the width from 0 and 1. So it is a rank's too that what is surer stays surer, and nothing is ever certain.

    Attributes:
        width: of the edge, above 0 and below a half.
    """

    width: float

    @property
    def curve(self) -> tuple[Floats, Floats]:
        """The line's points: sums, and what becomes of them."""
        rest = self.width / 10
        return np.array([-1.0, self.width, 1 - self.width, 2.0]), np.array([rest, self.width, 1 - self.width, 1 - rest])

    def pressed(self, sums: Floats) -> Floats:
        """(n, K) sums that add up to 1 → (n, K) probabilities, as the model file's calibration makes them."""
        return calibrated(self.document(sums.shape[1]), sums)

    def placed(self, probability: float) -> float:
        """Where a threshold for sums comes to lie: it parts the same rows."""
        return float(np.interp(probability, *self.curve))

    def document(self, classes: int) -> dict[str, Any]:
        """The calibration of a model file."""
        x, y = self.curve
        if classes == 2:
            return {"type": "isotonic", "x": x, "y": y}
        return {"type": "isotonic", "x": [x] * classes, "y": [y] * classes}


@dataclass(frozen=True)
class Effect:
    """Intercepts of known groups.

    Attributes:
        column: that names the groups.
        levels: texts of the groups that have one; others are answered as new ones.
        values: (levels, K) what is added to a prediction: one number, or one for each class.
        share: of the groups' own intercepts, what held for later rows.
        gain: what it did to the metric of later rows, in words.
        low: what a predicted number never is below: 0 where no row's target is negative.
        edge: of probabilities; None of numbers.
        in_time: whether it held for later rows; else for others.
        others: groups of the search's rows that have none: all of their rows were learned from, none held out.
        discount: what a residual counted for each later moment of its group; 1: all the same.
        forecast: whether they are what a group's latest rows were above their forecast.
    """

    column: str
    levels: tuple[str, ...]
    values: Floats
    share: float
    gain: str
    low: float | None = None
    edge: Edge | None = None
    in_time: bool = True
    others: int = 0
    discount: float = 1.0
    forecast: bool = False

    @property
    def calibration(self) -> dict[str, Any] | None:
        """What a model file does with its members' mean."""
        if self.edge is not None:
            return self.edge.document(self.values.shape[1])
        return None if self.low is None else {"type": "clip", "low": self.low, "high": None}

    @property
    def why(self) -> str:
        """In words, for the report."""
        return (
            f"a row of a {self.column} that training knew gets what its {self.column} usually is above others or below"
            + (" in its latest rows, beyond what a forecast said of them" if self.forecast else "")
            + ("" if self.discount == 1.0 else f", each earlier moment counting {self.discount:g} of the next")
            + f" ({self.share:.0%} of it, which held for {'later rows' if self.in_time else 'other rows of it'}:"
            f" {self.gain}); a new one gets none"
            + (f", as the {self.others:,} of which no row was held out" if self.others else "")
            + ("" if self.low is None else f". No prediction is below {self.low:g}, as no target was")
        )


def learn(prepared: Prepared, selection: Selection, deadline: Deadline) -> Effect | None:
    """The intercepts of the table's groups; None where there are none, or they don't clearly help later rows.

    Args:
        prepared: the table; its ``panel`` says which column and which order.
        selection: the chosen trials, and their predictions of rows of groups that they had not learned from.
        deadline: in time it takes two more fits; without time for the first nothing is done. So do the groups of which
            no row was held out; without time for that they get none.
    """
    panel = prepared.panel
    if panel is None or selection.outputs is None or not selection.chosen:
        return None
    coded = prepared.frame.coded(panel.field.name)
    if len(coded.levels) > MOST:
        return None
    said, known_of = _of_the_rest(prepared, selection, deadline)
    rows = known_of[(coded.codes[known_of] >= 0) & np.isin(known_of, prepared.rows)]
    if panel.order is not None:
        rows = rows[np.isfinite(panel.order[rows])]
        cut = _cut(panel.order[rows])
    else:
        cut = np.random.default_rng(prepared.options.seed).random(len(rows)) < 0.5
    if cut is None:
        return None
    codes, count = coded.codes.astype(np.int64), len(coded.levels)
    earlier, later = rows[~cut], rows[cut]
    there = np.isin(codes[later], codes[earlier])
    if there.sum() < LEAST:
        return None
    outputs = said[later] if panel.order is None else _fitted(prepared, selection, earlier, later, deadline)
    if outputs is None:
        return None
    residuals = _residuals(prepared, later, outputs)
    of_all = Rows(
        codes[rows], count, None if panel.order is None else panel.order[rows], _residuals(prepared, rows, said[rows])
    )
    last = Forecast(np.flatnonzero(~cut), np.flatnonzero(cut), residuals)
    found = levels(of_all, last, _before(prepared, selection, rows, last, deadline))
    known = found.before[codes[later]]
    share = _share(known[there], residuals[there], codes[later][there])
    if not share:
        return None
    metric, weights = prepared.problem.metric, np.ones(len(later))
    values = share * found.now
    edge, low = None, None
    if prepared.problem.classes:
        sums = outputs + share * known
        edge = _edge(prepared.y[later], sums, prepared.y[rows], said[rows])
        if edge is None:
            return None
        mended = edge.pressed(sums)
    else:
        low = 0.0 if prepared.y[prepared.learned(prepared.rows)].min() >= 0 else None
        mended = np.maximum(outputs + share * known[:, 0], -np.inf if low is None else low)
    before = metric.tried(prepared.y[later], outputs, weights)
    after = metric.tried(prepared.y[later], mended, weights)
    if not metric.as_loss(after) < metric.as_loss(before):
        return None
    named = np.flatnonzero(values.any(axis=1))  # of groups that lie outside of what was held out nothing is known
    return Effect(
        panel.field.name, tuple(coded.levels[each] for each in named.tolist()), values[named], share,
        f"{metric.name} {before:.4g} → {after:.4g}", low, edge, panel.order is not None,
        len(np.setdiff1d(codes[prepared.rows], [-1, *codes[rows]])), found.discount, found.forecast,
    )  # fmt: skip


def _of_the_rest(prepared: Prepared, selection: Selection, deadline: Deadline) -> tuple[Floats, Codes]:
    """What is said of rows by models that had not learned from their groups, and which rows these are.

    Folds hold out each group. A single part held out (of large tables) has a tenth of them: of the rest the best
    pipeline is asked, fitted on one half of the groups for the other, and the other way round.
    """
    assert selection.outputs is not None
    rest = np.setdiff1d(prepared.learned(prepared.rows), selection.rows)
    if prepared.groups is None or len(np.unique(prepared.groups[rest])) < 2:
        return selection.outputs, selection.rows
    options = prepared.options.replaced(validation="k-fold", folds=2, repeats=1, valid_share=None)
    said, fits = selection.outputs.copy(), 2 if prepared.panel is not None and prepared.panel.order is not None else 1
    for fold in split(prepared.problem, prepared.y, rest, options, groups=prepared.groups).folds:
        found = _fitted(prepared, selection, fold.train, fold.valid, deadline, fits=fits)
        if found is None:
            return selection.outputs, selection.rows
        said[fold.valid] = found
    return said, np.sort(np.concatenate([selection.rows, rest]))


def _edge(truth: Codes, sums: Floats, others: Codes, said: Floats) -> Edge | None:
    """The edge of the least log loss of later rows, of those that cost new groups nothing; None where each does.

    Args:
        truth: (n,) classes of later rows.
        sums: (n, K) what is said of them with their groups' intercepts.
        others: (m,) classes of rows whose groups the model had not learned from.
        said: (m, K) what it said of them.
    """
    most = (1 + COST) * log_loss(others, said, np.ones(len(others)))
    free = [
        edge for edge in map(Edge, EDGES) if log_loss(others, edge.pressed(said), np.ones(len(others))) <= most
    ]  # fmt: skip
    return min(free, key=lambda edge: log_loss(truth, edge.pressed(sums), np.ones(len(truth))), default=None)


def _residuals(prepared: Prepared, rows: Codes, outputs: Floats) -> Floats:
    """(n, K) what the target is above what was said of it: a number, or for each class 1 or 0 less its probability."""
    if not prepared.problem.classes:
        return np.asarray(prepared.y[rows] - outputs).reshape(-1, 1)
    return np.asarray(np.eye(outputs.shape[1])[prepared.y[rows]] - outputs)


def _cut(order: Floats) -> NDArray[np.bool_] | None:
    """(n,) which rows are the later ones; rows of one moment stay together. None where all are of one moment."""
    moments = np.sort(order)
    if not len(moments) or moments[0] == moments[-1]:
        return None
    border = moments[round(len(moments) * EARLIER) - 1]
    later = order > border
    if later.sum() < (1 - EARLIER) / 2 * len(order):  # the border's moment is a large one
        later = order >= border
    return later if 0 < later.sum() < len(order) else None


def _share(known: Floats, residuals: Floats, codes: Codes) -> float:
    """How much of the intercepts later residuals have, from 0 to 1; 0 where it is not clearly more than nothing.

    The slope of a regression with an intercept of its own (all groups may rise together); its error is that of groups
    that are drawn, not of rows (Liang and Zeger, Biometrika 73 (1986), p. 13, with an independence model). Of K columns
    (both are (n, K)) it is one slope for all.
    """
    apart, rest = known - known.mean(axis=0), residuals - residuals.mean(axis=0)
    size = float((apart**2).sum())
    if size <= 0.0:
        return 0.0
    slope = float((apart * rest).sum()) / size
    _, places = np.unique(codes, return_inverse=True)
    scores = np.bincount(places.reshape(-1), (apart * (rest - slope * apart)).sum(axis=1))
    error = float(np.sqrt((scores**2).sum())) / size
    return min(slope, 1.0) if slope > SURE * error else 0.0


def _before(
    prepared: Prepared, selection: Selection, rows: Codes, last: Forecast, deadline: Deadline
) -> Forecast | None:  # fmt: skip
    """The forecast of the later ones among the rows before the last forecast's; None without time, or an order.

    Args:
        prepared: the table.
        selection: the chosen trials.
        rows: of the panel, that ``last`` has positions among.
        last: the forecast of the latest rows.
        deadline: of everything.
    """
    panel = prepared.panel
    assert panel is not None
    cut = None if panel.order is None else _cut(panel.order[rows[last.earlier]])
    if cut is None:
        return None
    earlier, later = last.earlier[~cut], last.earlier[cut]
    outputs = _fitted(prepared, selection, rows[earlier], rows[later], deadline)
    return None if outputs is None else Forecast(earlier, later, _residuals(prepared, rows[later], outputs))


def _fitted(
    prepared: Prepared, selection: Selection, train: Codes, asked: Codes, deadline: Deadline, *, fits: int = 1
) -> Floats | None:  # fmt: skip
    """What the best pipeline, fitted on some rows, says of others; None without time, or where it can't.

    Args:
        prepared: the table.
        selection: the chosen trials.
        train, asked: rows.
        deadline: of everything.
        fits: as long as one on the search's rows that have to be possible until then.
    """
    from automl_core.tabular.finals import settled
    from automl_core.tabular.pipeline import Pipeline

    best = max(selection.chosen, key=lambda each: (each[1], -each[0].number))[0]
    if deadline.left_for_all() < SPARE + 1.5 * fits * best.fit_seconds / max(len(best.folds), 1):
        return None
    pipeline = Pipeline(
        prepared.problem, prepared.schema, settled(prepared, best), seed=best.seed, threads=prepared.options.threads,
        extra=tuple(prepared.options.learners),
    )  # fmt: skip
    until = None if deadline.end is None else time.monotonic() + max(deadline.left_for_all() - SPARE, 0.1)
    try:
        frame, y, weights = part(prepared, train)
        found = np.asarray(pipeline.fit(frame, y, weights, deadline=until).predict(prepared.frame.take(asked)))
    except Exception:  # the learner can't: it is an extra, so the model does without
        return None
    return found if np.isfinite(found).all() else None


def joined(members: Sequence[dict[str, Any]], effect: Effect) -> list[dict[str, Any]]:
    """Members whose weighted mean is that of the given ones and the effect.

    A mean has no sum: so the given ones are said twice as large, and the effect is a member of the same weight as all
    of them together, twice as large too.
    """
    total = sum(float(each.get("weight", 1.0)) for each in members)
    twice = {"type": "affine", "scale": 2.0, "shift": 0.0}
    doubled = []
    for each in members:
        link = each.get("link", "identity")
        steps = list(link) if isinstance(link, list) else [link]
        doubled.append({**each, "link": [*(step for step in steps if step != "identity"), twice]})
    width = effect.values.shape[1]
    name = f"{effect.column} (usual difference)"
    step = {
        "step": "encode", "columns": [effect.column], "levels": [list(effect.levels)],
        "values": [np.concatenate([effect.values, np.zeros((2, width))])],
        "names": [[name] if width == 1 else [f"{name}, {each + 1}" for each in range(width)]],
    }  # fmt: skip
    model = {"type": "linear", "coef": 2.0 * np.eye(width), "intercept": np.zeros(width)}
    return [*doubled, {"weight": total, "features": [step], "model": model, "link": "identity"}]


def schema_of(prepared: Prepared) -> Schema:
    """The model's columns: the table's, and the one that names groups."""
    assert prepared.panel is not None
    return Schema([*prepared.schema, prepared.panel.field])
