"""Parzen estimators over mixed, conditional combinations: the densities that TPE and BOHB compare."""

from __future__ import annotations

import math

import numpy as np

from automl_core.search.bayesian.encoding import Array, Encoding

_NARROWEST = 0.03  # of the unit interval; narrower kernels repeat what is known (Watanabe 2023, section 3.3)
_SQRT_2PI = math.sqrt(2 * math.pi)


class Parzen:
    """A mixture of one product kernel an observation, and of the prior.

    A numeric column has a normal kernel cut at 0 and 1, a categorical one the kernel of Aitchison and
    Aitken (1976). A parameter that is inactive in the observation, or in the row, counts as drawn from the
    prior: it neither attracts nor repels.
    """

    def __init__(self, encoding: Encoding, rows: Array, weights: Array) -> None:
        """Choose the bandwidths.

        Args:
            encoding: of the rows.
            rows: settled rows of the observations, shape (n, width); n may be 0.
            weights: of the observations, relative to 1 for the prior, shape (n,).
        """
        self.encoding, self.rows = encoding, rows
        self.active = encoding.active(rows)
        mixture = np.append(weights, 1.0)
        self.weights = mixture / mixture.sum()
        self.numeric, self.categorical = encoding.numeric, encoding.categorical
        self.widths = self._bandwidths()
        dims = encoding.space.dimensions
        self.priors = {int(j): _probabilities(np.array(dims[j].weights)) for j in self.categorical}
        # an option keeps this share of its kernel beside the prior's; as much as the prior counts one observation
        self.share = len(rows) / (len(rows) + 1.0) if len(rows) else 0.0

    def log_density(self, rows: Array) -> Array:
        """Logarithm of the density at settled rows, shape (len(rows),)."""
        active = self.encoding.active(rows)
        logs = np.zeros((len(rows), len(self.rows)))
        for j in self.numeric:
            width = self.widths[j]
            centre = self.rows[:, j]
            mass = _normal_cdf((1 - centre) / width) - _normal_cdf(-centre / width)
            z = (rows[:, j, None] - centre) / width
            log = -0.5 * z * z - np.log(width * _SQRT_2PI * mass)
            logs += np.where(active[:, j, None] & self.active[:, j], log, 0.0)
        prior = np.zeros(len(rows))
        for j in self.categorical:
            chances = np.append(self.priors[int(j)], 1.0)  # the last one is for ABSENT
            option, centre_option = rows[:, j].astype(np.intp), self.rows[:, j].astype(np.intp)
            chance = chances[option][:, None]
            kernel = (1 - self.share) * chance + self.share * (option[:, None] == centre_option)
            logs += np.log(np.where(active[:, j, None] & self.active[:, j], kernel, chance))
            prior += np.log(chances[option])
        logs = np.concatenate([logs, prior[:, None]], axis=1) + np.log(self.weights)
        top = logs.max(axis=1, keepdims=True)
        return np.asarray(top[:, 0] + np.log(np.exp(logs - top).sum(axis=1)))

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Settled rows drawn from the mixture, shape (count, width)."""
        drawn = self.encoding.sample(count, rng)  # of the prior; kept where a kernel has nothing to say
        component = rng.choice(len(self.weights), size=count, p=self.weights)
        own = np.flatnonzero(component < len(self.rows))
        source = component[own]
        for j in self.numeric:
            here = self.active[source, j]
            centre = self.rows[source, j]
            drawn[own, j] = np.where(here, _cut_normal(centre, self.widths[j], rng), rng.random(len(own)))
        for j in self.categorical:
            here = self.active[source, j] & (rng.random(len(own)) < self.share)
            kept = self._fresh_options(int(j), len(own), rng)
            drawn[own, j] = np.where(here, self.rows[source, j], kept)
        return self.encoding.settle(drawn)

    def _fresh_options(self, column: int, count: int, rng: np.random.Generator) -> Array:
        edges = np.cumsum(self.priors[column])
        index = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
        return np.asarray(np.minimum(index, len(edges) - 1), dtype=np.float64)

    def _bandwidths(self) -> Array:
        """Scott's rule (1992) a column, between `_NARROWEST` and the whole interval."""
        count = self.active.sum(axis=0)
        mean = np.where(self.active, self.rows, 0.0).sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(self.active, self.rows - mean, 0.0) ** 2).sum(axis=0)
        spread = np.sqrt((squares + 1 / 12) / (count + 1))  # one more observation that says: uniform
        scott = spread * np.maximum(count, 1) ** (-1.0 / (len(self.numeric) + 4))
        return np.asarray(np.clip(scott, _NARROWEST, 1.0))


def _probabilities(weights: Array) -> Array:
    clipped = np.maximum(weights, 0.0)
    return np.asarray(np.maximum(clipped / clipped.sum(), 1e-12))


def _normal_cdf(z: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr(z))


def _cut_normal(centre: Array, width: float, rng: np.random.Generator) -> Array:
    """Normal numbers cut at 0 and 1, by the inverse of the distribution function."""
    from scipy.special import ndtri

    low, high = _normal_cdf(-centre / width), _normal_cdf((1 - centre) / width)
    return np.clip(centre + width * np.asarray(ndtri(low + rng.random(len(centre)) * (high - low))), 0.0, 1.0)
