"""Which rows are learned from and which are held out: folds, holdouts, groups, time, and the part no search sees.

A split that a random one would flatter is the costliest mistake of automated learning: rows of one group on both sides,
or tomorrow's rows beside today's. Every way of splitting here therefore knows groups and time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.options import Options
from automl_core.tabular.problem import Problem
from automl_core.training.problems import TrainingError

Rows = NDArray[np.int64]

FEW, MANY = 1_000, 20_000
"""Rows below which there are ten folds, and above which one part is held out (Azure's limits)."""

REMAINS = 0.5
"""Of the older rows what has to remain where time and groups are both named; else time alone is gone by."""

FEW_GROUPS = 5
"""Groups that have to remain to search on where a part for the end is kept unasked."""

LARGEST_HOLDOUT = 50_000
"""Rows held out at most: the error of a measure on so many is far below what tells two pipelines apart."""


@dataclass(frozen=True)
class Fold:
    """One part: rows that are learned from, and rows that are predicted."""

    train: Rows
    valid: Rows


@dataclass(frozen=True)
class Split:
    """How a table is validated.

    Attributes:
        kind: ``k-fold``, ``monte-carlo``, ``holdout``, ``time`` or ``own``.
        folds: in the order in which they are run.
        repeats: how often every row is held out (k-fold).
        why: in words, for the report.
    """

    kind: str
    folds: tuple[Fold, ...]
    why: str
    repeats: int = 1

    @property
    def first(self) -> int:
        """Folds of the first repeat."""
        return len(self.folds) // self.repeats

    @property
    def covers(self) -> bool:
        """Whether every row is held out at least once: models of the folds may then be bagged."""
        return self.kind == "k-fold"


def split(
    problem: Problem,
    y: NDArray[Any],
    rows: Rows,
    options: Options,
    *,
    groups: NDArray[np.int64] | None = None,
    times: NDArray[np.float64] | None = None,
    own: Rows | None = None,
) -> Split:
    """Choose and make the folds.

    Args:
        problem: classes are spread evenly over folds.
        y: (N,) positions of classes, or numbers, of the whole table.
        rows: those that the search may use.
        options: what the user said.
        groups: (N,) codes; rows of one code stay together.
        times: (N,) seconds, NaN for unknown (counts as the oldest).
        own: rows of the user's own validation set, not among ``rows``.

    Raises:
        TrainingError: what was asked for can't be made of these rows.
    """
    if own is not None:
        return _own(rows, own, groups)
    if options.validation == "own":
        raise TrainingError("validation: own needs a validation set, given as validation=…")
    random = np.random.default_rng([options.seed, 17])
    if times is not None and options.validation in ("auto", "time"):
        forward = _forward(rows, times, options)
        return forward if groups is None else _apart(forward, groups)
    if options.validation == "time":
        raise TrainingError("validation: time needs the column of times, given as time=…")
    kind, count, why = _kind(options, len(rows))
    if groups is not None:
        there = len(np.unique(groups[rows]))
        if there < 2:
            groups, why = None, f"{why}; there is one group only, so rows are split without it"
        else:
            count = min(count, there)
            why = f"{why}, by {there:,} groups: no group is on both sides"
    if kind == "k-fold":
        count = max(2, min(count, len(rows)))
        repeats = options.repeats or _repeats(len(rows), count, groups is not None)
        folds = [fold for _ in range(repeats) for fold in _k_fold(problem, y, rows, count, groups, random)]
        said = f"{why}, {repeats} times over: one split of so few rows says little" if repeats > 1 else why
        return Split(kind, tuple(folds), said, repeats)
    share = options.valid_share or max(min(0.1, LARGEST_HOLDOUT / len(rows)), 1 / max(len(rows), 2))
    parts = [_part(problem, y, rows, share, groups, random) for _ in range(count)]
    return Split(kind, tuple(Fold(train, valid) for train, valid in parts), why)


def _kind(options: Options, rows: int) -> tuple[str, int, str]:
    if options.validation == "k-fold" or (options.validation == "auto" and options.folds):
        return "k-fold", options.folds or 5, f"{options.folds or 5} folds, as asked"
    if options.validation == "monte-carlo":
        return "monte-carlo", options.folds or 5, f"{options.folds or 5} random parts, as asked"
    if options.validation == "holdout" or (options.validation == "auto" and options.valid_share is not None):
        return "holdout", 1, "one part held out, as asked"
    if rows < FEW:
        return "k-fold", 10, f"ten folds: {rows:,} rows are fewer than {FEW:,}"
    if rows <= MANY:
        return "k-fold", 5, f"five folds: {rows:,} rows are between {FEW:,} and {MANY:,}"
    if (options.repeats or 1) > 1:
        return "k-fold", 5, "five folds, since they are to be drawn several times"
    return "holdout", 1, f"one part held out: {rows:,} rows are more than {MANY:,}"


def _repeats(rows: int, count: int, grouped: bool) -> int:
    """A second and third split of small tables: what a fold of 30 rows says is mostly noise."""
    if grouped and count < 5:
        return 1
    return 3 if rows < 250 else 2 if rows < 500 else 1


def held_back(
    problem: Problem,
    y: NDArray[Any],
    rows: Rows,
    share: float,
    options: Options,
    *,
    groups: NDArray[np.int64] | None = None,
    times: NDArray[np.float64] | None = None,
) -> tuple[Rows, Rows]:
    """Hold back what no search sees: (rows to search on, rows to test on); the newest, or whole groups, where asked.

    The part is empty where the share is 0, or where so few rows can't be split.
    """
    if share <= 0 or len(rows) < 4:
        return rows, rows[:0]
    if times is not None:
        earlier, later = _cuts(rows, times, [1 - share])
        if groups is not None:
            others = earlier[~np.isin(groups[earlier], groups[later])]
            earlier = others if len(others) >= REMAINS * len(earlier) else earlier
        return earlier, later
    if groups is not None and len(np.unique(groups[rows])) < 2:
        groups = None
    return _part(problem, y, rows, share, groups, np.random.default_rng([options.seed, 29]))


def too_dear(
    problem: Problem, y: NDArray[Any], rows: Rows, parts: tuple[Rows, Rows], share: float,
    groups: NDArray[np.int64] | None, times: NDArray[np.float64] | None,
) -> str:  # fmt: skip
    """Why a part that nobody asked for is not worth what the search loses by it, in words; empty where it is.

    Args:
        problem: what is predicted.
        y: of the whole table.
        rows: those that there are.
        parts: what `held_back` made of them, which may have left out some: older rows of groups that are tested.
        share: that was to be held back.
        groups, times: as for it.
    """
    rest, part = parts
    if not len(part) or (groups is None and times is None):
        return ""
    count = len(rows)
    if len(part) > 2 * share * count:
        together = "moment" if times is not None else "group"
        return f"rows of one {together} stay together, so it would be {len(part):,} of {count:,}"
    if (gone := count - len(rest)) > 2 * share * count:
        return f"with the older rows of its groups it would take {gone:,} of {count:,} from the search"
    if times is not None:
        if len(np.unique(times[rest])) < 2:
            return "rows of a single moment would be left to search on"
    elif groups is not None and (left := len(np.unique(groups[rest]))) < FEW_GROUPS:
        return f"rows of {left} groups would be left to search on"
    lost = [problem.classes[int(each)] for each in np.setdiff1d(y[part], y[rest])] if problem.classes else []
    return f"no row of {lost[0]!r} would be left to search on" if lost else ""


def _k_fold(
    problem: Problem,
    y: NDArray[Any],
    rows: Rows,
    count: int,
    groups: NDArray[np.int64] | None,
    random: np.random.Generator,
) -> list[Fold]:
    fold_of = (
        _dealt(problem, y[rows], count, random)
        if groups is None
        else _dealt_groups(problem, y[rows], groups[rows], count, random)
    )
    return [Fold(rows[fold_of != each], rows[fold_of == each]) for each in range(count) if (fold_of == each).any()]


def _strata(problem: Problem, y: NDArray[Any], parts: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(n,) an order of rows in which neighbours are alike: by class, or by the target's size; else random."""
    shuffled = random.permutation(len(y))
    return np.asarray(shuffled[np.argsort(y[shuffled], kind="stable")], dtype=np.int64)


def _dealt(problem: Problem, y: NDArray[Any], count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(n,) the fold of each row: alike rows are dealt out like cards, in rounds of a random order each."""
    order = _strata(problem, y, count, random)
    rounds = -(-len(y) // count)
    if problem.kind == "regression":
        cards = np.concatenate([random.permutation(count) for _ in range(rounds)])[: len(y)]
    else:
        # the same order in all rounds: a class of m rows has m // count or one more in every fold
        cards = np.tile(random.permutation(count), rounds)[: len(y)]
    fold_of = np.empty(len(y), dtype=np.int64)
    fold_of[order] = cards
    return fold_of


def _dealt_groups(
    problem: Problem, y: NDArray[Any], groups: NDArray[np.int64], count: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """(n,) the fold of each row, groups whole: the largest first, each to where it evens out rows and classes most."""
    _, code = np.unique(groups, return_inverse=True)
    number = int(code.max()) + 1
    kinds = len(problem.classes) or 1
    counts = np.zeros((number, kinds + 1))
    np.add.at(counts, (code, np.asarray(y if problem.classes else np.zeros(len(y)), dtype=np.int64)), 1.0)
    counts[:, kinds] = np.bincount(code, minlength=number)
    shares = counts / np.maximum(counts.sum(axis=0), 1.0)
    shuffled = random.permutation(number)
    order = shuffled[np.argsort(-counts[shuffled, kinds], kind="stable")]
    filled = np.zeros((count, kinds + 1))
    home = np.empty(number, dtype=np.int64)
    for position, group in enumerate(order):
        # every fold has a group; then what the sum of squares grows by: least where the fold lacks what the group has
        best = position if position < count else int(np.argmin(2 * filled @ shares[group]))
        filled[best] += shares[group]
        home[group] = best
    return home[code]


def _part(
    problem: Problem,
    y: NDArray[Any],
    rows: Rows,
    share: float,
    groups: NDArray[np.int64] | None,
    random: np.random.Generator,
) -> tuple[Rows, Rows]:
    """One random part of about a share of the rows, at least one row on either side: (rest, part)."""
    if groups is None:
        count = min(max(round(len(rows) * share), 1), len(rows) - 1)
        order = _strata(problem, y[rows], count, random)
        # one of each run of alike rows: as even as the rows can be cut
        edges = np.linspace(0, len(rows), count + 1).astype(np.int64)
        places = np.array([random.integers(low, max(high, low + 1)) for low, high in pairwise(edges)])
        taken = np.zeros(len(rows), dtype=bool)
        taken[order[np.minimum(places, len(rows) - 1)]] = True
        return rows[~taken], rows[taken]
    names = random.permutation(np.unique(groups[rows]))
    sizes = np.array([(groups[rows] == each).sum() for each in names]) if len(names) <= 2000 else None
    if sizes is None:
        taken_groups = names[: min(max(round(len(names) * share), 1), len(names) - 1)]
    else:
        reached = np.cumsum(sizes)
        enough = int(np.searchsorted(reached, share * len(rows))) + 1
        taken_groups = names[: min(max(enough, 1), len(names) - 1)]
    taken = np.isin(groups[rows], taken_groups)
    return rows[~taken], rows[taken]


def _own(rows: Rows, own: Rows, groups: NDArray[np.int64] | None) -> Split:
    """The user's own set; where groups are apart, rows of its groups are not learned from while pipelines are judged.

    Where those are most rows (the same firms, later), little would be left to learn from: they are kept, and said.
    """
    why = f"the user's own validation set of {len(own):,} rows"
    others = rows if groups is None else rows[~np.isin(groups[rows], groups[own])]
    gone = len(rows) - len(others)
    if not gone:
        return Split("own", (Fold(rows, own),), why)
    if len(others) < max(REMAINS * len(rows), 2):
        why = f"{why}; most rows to learn from are of its groups, so they are on both sides"
        return Split("own", (Fold(rows, own),), why)
    return Split("own", (Fold(others, own),), f"{why}; {gone:,} rows of its groups are not learned from meanwhile")


def _apart(forward: Split, groups: NDArray[np.int64]) -> Split:
    """Parts forward in time of which none learns from the groups that it predicts, where that leaves enough."""
    folds = [Fold(each.train[~np.isin(groups[each.train], groups[each.valid])], each.valid) for each in forward.folds]
    left = [len(each.train) / len(whole.train) for each, whole in zip(folds, forward.folds, strict=True)]
    if min(left) < REMAINS:
        why = f"groups go on through time ({min(left):.0%} of the older rows are of other groups), so they are on both"
        return replace(forward, why=f"{forward.why}; {why} sides")
    return replace(forward, folds=tuple(folds), why=f"{forward.why} and of another group")


def _cuts(rows: Rows, times: NDArray[np.float64], at: list[float]) -> list[Rows]:
    """Rows in order of time, cut at shares; rows of one moment stay together, on the earlier side."""
    known = np.where(np.isnan(times[rows]), -np.inf, times[rows])
    order = np.argsort(known, kind="stable")
    ordered = known[order]
    edges = [0]
    for share in at:
        place = min(max(round(share * len(rows)), 1), len(rows) - 1)
        moment = ordered[place - 1]
        edge = int(np.searchsorted(ordered, moment, side="right"))
        if edge >= len(rows):  # the last moment is a large one: cut before it
            edge = int(np.searchsorted(ordered, moment, side="left"))
        edges.append(max(edge, edges[-1]))
    edges.append(len(rows))
    return [np.sort(rows[order[low:high]]) for low, high in pairwise(edges)]


def _forward(rows: Rows, times: NDArray[np.float64], options: Options) -> Split:
    """The past predicts what follows it: parts of equal size at the end, each learned from all that is older."""
    moments = len(np.unique(times[rows]))
    count = min(options.folds or (5 if len(rows) <= MANY else 3), max(moments - 1, 0))
    if count < 1:
        raise TrainingError("time: all rows are of one moment, so nothing comes after anything")
    share = options.valid_share or 0.5 / count
    starts = [1 - share * each for each in range(count, 0, -1)]
    parts = _cuts(rows, times, starts)
    folds = []
    for number in range(1, len(parts)):
        train = np.concatenate(parts[:number])
        if len(train) and len(parts[number]):
            folds.append(Fold(train, parts[number]))
    if not folds:
        raise TrainingError("time: rows can't be cut into an earlier and a later part")
    return Split("time", tuple(folds), f"{len(folds)} parts forward in time: each is predicted from all that is older")
