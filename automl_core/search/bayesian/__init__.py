"""Bayesian optimisation of our own, on numpy and scipy.

A suggestion is made in four steps, a module each: `encoding` turns combinations into rows,
`surrogate` fits Gaussian processes (`gp`, `warping`) to what is known and running, `acquisition` says
what a row is worth, `maximize` finds the row worth most. `initial` is for when nothing is known yet.
"""

from automl_core.search.bayesian.algorithm import Bayesian, BayesianOptions

__all__ = ["Bayesian", "BayesianOptions"]
