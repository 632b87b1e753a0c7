"""Transfer from earlier experiments: their processes as trends of today's, weighted by how well they rank its trials.

Each earlier experiment has a Gaussian process of its own, on its own scale. For today's losses z there is then,
besides the process that knows nothing of it, one a source: z(x) = a m(x) + δ(x), with m the source's mean, a a
slope of at least 0, and δ a process of what that leaves open, with the source's length scales where they explain
today's trials better. The models are mixed by weights as in the ranking-weighted ensemble (RGPE; Feurer, Letham
& Bakshy 2018): a source's is the share of draws from its process in which it ranks today's trials better than the
process without it does, each left out in turn. So the weight passes to today's trials as they come in. A source that
doesn't rank them better than chance, or clearly worse than the process without it, gets none (dilution
prevention), and the search is then the one without transfer. See Bai et al. 2023 (arXiv 2302.05927) for the field;
the trend follows the stacked residual processes of Google Vizier (Golovin et al. 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automl_core.search.bayesian.encoding import Array, Indices
from automl_core.search.bayesian.gp import Posterior
from automl_core.search.bayesian.source import Source, correct

_LEAST = 4  # of today's trials, from which ranks tell something
_RANKED = 50  # of today's trials at most that are ranked: n² pairs are compared in each draw
_DRAWS = 256
_BETTER_THAN_CHANCE = 0.9  # share of shuffles than which a source must rank today's trials better
_NEGLIGIBLE = 0.02  # share below which a source isn't worth its cost
_MOST = 0.95  # share of all sources: the process without them is never left out
_DIGITS = 9  # to which ranked numbers are rounded, so that the last bits of a machine's BLAS don't reach the journal


@dataclass(frozen=True)
class Mixture:
    """Posteriors of today's losses and how much each counts.

    Attributes:
        posteriors: the process without transfer first, then those with a trend, then the former's other draws.
        weights: 1 on average, none of them 0.
        shares: of each source, in all between 0 and 1; 0 where it is left out.
    """

    posteriors: tuple[Posterior, ...]
    weights: tuple[float, ...]
    shares: tuple[float, ...]


def mix(sources: Sequence[Source], own: Sequence[Posterior], rng: np.random.Generator) -> Mixture:
    """Mix the process of today's losses with those around the trends of earlier experiments.

    Args:
        sources: the earlier experiments.
        own: the process without transfer, at several hyperparameters.
        rng: of the draws behind the weights.
    """
    rows, z = own[0].rows, own[0].targets[:, 0]
    shares = np.zeros(len(sources))
    if len(z) >= _LEAST:
        ranked = _telling(z)
        mean, variance = left_out(own[0])
        expected = {index: source.expects(rows[ranked]) for index, source in enumerate(sources)}
        able = [index for index, (trend, _) in expected.items() if _beats_chance(trend, z[ranked], rng)]
        predictions = [(mean[ranked], variance[ranked]), *(expected[index] for index in able)]
        shares[able] = weigh(predictions, z[ranked], rng)[1:]
    kept = [int(index) for index in np.flatnonzero(shares >= _NEGLIGIBLE)]
    if not kept:
        return Mixture(tuple(own), (1.0,) * len(own), (0.0,) * len(sources))
    shares = np.array([share if index in kept else 0.0 for index, share in enumerate(shares)])
    shares *= min(1.0, _MOST / float(shares.sum()))
    posteriors = [own[0], *(correct(sources[index], own[0]) for index in kept), *own[1:]]
    rest = (1.0 - float(shares.sum())) / len(own)
    weights = [rest, *(float(shares[index]) for index in kept), *([rest] * (len(own) - 1))]
    return Mixture(tuple(posteriors), tuple(len(weights) * weight for weight in weights), tuple(shares.tolist()))


def weigh(predictions: Sequence[tuple[Array, Array]], z: Array, rng: np.random.Generator) -> Array:
    """Share of draws in which each of several processes ranks today's trials best (ties shared).

    The first one, without transfer, also wins where a shuffle would: left one out, few trials are ranked worse than
    by chance even by a process that is right.

    Args:
        predictions: mean and variance a process at the trials, shapes (n,); the first one's of each trial from the
            others, the sources' from their own observations.
        z: what the trials gave, shape (n,).
        rng: of the draws.

    Returns:
        One share a process, in all 1; 0 for a source that ranks clearly worse than the first one.
    """
    pairs = _pairs(z)
    wrong = np.empty((len(predictions), _DRAWS))
    for index, (mean, variance) in enumerate(predictions):
        draws = mean + np.sqrt(variance) * rng.standard_normal((_DRAWS, len(z)))
        wrong[index] = _misranked(np.round(draws, _DIGITS), pairs)
    limit = float(np.quantile(wrong[0], 0.95))
    wrong[0] = np.minimum(wrong[0], _misranked(_shuffles(z, rng), pairs))
    diluting = np.median(wrong, axis=1) > limit
    diluting[0] = False
    wrong[diluting] = np.inf
    won = wrong == wrong.min(axis=0)
    return np.asarray((won / won.sum(axis=0)).mean(axis=1))


def left_out(posterior: Posterior) -> tuple[Array, Array]:
    """Mean and variance of each observation given all others, shapes (n,) (Rasmussen & Williams 2006, 5.12)."""
    precision = (posterior.whitening**2).sum(axis=0)
    mean = posterior.targets[:, 0] - posterior.alpha[:, 0] / precision
    if posterior.trend is not None:
        mean = mean + posterior.trend(posterior.rows)
    return mean, 1.0 / precision


def _telling(z: Array) -> Indices:
    """The trials that are ranked: the best ones, and others spread over the ranks of the rest."""
    order: Indices = np.argsort(z, kind="stable")
    if len(order) <= _RANKED:
        return order
    best = _RANKED // 2
    rest = np.linspace(best, len(order) - 1, _RANKED - best).astype(np.intp)
    chosen: Indices = order[np.concatenate([np.arange(best), rest])]
    return chosen


def _pairs(z: Array) -> tuple[Indices, Indices]:
    """Positions of the lower and the higher one of each pair that differs."""
    low, high = np.nonzero(z[:, None] < z[None, :])
    return low, high


def _misranked(values: Array, pairs: tuple[Indices, Indices]) -> Array:
    """How many pairs each row of values puts the wrong way round, shape (rows,); half of one where it ties."""
    apart = values[:, pairs[1]] - values[:, pairs[0]]
    wrong: Array = (apart < 0).sum(axis=1) + 0.5 * (apart == 0).sum(axis=1)
    return wrong


def _shuffles(z: Array, rng: np.random.Generator) -> Array:
    return rng.permuted(np.repeat(z[None], _DRAWS, axis=0), axis=1)


def _beats_chance(mean: Array, z: Array, rng: np.random.Generator) -> bool:
    """Whether a source ranks today's trials better than most shuffles do."""
    pairs = _pairs(z)
    wrong = _misranked(np.round(mean[None], _DIGITS), pairs)[0]
    return bool((_misranked(_shuffles(z, rng), pairs) > wrong).mean() >= _BETTER_THAN_CHANCE)
