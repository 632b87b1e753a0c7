"""From a history to the acquisition that the next suggestion maximises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from automl_core.search.base import History, LongHistory, PastTrial
from automl_core.search.bayesian.acquisition import Acquisition, Model
from automl_core.search.bayesian.encoding import Array, Encoding, Indices, Mask
from automl_core.search.bayesian.gp import Columns, Fit, Posterior, Priors, left_out, predicted
from automl_core.search.bayesian.source import Source
from automl_core.search.bayesian.subset import choose, worth_a_look
from automl_core.search.bayesian.transfer import Mixture, mix
from automl_core.search.bayesian.warping import Scaled, views
from automl_core.states import TrialState

_MAIN_EFFECTS = 20  # columns at most: the cost of a fit grows with them
_FINE = 0.01  # of the unit interval: a step below this refines what is known
# A step from success to failure asks for no length scale at all; short ones would forget a failing region at once.
_CHANCES = Priors(scale=(np.log(0.4), 0.3), scale_categorical=(np.log(0.5), 0.4), noise=(np.log(0.05), 1.0))
_WARPED = 30  # columns at most: beyond, there are too few trials to learn a warp of each
_STRONG = 3.0  # evidence in nats for another scale of the losses (Kass & Raftery 1995: strong)
_DIGITS = 3  # of log densities by which scales are compared
DRAWS = 4  # of hyperparameters, besides their maximum a posteriori
FITTED = 100  # trials at most from which hyperparameters are learned
MODELLED = 300  # trials at most from which the posterior is computed
LOOKED_AT = 2000  # trials at most of all of which more than their losses is looked at
# Where there are more, asks are many and each counts for little: so many of them are looked at, and fewer are modelled,
# by the likeliest hyperparameters alone.
_LOOKED_AT_OF_MANY, _FITTED_OF_MANY, _MODELLED_OF_MANY = 1000, 60, 150


@dataclass(frozen=True)
class Evidence:
    """What a history says, sorted by what can be learned from it.

    Attributes:
        finished: trials with a final value.
        censored: early-stopped trials: the value reached, from which they might have improved.
        failed: trials whose combination gave no value.
        running: trials that are under way, without a value.
        all: trials that say anything: those above, and of a long history those that nobody looks at.
        ended: of them those that are not under way.
        losses: of all trials with a value, shape (n,), whether they are looked at or not.
        places: of those of ``finished`` and ``censored``, one behind the other, among ``losses``.
    """

    finished: tuple[PastTrial, ...]
    censored: tuple[PastTrial, ...]
    failed: tuple[PastTrial, ...]
    running: tuple[PastTrial, ...]
    all: int
    ended: int
    losses: Array
    places: Indices

    @classmethod
    def of(cls, history: History, most: int | None = None) -> Evidence:
        """Sort a history. Cancelled trials say nothing of their combination; a value that isn't finite is a failure.

        Args:
            history: every trial so far.
            most: trials of a history that is looked at whole, at most: of more, those that ended and `worth_a_look`
                names, and all that are under way; None: always all.
        """
        if most is not None and len(history) > most:
            return cls._of_long(history, min(most, _LOOKED_AT_OF_MANY))
        finished: list[PastTrial] = []
        censored: list[PastTrial] = []
        failed: list[PastTrial] = []
        running: list[PastTrial] = []
        for trial in history:
            if trial.loss is not None and math.isfinite(trial.loss):
                (censored if trial.state is TrialState.EARLY_STOPPED else finished).append(trial)
            elif _no_value(trial.state):
                failed.append(trial)
            elif not trial.state.ended:
                running.append(trial)
        losses = np.array([trial.loss for trial in (*finished, *censored)], dtype=np.float64)
        ended = len(losses) + len(failed)
        kinds = tuple(finished), tuple(censored), tuple(failed), tuple(running)
        return cls(*kinds, ended + len(running), ended, losses, np.arange(len(losses)))

    @classmethod
    def _of_long(cls, history: History, most: int) -> Evidence:
        if isinstance(history, LongHistory):
            told, states = history.losses(), history.states()
        else:
            told, states = [trial.loss for trial in history], [trial.state for trial in history]
        losses = np.array(told, dtype=np.float64)  # None becomes NaN
        valued = np.isfinite(losses)
        failed, running = np.zeros_like(valued), np.zeros_like(valued)
        for number in np.flatnonzero(~valued).tolist():
            failed[number] = _no_value(states[number])
            running[number] = not states[number].ended and not failed[number]
        chosen = worth_a_look(losses, valued | failed, most)
        looked_at = np.sort(np.concatenate([chosen, np.flatnonzero(running)]))
        found = cls.of([history[number] for number in looked_at.tolist()])
        of_value = looked_at[valued[looked_at]]
        stopped = np.array([states[number] is TrialState.EARLY_STOPPED for number in of_value.tolist()], dtype=np.bool_)
        ended = int(valued.sum() + failed.sum())
        return replace(
            found, all=ended + int(running.sum()), ended=ended, losses=losses[valued],
            places=(np.cumsum(valued) - 1)[np.concatenate([of_value[~stopped], of_value[stopped]])],
        )  # fmt: skip


def _no_value(state: TrialState) -> bool:
    """Whether a trial without a value that counts has failed, by its state."""
    return state is TrialState.FAILED or state.has_value


class Surrogate:
    """Gaussian processes of losses and of success, given the evidence."""

    def __init__(
        self,
        encoding: Encoding,
        evidence: Evidence,
        rng: np.random.Generator,
        fantasies: int = 16,
        sources: Sequence[Source] = (),
    ) -> None:
        """Encode the evidence and fit; ``sources`` are earlier experiments to transfer from."""
        self.encoding, self.rng, self.fantasies, self.sources = encoding, rng, fantasies, sources
        self.shares = (0.0,) * len(sources)
        """How much each source counts."""
        valued = [*evidence.finished, *evidence.censored]
        self.rows = encoding.rows([t.params for t in valued])
        self.losses = np.array([t.loss for t in valued], dtype=np.float64)
        self.censored = np.arange(len(valued)) >= len(evidence.finished)
        self._every_loss, self._places = evidence.losses, evidence.places
        self._many = len(self.losses) < len(evidence.losses)
        self._most = (_FITTED_OF_MANY, _MODELLED_OF_MANY) if self._many else (FITTED, MODELLED)
        self.failed = encoding.rows([t.params for t in evidence.failed])
        self.running = encoding.rows([t.params for t in evidence.running])
        self.acquisition = self._acquisition(Columns(encoding.numeric, encoding.categorical, warped=False))

    def best_rows(self, count: int) -> Array:
        """Rows of the best values so far, shape (at most count, width)."""
        return self.rows[np.argsort(self.losses, kind="stable")[:count]]

    @property
    def ended(self) -> tuple[Array, Array]:
        """Rows of all trials that ended, and their losses: infinite where they failed."""
        return np.vstack([self.rows, self.failed]), np.append(self.losses, np.full(len(self.failed), np.inf))

    def refines(self, row: Array) -> bool:
        """Whether a row only varies a known one by next to nothing."""
        numeric = np.abs(self.rows[:, self.encoding.numeric] - row[self.encoding.numeric]).max(axis=1, initial=0.0)
        options = (self.rows[:, self.encoding.categorical] != row[self.encoding.categorical]).any(axis=1)
        return bool(((numeric < _FINE) & ~options).any())

    def describe(self) -> dict[str, object]:
        """Length scales, noise and the losses' warp for a person to read."""
        return describe(self.acquisition.models, self.encoding)

    def _acquisition(self, plain: Columns) -> Acquisition:
        models = self._models()
        screening = 1 + sum(1 for share in self.shares if share > 0)
        return Acquisition(plain, models, [*self._chances(plain), *self._beyond_ties(plain)], self.running, screening)

    def _models(self) -> list[Model]:
        if len(self.losses) < 2:
            return []
        columns = columns_of(self.encoding)
        most_fitted, most_modelled = self._most
        kept = choose(columns, self.rows, self.losses, most_modelled, self.rng)
        rows, known = self.rows[kept], ~self.censored[kept]
        fitted = choose(columns, rows, self.losses[kept], most_fitted, self.rng)
        scales = [view.of(self._places[kept]) for view in views(self._every_loss)]
        fit, best, view = best_view(columns, rows[fitted], scales, fitted)
        losses = view.values
        if known.sum() < 2:
            known = np.ones_like(known)
        noise = self.rng.standard_normal((len(self.running), self.fantasies))
        posteriors = []
        draws = 0 if self._many else DRAWS if len(losses) <= FITTED else DRAWS // 2
        for hyper in fit.around(best, self.rng, draws):
            posterior = Posterior(columns, hyper, rows[known], losses[known])
            if not known.all():
                posterior = with_censored(posterior, rows[~known], losses[~known])
            posteriors.append(posterior)
        mixture = self._mixture(posteriors)
        self.shares = mixture.shares
        models = []
        for posterior, weight in zip(mixture.posteriors, mixture.weights, strict=True):
            if len(self.running):
                posterior = posterior.with_pending(self.running, noise)
            models.append(Model(posterior, posterior.smoothed().min(axis=0), weight))
        return models

    def _mixture(self, posteriors: Sequence[Posterior]) -> Mixture:
        """The processes of today's trials alone, and around what earlier experiments say."""
        if not self.sources:
            return Mixture(tuple(posteriors), (1.0,) * len(posteriors), ())
        return mix(self.sources, posteriors, self.rng.spawn(1)[0])  # of its own: the search's draws stay as they are

    def _chances(self, columns: Columns) -> list[tuple[Posterior, float]]:
        """Chance of success: a process over -1 (a value) and 1 (a failure), and the chance that it is below 0."""
        if not len(self.failed):
            return []
        rows = np.vstack([self.rows, self.failed])
        labels = np.repeat([-1.0, 1.0], [len(self.rows), len(self.failed)])
        return [self._chance(columns, rows, labels, np.append(self.losses, np.full(len(self.failed), np.inf)))]

    def _beyond_ties(self, columns: Columns) -> list[tuple[Posterior, float]]:
        """Chance not to share the lowest value, where a whole region has it; none elsewhere.

        An error in whole rows, a metric that is rounded: regions of the space have one value. The process of the
        losses takes steps between them for noise, by which one more trial in the lowest region could be better than
        those before it; it can't. So such a region counts like one that fails. Values that are shared by accident lie
        anywhere: then the others don't tell most of those that share the lowest one, and nothing is held against them.
        """
        known = ~self.censored
        tied = sharing_lowest(self.losses[known])
        if not tied.any():
            return []
        posterior, limit = self._chance(columns, self.rows[known], np.where(tied, 1.0, -1.0), self.losses[known])
        told = predicted(posterior)[posterior.targets[:, 0] > limit] > limit
        return [(posterior, limit)] if 2 * told.sum() > len(told) else []

    def _chance(self, columns: Columns, rows: Array, labels: Array, order: Array) -> tuple[Posterior, float]:
        """A process over labels of rows, 1 where one wants not to be and -1 elsewhere, and where 0 is on its scale.

        Args:
            columns: of the rows.
            rows: shape (n, width).
            labels: shape (n,), not all equal.
            order: by which rows count first where there are too many, lowest first.
        """
        most_fitted, most_modelled = self._most
        kept = with_both(labels, choose(columns, rows, order, most_modelled, self.rng))
        rows, labels = rows[kept], labels[kept]
        fitted = with_both(labels, choose(columns, rows, order[kept], most_fitted, self.rng))
        fit = Fit(columns, rows[fitted], labels[fitted], power=1.0, priors=_CHANCES)
        hyper = fit.ensemble(self.rng, 0, iterations=30)[0]
        posterior = Posterior(columns, hyper, rows, labels)
        return posterior, float(posterior.scale(np.zeros(1))[0])


def sharing_lowest(losses: Array) -> Mask:
    """Which losses are the lowest one, where at least two are and not all; else none.

    Args:
        losses: finite, shape (n,).
    """
    lowest: Mask = losses == losses.min(initial=np.inf)
    return lowest if 1 < lowest.sum() < len(losses) else np.zeros_like(lowest)


def with_both(labels: Array, chosen: Indices) -> Indices:
    """A choice among rows that has both labels: with a quarter as many of the other one, the first, where it has one.

    Few failures among thousands of trials, or few trials that don't share the lowest value, are easily missed; of what
    is all the same, hyperparameters say that nothing ever changes, to the last digit.

    Args:
        labels: shape (n,), not all equal.
        chosen: indices in order.
    """
    others = np.flatnonzero(labels != labels[chosen[0]])
    return chosen if np.isin(others, chosen).any() else np.union1d(chosen, others[: max(len(chosen) // 4, 1)])


def best_view(columns: Columns, rows: Array, known: Sequence[Scaled], fitted: Indices) -> tuple[Fit, Array, Scaled]:
    """The scale of the losses on which a process tells best what its better half is, each left out in turn.

    Args:
        columns: of the rows.
        rows: from which hyperparameters are learned, shape (n, width).
        known: scales of more losses, the one that is taken where the data are undecided first.
        fitted: which of them are those of the rows.

    Returns:
        The fit, its packed maximum a posteriori, and the scale.
    """
    chosen: tuple[Fit, Array, Scaled] | None = None
    least = -math.inf
    for view in known:
        losses = view.values[fitted]
        fit = Fit(columns, rows, losses, power=1.0 if len(losses) < 5 else None)
        best = fit.maximum()
        if len(known) == 1:
            return fit, best, view
        log_densities = left_out(Posterior(columns, fit.unpack(best), rows, losses), losses) + view.log_slopes[fitted]
        found = round(float(log_densities[losses <= np.median(losses)].sum()), _DIGITS)
        if chosen is None or found > least:
            chosen, least = (fit, best, view), found + _STRONG
    assert chosen is not None
    return chosen


def columns_of(encoding: Encoding) -> Columns:
    """The columns of rows as a process of losses takes them."""
    width = encoding.width
    return Columns(
        encoding.numeric,
        encoding.categorical,
        warped=width <= _WARPED,
        main_effects=2 <= width <= _MAIN_EFFECTS,
        active=encoding.usual_width,
    )


def with_censored(posterior: Posterior, rows: Array, reached: Array) -> Posterior:
    """Add early-stopped trials at what they would be expected to end with.

    Their final value is at most what they reached, and not a new best, or they would not have been
    stopped: the mean of the posterior cut to that range (after Hutter et al. 2013).
    """
    upper = posterior.scale(reached)
    lower = np.minimum(posterior.z.min(), upper)
    mean, variance = posterior.predict(rows)
    deviation = np.sqrt(variance)
    a, b = (lower - mean[:, 0]) / deviation, (upper - mean[:, 0]) / deviation
    mass = ndtr(b) - ndtr(a)
    inside = np.where(
        mass > 1e-9, (np.exp(-0.5 * a * a) - np.exp(-0.5 * b * b)) / np.sqrt(2 * np.pi) / np.maximum(mass, 1e-12), 0.0
    )
    values = np.clip(mean[:, 0] + deviation * inside, lower, upper)
    return posterior.extended(rows, values[:, None])


def describe(posteriors: Sequence[Model], encoding: Encoding) -> dict[str, object]:
    """Length scales and noise for a person to read."""
    if not posteriors:
        return {}
    hyper = posteriors[0].posterior.hyper
    order = [*encoding.numeric, *encoding.categorical]
    names = [p.name for p in encoding.space.dimensions]
    scales = {names[j]: round(float(np.exp(s)), 4) for j, s in zip(order, hyper.scales, strict=True)}
    return {
        "length_scales": scales,
        "noise": round(float(np.exp(hyper.noise)), 8),
        "loss_power": round(hyper.power, 3),
    }
