"""Simulated learning curves: losses of many trials of one experiment, by the kinds of training that there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from automl_core.stopping.base import EarlyStoppingRule, TrialCurve

Curves = NDArray[np.float64]


def powers(rng: np.random.Generator, trials: int, steps: int) -> Curves:
    t = np.arange(1, steps + 1)
    final, drop = rng.gamma(2, 0.1, (trials, 1)), rng.uniform(0.3, 1.5, (trials, 1))
    return final + drop * t ** -rng.uniform(0.3, 1.5, (trials, 1))


def exponentials(rng: np.random.Generator, trials: int, steps: int) -> Curves:
    t = np.arange(1, steps + 1)
    final, drop = rng.gamma(2, 0.1, (trials, 1)), rng.uniform(0.3, 1.5, (trials, 1))
    return final + drop * np.exp(-t / (steps * 10 ** rng.uniform(-1.5, 0, (trials, 1))))


def crossing(rng: np.random.Generator, trials: int, steps: int) -> Curves:
    """Slow learners end lower: a low learning rate."""
    t = np.arange(1, steps + 1)
    rate = 10 ** rng.uniform(-1.3, -0.2, (trials, 1))
    final = 0.3 - 0.25 * (np.log10(rate) + 1.3) / 1.1 + rng.normal(0, 0.03, (trials, 1)) ** 2
    return final + np.exp(-t / (steps * rate))


def rate_drop(rng: np.random.Generator, trials: int, steps: int) -> Curves:
    """The learning rate falls at six tenths of the training, and the loss with it."""
    t = np.arange(1, steps + 1)
    curves = exponentials(rng, trials, steps) + 0.2
    late = np.clip(t - 0.6 * steps, 0, None) / steps
    return curves - rng.uniform(0.1, 0.25, (trials, 1)) * (1 - np.exp(-20 * late))


def sigmoids(rng: np.random.Generator, trials: int, steps: int) -> Curves:
    """A plateau first, longer in some trials than in others."""
    t = np.arange(1, steps + 1)
    middle, width = rng.uniform(0.1, 0.6, (trials, 1)) * steps, rng.uniform(0.03, 0.1, (trials, 1)) * steps
    final = rng.gamma(2, 0.15, (trials, 1))
    return final + 1.5 / (1 + np.exp((t - middle) / width))


def overfitting(rng: np.random.Generator, trials: int, steps: int) -> Curves:
    t = np.arange(1, steps + 1) / steps
    rise = rng.uniform(0, 0.8, (trials, 1)) * (rng.random((trials, 1)) < 0.5)
    return powers(rng, trials, steps) + rise * np.clip(t - rng.uniform(0.2, 0.9, (trials, 1)), 0, None)


def diverging(rng: np.random.Generator, trials: int, steps: int) -> Curves:
    curves = exponentials(rng, trials, steps)
    bad = rng.random(trials) < 0.25
    curves[bad] = 10 ** rng.uniform(0, 8, (int(bad.sum()), steps))
    return curves


POPULATIONS: dict[str, Callable[[np.random.Generator, int, int], Curves]] = {
    maker.__name__: maker for maker in (powers, exponentials, crossing, rate_drop, sigmoids, overfitting, diverging)
}


def population(kind: str, seed: int, trials: int = 30, steps: int = 27, noise: float = 0.01) -> Curves:
    rng = np.random.default_rng([seed, list(POPULATIONS).index(kind)])
    curves = POPULATIONS[kind](rng, trials, steps)
    return curves + noise * rng.standard_normal(curves.shape)


def run(curves: Curves, rule: EarlyStoppingRule, pending: int = 4) -> list[int]:
    """Train all trials, so many at a time, and give the steps that each was trained for."""
    trials, steps = curves.shape
    points = [tuple(enumerate(map(float, row), 1)) for row in curves]
    trained = [0] * trials
    ended = [False] * trials
    running: list[int] = []
    waiting = list(range(trials))
    while waiting or running:
        while waiting and len(running) < pending:
            running.append(waiting.pop(0))
        for trial in list(running):
            trained[trial] += 1
            others: Sequence[TrialCurve] = [
                TrialCurve(i, points[i][: trained[i]], ended[i]) for i in range(trials) if i != trial and trained[i]
            ]
            stopped = rule.decide(TrialCurve(trial, points[trial][: trained[trial]]), others) is not None
            if stopped or trained[trial] == steps:
                ended[trial] = True
                running.remove(trial)
    return trained
