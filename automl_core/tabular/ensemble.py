"""Which pipelines answer together, with which weights: greedy selection with replacement, bagged over rows.

Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from libraries of models" (ICML 2004): start with the
best (section 2.2, sorted initialization), add whichever member helps most, with replacement (2.1), over several draws
(2.3, bagging). Two things differ, since small tables have noisy values. The draws are of rows, not of models: members
whose gain is a few rows' luck are chosen in few draws, and their weights shrink by themselves. And an ensemble has to
beat the best pipeline by more than chance, else that one answers alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.metrics import Metric

Floats = NDArray[np.float64]

STEPS = 25
"""Members added in one draw, counted with repeats."""

CANDIDATES = 30
"""Trials that a selection looks at, best first: more cost time and bring luck."""

DRAWS = 12
"""Draws of rows; of many rows fewer, since a draw of many is much like them all."""


@dataclass(frozen=True)
class Ensemble:
    """Members and their weights.

    Attributes:
        members: (position among the candidates, weight), largest weight first; weights sum to 1.
        loss: over all rows given, of the members together.
        single: over all rows given, of the best candidate alone.
    """

    members: tuple[tuple[int, float], ...]
    loss: float
    single: float


@dataclass(frozen=True)
class Held:
    """What selections look at.

    Attributes:
        metric: says what is better.
        truth: (n,) of rows held out.
        weights: (n,).
        outputs: (m, n, K) or (m, n): each candidate's predictions of these rows.
        groups: (n,) codes of rows that are drawn together, or None.
    """

    metric: Metric
    truth: NDArray[Any]
    weights: Floats
    outputs: Floats
    groups: NDArray[np.int64] | None = None

    def loss(self, outputs: Floats, weights: Floats | None = None) -> float:
        """Of mixed outputs; infinite where it is not defined."""
        value = self.metric.tried(self.truth, outputs, self.weights if weights is None else weights)
        found = self.metric.as_loss(value)
        return found if math.isfinite(found) else math.inf


def select(held: Held, *, most: int, seed: int, draws: int | None = None) -> Ensemble:
    """Choose members and weights.

    Args:
        held: candidates, of which each has predicted every row.
        most: members at most.
        seed: of the draws.
        draws: of rows; None: by their number.
    """
    count = len(held.outputs)
    losses = np.array([held.loss(each) for each in held.outputs])
    best = int(np.argmin(losses))
    single = float(losses[best])
    alone = Ensemble(((best, 1.0),), single, single)
    if count == 1 or most == 1 or not np.isfinite(single):
        return alone
    random = np.random.default_rng([seed, 41])
    rounds = (
        draws if draws is not None else (DRAWS if len(held.truth) <= 5_000 else 4 if len(held.truth) <= 30_000 else 1)
    )
    weights = np.zeros(count)
    for _ in range(rounds):
        rows = held.weights if rounds == 1 else held.weights * _drawn(len(held.truth), held.groups, random)
        if not (rows > 0).any():
            continue
        weights += _greedy(held, rows, most) / rounds
    weights = _pruned(weights, most)
    if not weights.sum():
        return alone
    weights /= weights.sum()
    loss = held.loss(np.tensordot(weights, held.outputs, axes=1))
    if loss > single:
        return alone
    order = sorted(np.flatnonzero(weights), key=lambda each: (-weights[each], each))
    return Ensemble(tuple((int(each), float(weights[each])) for each in order), float(loss), single)


def _drawn(rows: int, groups: NDArray[np.int64] | None, random: np.random.Generator) -> Floats:
    """(n,) how often each row is in a bootstrap draw; rows of a group are drawn together."""
    if groups is None:
        return np.bincount(random.integers(0, rows, rows), minlength=rows).astype(np.float64)
    _, codes = np.unique(groups, return_inverse=True)
    number = int(codes.max()) + 1
    return np.bincount(random.integers(0, number, number), minlength=number).astype(np.float64)[codes]


def _greedy(held: Held, rows: Floats, most: int) -> Floats:
    """(m,) shares of the members that one selection takes."""
    taken = rows > 0
    part = Held(held.metric, held.truth[taken], rows[taken], held.outputs[:, taken])
    losses = np.array([part.loss(each) for each in part.outputs])
    counts = np.zeros(len(losses), dtype=np.int64)
    start = int(np.argmin(losses))
    counts[start] = 1
    total = part.outputs[start].copy()
    best, best_counts = float(losses[start]), counts.copy()
    for size in range(2, STEPS + 1):
        allowed = np.flatnonzero(counts) if (counts > 0).sum() >= most else np.arange(len(losses))
        tried = [(part.loss((total + part.outputs[each]) / size), each) for each in allowed.tolist()]
        loss, chosen = min(tried)
        counts[chosen] += 1
        total += part.outputs[chosen]
        if loss < best:
            best, best_counts = loss, counts.copy()
        elif size >= 8 and loss > best + abs(best) * 1e-3:
            break  # it only gets worse from here
    return np.asarray(best_counts / best_counts.sum(), dtype=np.float64)


def _pruned(weights: Floats, most: int) -> Floats:
    """Without members beyond the most, and without those that hardly count."""
    kept = weights.copy()
    kept[np.argsort(-kept, kind="stable")[most:]] = 0.0
    kept[kept < 0.03 * kept.max()] = 0.0
    return kept


def candidates(losses: Sequence[float], learners: Sequence[str], most: int = CANDIDATES) -> list[int]:
    """Positions of the trials that a selection looks at: the best, and the best of each learner among them.

    Args:
        losses: of all trials, infinite where one can't be a member.
        learners: their learners: members of different kinds err differently.
        most: of them.
    """
    order = [
        each for each in sorted(range(len(losses)), key=lambda at: (losses[at], at)) if math.isfinite(losses[each])
    ]
    firsts: dict[str, int] = {}
    for each in order:
        firsts.setdefault(learners[each], each)
    chosen = dict.fromkeys([*list(firsts.values())[:most], *order])
    return sorted(list(chosen)[:most], key=lambda at: (losses[at], at))
