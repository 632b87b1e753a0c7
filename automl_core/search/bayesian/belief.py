"""What the user believes of where good values lie (``prior:`` of a parameter), and how much that still counts.

Expected improvement times belief to a power that falls as 1/n (C. Hvarfner et al. 2022, "πBO: Augmenting acquisition
functions with user beliefs for Bayesian optimization", ICLR, equation 6): a belief decides the first trials and is
forgotten by the last. A wrong one is kept cheap by this: it never says that a place is impossible (a share of it is
spread evenly); it comes beside the initial design and not in its place; it counts less, as a whole and parameter by
parameter, as soon as trials say that where it is high losses are high, and later unless they say that they are low; and
an option that is believed has no more than an even share of the trials while another one leads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist

import numpy as np

from automl_core.search.bayesian.encoding import Array, Encoding, Indices, Mask
from automl_core.space import Parameter, Space

EVENLY = 0.05
"""Share of a belief that is spread evenly over the axis."""

_STRENGTH = 0.1  # of the trials that an experiment may have: the power that the belief has at its first trial (πBO's β)
_WEAKEST, _STRONGEST = 1.0, 10.0
_TELLING = 4  # trials from which the belief is compared with them
_DOUBT = 1.64  # standard deviations of a rank correlation below what is asked at which a belief counts nothing
_ASKED = 1.0  # standard deviations that are asked in the end: who has said nothing by then is not asked any more
_PATIENCE = 8  # further trials until then

_NORMAL = NormalDist()


def believed(space: Space) -> bool:
    """Whether the space has any belief."""
    return any(parameter.prior is not None for parameter in space.dimensions)


class Belief:
    """Log density of what is believed, at rows of an encoding.

    It is 0 where the belief is highest and below that elsewhere, parameter by parameter; a parameter that a row doesn't
    have says nothing.
    """

    def __init__(self, encoding: Encoding) -> None:
        """Read the priors of a space's parameters.

        Args:
            encoding: of the space.
        """
        self.encoding = encoding
        self.powers = np.ones(encoding.width)
        """What each column's density is raised to, shape (width,)."""
        self._numeric: list[tuple[int, float, float]] = []
        self._options: list[tuple[int, Array]] = []
        for column, parameter in enumerate(encoding.space.dimensions):
            if parameter.prior is None:
                continue
            if parameter.kind == "categorical":
                logs = np.log(shares(parameter))
                self._options.append((column, logs - logs.max()))
            else:
                centre, spread = parameter.prior
                self._numeric.append((column, parameter.unit_of(centre), spread))

    def settled(self, rows: Array, losses: Array, most: int, ended: int | None = None) -> Belief:
        """The same, as far as trials leave it standing: as a whole, and parameter by parameter.

        A parameter that says little by itself is judged with the others: where the places that all of it points to are
        bad, what it says of the rest is not worth a trial either.

        Args:
            rows: of trials that ended, shape (n, width).
            losses: of each, shape (n,); infinite where it failed, which is worse than any loss.
            most: trials that the experiment may have.
            ended: how many trials ended, where these are not all of them.
        """
        losses, ended = _finite(losses), len(losses) if ended is None else ended
        active = self.encoding.active(rows)
        columns = list(self._columns(rows))
        nearness = sum((np.where(active[:, column], found, 0.0) for column, found in columns), np.zeros(len(rows)))
        counted = sum(active[:, column].astype(float) for column, _ in columns)
        told = np.asarray(counted) > 0
        trust = trust_of(nearness[told] / np.asarray(counted)[told], losses[told])
        options = dict(self._options)
        for column, found in columns:
            told = active[:, column]
            own = trust_of(found[told], losses[told])
            if column in options and not deserved(found[told] == 0.0, losses[told], len(options[column])):
                own = 0.0
            self.powers[column] = power_of(ended, most, trust * own)
        return self

    def __call__(self, rows: Array) -> Array:
        """Log density at settled rows (n, width), shape (n,)."""
        active = self.encoding.active(rows)
        total = np.zeros(len(rows))
        for column, found in self._columns(rows):
            total += np.where(active[:, column], self.powers[column] * found, 0.0)
        return total

    def _columns(self, rows: Array) -> Iterator[tuple[int, Array]]:
        """Each believed column with its log density at rows, whether they have it or not."""
        for column, centre, spread in self._numeric:
            yield column, _log_bump((rows[:, column] - centre) / spread)
        for column, logs in self._options:
            yield column, logs[np.maximum(rows[:, column].astype(np.intp), 0)]

    def gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """The same at one row, and its gradient by the moving positions among the numeric columns."""
        slopes = np.zeros(len(self.encoding.numeric))
        active = self.encoding.active(row[None])[0]
        for column, centre, spread in self._numeric:
            if active[column]:
                z = (row[column] - centre) / spread
                bump = (1 - EVENLY) * math.exp(-0.5 * z * z)
                slope = self.powers[column] * -z / spread * bump / (bump + EVENLY)
                slopes[np.searchsorted(self.encoding.numeric, column)] = slope
        return float(self(row[None])[0]), slopes[moving]

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Settled rows that the belief finds likely, the rest of them from the file's distributions: (count, width).

        Parameters whose belief counts nothing any more belong to the rest.
        """
        rows = self.encoding.sample(count, rng)
        for column, centre, spread in self._numeric:
            if self.powers[column] > 0:
                rows[:, column] = _reflected(centre + spread * rng.standard_normal(count))
        for column, logs in self._options:
            if self.powers[column] > 0:
                chances = np.exp(logs)
                rows[:, column] = rng.choice(len(logs), size=count, p=chances / chances.sum())
        return self.encoding.settle(rows)


def power_of(told: int, most: int, trust: float) -> float:
    """The power that a belief has after so many trials.

    Args:
        told: trials with a value.
        most: trials that the experiment may have.
        trust: from `trust_of`.
    """
    return trust * min(max(_STRENGTH * most, _WEAKEST), _STRONGEST) / max(told, 1)


def trust_of(belief: Array, losses: Array) -> float:
    """How far trials leave a belief standing, from 1 down to 0: by the rank correlation of belief and losses.

    At first a belief has to be contradicted to lose trust. With every trial more is asked, until one that losses don't
    speak for has lost most of it: a belief that is right has shown it by then, any other one only costs trials.

    Args:
        belief: log density of each trial, shape (n,).
        losses: of each, shape (n,).
    """
    if len(losses) < _TELLING or np.ptp(belief) == 0 or np.ptp(losses) == 0:
        return 1.0
    from scipy.stats import spearmanr

    agreeing = -float(spearmanr(belief, losses).statistic) * math.sqrt(len(losses) - 1)
    asked = _ASKED * min((len(losses) - _TELLING) / _PATIENCE, 1.0)
    return float(np.clip(1.0 + (agreeing - asked) / _DOUBT, 0.0, 1.0))


def deserved(mine: Mask, losses: Array, options: int) -> bool:
    """Whether an option may be preferred: it leads, or has had no more than its even share of the trials.

    Args:
        mine: which trials have it, shape (n,).
        losses: of each, shape (n,).
        options: how many there are.
    """
    if mine.sum() * options <= len(losses):
        return True
    return not mine.all() and bool(losses[mine].min() <= losses[~mine].min())


def likely(space: Space, units: Sequence[float]) -> list[float]:
    """A point of the unit cube, moved to where the belief finds such a share of its mass."""
    moved = list(units)
    for place, parameter in enumerate(space.dimensions):
        if parameter.prior is None:
            continue
        u = min(max(moved[place], 1e-6), 1 - 1e-6)
        if parameter.kind == "categorical":
            edges = np.cumsum(shares(parameter))
            option = parameter.options[min(int(np.searchsorted(edges, u, side="right")), len(edges) - 1)]
            moved[place] = parameter.unit_of(option)
        else:
            centre, spread = parameter.prior
            moved[place] = float(_reflected(np.array(parameter.unit_of(centre) + spread * _NORMAL.inv_cdf(u))))
    return moved


def shares(parameter: Parameter) -> Array:
    """How much of a belief each option has: all of it less its spread the believed one, the others what is left."""
    assert parameter.prior is not None
    centre, spread = parameter.prior
    allowed = np.array(parameter.weights) > 0
    mine = np.array([option == centre and type(option) is type(centre) for option in parameter.options])
    others = allowed & ~mine
    found = np.where(mine, 1.0 - spread, 0.0) if others.any() else mine.astype(float)
    found[others] = spread / max(int(others.sum()), 1)
    return np.maximum(found, 1e-12)


def _finite(losses: Array) -> Array:
    """Failures a little above the highest loss."""
    known = losses[np.isfinite(losses)]
    return np.where(np.isfinite(losses), losses, known.max() + np.ptp(known) + 1.0 if len(known) else 0.0)


def _log_bump(z: Array) -> Array:
    found: Array = np.log((1 - EVENLY) * np.exp(-0.5 * z * z) + EVENLY)
    return found


def _reflected(x: Array) -> Array:
    x = np.abs(x)
    return np.clip(np.where(x > 1, 2 - x, x), 0.0, 1.0)
