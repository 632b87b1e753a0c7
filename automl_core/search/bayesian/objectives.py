"""Processes of several objectives and of outcome constraints, and the acquisition that they make.

Each objective and each constraint has a process of its own. The front (with one objective: the incumbent) is that of
feasible trials; before one is known, the chance of feasibility is all that is searched for (Gelbart et al. 2014).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_ndtr

from automl_core.search.base import Context, PastTrial
from automl_core.search.bayesian.acquisition import Acquisition, Model
from automl_core.search.bayesian.boxes import decompose, undominated
from automl_core.search.bayesian.encoding import Array, Encoding, Indices
from automl_core.search.bayesian.gp import Columns, Fit, Posterior
from automl_core.search.bayesian.improvement import FrontAcquisition, FrontModel
from automl_core.search.bayesian.subset import choose
from automl_core.search.bayesian.surrogate import (
    DRAWS,
    FITTED,
    MODELLED,
    Evidence,
    Surrogate,
    columns_of,
    describe,
    with_censored,
)
from automl_core.search.bayesian.warping import normalise

_FANTASIES = {1: 16, 2: 6, 3: 3, 4: 2}  # by the number of objectives: each costs a decomposition
_BEYOND = 0.1  # of a front's width: how far beyond its worst values the reference lies
_ALONE = 0.5  # standard deviations that a front of hardly any width counts as wide
_LIKELY = np.log(0.5)  # chance of feasibility from which a running trial counts as one that will be


@dataclass(frozen=True)
class _Limit:
    """A constraint's process, and the value on its scale below which the constraint is satisfied."""

    posterior: Posterior
    threshold: float


class PointSurrogate(Surrogate):
    """Processes of each objective, each constraint and of success, given the evidence."""

    def __init__(self, encoding: Encoding, evidence: Evidence, rng: np.random.Generator, context: Context) -> None:
        """Encode the evidence and fit.

        Args:
            encoding: of the space.
            evidence: trials whose losses are places in the shared order, with objectives and constraints.
            rng: for draws.
            context: tells how many objectives there are, and their reference values.
        """
        self._context = context
        evidence = replace(
            evidence, finished=_measured(evidence.finished, context), censored=_measured(evidence.censored, context)
        )
        self._trials = [*evidence.finished, *evidence.censored]
        self._described: list[dict[str, object]] = []
        super().__init__(encoding, evidence, rng, _FANTASIES[context.objectives])

    def describe(self) -> dict[str, object]:
        """Length scales, noise and warp of each objective's process."""
        return {"objectives": self._described}

    def _acquisition(self, plain: Columns) -> Acquisition:
        feasible = np.array([all(c <= 0 for c in trial.constraints) for trial in self._trials], dtype=np.bool_)
        limits = self._limits()
        chances = [*self._chances(plain), *((limit.posterior, limit.threshold) for limit in limits)]
        if not feasible.any() or len(self._trials) < 2:
            feasibility = Acquisition(plain, (), chances, self.running)
            feasibility.label = "log chance of feasibility"
            return feasibility
        columns = columns_of(self.encoding)
        kept = choose(columns, self.rows, self.losses, MODELLED, self.rng)
        processes = [self._processes(columns, kept, objective) for objective in range(self._context.objectives)]
        self._described = [describe([Model(each.posteriors[0], np.zeros(1))], self.encoding) for each in processes]
        solved = np.vstack([self.rows[feasible], self.running[self._likely(limits)]])
        if self._context.objectives == 1:
            models = [Model(p, p.predict(solved)[0].min(axis=0)) for p in processes[0].posteriors]
            return Acquisition(plain, models, chances, self.running)
        fronts = [
            _front_model([each.posteriors[k] for each in processes], [each.references[k] for each in processes], solved)
            for k in range(min(len(each.posteriors) for each in processes))
        ]
        return FrontAcquisition(plain, fronts, chances, self.running)

    def _processes(self, columns: Columns, kept: Indices, objective: int) -> _Processes:
        """Posteriors of one objective: of its most likely hyperparameters, and of draws of them."""
        several = self._context.objectives > 1
        raw = np.array([trial.objectives[objective] for trial in self._trials], dtype=np.float64)
        given = self._context.reference[objective] if self._context.reference else None
        # hypervolume is measured on the objectives' own scales, which logarithms would bend
        scaled = normalise(raw if given is None else np.append(raw, given), ratios=not several)
        losses, limit = scaled[: len(raw)][kept], None if given is None else scaled[len(raw) :]
        rows, known = self.rows[kept], ~self.censored[kept]
        if known.sum() < 2:
            known = np.ones_like(known)
        fitted = choose(columns, rows, self.losses[kept], FITTED, self.rng)
        fit = Fit(columns, rows[fitted], losses[fitted], power=1.0 if len(losses) < 5 or several else None)
        draws = DRAWS if len(losses) <= FITTED and self._context.objectives <= 2 else DRAWS // 2
        noise = self.rng.standard_normal((len(self.running), self.fantasies))
        posteriors, references = [], []
        for hyper in fit.ensemble(self.rng, draws):
            posterior = Posterior(columns, hyper, rows[known], losses[known])
            references.append(None if limit is None else float(posterior.scale(limit)[0]))
            if not known.all():
                posterior = with_censored(posterior, rows[~known], losses[~known])
            if len(self.running):
                posterior = posterior.with_pending(self.running, noise)
            posteriors.append(posterior)
        return _Processes(posteriors, references)

    def _limits(self) -> list[_Limit]:
        """A process of each constraint that was measured often enough."""
        found = []
        columns = columns_of(self.encoding)
        for index in range(self._context.constraints):
            excess = np.array([trial.constraints[index] for trial in self._trials], dtype=np.float64)
            measured = np.flatnonzero(np.isfinite(excess))
            if len(measured) < 2:
                continue
            rows, values = self.rows[measured], _about_zero(excess[measured])
            # near its limit a constraint must be known best
            kept = choose(columns, rows, np.abs(values), MODELLED, self.rng)
            fitted = choose(columns, rows[kept], np.abs(values[kept]), FITTED, self.rng)
            hyper = Fit(columns, rows[kept][fitted], values[kept][fitted], power=1.0).ensemble(self.rng, 0)[0]
            posterior = Posterior(columns, hyper, rows[kept], values[kept])
            found.append(_Limit(posterior, float(posterior.scale(np.zeros(1))[0])))
        return found

    def _likely(self, limits: Sequence[_Limit]) -> np.ndarray:
        """Which running trials will more likely than not satisfy every constraint."""
        log_chance = np.zeros(len(self.running))
        for limit in limits if len(self.running) else ():
            mean, variance = limit.posterior.predict(self.running)
            log_chance += log_ndtr((limit.threshold - mean[:, 0]) / np.sqrt(variance + limit.posterior.noise))
        return np.asarray(log_chance >= _LIKELY)


@dataclass(frozen=True)
class _Processes:
    """Posteriors of one objective, with the reference value on the scale of each, None where none was given."""

    posteriors: list[Posterior]
    references: list[float | None]


def _front_model(posteriors: Sequence[Posterior], references: Sequence[float | None], solved: Array) -> FrontModel:
    """The open region of each fantasy, from the posterior means at feasible rows: values without their noise.

    A reference that nobody gave is the worst value of any feasible row, not of the front alone: a young front spans
    little, and what lies beyond its ends would count for nothing.
    """
    means = np.array([posterior.predict(solved)[0] for posterior in posteriors])
    stated = np.array([np.nan if value is None else value for value in references])
    boxes = []
    for fantasy in range(means.shape[2]):
        here = means[:, :, fantasy].T
        front = undominated(here)
        width = np.ptp(front, axis=0)
        beyond = front.max(axis=0) + _BEYOND * np.where(width < _ALONE, _ALONE, width)
        boxes.append(decompose(front, np.where(np.isnan(stated), np.maximum(beyond, here.max(axis=0)), stated)))
    return FrontModel(tuple(posteriors), tuple(boxes))


def _measured(trials: Sequence[PastTrial], context: Context) -> tuple[PastTrial, ...]:
    """Trials that have every objective and every constraint (a history may be of another goal)."""
    return tuple(
        trial
        for trial in trials
        if len(trial.objectives) == context.objectives
        and len(trial.constraints) == context.constraints
        and all(map(math.isfinite, trial.objectives))
    )


def _about_zero(excess: Array) -> Array:
    """How far constraints are broken, on a scale of about 1 on which 0 stays 0 and far values are drawn in."""
    sizes = np.abs(excess[excess != 0])
    scale = float(np.median(sizes)) if len(sizes) else 1.0
    return np.asarray(np.arcsinh(excess / max(scale, 1e-290)))
