"""The learning curve: accuracy by number of labels, and what more of them would bring."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automl_core.annotation.selection.pool import Floats
from automl_core.annotation.selection.rounds import Round

LEAST = 4
"""Rounds with different numbers of labels before a curve is fitted: it has three parameters."""

EXPONENTS = np.geomspace(0.05, 3.0, 40)
"""Of the power law, tried one by one; given one, the other two parameters are a line's."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A power law with an end: accuracy(n) = end - drop × n^(-exponent).

    Viering and Loog 2023, "The shape of learning curves: a review", IEEE Transactions on Pattern Analysis and Machine
    Intelligence 45, section 4 (with an end: POW3 there).

    Attributes:
        labels: at the last round.
        end, drop, exponent: of the best fit; ``drop`` is at least 0.
        draws: (m, 3) the same of fits to other draws of the stratum's items.
        rounds: that it was fitted to.
    """

    labels: int
    end: float
    drop: float
    exponent: float
    draws: Floats
    rounds: int

    def at(self, labels: int) -> float:
        """The accuracy with so many labels, by the best fit."""
        return float(_at(np.array([[self.end, self.drop, self.exponent]]), labels)[0])

    def gain(self, more: int, confidence: float = 0.95) -> tuple[float, float, float]:
        """What so many more labels would bring: best guess, lowest and highest.

        Raises:
            ValueError: fewer than none, or a confidence that is none.
        """
        if more < 0 or not 0 < confidence < 1:
            raise ValueError(f"{more} more labels at {confidence}: at least none, and between 0 and 1")
        gained = _at(self.draws, self.labels + more) - _at(self.draws, self.labels)
        low, high = np.quantile(gained, [(1 - confidence) / 2, (1 + confidence) / 2])
        best = self.at(self.labels + more) - self.at(self.labels)
        return best, min(best, float(low)), max(best, float(high))

    def in_words(self, more: int, confidence: float = 0.95) -> str:
        """The same for people."""
        best, low, high = self.gain(more, confidence)
        return (
            f"{more} more labels would bring {100 * best:.1f} points of accuracy ({100 * low:.1f} to {100 * high:.1f},"
            f" by a power law through {self.rounds} rounds)"
        )


def fit(rounds: Sequence[Round], *, draws: int = 200, seed: int = 0) -> Curve | None:
    """Fit a curve to what rounds' models got right on the random stratum.

    The interval is a bootstrap over items: each draw takes items with replacement, the same ones in all rounds, so that
    what rounds have in common, an item that all get wrong, is no difference of theirs (Efron and Tibshirani 1993, "An
    introduction to the bootstrap", section 6.2).

    Args:
        rounds: in their order.
        draws: of the bootstrap.
        seed: of its draws.

    Returns:
        None where fewer than `LEAST` numbers of labels have been looked at.
    """
    used = [each for each in rounds if each.labels > 0 and each.hits]
    if len({each.labels for each in used}) < LEAST:
        return None
    items = sorted({item for each in used for item in each.hits})
    place = {item: number for number, item in enumerate(items)}
    there, right = np.zeros((len(used), len(items))), np.zeros((len(used), len(items)))
    for row, each in enumerate(used):
        for item, hit in each.hits.items():
            there[row, place[item]], right[row, place[item]] = 1, hit is True
    labels = np.array([each.labels for each in used], dtype=np.float64)
    random = np.random.default_rng(seed)
    weights = np.vstack(
        [np.ones(len(items)), random.multinomial(len(items), np.full(len(items), 1 / len(items)), draws)]
    )
    counts = weights @ there.T
    # Half an item more on each side: a draw in which a round has none says nothing, and 0 or 1 is never certain.
    found = _fitted(labels, (weights @ right.T + 0.5) / (counts + 1), counts)
    end, drop, exponent = (float(each) for each in found[0])
    return Curve(int(labels[-1]), end, drop, exponent, found[1:], len(used))


def _fitted(labels: Floats, accuracy: Floats, counts: Floats) -> Floats:
    """(m, 3) parameters for (m, rounds) accuracies, weighted by the numbers of items."""
    best = np.full(len(accuracy), np.inf)
    found = np.zeros((len(accuracy), 3))
    total = np.maximum(counts.sum(axis=1), 1e-12)
    mean_y = (counts * accuracy).sum(axis=1) / total
    for exponent in EXPONENTS:
        x = (labels / labels.max()) ** -exponent
        mean_x = (counts @ x) / total
        apart = x[None, :] - mean_x[:, None]
        spread = np.maximum((counts * apart**2).sum(axis=1), 1e-300)
        slope = np.minimum((counts * apart * (accuracy - mean_y[:, None])).sum(axis=1) / spread, 0.0)
        end = mean_y - slope * mean_x
        # Nothing is better than always right: then the end is 1, and the line goes through it.
        over = end > 1
        through = np.minimum((counts * (accuracy - 1) * x).sum(axis=1) / np.maximum(counts @ x**2, 1e-300), 0)
        slope, end = np.where(over, through, slope), np.where(over, 1.0, end)
        wrong = (counts * (accuracy - end[:, None] - slope[:, None] * x) ** 2).sum(axis=1)
        better = wrong < best
        best[better] = wrong[better]
        drop = -slope * labels.max() ** exponent
        found[better] = np.stack([end, drop, np.full(len(end), exponent)], axis=1)[better]
    return found


def _at(parameters: Floats, labels: int) -> Floats:
    end, drop, exponent = parameters.T
    return np.asarray(end - drop * np.exp(-exponent * math.log(max(labels, 1))))
